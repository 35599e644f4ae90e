//! The thread that writes: gathers groups, commits them, answers, and tries again while the disk fails.
//!
//! It owns the log and the records that were accepted and are not written. It leaves the bound on those to
//! the room that each brings along.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::disk::DiskError;
use super::format::{GROUP_TARGET_BYTES, Leaf};
use super::journal::JournalHealth;
use super::log::Log;
use crate::domain::Receipt;

/// Tells a waiting caller where its record is, or why it is nowhere.
pub(super) type Acknowledge = oneshot::Sender<Result<Receipt, Arc<DiskError>>>;

/// A record on its way to the writer.
#[derive(Debug)]
pub(super) struct Submission {
    pub payload: Vec<u8>,
    /// Absent where the caller does not wait: then the record may not be given up.
    pub acknowledge: Option<Acknowledge>,
    pub room: Room,
}

/// A record's share of the bounded buffer, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    pub _records: OwnedSemaphorePermit,
    pub _bytes: OwnedSemaphorePermit,
}

/// How the writer ended.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// Everything was written.
    Flushed,
    /// The disk failed to the last.
    Lost { records: usize, cause: Arc<DiskError> },
}

/// What the thread works on.
pub(super) struct Writer {
    pub log: Log,
    pub submissions: Receiver<Submission>,
    pub pending: VecDeque<Pending>,
    pub failing: Option<Failing>,
    pub health_tx: watch::Sender<JournalHealth>,
    /// Durable records, for readers.
    pub length: Arc<AtomicU64>,
    pub retry_first: Duration,
    pub retry_longest: Duration,
}

/// A record that is not yet written.
pub(super) struct Pending {
    leaf: Leaf,
    acknowledge: Option<Acknowledge>,
    _room: Room,
}

/// The disk's last refusal, and when to ask it again.
pub(super) struct Failing {
    cause: Arc<DiskError>,
    retry_at: Instant,
    pause: Duration,
}

enum Gathered {
    /// There is a group to write, or a failing disk to try.
    Group,
    /// No journal is left to submit anything.
    Closed,
}

// === impl Writer ===

impl Writer {
    /// Writes until every sender is gone and nothing is pending.
    pub(super) fn run(mut self) -> Ending {
        while matches!(self.gather(), Gathered::Group) {
            // A failure is kept in `failing`, and sets the time of the next try.
            let _ = self.write_group();
        }
        // One last try each: a disk that fails now has nobody left to wait for it.
        while !self.pending.is_empty() {
            if let Err(cause) = self.write_group() {
                return Ending::Lost { records: self.pending.len(), cause };
            }
        }
        // Proves the last group, so that damage to it can never pass for a torn write.
        if let Err(error) = self.log.commit(std::iter::empty()) {
            tracing::warn!(%error, "journal closed without its mark; every record is durable");
        }
        Ending::Flushed
    }

    /// Takes what was submitted, waiting as long as there is nothing to do.
    fn gather(&mut self) -> Gathered {
        let mut bytes: usize = self.pending.iter().map(|record| record.leaf.frame_bytes()).sum();
        loop {
            let received = if let Some(failing) = &self.failing {
                let now = Instant::now();
                if now >= failing.retry_at {
                    return Gathered::Group;
                }
                match self.submissions.recv_timeout(failing.retry_at - now) {
                    Ok(submission) => Some(submission),
                    Err(RecvTimeoutError::Timeout) => return Gathered::Group,
                    Err(RecvTimeoutError::Disconnected) => None,
                }
            } else if self.pending.is_empty() {
                self.submissions.recv().ok()
            } else if bytes >= GROUP_TARGET_BYTES {
                return Gathered::Group;
            } else {
                match self.submissions.try_recv() {
                    Ok(submission) => Some(submission),
                    Err(TryRecvError::Empty) => return Gathered::Group,
                    Err(TryRecvError::Disconnected) => None,
                }
            };
            match received {
                Some(submission) => bytes += self.accept(submission),
                None => return Gathered::Closed,
            }
        }
    }

    /// Takes a record, or refuses it at once where its caller waits for a disk that fails.
    fn accept(&mut self, submission: Submission) -> usize {
        let Submission { payload, acknowledge, room } = submission;
        match (acknowledge, &self.failing) {
            (Some(acknowledge), Some(failing)) => {
                // A caller that stopped waiting needs no answer, here and below.
                let _ = acknowledge.send(Err(failing.cause.clone()));
                0
            }
            (acknowledge, _) => {
                let leaf = Leaf::new(payload);
                let bytes = leaf.frame_bytes();
                self.pending.push_back(Pending { leaf, acknowledge, _room: room });
                bytes
            }
        }
    }

    /// Writes the first pending records; none of them only tries the disk.
    fn write_group(&mut self) -> Result<(), Arc<DiskError>> {
        let mut bytes = 0;
        let count = self
            .pending
            .iter()
            .take_while(|record| {
                let fits = bytes < GROUP_TARGET_BYTES;
                bytes += record.leaf.frame_bytes();
                fits
            })
            .count();
        match self.log.commit(self.pending.iter().take(count).map(|record| &record.leaf)) {
            Ok(first) => {
                self.length.store(self.log.len(), Ordering::Release);
                self.recovered();
                for (log_index, record) in (first..).zip(self.pending.drain(..count)) {
                    if let Some(acknowledge) = record.acknowledge {
                        let leaf_hash = record.leaf.hash.to_vec();
                        let _ = acknowledge.send(Ok(Receipt { log_index, leaf_hash, signature: Vec::new() }));
                    }
                }
                Ok(())
            }
            Err(error) => Err(self.failed(Arc::new(error))),
        }
    }

    fn recovered(&mut self) {
        if self.failing.take().is_some() {
            tracing::info!(pending = self.pending.len(), "journal is writable again");
            self.health_tx.send_replace(JournalHealth::Ok);
        }
    }

    /// Tells every waiting caller, keeps every record that was answered for, and sets the next try.
    fn failed(&mut self, cause: Arc<DiskError>) -> Arc<DiskError> {
        // Before the answers, so that a caller which has one finds the journal's health to agree.
        self.health_tx.send_modify(|health| {
            let since = match health {
                JournalHealth::Failing { since, .. } => *since,
                JournalHealth::Ok => Instant::now(),
            };
            *health = JournalHealth::Failing { since, cause: cause.clone() };
        });
        for mut record in std::mem::take(&mut self.pending) {
            match record.acknowledge.take() {
                Some(acknowledge) => drop(acknowledge.send(Err(cause.clone()))),
                None => self.pending.push_back(record),
            }
        }
        let pause = match &self.failing {
            Some(failing) => (failing.pause * 2).min(self.retry_longest),
            None => self.retry_first,
        };
        tracing::error!(error = %cause, pending = self.pending.len(), ?pause, "journal is not writable");
        self.failing = Some(Failing { cause: cause.clone(), retry_at: Instant::now() + pause, pause });
        cause
    }
}
