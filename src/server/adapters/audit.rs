//! The wire's port over the log and its index, for who may.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::audit::index::{Found, Index, IndexError, NoPlace};
use crate::audit::{
    Checkpoint, Contents, Entry, Log, LogDir, Proof as LogProof, ReadError, RecordsError, merkle,
};
use crate::domain::{Caller, Duty, DutyFilter, DutyState, LogEntry, Method, Outcome, Receipt, RecordFilter};
use crate::engine::{self, Clock, Engine};
use crate::grpc;
use crate::grpc::ports;
use crate::grpc::ports::{
    AuditError, AuditPage, CheckpointInfo, ItemKey, LogItem, NewOutcome, Proof, ProofSubject, WholeItem,
};

/// Shows and proves what is in the log, and takes outcomes.
///
/// Who may not see a tenant's records is told what is told of a record that is not there; a list has what the
/// caller may see.
#[derive(Clone)]
pub(in crate::server) struct AuditLog {
    pub log: Log,
    pub index: Index,
    pub engine: Engine,
    pub clock: Arc<dyn Clock>,
}

// === impl AuditLog ===

impl AuditLog {
    /// Whether the caller may call it on records of a tenant; empty: on what is of all.
    fn may(&self, method: Method, tenant: &str, caller: &Caller) -> bool {
        self.engine.may_call(method, tenant, caller)
    }

    fn allow(&self, method: Method, tenant: &str, caller: &Caller) -> Result<(), AuditError> {
        if self.may(method, tenant, caller) { Ok(()) } else { Err(AuditError::Forbidden) }
    }

    /// Which tenants' records the caller sees, each asked for once.
    fn sees(&self, method: Method, caller: &Caller) -> impl FnMut(&str) -> bool + Send + use<> {
        let (this, caller) = (self.clone(), caller.clone());
        let mut known: HashMap<String, bool> = HashMap::new();
        move |tenant| {
            if let Some(sees) = known.get(tenant) {
                return *sees;
            }
            let sees = this.may(method, tenant, &caller);
            known.insert(tenant.to_owned(), sees);
            sees
        }
    }

    /// Waits until the index has all that is durable now.
    async fn caught_up(&self) -> Result<(), AuditError> {
        Ok(self.index.reach(self.log.len()).await?)
    }

    /// Finds a decision that the caller may see.
    async fn decision(&self, method: Method, id: Uuid, caller: &Caller) -> Result<Found, AuditError> {
        self.caught_up().await?;
        let index = self.index.clone();
        let found = blocking(move || Ok(index.decision(id)?)).await?;
        found.filter(|found| self.may(method, &found.tenant, caller)).ok_or(AuditError::NotFound)
    }

    /// The place of an entry that the caller may see. A content can be of several tenants.
    async fn place(&self, method: Method, key: ItemKey, caller: &Caller) -> Result<u64, AuditError> {
        let index = match key {
            ItemKey::Decision(id) => return Ok(self.decision(method, id, caller).await?.index),
            ItemKey::Index(index) => index,
        };
        let log = self.log.reader();
        let read = blocking(move || decoded(&entry(&log, index)?)).await?;
        let tenant = match &read {
            LogEntry::Decision(decided) => decided.tenant.as_str(),
            LogEntry::Outcome(outcome, _) => outcome.tenant.as_str(),
            LogEntry::Content(_) => "",
        };
        if self.may(method, tenant, caller) { Ok(index) } else { Err(AuditError::NotFound) }
    }

    /// An entry with all that belongs to it.
    fn whole(&self, index: u64) -> Result<WholeItem, AuditError> {
        let log = self.log.reader();
        let entry = entry(&log, index)?;
        let read = decoded(&entry)?;
        let mut whole = WholeItem {
            item: item(&log, entry)?,
            origin: self.log.origin().to_owned(),
            ..WholeItem::default()
        };
        if let LogEntry::Decision(decided) = read {
            let mut contents = Contents::new(log.clone(), grpc::DECODE);
            for at in &decided.contents {
                whole.contents.extend(contents.content(at)?.map(|bytes| (at.sha256, bytes)));
            }
            for index in self.index.outcomes(decided.id)? {
                whole.outcomes.push(item_at(&log, index)?);
            }
        }
        Ok(whole)
    }

