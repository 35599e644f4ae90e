//! The wire: gRPC services over the engine, the catalogue and the policies.
//!
//! ```text
//!  bytes -> wire -> proto -> convert -> domain -> ports -> (engine, catalogue, policies)
//!                                                   |
//!  bytes <- wire <- proto <- convert <- domain  <---+    errors -> status
//! ```
//!
//! It owns the generated types, which no other module names, the checks of what comes in, and the form
//! of what goes out. Who calls is the listener's to say: it puts a [`Caller`](crate::domain::Caller)
//! among each request's extensions. What the answer is, and that it is recorded, is the engine's.

mod audit;
mod authorization;
mod caller;
mod catalog;
pub mod client;
mod closing;
pub mod convert;
mod health;
mod policy;
pub mod ports;
pub mod proto;
mod status;
#[cfg(test)]
mod testing;
pub mod wire;
pub mod words;

use std::sync::Arc;

use tonic::service::Routes;

use self::audit::Audit;
use self::authorization::Authorization;
use self::catalog::Catalog;
use self::policy::Policies;
use self::ports::{AuditLog, Authorizer, CatalogAdmin, PolicyAdmin, Vocabularies};
use self::proto::FILE_DESCRIPTOR_SET;
use self::proto::audit_service_server::AuditServiceServer;
use self::proto::authorization_service_server::AuthorizationServiceServer;
use self::proto::catalog_service_server::CatalogServiceServer;
use self::proto::policy_service_server::PolicyServiceServer;

pub use self::closing::{Closer, Closing, closer};
pub use self::convert::{
    DECODE, INSPECT, content_entry, content_refs, decode_entry, draft, draft_outcome, encode_entry,
    log_entry, obligations, recorded,
};
pub use self::health::Health;
pub(crate) use self::status::{overloaded, unauthenticated, unknown_for_now};

/// Most bytes of a message that comes in: 256 questions of 16 KB, or one that uses every limit.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// What the services stand on.
pub struct Backends<A, C, P, L> {
    /// Answers questions.
    pub authorizer: Arc<A>,
    /// Reads and writes the catalogue.
    pub catalog: Arc<C>,
    /// Shows and reloads the policies.
    pub policies: Arc<P>,
    /// Shows, proves and takes what is in the log.
    pub log: Arc<L>,
    /// Gives the declared words.
    pub vocabularies: Arc<dyn Vocabularies>,
    /// Ends streams when the server does.
    pub closing: Closing,
}

impl<A, C, P, L> std::fmt::Debug for Backends<A, C, P, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backends").finish_non_exhaustive()
    }
}

/// Every service, with reflection (v1 and v1alpha). Health is added beside them: see [`Health::new`].
///
/// # Errors
/// The embedded description of the services is damaged: the build is broken.
pub fn routes<A: Authorizer, C: CatalogAdmin, P: PolicyAdmin, L: AuditLog>(
    backends: Backends<A, C, P, L>,
) -> Result<Routes, tonic_reflection::server::Error> {
    let Backends { authorizer, catalog, policies, log, vocabularies, closing } = backends;
    let audit = Audit::new(log, Arc::clone(&vocabularies));
    let authorization = Authorization::new(authorizer, Arc::clone(&vocabularies), closing.clone());
    let catalog = Catalog::new(catalog, vocabularies, closing);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The details of a status, so that tools can show them.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(Routes::new(
        AuthorizationServiceServer::new(authorization).max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(CatalogServiceServer::new(catalog).max_decoding_message_size(MAX_MESSAGE_BYTES))
    .add_service(
        PolicyServiceServer::new(Policies::new(policies)).max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(AuditServiceServer::new(audit).max_decoding_message_size(MAX_MESSAGE_BYTES))
    .add_service(reflection().build_v1()?)
    .add_service(reflection().build_v1alpha()?))
}
