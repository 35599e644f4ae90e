//! How connections are protected, and how callers are known: the settings, and what they come to.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use serde::Deserialize;

/// Whether a client must have a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// A connection without one is refused.
    #[default]
    Required,
    /// A connection without one may be known by tokens.
    Optional,
}

/// Where they are given: each flag, its environment variable, and its key of the file.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default)]
pub struct SecuritySettings {
    /// PEM file of the server's certificate, with the chain below it; read again when it changes.
    #[arg(long, env = "SITUS_TLS_CERT", value_name = "FILE", help_heading = "Security")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the key of that certificate.
    #[arg(long, env = "SITUS_TLS_KEY", value_name = "FILE", help_heading = "Security")]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities whose certificates make a client known (mutual TLS).
    #[arg(long, env = "SITUS_TLS_CLIENT_CA", value_name = "FILE", help_heading = "Security")]
    pub tls_client_ca: Option<PathBuf>,
    /// Whether a client must have a certificate, where there is a client CA [default: required].
    #[arg(long, env = "SITUS_TLS_CLIENT_AUTH", value_name = "WHETHER", help_heading = "Security")]
    pub tls_client_auth: Option<ClientAuth>,
    /// Serve beyond this machine without TLS: anyone on the way can read and change what is asked and answered.
    #[arg(long, env = "SITUS_INSECURE", help_heading = "Security")]
    pub insecure: bool,
    /// Who issues the tokens (JWT) that make a caller known: their `iss`, to the letter.
    #[arg(long, env = "SITUS_JWT_ISSUER", value_name = "ISSUER", help_heading = "Security")]
    pub jwt_issuer: Option<String>,
    /// For whom a token must be issued: one of these must be in its `aud`.
    #[arg(
        long,
        env = "SITUS_JWT_AUDIENCE",
        value_name = "AUDIENCE",
        value_delimiter = ',',
        help_heading = "Security"
    )]
    pub jwt_audience: Vec<String>,
    /// The issuer's keys (JWKS): a file, read again when it changes, or an https:// address.
    #[arg(long, env = "SITUS_JWT_JWKS", value_name = "FILE|URL", help_heading = "Security")]
    pub jwt_jwks: Option<String>,
    /// PEM file of the authorities that the address of the keys is trusted by [default: the system's].
    #[arg(long, env = "SITUS_JWT_JWKS_CA", value_name = "FILE", help_heading = "Security")]
    pub jwt_jwks_ca: Option<PathBuf>,
    /// How far the issuer's clock may be from this one, in seconds [default: 30].
    #[arg(long, env = "SITUS_JWT_CLOCK_SKEW", value_name = "SECONDS", help_heading = "Security")]
    pub jwt_clock_skew: Option<u64>,
    /// The claim of a token that lists groups, for `principal.groups` [default: groups].
    #[arg(long, env = "SITUS_JWT_GROUPS_CLAIM", value_name = "CLAIM", help_heading = "Security")]
    pub jwt_groups_claim: Option<String>,
    /// Claims of a token that rules can read, as tags of the caller.
    #[arg(
        long,
        env = "SITUS_JWT_CLAIMS",
        value_name = "CLAIM",
        value_delimiter = ',',
        help_heading = "Security"
    )]
    pub jwt_claims: Vec<String>,
}

/// The keys of the file that these settings have.
pub(super) const KEYS: &[&str] = &[
    "tls_cert",
    "tls_key",
    "tls_client_ca",
    "tls_client_auth",
    "insecure",
    "jwt_issuer",
    "jwt_audience",
    "jwt_jwks",
    "jwt_jwks_ca",
    "jwt_clock_skew",
    "jwt_groups_claim",
    "jwt_claims",
];

/// The server's certificate, and whose certificates make a client known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, with its chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities of clients; absent: no client is known by a certificate.
    pub client_ca: Option<PathBuf>,
    /// Whether a client must have a certificate.
    pub client_auth: ClientAuth,
}

/// Which tokens make a caller known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Their `iss`.
    pub issuer: String,
    /// What must be in their `aud`: one of these.
    pub audience: Vec<String>,
    /// Where the issuer's keys are.
    pub keys: KeySource,
    /// How far the issuer's clock may be from this one.
    pub skew: Duration,
    /// The claim that lists groups.
    pub groups_claim: String,
    /// Other claims that rules can read.
    pub claims: Vec<String>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Url {
        /// The address; https, or of this machine.
        url: Uri,
        /// The authorities that it is trusted by; absent: the system's.
        ca: Option<PathBuf>,
    },
}

/// What the settings come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// TLS; absent: none.
    pub tls: Option<Tls>,
    /// Tokens; absent: none.
    pub tokens: Option<Tokens>,
    /// It may serve beyond this machine without TLS.
    pub insecure: bool,
}

const DEFAULT_SKEW: u64 = 30;
/// Five minutes, as most issuers advise: a longer skew keeps ended tokens alive.
const MAX_SKEW: u64 = 300;

// === impl SecuritySettings ===