    fn newest(&self) -> Result<Arc<Checkpoint>, AuditError> {
        let none = || AuditError::Unreadable(String::from("there is no checkpoint yet"));
        self.log.checkpoint().ok_or_else(none)
    }

    /// That the newest checkpoint extends a smaller tree.
    async fn extension(&self, old: u64) -> Result<Proof, AuditError> {
        let checkpoint = self.newest()?;
        if old > checkpoint.size {
            return Err(AuditError::Smaller { wanted: old, tree_size: checkpoint.size });
        }
        let log = self.log.reader();
        blocking(move || {
            let hashes = merkle::prove_consistency(old, checkpoint.size, &log.tiles(checkpoint.size))?;
            Ok(Proof { checkpoint: checkpoint.to_string(), hashes, ..Proof::default() })
        })
        .await
    }
}

impl ports::AuditLog for AuditLog {
    async fn item(&self, key: ItemKey, caller: &Caller) -> Result<WholeItem, AuditError> {
        let index = self.place(Method::GetRecord, key, caller).await?;
        self.caught_up().await?;
        let this = self.clone();
        blocking(move || this.whole(index)).await
    }

    async fn items(
        &self,
        filter: RecordFilter,
        page_size: usize,
        page_token: &str,
        caller: &Caller,
    ) -> Result<AuditPage<LogItem>, AuditError> {
        const METHOD: Method = Method::ListRecords;
        if !filter.tenant.is_empty() {
            self.allow(METHOD, &filter.tenant, caller)?;
        }
        let after = (!page_token.is_empty()).then(|| page_token.parse()).transpose()?;
        self.caught_up().await?;
        let (this, mut sees) = (self.clone(), self.sees(METHOD, caller));
        blocking(move || {
            let (found, next) = this.index.records(&filter, after, page_size, &mut sees)?;
            let log = this.log.reader();
            let mut items = Vec::with_capacity(found.len());
            for Found { index, .. } in found {
                match item_at(&log, index) {
                    // It was pruned since it was indexed.
                    Err(AuditError::NotFound) => {}
                    item => items.push(item?),
                }
            }
            let next_page_token = next.map(|place| place.to_string()).unwrap_or_default();
            Ok(AuditPage { items, next_page_token })
        })
        .await
    }

    async fn checkpoint(&self, caller: &Caller) -> Result<CheckpointInfo, AuditError> {
        self.allow(Method::GetCheckpoint, "", caller)?;
        let checkpoint = self.newest()?;
        Ok(CheckpointInfo {
            checkpoint: checkpoint.to_string(),
            origin: checkpoint.origin.clone(),
            verifier_key: self.log.verifier().to_string(),
            tree_size: checkpoint.size,
            pending: self.log.len().saturating_sub(checkpoint.size),
        })
    }

    async fn proof(&self, subject: ProofSubject, caller: &Caller) -> Result<Proof, AuditError> {
        const METHOD: Method = Method::GetProof;
        let key = match subject {
            ProofSubject::Extends(old) => {
                self.allow(METHOD, "", caller)?;
                return self.extension(old).await;
            }
            ProofSubject::Entry(key) => key,
        };
        let index = self.place(METHOD, key, caller).await?;
        let tree_size = self.log.checkpoint().map_or(0, |checkpoint| checkpoint.size);
        if index >= tree_size {
            return Err(AuditError::NotCovered { index, tree_size });
        }
        let (checkpoint, log) = (self.newest()?, self.log.reader());
        blocking(move || {
            let hashes = merkle::prove_inclusion(index, checkpoint.size, &log.tiles(checkpoint.size))?;
            let entry = entry(&log, index)?;
            let proof = LogProof {
                index,
                hashes: hashes.clone(),
                checkpoint: (*checkpoint).clone(),
                entry: Some(entry.bytes),
            };
            Ok(Proof {
                checkpoint: checkpoint.to_string(),
                entry: Some((index, entry.leaf_hash)),
                text: proof.to_string(),
                hashes,
            })
        })
        .await
    }

