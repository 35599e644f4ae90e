//! The wire's ports over the engine, the catalogue and the policies.

mod audit;

use std::collections::HashMap;
use std::sync::Arc;

use super::limits::Limits;
use super::reload::{Loaded, Reloader};
use crate::catalog::{self, Catalog, WatchEnd, WatchError, WriteError};
use crate::domain::{Answer, Caller, Entry, EntryKind, Method, Question, Vocabulary};
use crate::engine::{self, Engine};
use crate::grpc::ports;
use crate::grpc::ports::{
    AnswerError, BundleInfo, CatalogError, CatalogWatch, Expected, Page, PolicyError, PolicyInfo, PolicyPage,
    PolicyStatus, PolicyText, Reloaded, Vocabularies, WatchEvent,
};
use crate::policy::{Bundle, Reader, Rule};

pub(super) use self::audit::AuditLog;

/// The declared words of the current bundle.
pub(super) struct Words(pub Reader);

impl Vocabularies for Words {
    fn vocabulary(&self) -> Option<Arc<dyn Vocabulary>> {
        let bundle = self.0.current()?;
        let facts: Arc<dyn Vocabulary> = Arc::clone(bundle.facts()) as Arc<dyn Vocabulary>;
        Some(facts)
    }
}

/// Answers by the engine, as long as there is a place for a question.
pub(super) struct Authorizer {
    pub engine: Engine,
    pub limits: Limits,
}

impl ports::Authorizer for Authorizer {
    async fn answer(
        &self,
        method: Method,
        question: Question,
        caller: &Caller,
    ) -> Result<Answer, AnswerError> {
        // One that comes alone was counted as a call.
        let is_counted = method == Method::Authorize || self.limits.is_within_rate(caller);
        let place = self.limits.question().filter(|_| is_counted);
        let Some(_place) = place else { return Err(AnswerError::Overloaded) };
        if self.engine.bundle().is_none() {
            return Err(AnswerError::NotReady);
        }
        // INVARIANT: before the catalogue is read, so that no right and no such data answer alike.
        if !self.engine.may_call(method, question.data_ref.tenant(), caller) {
            return Err(AnswerError::Forbidden);
        }
        self.engine.answer(question, caller).await.map_err(|error| match error {
            engine::AnswerError::NotReady => AnswerError::NotReady,
            engine::AnswerError::CatalogBehind { at, wanted } => AnswerError::Behind {
                what: "catalogue revision",
                here: at.to_string(),
                wanted: wanted.to_string(),
            },
            engine::AnswerError::PolicyDiffers { at, wanted } => {
                AnswerError::Behind { what: "policy version", here: at, wanted }
            }
            engine::AnswerError::NotRecorded(error) => AnswerError::NotRecorded(error.to_string()),
            engine::AnswerError::Forbidden { field } => AnswerError::FieldForbidden { field },
        })
    }
}

/// Reads and writes the catalogue, for who may.
pub(super) struct CatalogAdmin {
    pub catalog: Catalog,
    pub engine: Engine,
}

impl CatalogAdmin {
    fn allow(&self, method: Method, tenant: &str, caller: &Caller) -> Result<(), CatalogError> {
        if self.engine.may_call(method, tenant, caller) { Ok(()) } else { Err(CatalogError::Forbidden) }
    }
}

impl ports::CatalogAdmin for CatalogAdmin {
    type Watch = Watch;

    async fn put(&self, entry: Entry, expected: Expected, caller: &Caller) -> Result<u64, CatalogError> {
        self.allow(Method::CatalogPut, entry.kind().tenant_of(entry.key()), caller)?;
        self.catalog.put(entry, expectation(expected)).await.map_err(write_error)
    }

    async fn delete(
        &self,
        kind: EntryKind,
        key: &str,
        expected: Expected,
        caller: &Caller,
    ) -> Result<u64, CatalogError> {
        self.allow(Method::CatalogDelete, kind.tenant_of(key), caller)?;
        self.catalog.delete(kind, key, expectation(expected)).await.map_err(write_error)
    }

    fn get(&self, kind: EntryKind, key: &str, caller: &Caller) -> Result<(Entry, u64), CatalogError> {
        self.allow(Method::CatalogGet, kind.tenant_of(key), caller)?;
        self.catalog.get(kind, key).ok_or(CatalogError::NotFound)
    }