impl SecuritySettings {
    /// What is given here, else there.
    pub(super) fn or(self, other: Self) -> Self {
        let list = |first: Vec<String>, second| if first.is_empty() { second } else { first };
        Self {
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            tls_client_ca: self.tls_client_ca.or(other.tls_client_ca),
            tls_client_auth: self.tls_client_auth.or(other.tls_client_auth),
            insecure: self.insecure || other.insecure,
            jwt_issuer: self.jwt_issuer.or(other.jwt_issuer),
            jwt_audience: list(self.jwt_audience, other.jwt_audience),
            jwt_jwks: self.jwt_jwks.or(other.jwt_jwks),
            jwt_jwks_ca: self.jwt_jwks_ca.or(other.jwt_jwks_ca),
            jwt_clock_skew: self.jwt_clock_skew.or(other.jwt_clock_skew),
            jwt_groups_claim: self.jwt_groups_claim.or(other.jwt_groups_claim),
            jwt_claims: list(self.jwt_claims, other.jwt_claims),
        }
    }

    /// What they come to, with every fault.
    pub(super) fn check(self, faults: &mut Vec<String>) -> Security {
        let insecure = self.insecure;
        let tls = self.tls(faults);
        if insecure && (self.tls_cert.is_some() || self.tls_key.is_some()) {
            faults.push("insecure: there is a certificate; leave one of the two out".to_owned());
        }
        Security { tls, tokens: self.tokens(faults), insecure }
    }

    fn tls(&self, faults: &mut Vec<String>) -> Option<Tls> {
        for (name, file) in
            [("tls_cert", &self.tls_cert), ("tls_key", &self.tls_key), ("tls_client_ca", &self.tls_client_ca)]
        {
            check_file(name, file.as_ref(), faults);
        }
        let needs = |name: &str, other: &str, faults: &mut Vec<String>| {
            faults.push(format!("{name}: it needs {other}, which is not given"));
        };
        if self.tls_client_ca.is_some() && self.tls_cert.is_none() {
            needs("tls_client_ca", "tls_cert", faults);
        }
        if self.tls_client_auth.is_some() && self.tls_client_ca.is_none() {
            needs("tls_client_auth", "tls_client_ca", faults);
        }
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(Tls {
                cert: cert.clone(),
                key: key.clone(),
                client_ca: self.tls_client_ca.clone(),
                client_auth: self.tls_client_auth.unwrap_or_default(),
            }),
            (None, None) => None,
            (Some(_), None) => {
                needs("tls_cert", "tls_key", faults);
                None
            }
            (None, Some(_)) => {
                needs("tls_key", "tls_cert", faults);
                None
            }
        }
    }

    fn tokens(self, faults: &mut Vec<String>) -> Option<Tokens> {
        let is_given = self.jwt_issuer.is_some()
            || !self.jwt_audience.is_empty()
            || self.jwt_jwks.is_some()
            || self.jwt_jwks_ca.is_some()
            || self.jwt_clock_skew.is_some()
            || self.jwt_groups_claim.is_some()
            || !self.jwt_claims.is_empty();
        if !is_given {
            return None;
        }
        let skew = self.jwt_clock_skew.unwrap_or(DEFAULT_SKEW);
        if skew > MAX_SKEW {
            faults.push(format!("jwt_clock_skew: {skew} s is more than {MAX_SKEW} s; set the clocks"));
        }
        // A `#` stands between issuer and subject in a caller's id.
        if self.jwt_issuer.as_ref().is_some_and(|issuer| issuer.is_empty() || issuer.contains('#')) {
            faults.push("jwt_issuer: it is empty, or has a `#`".to_owned());
        }
        if self.jwt_audience.iter().any(String::is_empty) {
            faults.push("jwt_audience: one is empty".to_owned());
        }
        let missing = [
            ("jwt_issuer", self.jwt_issuer.is_none()),
            ("jwt_audience", self.jwt_audience.is_empty()),
            ("jwt_jwks", self.jwt_jwks.is_none()),
        ];
        for (name, _) in missing.iter().filter(|(_, is_missing)| *is_missing) {
            faults.push(format!("{name}: it is not given, and without it no token can be trusted"));
        }
        check_file("jwt_jwks_ca", self.jwt_jwks_ca.as_ref(), faults);
        Some(Tokens {
            issuer: self.jwt_issuer?,
            audience: self.jwt_audience,
            keys: source(self.jwt_jwks?, self.jwt_jwks_ca, faults)?,
            skew: Duration::from_secs(skew),
            groups_claim: self.jwt_groups_claim.unwrap_or_else(|| "groups".to_owned()),
            claims: self.jwt_claims,
        })
    }
}

fn check_file(name: &str, file: Option<&PathBuf>, faults: &mut Vec<String>) {
    if let Some(file) = file.filter(|file| !file.is_file()) {
        faults.push(format!("{name}: there is no file `{}`", file.display()));
    }
}

fn source(given: String, ca: Option<PathBuf>, faults: &mut Vec<String>) -> Option<KeySource> {
    if !given.contains("://") {
        let file = PathBuf::from(given);
        check_file("jwt_jwks", Some(&file), faults);
        if ca.is_some() {
            faults.push("jwt_jwks_ca: the keys are in a file; it is for an address".to_owned());
        }
        return Some(KeySource::File(file));
    }
    let uri = given.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    let Some(url) = uri else {
        faults.push(format!("jwt_jwks: `{given}` is no address, such as https://issuer.example/keys"));
        return None;
    };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if url.scheme_str() != Some("https") && !(url.scheme_str() == Some("http") && here) {
        faults.push(format!("jwt_jwks: `{given}` is not https, so anyone on the way could give keys"));
    }
    Some(KeySource::Url { url, ca })
}