    async fn record_outcome(
        &self,
        outcome: NewOutcome,
        caller: &Caller,
    ) -> Result<(Uuid, Receipt), AuditError> {
        let found = self.decision(Method::RecordOutcome, outcome.decision_id, caller).await?;
        let now = self.clock.now();
        let outcome = Outcome {
            id: engine::new_id(now),
            decision_id: outcome.decision_id,
            tenant: found.tenant,
            kind: outcome.kind,
            at: outcome.at.unwrap_or(now),
            recorded_at: now,
            caller: caller.identity.id.clone(),
            categories: outcome.categories,
            detail: outcome.detail,
        };
        let receipt = self.log.append_outcome(&outcome).await;
        let receipt = receipt.map_err(|error| AuditError::NotRecorded(error.to_string()))?;
        Ok((outcome.id, receipt))
    }

    async fn duties(
        &self,
        filter: DutyFilter,
        page_size: usize,
        page_token: &str,
        caller: &Caller,
    ) -> Result<AuditPage<(Duty, DutyState)>, AuditError> {
        const METHOD: Method = Method::ListObligations;
        if !filter.tenant.is_empty() {
            self.allow(METHOD, &filter.tenant, caller)?;
        }
        let after = (!page_token.is_empty()).then(|| page_token.parse()).transpose()?;
        let bundle = self.engine.bundle().ok_or(AuditError::NotReady)?;
        let fulfils = bundle.facts().fulfils().clone();
        drop(bundle);
        self.caught_up().await?;
        let (index, mut sees, now) = (self.index.clone(), self.sees(METHOD, caller), self.clock.now());
        blocking(move || {
            let (duties, next) = index.duties(&filter, &fulfils, after, page_size, &mut sees)?;
            let standing = |duty: Duty| {
                let state = duty.state(now);
                (duty, state)
            };
            let next_page_token = next.map(|place| place.to_string()).unwrap_or_default();
            Ok(AuditPage { items: duties.into_iter().map(standing).collect(), next_page_token })
        })
        .await
    }
}

/// An entry that is kept.
fn entry(log: &LogDir, index: u64) -> Result<Entry, AuditError> {
    log.entry(index)?.ok_or(AuditError::NotFound)
}

fn item_at(log: &LogDir, index: u64) -> Result<LogItem, AuditError> {
    item(log, entry(log, index)?)
}

fn item(log: &LogDir, entry: Entry) -> Result<LogItem, AuditError> {
    let private = log.private(entry.index)?.unwrap_or_default();
    Ok(LogItem { index: entry.index, leaf_hash: entry.leaf_hash, bytes: entry.bytes, private })
}

fn decoded(entry: &Entry) -> Result<LogEntry, AuditError> {
    grpc::log_entry(&entry.bytes, &[]).map_err(|error| AuditError::Damaged(error.to_string()))
}

/// Reads files off the async workers.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
) -> Result<T, AuditError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|error| AuditError::Unreadable(error.to_string()))?
}

impl From<ReadError> for AuditError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Pruned { .. } => Self::NotFound,
            error => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<RecordsError> for AuditError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Log(error) => error.into(),
            error @ RecordsError::Entry { .. } => Self::Damaged(error.to_string()),
        }
    }
}

impl From<IndexError> for AuditError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Log(error) => error.into(),
            error => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<NoPlace> for AuditError {
    fn from(NoPlace: NoPlace) -> Self {
        Self::PageToken
    }
}
