//! The log through a server's doors: what is recorded is found, shown, proved, and completed by outcomes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::server::{Server, Start, eventually};
use situs::audit::{Checkpoint, LogDir, Records, Verifier, leaf_hash, merkle};
use situs::grpc::proto::audit_service_client::AuditServiceClient;
use situs::grpc::proto::get_proof_request::Subject;
use situs::grpc::proto::get_record_request::Record as Key;
use situs::grpc::proto::log_entry::Entry;
use situs::grpc::proto::{
    Action, AuthorizeRequest, AuthorizeResponse, Duty, DutyState, GetCheckpointRequest, GetProofRequest,
    GetRecordRequest, ListObligationsRequest, ListRecordsRequest, Record, RecordOutcomeRequest,
    RecordOutcomeResponse,
};
use situs::grpc::{DECODE, words};
use situs::policy::{self, Bundle};
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A server whose log masks who calls and what data it is about.
struct Fixture {
    folder: TempDir,
    server: Server,
    client: AuditServiceClient<Channel>,
}

// === impl Fixture ===

impl Fixture {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        // Without its cases a debug build loads it in a moment.
        let files = common::files().into_iter().filter(|(path, _)| !path.starts_with("scenarios/")).collect();
        policy::write_folder(&files, &folder.path().join("policies")).unwrap();
        Self::over(folder).await
    }

    async fn over(folder: TempDir) -> Self {
        let mut program = Command::new("env");
        program.args(["SITUS_MASK=caller,data_ref", "SITUS_ERASE=trace_id"]);
        let data = folder.path().join("data");
        let server = Start::under(program, &data).policies(&folder.path().join("policies")).ready();
        let client = AuditServiceClient::new(server.connect().await);
        Self { folder, server, client }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends the server, changes what it left, and starts another.
    async fn restart(self, change: impl FnOnce(&Path)) -> Self {
        assert!(self.server.stop().success());
        change(&self.folder.path().join("data"));
        Self::over(self.folder).await
    }

    async fn ask(&self, request: AuthorizeRequest) -> AuthorizeResponse {
        let mut client = self.server.authorization().await;
        client.authorize(request).await.unwrap().into_inner()
    }

    async fn record(&self, id: &str) -> Result<Record, Status> {
        let record = Some(Key::DecisionId(id.to_owned()));
        let response = self.client.clone().get_record(GetRecordRequest { record }).await?.into_inner();
        Ok(response.record.unwrap())
    }

    /// The ids of the records that a list gives, by pages of one.
    async fn listed(&self, request: ListRecordsRequest) -> Vec<String> {
        let mut request = ListRecordsRequest { page_size: 1, ..request };
        let mut ids = Vec::new();
        loop {
            let page = self.client.clone().list_records(request.clone()).await.unwrap().into_inner();
            for record in page.records {
                let Some(Entry::Decision(entry) | Entry::Enquiry(entry)) = record.entry.unwrap().entry else {
                    panic!("a list has decisions and enquiries")
                };
                ids.push(entry.decision_id);
            }
            if page.next_page_token.is_empty() {
                return ids;
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn duties(&self, decision: &str, done: bool) -> Vec<Duty> {
        let decision_id = decision.to_owned();
        let mut request =
            ListObligationsRequest { decision_id, done, page_size: 1, ..ListObligationsRequest::default() };
        let mut duties = Vec::new();
        loop {
            let page = self.client.clone().list_obligations(request.clone()).await.unwrap().into_inner();
            duties.extend(page.duties);
            if page.next_page_token.is_empty() {
                return duties;
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn outcome(&self, decision: &str, kind: &str) -> Result<RecordOutcomeResponse, Status> {
        let request = RecordOutcomeRequest {
            decision_id: decision.to_owned(),
            kind: kind.to_owned(),
            detail: String::from("by letter"),
            ..RecordOutcomeRequest::default()
        };
        Ok(self.client.clone().record_outcome(request).await?.into_inner())
    }
}

/// A demand that is to be answered, with a notice to give.
fn demand() -> AuthorizeRequest {
    let words = serde_json::json!({
        "data_ref": "example/mail",
        "jurisdiction": "US",
        "requester": { "kind": "authority", "jurisdiction": "US" },
        "data_categories": ["content"],
        "holding": {
            "stored_in": ["US"], "data_kinds": ["personal"], "data_categories": ["content"],
            "subject_count": 1, "provider_role": "processor", "provider_established_in": ["US"],
        },
        "process": {
            "instrument": "search_warrant", "issuing_jurisdiction": "US", "issued_by": "court",
            "names_accounts": true,
        },
        "request_id": "demand",
    });
    words::read(&words).unwrap()
}

fn enquiry() -> AuthorizeRequest {
    let as_of = Some(prost_types::Timestamp { seconds: 1_468_497_600, nanos: 0 });
    AuthorizeRequest { as_of, ..demand() }
}

fn says(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_record_is_found_shown_and_proved() {
    let fixture = Fixture::start().await;
    let answer = fixture.ask(demand()).await;
    let record = fixture.record(&answer.decision_id).await.unwrap();
    let receipt = answer.receipt.clone().unwrap();
    assert_eq!((record.log_index, &record.leaf_hash), (receipt.log_index, &receipt.leaf_hash));
    assert_eq!(record.leaf_hash, leaf_hash(&record.leaf));
    assert_eq!(record.question.as_ref(), Some(&demand()));
    assert_eq!(record.answer, Some(AuthorizeResponse { receipt: None, ..answer.clone() }));
    assert_eq!(record.facts.unwrap().holding.unwrap().stored_in, ["US"]);
    let Some(Entry::Decision(entry)) = record.entry.unwrap().entry else { panic!("it is a decision") };
    assert_eq!((entry.caller.as_str(), entry.data_ref.as_str()), ("local", "example/mail"));
    assert!(!says(&record.leaf, "local") && !says(&record.leaf, "example/mail"), "the leaf hides them");
    assert!(record.withheld.is_empty());

    let subject = Some(Subject::DecisionId(answer.decision_id.clone()));
    let proof = eventually("a checkpoint covers it", || {
        let mut client = fixture.client.clone();
        let request = GetProofRequest { subject: subject.clone() };
        async move { client.get_proof(request).await.ok() }
    })
    .await
    .into_inner();
    let info = fixture.client.clone().get_checkpoint(GetCheckpointRequest {}).await.unwrap().into_inner();
    let checkpoint: Checkpoint = proof.checkpoint.parse().unwrap();
    checkpoint.check(&info.verifier_key.parse::<Verifier>().unwrap()).unwrap();
    let path: Vec<merkle::Hash> =
        proof.hashes.iter().map(|hash| hash.as_slice().try_into().unwrap()).collect();
    let leaf: merkle::Hash = receipt.leaf_hash.as_slice().try_into().unwrap();
    assert!(merkle::check_inclusion(proof.log_index, &leaf, checkpoint.size, &checkpoint.root, &path));
    assert!(proof.proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{}", proof.proof);
    assert!(proof.proof.contains(&format!("\nindex {}\n", proof.log_index)), "{}", proof.proof);
    assert!(proof.proof.ends_with(&format!("\n\n{}", proof.checkpoint)));
    let subject = Some(Subject::ExtendsTreeSize(1));
    let extension = fixture.client.clone().get_proof(GetProofRequest { subject }).await.unwrap().into_inner();
    assert!(extension.proof.is_empty() && extension.leaf_hash.is_empty());

    let missing = fixture.record("0197c3f2-6b1e-7c55-9d2e-1f0a52c9b7aa").await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);

    // The plain texts may go, and the record stays.
    eventually("a checkpoint covers it", || async {
        LogDir::open(&fixture.data()).erase(record.log_index).ok()
    })
    .await;
    let log = LogDir::open(&fixture.data());
    assert_eq!(log.private(record.log_index).unwrap(), None);
    let bare = fixture.record(&answer.decision_id).await.unwrap();
    assert_eq!(bare.withheld, ["caller", "data_ref"]);
    assert_eq!(bare.leaf, record.leaf);
}

#[tokio::test]
async fn records_are_listed_and_the_index_is_made_anew_where_it_is_lost() {
    let fixture = Fixture::start().await;
    let demanded = fixture.ask(demand()).await.decision_id;
    let asked = fixture.ask(enquiry()).await.decision_id;
    let transfer = AuthorizeRequest { action: Some(Action::Transfer.into()), ..demand() };
    let moved = fixture.ask(transfer).await.decision_id;
    // It is answered before it is on disk.
    eventually("it is recorded", || async { fixture.record(&moved).await.ok() }).await;

    let all = ListRecordsRequest { enquiries: true, ..ListRecordsRequest::default() };
    let check = async |fixture: &Fixture| {
        assert_eq!(fixture.listed(ListRecordsRequest::default()).await, [&*demanded, &*moved]);
        assert_eq!(fixture.listed(all.clone()).await, [&*demanded, &*asked, &*moved]);
        let transfers = ListRecordsRequest { action: Some(Action::Transfer.into()), ..all.clone() };
        assert_eq!(fixture.listed(transfers).await, [&*moved]);
        let here = ListRecordsRequest { jurisdiction: String::from("US"), ..ListRecordsRequest::default() };
        assert_eq!(fixture.listed(here).await.len(), 2);
        let elsewhere = ListRecordsRequest { tenant_id: String::from("contoso"), ..all.clone() };
        assert_eq!(fixture.listed(elsewhere).await, Vec::<String>::new());
        let decided = fixture.record(&moved).await.unwrap().answer.unwrap().decided_at;
        let later = ListRecordsRequest { from: decided, ..all.clone() };
        assert_eq!(fixture.listed(later).await, [&*moved]);
        let earlier = ListRecordsRequest { until: decided, ..ListRecordsRequest::default() };
        assert_eq!(fixture.listed(earlier).await, [&*demanded]);
    };
    check(&fixture).await;
    let fixture = fixture.restart(|data| std::fs::remove_file(data.join("index.db")).unwrap()).await;
    check(&fixture).await;
    let fixture = fixture
        .restart(|data| {
            let path = data.join("index.db");
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, vec![0x5a; bytes.len()]).unwrap();
        })
        .await;
    check(&fixture).await;

    // In stable names, without a server.
    let log = LogDir::open(&fixture.data());
    let records: Vec<_> =
        Records::open(&log, 0..u64::MAX, DECODE).unwrap().collect::<Result<_, _>>().unwrap();
    let json = words::logged("example.test/log", &records[0]).unwrap();
    assert_eq!(json["decision_id"], demanded);
    assert_eq!(json["labels"]["id"], "example.test/log");
    assert_eq!((&json["requested_by"], &json["type"]), (&"local".into(), &"decision".into()));
    assert_eq!(json["input"]["data_ref"], "example/mail");
    assert_eq!(json["facts"]["holding"]["stored_in"], serde_json::json!(["US"]));
    assert_eq!(json["result"]["decision_id"], demanded);
    assert_eq!(json["masked"], serde_json::json!(["caller", "data_ref"]));
    assert_eq!((json["leaf_hash"].as_str().unwrap().len(), json.get("erased")), (64, None));
}

#[tokio::test]
async fn duties_are_open_until_an_outcome_fulfils_them() {
    let fixture = Fixture::start().await;
    let decision = fixture.ask(demand()).await.decision_id;
    let enquired = fixture.ask(enquiry()).await.decision_id;
    let open = fixture.duties(&decision, false).await;
    assert!(!open.is_empty(), "a disclosure has duties");
    assert!(fixture.duties(&enquired, true).await.is_empty(), "an enquiry binds nobody");
    let (bundle, _) = Bundle::load(&common::files()).unwrap();
    let kind_of = |duty: &Duty| duty.obligation.as_ref().unwrap().kind.clone();
    let (outcome, _) = bundle
        .facts()
        .fulfils()
        .iter()
        .find(|(_, duties)| duties.contains(&kind_of(&open[0])))
        .expect("an outcome fulfils each duty");

    let unknown = fixture.outcome(&decision, "disclozed").await.unwrap_err();
    let bad = unknown.get_details_bad_request().unwrap().field_violations.remove(0);
    assert!(bad.field == "kind" && bad.description.contains("disclosed"), "{bad:?}");
    let nobody = fixture.outcome("0197c3f2-6b1e-7c55-9d2e-1f0a52c9b7aa", outcome).await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);

    let recorded = fixture.outcome(&decision, outcome).await.unwrap();
    let still_open = fixture.duties(&decision, false).await;
    assert!(
        still_open.len() < open.len() && !still_open.iter().any(|duty| kind_of(duty) == kind_of(&open[0]))
    );
    let done = fixture.duties(&decision, true).await;
    assert_eq!(done.len(), open.len());
    let done: Vec<_> = done.into_iter().filter(|duty| duty.state() == DutyState::Done).collect();
    assert!(done.iter().all(|duty| duty.outcome_id == recorded.outcome_id), "{done:?}");
    let record = fixture.record(&decision).await.unwrap();
    assert_eq!(record.outcomes.len(), 1);
    assert_eq!((&record.outcomes[0].kind, &*record.outcomes[0].detail), (outcome, "by letter"));
    assert_eq!(record.outcomes[0].caller, "local");

    // The command line records one too.
    let command = Command::new(env!("CARGO_BIN_EXE_situs"))
        .args([
            "outcome",
            &decision,
            "noted",
            "--detail",
            "filed",
            "--at",
            "2026-11-20",
            "--categories",
            "content",
        ])
        .args(["--server", fixture.server.address()])
        .output()
        .unwrap();
    assert!(command.status.success(), "{command:?}");
    let noted = fixture.record(&decision).await.unwrap().outcomes.remove(1);
    assert_eq!(
        (noted.kind.as_str(), noted.detail.as_str(), noted.data_categories),
        ("noted", "filed", vec![4])
    );

    // And it lists the same of a folder that a server writes to.
    let data = fixture.data();
    let command = Command::new(env!("CARGO_BIN_EXE_situs"))
        .args(["obligations", "--json", "--done", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(command.status.success(), "{command:?}");
    let text = String::from_utf8(command.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), open.len());
    assert!(lines.iter().all(|line| line["decision_id"] == decision));
}
