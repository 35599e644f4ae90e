//! `Authorize` and `AuthorizeBatch`.

use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::authorize_result::Result as Outcome;
use situs::grpc::proto::{AuthorizeBatchRequest, AuthorizeRequest, Decision, Requester};
use std::sync::atomic::Ordering;
use tonic::{Code, Request};
use tonic_types::StatusExt;

use super::fakes::Fixture;

pub fn question(data_ref: &str, request_id: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        data_ref: data_ref.to_owned(),
        requester: Some(Requester { id: String::from("replicator"), ..Requester::default() }),
        jurisdiction: String::from("IE"),
        request_id: request_id.to_owned(),
        ..AuthorizeRequest::default()
    }
}

#[tokio::test]
async fn three_arguments_are_enough() {
    let fixture = Fixture::start().await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    let mut request = Request::new(question("acme/mail", "q-1"));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.metadata_mut().insert("traceparent", trace.parse().unwrap());
    let answer = client.authorize(request).await.unwrap().into_inner();
    assert_eq!(answer.decision(), Decision::Allow);
    assert_eq!((answer.request_id.as_str(), answer.regimes), ("q-1", vec![String::from("IE")]));
    let caller = fixture.authorizer.caller.lock().unwrap().clone().unwrap();
    assert_eq!(caller.identity.id, "tester");
    assert_eq!(caller.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn a_bad_question_names_every_bad_field() {
    let fixture = Fixture::start().await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    let mut bad = question("acme", "q-1");
    bad.jurisdiction = String::from("IRL");
    bad.action = Some(77);
    let status = client.authorize(bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "3 fields are not valid: `data_ref`, `jurisdiction`, `action`");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["data_ref", "jurisdiction", "action"]);
    assert!(violations[1].description.contains("did you mean `IE`"), "{}", violations[1].description);
    assert!(fixture.authorizer.caller.lock().unwrap().is_none(), "no bad question reaches the engine");
}

#[tokio::test]
async fn each_error_has_its_code_and_no_secret() {
    let fixture = Fixture::start().await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    for (data_ref, code, reason) in [
        ("acme/behind", Code::Unavailable, "BEHIND"),
        ("acme/unrecorded", Code::Unavailable, "NOT_RECORDED"),
        ("acme/unready", Code::Unavailable, "NOT_READY"),
        ("acme/overloaded", Code::ResourceExhausted, "OVERLOADED"),
        ("acme/forbidden", Code::PermissionDenied, "FIELD_FORBIDDEN"),
    ] {
        let status = client.authorize(question(data_ref, "")).await.unwrap_err();
        assert_eq!(status.code(), code, "{data_ref}");
        assert_eq!(status.get_details_error_info().unwrap().reason, reason);
        assert!(!format!("{status:?}").contains("secret"), "{status:?}");
    }
    let status = client.authorize(question("acme/forbidden", "")).await.unwrap_err();
    assert!(status.message().contains("`process.upheld`"));
}

#[tokio::test]
async fn without_a_bundle_nothing_is_answered() {
    let fixture = Fixture::start_with(false, true).await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    let status = client.authorize(question("acme/mail", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn without_a_caller_nothing_is_answered() {
    let fixture = Fixture::start_with(true, false).await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    let status = client.authorize(question("acme/mail", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = client.authorize_batch(AuthorizeBatchRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = client.authorize_stream(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_batch_keeps_its_order_and_outlives_its_faults() {
    let fixture = Fixture::start().await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    let references = ["acme/a", "nonsense", "acme/panic", "acme/forbidden", "acme/b"];
    let requests = references.iter().map(|data_ref| question(data_ref, data_ref)).collect();
    let response = client.authorize_batch(AuthorizeBatchRequest { requests }).await.unwrap().into_inner();
    let codes: Vec<_> = response
        .results
        .iter()
        .map(|result| match result.result.as_ref().unwrap() {
            Outcome::Response(answer) => answer.request_id.clone(),
            Outcome::Status(status) => format!("{:?}", Code::from(status.code)),
        })
        .collect();
    assert_eq!(codes, ["acme/a", "InvalidArgument", "Internal", "PermissionDenied", "acme/b"]);
    assert_eq!(response.results[1].bad_fields[0].field, "data_ref");
    assert!(response.results[0].bad_fields.is_empty());
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let mut fixture = Fixture::start().await;
    let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
    let batch = |count: usize, data_ref: &str| AuthorizeBatchRequest {
        requests: (0..count).map(|_| question(data_ref, "")).collect(),
    };
    let status = client.authorize_batch(batch(257, "acme/a")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "requests");

    let slow = tokio::spawn(async move { client.authorize_batch(batch(256, "acme/slow")).await });
    for _ in 0..32 {
        fixture.came.recv().await.unwrap();
    }
    fixture.authorizer.permits.add_permits(256);
    let response = slow.await.unwrap().unwrap().into_inner();
    assert_eq!(response.results.len(), 256);
    assert_eq!(fixture.authorizer.most.load(Ordering::SeqCst), 32);
}
