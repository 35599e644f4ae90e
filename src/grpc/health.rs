//! Health by the standard protocol: of the server, of each service, and of the bundle that answers.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

/// The server as a whole, and each service that needs a bundle.
const SERVER: &[&str] = &[
    "",
    "situs.v1.AuthorizationService",
    "situs.v1.CatalogService",
    "situs.v1.PolicyService",
    "situs.v1.AuditService",
];
/// Not a service: NOT_SERVING while the last attempt to load a bundle failed.
const BUNDLE: &str = "situs.v1.Bundle";
/// Not a service: NOT_SERVING while decisions cannot be recorded, or no checkpoint can be written.
const LOG: &str = "situs.v1.Log";

/// Not services: NOT_SERVING while the last attempt to take up changed certificates, or the keys of tokens,
/// failed; not there at all where there are none.
const TLS: &str = "situs.v1.Tls";
const TOKEN_KEYS: &str = "situs.v1.TokenKeys";

/// Says how the server is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// Everything is NOT_SERVING until it is said to serve. Must stand before the server listens, as the
    /// health service itself begins with the opposite.
    pub async fn new() -> (Self, HealthServer<impl HealthService>) {
        let (reporter, service) = health_reporter();
        let health = Self(reporter);
        health.set_ready(false).await;
        health.set_bundle(false).await;
        health.set_log(false).await;
        (health, service)
    }

    /// Whether questions are answered.
    pub async fn set_ready(&self, is_ready: bool) {
        for name in SERVER {
            self.0.set_service_status(*name, status(is_ready)).await;
        }
    }

    /// Whether the last attempt to load a bundle succeeded.
    pub async fn set_bundle(&self, is_good: bool) {
        self.0.set_service_status(BUNDLE, status(is_good)).await;
    }

    /// Whether the certificates are those of the files.
    pub async fn set_certificates(&self, is_good: bool) {
        self.0.set_service_status(TLS, status(is_good)).await;
    }

    /// Whether the keys of tokens are those of their source.
    pub async fn set_token_keys(&self, is_good: bool) {
        self.0.set_service_status(TOKEN_KEYS, status(is_good)).await;
    }

    /// Whether decisions are recorded and published.
    pub async fn set_log(&self, is_good: bool) {
        self.0.set_service_status(LOG, status(is_good)).await;
    }
}

fn status(serves: bool) -> ServingStatus {
    if serves { ServingStatus::Serving } else { ServingStatus::NotServing }
}
