//! `AuditService`: what is asked of the log, and what is told when it does not say.

use situs::grpc::proto::audit_service_client::AuditServiceClient;
use situs::grpc::proto::get_proof_request::Subject;
use situs::grpc::proto::get_record_request::Record as Key;
use situs::grpc::proto::log_entry::Entry;
use situs::grpc::proto::{
    DutyState, GetCheckpointRequest, GetProofRequest, GetRecordRequest, ListObligationsRequest,
    ListRecordsRequest, RecordOutcomeRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::fakes::{FakeLog, Fixture};

fn client(fixture: &Fixture) -> AuditServiceClient<Channel> {
    AuditServiceClient::new(fixture.channel.clone())
}

fn outcome(decision: u128, kind: &str) -> RecordOutcomeRequest {
    RecordOutcomeRequest {
        decision_id: Uuid::from_u128(decision).to_string(),
        kind: kind.to_owned(),
        ..RecordOutcomeRequest::default()
    }
}

fn bad_fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations.into_iter().map(|violation| violation.field).collect()
}

async fn at(client: &AuditServiceClient<Channel>, index: u64) -> Result<(), Status> {
    let record = Some(Key::LogIndex(index));
    client.clone().get_record(GetRecordRequest { record }).await.map(drop)
}

#[tokio::test]
async fn an_entry_comes_with_its_leaf_and_its_outcomes() {
    let fixture = Fixture::start().await;
    let request = GetRecordRequest { record: Some(Key::LogIndex(7)) };
    let response = client(&fixture).get_record(request).await.unwrap().into_inner();
    let record = response.record.unwrap();
    assert_eq!((response.origin.as_str(), record.log_index), ("example.test/log", 7));
    assert_eq!((record.leaf_hash.len(), record.leaf.is_empty()), (32, false));
    let Some(Entry::Outcome(entry)) = record.entry.unwrap().entry else { panic!("it is an outcome") };
    assert_eq!(entry.detail, FakeLog::outcome().detail);
    assert_eq!(record.outcomes, [entry]);
}

#[tokio::test]
async fn every_refusal_has_its_code_and_tells_no_more() {
    let fixture = Fixture::start().await;
    let client = client(&fixture);
    let codes = [
        (0, Code::NotFound, "NOT_FOUND"),
        (1, Code::PermissionDenied, "FORBIDDEN"),
        (2, Code::Unavailable, "NOT_READY"),
        (3, Code::FailedPrecondition, "NOT_COVERED"),
        (4, Code::Unavailable, "UNREADABLE"),
        (5, Code::DataLoss, "DAMAGED"),
        (6, Code::Unavailable, "NOT_RECORDED"),
    ];
    for (index, code, reason) in codes {
        let status = at(&client, index).await.unwrap_err();
        assert_eq!((status.code(), &*status.get_details_error_info().unwrap().reason), (code, reason));
        assert!(!status.message().contains("secret"), "{status:?}");
    }
}

#[tokio::test]
async fn bad_fields_are_named() {
    let fixture = Fixture::start().await;
    let mut client = client(&fixture);
    let status = client.get_record(GetRecordRequest { record: None }).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["record"]);
    let record = Some(Key::DecisionId(String::from("7")));
    let status = client.get_record(GetRecordRequest { record }).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["decision_id"]);
    let status = client.get_proof(GetProofRequest { subject: None }).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["subject"]);
    let mut bad = outcome(7, "nonsense");
    bad.detail = "x".repeat(5000);
    bad.decision_id = String::from("x");
    let status = client.record_outcome(bad).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["decision_id", "kind", "detail"]);
    let status = client.record_outcome(outcome(7, "")).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["kind"]);
    let instant = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let list = ListRecordsRequest {
        from: instant(10),
        until: instant(9),
        jurisdiction: String::from("XX"),
        decision: Some(9),
        page_size: 501,
        ..ListRecordsRequest::default()
    };
    let status = client.list_records(list).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["decision", "jurisdiction", "until", "page_size"]);
    let list = ListObligationsRequest { decision_id: String::from("x"), ..ListObligationsRequest::default() };
    assert_eq!(bad_fields(&client.list_obligations(list).await.unwrap_err()), ["decision_id"]);
}

#[tokio::test]
async fn lists_come_in_pages_and_a_broken_entry_is_told() {
    let fixture = Fixture::start().await;
    let mut client = client(&fixture);
    let request = ListRecordsRequest { decision: Some(2), ..ListRecordsRequest::default() };
    let page = client.list_records(request.clone()).await.unwrap().into_inner();
    assert_eq!((page.records.len(), page.next_page_token.as_str()), (1, "more"));
    let forged = ListRecordsRequest { page_token: String::from("forged"), ..request.clone() };
    assert_eq!(bad_fields(&client.list_records(forged).await.unwrap_err()), ["page_token"]);
    let broken = ListRecordsRequest { tenant_id: String::from("broken"), ..request };
    assert_eq!(client.list_records(broken).await.unwrap_err().code(), Code::DataLoss);
    let duties = client.list_obligations(ListObligationsRequest::default()).await.unwrap().into_inner();
    assert_eq!(duties.duties[0].state(), DutyState::Done);
    assert_eq!(duties.duties[0].outcome_id, Uuid::from_u128(2).to_string());
}

#[tokio::test]
async fn proofs_checkpoints_and_outcomes_go_through() {
    let fixture = Fixture::start().await;
    let mut client = client(&fixture);
    let checkpoint = client.get_checkpoint(GetCheckpointRequest {}).await.unwrap().into_inner();
    assert_eq!((checkpoint.tree_size, checkpoint.pending), (8, 1));
    let subject = Some(Subject::LogIndex(7));
    let proof = client.get_proof(GetProofRequest { subject }).await.unwrap().into_inner();
    assert_eq!((proof.log_index, proof.hashes.len()), (7, 1));
    let subject = Some(Subject::ExtendsTreeSize(9));
    let status = client.get_proof(GetProofRequest { subject }).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    let recorded = client.record_outcome(outcome(7, "disclosed")).await.unwrap().into_inner();
    assert_eq!(recorded.receipt.unwrap().log_index, 9);
    let status = client.record_outcome(outcome(8, "disclosed")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn nobody_and_no_bundle_get_nothing() {
    let fixture = Fixture::start_with(true, false).await;
    assert_eq!(at(&client(&fixture), 7).await.unwrap_err().code(), Code::Unauthenticated);
    let fixture = Fixture::start_with(false, true).await;
    let status = client(&fixture).record_outcome(outcome(7, "disclosed")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
