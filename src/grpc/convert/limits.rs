//! How large what comes in may be. A catalogue entry within these limits takes at most some 200 KB, so
//! a few of them always fit into one message. What is stored was checked against these, so they may only grow.

/// Places in one list: ISO 3166-1 has 249 countries, so a list can name them all.
pub const PLACES: usize = 256;
/// Declared identifiers in one list: more than any set declares today.
pub const IDENTIFIERS: usize = 64;
/// Values of a closed set in one list: the largest has five; a client that repeats some is forgiven.
pub const CHOICES: usize = 16;
/// Approvals of a tenant: one a place and purpose, for a few of each.
pub const APPROVALS: usize = 64;
/// Scopes of an approval.
pub const SCOPES: usize = 64;
/// Labels of one thing.
pub const LABELS: usize = 64;
/// Bytes of a label's name.
pub const LABEL_NAME_BYTES: usize = 128;
/// Bytes of a label's value: room for a URL.
pub const LABEL_VALUE_BYTES: usize = 1024;
/// Bytes of an id: what a log line and an index key can carry.
pub const ID_BYTES: usize = 256;
/// Bytes of a code or a declared identifier.
pub const IDENTIFIER_BYTES: usize = 128;
/// Bytes of free text: a statute, a purpose.
pub const TEXT_BYTES: usize = 1024;
