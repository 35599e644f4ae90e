//! Who calls Situs itself, which is another person than who asks for the data.

/// A caller, as the listener established it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its identity: what is recorded, and what the access policy speaks of.
    pub identity: String,
    /// Whether it came by a listener that is bound to loopback, without TLS and without any identity.
    ///
    /// It follows the listener, never the peer's address, which a proxy would make local.
    pub local: bool,
    /// Its trace id; empty: none.
    pub trace_id: String,
}
