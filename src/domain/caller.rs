//! Who calls Situs itself, which is another person than who asks for the data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::names::Credential;

/// A caller, as the listener established it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// When its credential ends, and with it every right that it has; absent: it has no end.
    pub until: Option<Timestamp>,
    /// Its trace id; empty: none.
    pub trace_id: String,
}

/// Who a caller is: what is recorded, and what the access policy speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Its name, which no other kind of credential can have: `spiffe://...`, `dns:NAME`, `ISSUER#SUBJECT`,
    /// `local`, `anonymous`.
    pub id: String,
    /// How it was established.
    pub credential: Credential,
    /// The name in the credential; empty: none.
    pub subject: String,
    /// Who issued its token; empty for any other credential.
    pub issuer: String,
    /// The groups that its token names.
    pub groups: BTreeSet<String>,
    /// The claims of its token that the configuration names.
    pub claims: BTreeMap<String, String>,
}

// === impl Caller ===

impl Caller {
    /// Whoever comes by a listener that is bound to loopback, without TLS and without any identity.
    ///
    /// It follows the listener, never the peer's address, which a proxy would make local.
    #[must_use]
    pub fn local() -> Self {
        Identity::bare("local", Credential::Local).into()
    }

    /// Whoever comes by a listener that asks for no identity, and is not local.
    #[must_use]
    pub fn anonymous() -> Self {
        Identity::bare("anonymous", Credential::None).into()
    }

    /// Whether it is local.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.identity.credential == Credential::Local
    }
}

impl From<Identity> for Caller {
    /// The caller of that identity, without an end and without a trace.
    fn from(identity: Identity) -> Self {
        Self { identity: Arc::new(identity), until: None, trace_id: String::new() }
    }
}

// === impl Identity ===

impl Identity {
    /// An identity of which nothing is known but its name.
    #[must_use]
    pub fn bare(id: &str, credential: Credential) -> Self {
        Self {
            id: id.to_owned(),
            credential,
            subject: String::new(),
            issuer: String::new(),
            groups: BTreeSet::new(),
            claims: BTreeMap::new(),
        }
    }
}
