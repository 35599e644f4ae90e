//! The bounds of the catalogue.

use std::time::Duration;

/// How much the catalogue takes and holds at once. A bound of 0 is taken as 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an encoded entry: an entry is facts, not documents.
    pub entry_bytes: usize,
    /// Writes of one transaction: it is made visible at once, some microseconds each.
    pub transaction_writes: usize,
    /// Writes of transactions that share one sync to disk: a commit of some tens of milliseconds at most.
    pub group_writes: usize,
    /// Transactions that wait to be committed.
    pub waiting_writes: usize,
    /// Bytes of the entries that wait to be committed, so that few large ones do not fill memory either.
    pub waiting_bytes: usize,
    /// How long a write waits for its place among those that wait. Beyond it, the disk is too slow for what is
    /// asked of it, and the caller should know.
    pub write_wait: Duration,
    /// Entries of a page.
    pub page_entries: usize,
    /// Encoded bytes of a page, but for its last entry: a page fits into a message.
    pub page_bytes: usize,
    /// Watches at once.
    pub watches: usize,
    /// Changes that a watcher may be behind before it is cut. They are kept in memory once, for all watchers, at
    /// some 100 bytes each beyond the entries themselves; more than one transaction, or none could be watched.
    pub watch_buffer: usize,
    /// How long a watch is silent before it says how far it has come.
    pub bookmark_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entry_bytes: 64 << 10,
            transaction_writes: 10_000,
            group_writes: 1024,
            waiting_writes: 1024,
            waiting_bytes: 64 << 20,
            write_wait: Duration::from_secs(5),
            page_entries: 1000,
            page_bytes: 1 << 20,
            watches: 256,
            watch_buffer: 16_384,
            bookmark_after: Duration::from_secs(15),
        }
    }
}
