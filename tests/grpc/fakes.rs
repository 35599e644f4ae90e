//! What stands behind the services, and a server on a port of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use situs::domain::{
    Answer, Caller, Credential, Disposition, Duty, DutyFilter, DutyState, Effect, Entry, EntryKind, Fault,
    IdentifierSet, Identity, Masking, Method, Obligation, Outcome, Question, Receipt, RecordFilter, Verdict,
    Vocabulary,
};
use situs::grpc::ports::{
    AnswerError, AuditError, AuditLog, AuditPage, Authorizer, BundleInfo, CatalogAdmin, CatalogError,
    CatalogWatch, CheckpointInfo, Expected, ItemKey, LogItem, NewOutcome, Page, PolicyAdmin, PolicyError,
    PolicyInfo, PolicyPage, PolicyStatus, PolicyText, Proof, ProofSubject, Reloaded, Vocabularies,
    WatchEvent, WholeItem,
};
use situs::grpc::{Backends, Closer, Health, closer, draft_outcome, routes};
use tokio::sync::{Semaphore, mpsc};
use tonic::service::InterceptorLayer;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status};
use uuid::Uuid;

/// Knows two places and every identifier but `nonsense`.
struct Words;

impl Vocabulary for Words {
    fn place(&self, code: &str) -> Option<String> {
        ["IE", "US"].contains(&code).then(|| code.to_owned())
    }

    fn declares(&self, _: IdentifierSet, identifier: &str) -> bool {
        identifier != "nonsense"
    }

    fn near_places(&self, _: &str) -> Vec<String> {
        vec![String::from("IE")]
    }

