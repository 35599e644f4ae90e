//! All records of a log, on every core.

use std::thread;

use super::{Replay, Replayed, Summary};
use crate::domain::Recorded;

/// Records that are held at once: some 10 KB each, and enough that no core waits for the reading.
const CHUNK: usize = 512;

impl Replay {
    /// Decides all of them again, keeps the first `show` differences whole, and tells now and then how many are
    /// done. A record's place in the order has no bearing on the outcome, but the first differences are the
    /// first of the log.
    ///
    /// # Errors
    /// The first of reading the records; none of what came before is given.
    pub fn all<E>(
        &self,
        records: impl IntoIterator<Item = Result<Recorded, E>>,
        show: usize,
        mut progress: impl FnMut(&Summary),
    ) -> Result<Summary, E> {
        let mut records = records.into_iter();
        let mut summary = Summary::default();
        loop {
            let chunk: Vec<Recorded> = records.by_ref().take(CHUNK).collect::<Result<_, E>>()?;
            if chunk.is_empty() {
                return Ok(summary);
            }
            for (recorded, replayed) in chunk.iter().zip(self.some(&chunk)) {
                summary.add(recorded, replayed, show);
            }
            progress(&summary);
        }
    }

    /// Decides some of them again, in order.
    fn some(&self, records: &[Recorded]) -> Vec<Replayed> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let again = |part: &[Recorded]| part.iter().map(|recorded| self.again(recorded)).collect::<Vec<_>>();
        let parts = records.chunks(records.len().div_ceil(cores).max(1));
        thread::scope(|scope| {
            let threads: Vec<_> = parts.map(|part| (part, scope.spawn(move || again(part)))).collect();
            // A thread that ended early gives nothing: its part is done here, where an end is seen.
            let done =
                threads.into_iter().map(|(part, thread)| thread.join().unwrap_or_else(|_| again(part)));
            done.flatten().collect()
        })
    }
}