    fn list(
        &self,
        kind: EntryKind,
        prefix: &str,
        page_size: usize,
        page_token: &str,
        caller: &Caller,
    ) -> Result<Page, CatalogError> {
        self.allow(Method::CatalogList, kind.tenant_below(prefix), caller)?;
        let mut sight = Sight::new(&self.engine, Method::CatalogList, caller);
        let page = self
            .catalog
            .list(kind, prefix, page_size, page_token, |key| sight.shows(kind.tenant_of(key)))
            .map_err(|_| CatalogError::PageToken)?;
        Ok(Page { entries: page.entries, next_page_token: page.next_page_token })
    }

    fn watch(
        &self,
        kinds: &[EntryKind],
        from_revision: Option<u64>,
        caller: &Caller,
    ) -> Result<Watch, CatalogError> {
        self.allow(Method::CatalogWatch, "", caller)?;
        let watch = self.catalog.watch(kinds, from_revision).map_err(|error| match error {
            WatchError::Compacted { oldest } => CatalogError::Compacted { oldest },
            // A revision that is still to come is of another catalogue: begin again, as after a compaction.
            WatchError::Ahead { revision } => CatalogError::Compacted { oldest: revision },
            WatchError::TooMany { .. } => CatalogError::Overloaded,
        })?;
        Ok(Watch { watch: Some(watch), engine: self.engine.clone(), caller: caller.clone() })
    }
}

/// Whose data a caller sees in one list; each tenant is asked about once.
struct Sight<'a> {
    engine: &'a Engine,
    method: Method,
    caller: &'a Caller,
    known: HashMap<String, bool>,
}

impl<'a> Sight<'a> {
    fn new(engine: &'a Engine, method: Method, caller: &'a Caller) -> Self {
        Self { engine, method, caller, known: HashMap::new() }
    }

    fn shows(&mut self, tenant: &str) -> bool {
        if let Some(shown) = self.known.get(tenant) {
            return *shown;
        }
        let shown = self.engine.may_call(self.method, tenant, self.caller);
        self.known.insert(tenant.to_owned(), shown);
        shown
    }
}

/// A watch of the catalogue, until its end was told. It shows what its caller may see when it happens.
pub(super) struct Watch {
    watch: Option<catalog::Watch>,
    engine: Engine,
    caller: Caller,
}

impl Watch {
    fn shows(&self, tenant: &str) -> bool {
        self.engine.may_call(Method::CatalogWatch, tenant, &self.caller)
    }
}

impl CatalogWatch for Watch {
    async fn next(&mut self) -> Option<Result<WatchEvent, CatalogError>> {
        loop {
            let told = self.watch.as_mut()?.next().await;
            // The right to watch at all may have ended, or the credential.
            if !self.shows("") {
                self.watch = None;
                return Some(Err(CatalogError::Forbidden));
            }
            match told {
                Ok(catalog::Event::Put { entry, revision }) => {
                    if self.shows(entry.kind().tenant_of(entry.key())) {
                        return Some(Ok(WatchEvent::Put { entry, revision }));
                    }
                }
                Ok(catalog::Event::Delete { kind, key, revision }) => {
                    if self.shows(kind.tenant_of(&key)) {
                        return Some(Ok(WatchEvent::Delete { kind, key, revision }));
                    }
                }
                Ok(catalog::Event::SnapshotEnd { revision }) => {
                    return Some(Ok(WatchEvent::SnapshotEnd { revision }));
                }
                Ok(catalog::Event::Bookmark { revision }) => {
                    return Some(Ok(WatchEvent::Bookmark { revision }));
                }
                Err(end) => {
                    self.watch = None;
                    return Some(Err(ended(end)));
                }
            }
        }
    }
}

fn ended(end: WatchEnd) -> CatalogError {
    match end {
        WatchEnd::Lagged { last_revision } => CatalogError::Lagged { last: last_revision },
        WatchEnd::Closed { .. } => CatalogError::Store("the catalogue is closing".to_owned()),
        WatchEnd::Store { source, .. } => CatalogError::Store(source.to_string()),
    }
}

fn expectation(expected: Expected) -> catalog::Expected {
    match expected {
        Expected::Any => catalog::Expected::Any,
        Expected::Absent => catalog::Expected::Absent,
        Expected::Revision(revision) => catalog::Expected::Revision(revision),
    }
}

