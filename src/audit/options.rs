//! Sizes, waits and names of a log.

use std::path::PathBuf;
use std::time::Duration;

/// Sizes, waits and names of a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// File of the log's private key; absent: `log.key` in the data directory, made at the first start.
    pub key: Option<PathBuf>,
    /// The log's origin; absent: that of its key, and of a new key a random one.
    pub origin: Option<String>,
    /// A segment of the journal takes no further group beyond this many bytes. 64 MiB: opening reads two
    /// whole.
    pub segment_bytes: u64,
    /// Most records in the buffer. 8,192: what a crash may lose of answers given without waiting.
    pub buffer_records: u32,
    /// Most bytes of records in the buffer. 32 MiB: 4 KiB for each of those.
    pub buffer_bytes: u32,
    /// Longest wait for room in the buffer. 1 s: a slow sync passes, a stalled disk does not.
    pub room_wait: Duration,
    /// Longest wait for a record to be on disk, once it is in the buffer. 5 s.
    pub durable_wait: Duration,
    /// Pause before a failing disk is tried again; it doubles each time. 100 ms.
    pub retry_first: Duration,
    /// Longest such pause. 10 s: how late a recovery may be noticed.
    pub retry_longest: Duration,
    /// How long an entry may be durable without a checkpoint that covers it, where the disk works. 1 s.
    pub checkpoint_interval: Duration,
    /// Most entries that wait in the journal for a checkpoint, while tiles cannot be written: beyond them no
    /// record is taken. 1,000,000: some minutes of the heaviest load, and a GB or two of the journal.
    pub unpublished_entries: u64,
    /// How long plain texts of masked fields stay in the journal after they are in their own files. 1 h.
    pub rotate_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key: None,
            origin: None,
            segment_bytes: 64 << 20,
            buffer_records: 8192,
            buffer_bytes: 32 << 20,
            room_wait: Duration::from_secs(1),
            durable_wait: Duration::from_secs(5),
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_secs(10),
            checkpoint_interval: Duration::from_secs(1),
            unpublished_entries: 1_000_000,
            rotate_after: Duration::from_secs(3600),
        }
    }
}
