//! The thread that writes: gathers groups, commits them, answers, and tries again while the disk fails.
//!
//! It owns the journal, the indexes, and the records that were accepted and are not written. It leaves the
//! bound on those to the room that each brings along.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::disk::DiskError;
use super::entry::{Contents, Format};
use super::health::Health;
use super::journal::{GROUP_TARGET_BYTES, Journal};
use super::merkle::Hash;
use super::tail::Tail;
use crate::domain::Draft;

/// Where a record is: its index and leaf hash.
pub(super) type Place = (u64, Hash);

/// Tells a waiting caller where its record is, or why it is nowhere.
pub(super) type Acknowledge = oneshot::Sender<Result<Place, Arc<DiskError>>>;

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Message {
    /// To write a record.
    Write(Submission),
    /// To begin a new segment, so that the one before it can be trimmed.
    Rotate,
}

/// A record on its way to the writer.
#[derive(Debug)]
pub(super) struct Submission {
    pub draft: Draft,
    /// Absent where the caller does not wait: then the record may not be given up.
    pub acknowledge: Option<Acknowledge>,
    pub _room: Room,
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
    pub journal: Journal,
    pub format: Arc<dyn Format>,
    pub contents: Contents,
    pub messages: Receiver<Message>,
    pub pending: VecDeque<Submission>,
    pub failing: Option<Failing>,
    pub health_tx: watch::Sender<Health<DiskError>>,
    /// Durable entries, for the publisher and readers.
    pub tail: Tail,
    /// How many there are, for the same.
    pub length_tx: watch::Sender<u64>,
    /// Wakes the publisher; its end is dropped with the writer.
    pub wake: SyncSender<()>,
    pub retry_first: Duration,
    pub retry_longest: Duration,
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
    /// No log is left to submit anything.
    Closed,
}

/// The most bytes that a draft takes in a group, but for the envelopes of its parts.
pub(super) fn draft_bytes(draft: &Draft) -> usize {
    let contents: usize = draft.contents.iter().map(|content| content.bytes.len()).sum();
    draft.body.len() + draft.private.len() + contents
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
        // Proves the last group, so that damage to it can never pass for a torn write, and lets the publisher
        // trim the segment that it is in.
        if let Err(error) = self.journal.rotate() {
            tracing::warn!(%error, "journal closed without its mark; every record is durable");
        }
        Ending::Flushed
    }

    /// Takes what was submitted, waiting as long as there is nothing to do.
    fn gather(&mut self) -> Gathered {
        let mut bytes: usize = self.pending.iter().map(|record| draft_bytes(&record.draft)).sum();
        loop {
            let received = if let Some(failing) = &self.failing {
                let now = Instant::now();
                if now >= failing.retry_at {
                    return Gathered::Group;
                }
                match self.messages.recv_timeout(failing.retry_at - now) {
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Timeout) => return Gathered::Group,
                    Err(RecvTimeoutError::Disconnected) => None,
                }
            } else if self.pending.is_empty() {
                self.messages.recv().ok()
            } else if bytes >= GROUP_TARGET_BYTES {
                return Gathered::Group;
            } else {
                match self.messages.try_recv() {
                    Ok(message) => Some(message),
                    Err(TryRecvError::Empty) => return Gathered::Group,
                    Err(TryRecvError::Disconnected) => None,
                }
            };
            match received {
                Some(Message::Write(submission)) => bytes += self.accept(submission),
                Some(Message::Rotate) => self.rotate(),
                None => return Gathered::Closed,
            }
        }
    }

    /// Takes a record, or refuses it at once where its caller waits for a disk that fails.
    fn accept(&mut self, submission: Submission) -> usize {
        match (submission.acknowledge, &self.failing) {
            (Some(acknowledge), Some(failing)) => {
                // A caller that stopped waiting needs no answer, here and below.
                let _ = acknowledge.send(Err(failing.cause.clone()));
                0
            }
            (acknowledge, _) => {
                let bytes = draft_bytes(&submission.draft);
                self.pending.push_back(Submission { acknowledge, ..submission });
                bytes
            }
        }
    }

    fn rotate(&mut self) {
        if self.failing.is_none() {
            match self.journal.rotate() {
                // The publisher trims the segment before.
                Ok(()) => drop(self.wake.try_send(())),
                Err(error) => drop(self.failed(Arc::new(error))),
            }
        }
    }

    /// Writes the first pending records; none of them only tries the disk.
    fn write_group(&mut self) -> Result<(), Arc<DiskError>> {
        let first = self.journal.len();
        let mut composer = self.contents.composer(self.format.as_ref(), first);
        let mut bytes = 0;
        let mut places = Vec::new();
        for record in &self.pending {
            if bytes >= GROUP_TARGET_BYTES {
                break;
            }
            bytes += draft_bytes(&record.draft);
            places.push(composer.add(&record.draft));
        }
        let (leaves, fresh) = composer.finish();
        if let Err(error) = self.journal.commit(leaves.iter()) {
            return Err(self.failed(Arc::new(error)));
        }
        let next = self.journal.len();
        self.contents.remember(fresh, next);
        let hashes: Vec<_> = places.iter().map(|place| leaves.get(*place).map(|leaf| leaf.hash)).collect();
        // In memory before anyone is told, so that whoever is finds its record.
        self.tail.push(leaves.into_iter());
        self.length_tx.send_replace(next);
        self.recovered();
        // A publisher that was woken already needs no second call.
        let _ = self.wake.try_send(());
        for ((place, hash), record) in places.iter().zip(hashes).zip(self.pending.drain(..places.len())) {
            if let (Some(acknowledge), Some(hash)) = (record.acknowledge, hash) {
                let _ = acknowledge.send(Ok((first + *place as u64, hash)));
            }
        }
        Ok(())
    }

    fn recovered(&mut self) {
        if self.failing.take().is_some() {
            tracing::info!(pending = self.pending.len(), "journal is writable again");
            self.health_tx.send_replace(Health::Ok);
        }
    }

    /// Tells every waiting caller, keeps every record that was answered for, and sets the next try.
    fn failed(&mut self, cause: Arc<DiskError>) -> Arc<DiskError> {
        // Before the answers, so that a caller which has one finds the journal's health to agree.
        Health::fail(&self.health_tx, cause.clone());
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