fn write_error(error: WriteError) -> CatalogError {
    match error {
        WriteError::Refused(catalog::Refusal::Conflict { found, .. }) => {
            CatalogError::Conflict { actual: found.unwrap_or(0) }
        }
        WriteError::Refused(catalog::Refusal::NotFound { .. }) => CatalogError::NotFound,
        WriteError::Busy => CatalogError::Overloaded,
        WriteError::Store(error) => CatalogError::Store(error.to_string()),
        WriteError::Closed => CatalogError::Store("the catalogue is closing".to_owned()),
        refused @ (WriteError::Refused(_)
        | WriteError::Invalid { .. }
        | WriteError::TooLarge { .. }
        | WriteError::TooMany { .. }) => CatalogError::Refused(refused.to_string()),
    }
}

/// Shows and reloads the policies, for who may.
pub(super) struct PolicyAdmin {
    pub reader: Reader,
    pub engine: Engine,
    pub reloader: Reloader,
}

impl PolicyAdmin {
    fn allow(&self, method: Method, caller: &Caller) -> Result<Arc<Bundle>, PolicyError> {
        let bundle = self.reader.current().ok_or(PolicyError::NotReady)?;
        if self.engine.may_call(method, "", caller) { Ok(bundle) } else { Err(PolicyError::Forbidden) }
    }

    fn info(&self, bundle: &Bundle, origin: &str) -> BundleInfo {
        BundleInfo {
            policy_version: bundle.version().to_owned(),
            facts_version: bundle.facts().version().to_owned(),
            loaded_at: self.reader.status().loaded_at.unwrap_or_default(),
            source: origin.to_owned(),
            policy_count: bundle.rules().len() as u64,
        }
    }
}

impl ports::PolicyAdmin for PolicyAdmin {
    fn status(&self, caller: &Caller) -> Result<PolicyStatus, PolicyError> {
        let status = self.reader.status();
        let last_failure = status.failure.map(|failure| (failure.at, failure.error.faults));
        // Before the first bundle nothing says who may ask; a local caller learns why there is none.
        let active = match self.allow(Method::PolicyStatus, caller) {
            Ok(bundle) => Some(self.info(&bundle, &status.origin)),
            Err(PolicyError::NotReady) if caller.is_local() => None,
            Err(error) => return Err(error),
        };
        Ok(PolicyStatus { active, last_failure })
    }

    fn policies(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        caller: &Caller,
    ) -> Result<PolicyPage, PolicyError> {
        let bundle = self.allow(Method::ListPolicies, caller)?;
        let mut rules: Vec<&Rule> =
            bundle.rules().iter().filter(|rule| rule.id.starts_with(prefix)).collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        let mut rest = rules.into_iter().filter(|rule| after.is_none_or(|after| rule.id.as_str() > after));
        let policies: Vec<PolicyInfo> = rest.by_ref().take(limit).map(info).collect();
        Ok(PolicyPage { policies, more: rest.next().is_some(), policy_version: bundle.version().to_owned() })
    }

    fn policy(&self, policy_id: &str, caller: &Caller) -> Result<PolicyText, PolicyError> {
        let bundle = self.allow(Method::GetPolicy, caller)?;
        let rule = bundle.rule(policy_id).ok_or(PolicyError::NotFound)?;
        Ok(PolicyText {
            info: info(rule),
            source: rule.source.clone(),
            policy_version: bundle.version().to_owned(),
        })
    }

    async fn reload(&self, caller: &Caller) -> Result<Reloaded, PolicyError> {
        match self.allow(Method::ReloadPolicies, caller) {
            Ok(_) => {}
            // Without a bundle a local caller may still try to get one in.
            Err(PolicyError::NotReady) if caller.is_local() => {}
            Err(error) => return Err(error),
        }
        let loaded = self.reloader.load().await.map_err(|error| PolicyError::Rejected(error.faults))?;
        let Loaded { bundle, origin, changed } = loaded;
        Ok(Reloaded { active: self.info(&bundle, &origin), changed })
    }
}

fn info(rule: &Rule) -> PolicyInfo {
    PolicyInfo {
        policy_id: rule.id.clone(),
        effect: rule.effect,
        file: rule.file.clone(),
        line: rule.line,
        annotations: rule.annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}