    fn near_identifiers(&self, _: IdentifierSet, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Has [`Words`], or nothing while no bundle is loaded.
struct Lexicon {
    is_loaded: bool,
}

impl Vocabularies for Lexicon {
    fn vocabulary(&self) -> Option<Arc<dyn Vocabulary>> {
        self.is_loaded.then(|| Arc::new(Words) as Arc<dyn Vocabulary>)
    }
}

/// Answers by what the reference says: `acme/slow/...` waits for a permit, and so on.
pub struct FakeAuthorizer {
    /// Lets slow questions go on.
    pub permits: Semaphore,
    /// Says which slow question came.
    came: mpsc::UnboundedSender<String>,
    running: AtomicUsize,
    /// The most slow questions that ran at once.
    pub most: AtomicUsize,
    /// The caller of the last question.
    pub caller: Mutex<Option<Caller>>,
}

impl Authorizer for FakeAuthorizer {
    async fn answer(&self, _: Method, question: Question, caller: &Caller) -> Result<Answer, AnswerError> {
        *self.caller.lock().unwrap() = Some(caller.clone());
        match question.data_ref.as_str().split('/').nth(1).unwrap() {
            "slow" => {
                let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(running, Ordering::SeqCst);
                self.came.send(question.request_id.clone()).unwrap();
                self.permits.acquire().await.unwrap().forget();
                self.running.fetch_sub(1, Ordering::SeqCst);
                Ok(allow(question))
            }
            "panic" => panic!("a fault of the engine, on purpose"),
            "behind" => {
                let (here, wanted) = (String::from("7"), String::from("9"));
                Err(AnswerError::Behind { what: "catalogue revision", here, wanted })
            }
            "unrecorded" => Err(AnswerError::NotRecorded(String::from("no space left on /secret/path"))),
            "forbidden" => Err(AnswerError::FieldForbidden { field: String::from("process.upheld") }),
            "overloaded" => Err(AnswerError::Overloaded),
            "unready" => Err(AnswerError::NotReady),
            _ => Ok(allow(question)),
        }
    }
}

fn allow(question: Question) -> Answer {
    let instant = Timestamp::from_second(1_468_497_600).unwrap();
    Answer {
        decision: Verdict::Allow,
        disposition: Disposition::Permitted,
        next_step: String::from("proceed"),
        reasons: Vec::new(),
        category_verdicts: Vec::new(),
        obligations: Vec::new(),
        routes: Vec::new(),
        regimes: vec![question.jurisdiction],
        policy_version: String::from("sha256:1"),
        facts_version: String::from("sha256:2"),
        catalog_revision: 7,
        decided_at: instant,
        as_of: instant,
        hypothetical: false,
        valid_until: instant,
        receipt: None,
        decision_id: Uuid::from_u128(1),
        request_id: question.request_id,
    }
}

type Registered = BTreeMap<(EntryKind, String), (Entry, u64)>;

/// A catalogue in a map. Tokens are the last key.
#[derive(Default)]
pub struct FakeCatalog {
    state: Mutex<(u64, Registered)>,
    /// What the next watch gives, and whether it then stays open.
    pub events: Mutex<(Vec<Result<WatchEvent, CatalogError>>, bool)>,
}

impl FakeCatalog {
    fn compare(actual: Option<u64>, expected: Expected) -> Result<(), CatalogError> {
        let fits = match expected {
            Expected::Any => true,
            Expected::Absent => actual.is_none(),
            Expected::Revision(revision) => actual == Some(revision),
        };
        if fits { Ok(()) } else { Err(CatalogError::Conflict { actual: actual.unwrap_or(0) }) }
    }
}

impl CatalogAdmin for FakeCatalog {
    type Watch = FakeWatch;

    async fn put(&self, entry: Entry, expected: Expected, _: &Caller) -> Result<u64, CatalogError> {
        let mut state = self.state.lock().unwrap();
        let key = (entry.kind(), entry.key().to_owned());
        if key.1 == "broken/store" {
            return Err(CatalogError::Store(String::from("disk I/O error at /secret/path")));
        }
        Self::compare(state.1.get(&key).map(|(_, revision)| *revision), expected)?;
        state.0 += 1;
        let revision = state.0;
        state.1.insert(key, (entry, revision));
        Ok(revision)
    }

    async fn delete(
        &self,
        kind: EntryKind,
        key: &str,
        expected: Expected,
        _: &Caller,
    ) -> Result<u64, CatalogError> {
        let mut state = self.state.lock().unwrap();
        let key = (kind, key.to_owned());
        let actual = state.1.get(&key).map(|(_, revision)| *revision).ok_or(CatalogError::NotFound)?;
        Self::compare(Some(actual), expected)?;
        state.1.remove(&key);
        state.0 += 1;
        Ok(state.0)
    }

    fn get(&self, kind: EntryKind, key: &str, _: &Caller) -> Result<(Entry, u64), CatalogError> {
        let state = self.state.lock().unwrap();
        state.1.get(&(kind, key.to_owned())).cloned().ok_or(CatalogError::NotFound)
    }

    fn list(
        &self,
        kind: EntryKind,
        prefix: &str,
        page_size: usize,
        page_token: &str,
        _: &Caller,
    ) -> Result<Page, CatalogError> {
        if page_token == "forged" {
            return Err(CatalogError::PageToken);
        }
        let state = self.state.lock().unwrap();
        let mut found = state.1.iter().filter(|((other, key), _)| {
            *other == kind && key.starts_with(prefix) && (page_token.is_empty() || key.as_str() > page_token)
        });
        let entries: Vec<_> = found.by_ref().take(page_size).map(|(_, entry)| entry.clone()).collect();
        let last = entries.last().map(|(entry, _)| entry.key().to_owned());
        let next_page_token = found.next().and(last).unwrap_or_default();
        Ok(Page { entries, next_page_token })
    }

    fn watch(&self, _: &[EntryKind], from: Option<u64>, _: &Caller) -> Result<FakeWatch, CatalogError> {
        if from == Some(1) {
            return Err(CatalogError::Compacted { oldest: 5 });
        }
        let (events, stays) = std::mem::take(&mut *self.events.lock().unwrap());
        Ok(FakeWatch { events: events.into_iter(), stays })
    }
}

/// Gives its events, then ends or stays.
pub struct FakeWatch {
    events: std::vec::IntoIter<Result<WatchEvent, CatalogError>>,
    stays: bool,
}

impl CatalogWatch for FakeWatch {
    async fn next(&mut self) -> Option<Result<WatchEvent, CatalogError>> {
        match self.events.next() {
            None if self.stays => std::future::pending().await,
            event => event,
        }
    }
}

/// Three policies, and a bundle that cannot be loaded anew.
pub struct FakePolicies;

impl FakePolicies {
    fn bundle() -> BundleInfo {
        BundleInfo {
            policy_version: String::from("sha256:1"),
            facts_version: String::from("sha256:2"),
            loaded_at: Timestamp::from_second(1_468_497_600).unwrap(),
            source: String::from("built in"),
            policy_count: 3,
        }
    }

    fn info(policy_id: &str) -> PolicyInfo {
        PolicyInfo {
            policy_id: policy_id.to_owned(),
            effect: Effect::Forbid,
            file: String::from("core/reach.cedar"),
            line: 3,
            annotations: vec![(String::from("reason"), String::from("out_of_reach"))],
        }
    }

    fn fault() -> Fault {
        let text = "permit (";
        Fault::at("core/reach.cedar", text, 0, "unexpected end of input").help("close the scope")
    }
}

impl PolicyAdmin for FakePolicies {
    fn status(&self, _: &Caller) -> Result<PolicyStatus, PolicyError> {
        let failed_at = Timestamp::from_second(1_468_497_601).unwrap();
        let faults = vec![Self::fault(); 150];
        Ok(PolicyStatus { active: Some(Self::bundle()), last_failure: Some((failed_at, faults)) })
    }

    fn policies(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        _: &Caller,
    ) -> Result<PolicyPage, PolicyError> {
        let all = ["core/a", "core/b", "eu/c"];
        let mut found =
            all.iter().filter(|id| id.starts_with(prefix) && after.is_none_or(|after| **id > after));
        let policies = found.by_ref().take(limit).map(|id| Self::info(id)).collect();
        let more = found.next().is_some();
        Ok(PolicyPage { policies, more, policy_version: String::from("sha256:1") })
    }

    fn policy(&self, policy_id: &str, _: &Caller) -> Result<PolicyText, PolicyError> {
        if policy_id != "core/a" {
            return Err(PolicyError::NotFound);
        }
        let source = String::from("forbid (principal, action, resource);");
        Ok(PolicyText { info: Self::info(policy_id), source, policy_version: String::from("sha256:1") })
    }

    async fn reload(&self, caller: &Caller) -> Result<Reloaded, PolicyError> {
        match caller.identity.id.as_str() {
            "tester" => Err(PolicyError::Rejected(vec![Self::fault()])),
            _ => Err(PolicyError::Forbidden),
        }
    }
}

/// A log of one outcome, at place 7. What else is asked of it fails in the way that the place or the page says.
pub struct FakeLog;

impl FakeLog {
    pub fn outcome() -> Outcome {
        let instant = Timestamp::from_second(1_468_497_600).unwrap();
        Outcome {
            id: Uuid::from_u128(2),
            decision_id: Uuid::from_u128(1),
            tenant: String::from("acme"),
            kind: String::from("disclosed"),
            at: instant,
            recorded_at: instant,
            caller: String::from("desk"),
            categories: Vec::new(),
            detail: String::from("by courier"),
        }
    }

    fn item() -> LogItem {
        let bytes = draft_outcome(&Self::outcome(), &Masking::default()).unwrap().body;
        LogItem { index: 7, leaf_hash: [7; 32], bytes, private: Vec::new() }
    }

    fn fails(index: u64) -> Result<(), AuditError> {
        let secret = || String::from("at /secret/path");
        match index {
            7 => Ok(()),
            1 => Err(AuditError::Forbidden),
            2 => Err(AuditError::NotReady),
            3 => Err(AuditError::NotCovered { index, tree_size: 2 }),
            4 => Err(AuditError::Unreadable(secret())),
            5 => Err(AuditError::Damaged(secret())),
            6 => Err(AuditError::NotRecorded(secret())),
            _ => Err(AuditError::NotFound),
        }
    }
}

impl AuditLog for FakeLog {
    async fn item(&self, key: ItemKey, _: &Caller) -> Result<WholeItem, AuditError> {
        let ItemKey::Index(index) = key else { return Err(AuditError::NotFound) };
        Self::fails(index)?;
        let origin = String::from("example.test/log");
        Ok(WholeItem { item: Self::item(), outcomes: vec![Self::item()], origin, ..WholeItem::default() })
    }

    async fn items(
        &self,
        filter: RecordFilter,
        page_size: usize,
        page_token: &str,
        _: &Caller,
    ) -> Result<AuditPage<LogItem>, AuditError> {
        if page_token == "forged" {
            return Err(AuditError::PageToken);
        }
        assert!((1..=500).contains(&page_size), "{page_size}");
        let broken = LogItem { bytes: vec![0xff], ..Self::item() };
        let mut items = if filter.tenant == "broken" { vec![broken] } else { vec![Self::item()] };
        // What there is was denied.
        items.retain(|_| filter.decision.is_none_or(|decision| decision == Verdict::Deny));
        Ok(AuditPage { items, next_page_token: String::from("more") })
    }

    async fn checkpoint(&self, _: &Caller) -> Result<CheckpointInfo, AuditError> {
        Ok(CheckpointInfo { tree_size: 8, pending: 1, ..CheckpointInfo::default() })
    }

    async fn proof(&self, subject: ProofSubject, _: &Caller) -> Result<Proof, AuditError> {
        match subject {
            ProofSubject::Extends(wanted) => Err(AuditError::Smaller { wanted, tree_size: 8 }),
            ProofSubject::Entry(ItemKey::Index(index)) => {
                Self::fails(index)?;
                Ok(Proof { entry: Some((7, [7; 32])), hashes: vec![[1; 32]], ..Proof::default() })
            }
            ProofSubject::Entry(ItemKey::Decision(_)) => Err(AuditError::NotFound),
        }
    }

    async fn record_outcome(&self, outcome: NewOutcome, _: &Caller) -> Result<(Uuid, Receipt), AuditError> {
        Self::fails(outcome.decision_id.as_u128().try_into().unwrap())?;
        let receipt = Receipt { log_index: 9, leaf_hash: vec![1], signature: vec![2] };
        Ok((Uuid::from_u128(3), receipt))
    }

    async fn duties(
        &self,
        _: DutyFilter,
        _: usize,
        _: &str,
        _: &Caller,
    ) -> Result<AuditPage<(Duty, DutyState)>, AuditError> {
        let obligation = Obligation {
            kind: String::from("notify_customer"),
            due: None,
            period: String::new(),
            detail: String::new(),
        };
        let duty = Duty {
            decision_id: Uuid::from_u128(1),
            tenant: String::from("acme"),
            obligation,
            outcome_id: Some(Uuid::from_u128(2)),
        };
        Ok(AuditPage { items: vec![(duty, DutyState::Done)], next_page_token: String::new() })
    }
}

/// A server on a port of its own. Dropping it stops it.
pub struct Fixture {
    pub authorizer: Arc<FakeAuthorizer>,
    pub catalog: Arc<FakeCatalog>,
    pub health: Health,
    pub closer: Closer,
    /// The ids of slow questions, as they come.
    pub came: mpsc::UnboundedReceiver<String>,
    pub channel: Channel,
    server: tokio::task::JoinHandle<()>,
}

impl Fixture {
    /// A server that knows its callers, and has a bundle.
    pub async fn start() -> Self {
        Self::start_with(true, true).await
    }

    pub async fn start_with(has_bundle: bool, knows_callers: bool) -> Self {
        let (came_sender, came) = mpsc::unbounded_channel();
        let authorizer = Arc::new(FakeAuthorizer {
            permits: Semaphore::new(0),
            came: came_sender,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            caller: Mutex::new(None),
        });
        let catalog = Arc::new(FakeCatalog::default());
        let (closer, closing) = closer();
        let (health, health_service) = Health::new().await;
        let routes = routes(Backends {
            authorizer: Arc::clone(&authorizer),
            catalog: Arc::clone(&catalog),
            policies: Arc::new(FakePolicies),
            log: Arc::new(FakeLog),
            vocabularies: Arc::new(Lexicon { is_loaded: has_bundle }),
            closing,
        })
        .unwrap()
        .add_service(health_service);
        let identify = move |mut request: Request<()>| -> Result<Request<()>, Status> {
            if knows_callers {
                request.extensions_mut().insert(Caller::from(Identity::bare("tester", Credential::Local)));
            }
            Ok(request)
        };
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap().with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        let server = tokio::spawn(async move {
            Server::builder()
                .layer(InterceptorLayer::new(identify))
                .add_routes(routes)
                .serve_with_incoming(incoming)
                .await
                .unwrap();
        });
        let channel = Endpoint::try_from(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { authorizer, catalog, health, closer, came, channel, server }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.server.abort();
    }
}
