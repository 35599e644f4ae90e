//! Every case of the bundle holds, by the engine and over gRPC, and both give the same answer.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod common;

use common::server::{Server, Start};
use common::{ask_at, bundle, instant};
use jiff::Timestamp;
use situs::domain::Answer;
use situs::grpc::convert;
use situs::grpc::proto::authorize_result::Result as Answered;
use situs::grpc::proto::{AuthorizeBatchRequest, AuthorizeRequest, AuthorizeResponse};
use situs::scenario::{Case, compare, read_cases};
use tokio_stream::StreamExt;

/// Questions of one batch; the service takes at most 256.
const BATCH: usize = 200;

fn cases() -> Vec<Case> {
    let files = read_cases(bundle().files(), bundle().facts()).unwrap();
    files.into_iter().flat_map(|file| file.cases).collect()
}

/// The answer without what is of the moment: when, under which id, and where it was recorded.
fn timeless(answer: AuthorizeResponse) -> AuthorizeResponse {
    AuthorizeResponse {
        decided_at: None,
        valid_until: None,
        receipt: None,
        decision_id: String::new(),
        ..answer
    }
}

fn instant_of(wire: Option<&prost_types::Timestamp>) -> Timestamp {
    let wire = wire.unwrap();
    Timestamp::new(wire.seconds, wire.nanos).unwrap()
}

/// The engine's answer to a case that was decided by the server at an instant.
fn expected(case: &Case, decided_at: Timestamp) -> Answer {
    ask_at(bundle(), &case.question, decided_at)
}

fn check(case: &Case, answer: &AuthorizeResponse) {
    let decided_at = instant_of(answer.decided_at.as_ref());
    let by_engine = expected(case, decided_at);
    let comparison = compare(&case.expect, &by_engine);
    assert!(comparison.holds(), "{}: {:?}", case.id, comparison.faults);
    assert_eq!(timeless(answer.clone()), timeless(convert::to_response(by_engine)), "{}", case.id);
    assert!(answer.hypothetical, "{}: a case is decided under the law of its day", case.id);
    assert_eq!(instant_of(answer.valid_until.as_ref()), decided_at, "{}: it licenses nothing", case.id);
    assert_eq!(uuid::Uuid::parse_str(&answer.decision_id).unwrap().get_version_num(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_holds_over_grpc_as_it_does_by_the_engine() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let server = Start::new(folder.path()).ready();
    let mut client = server.authorization().await;
    for some in cases.chunks(BATCH) {
        let requests = some.iter().map(|case| convert::to_request(&case.question)).collect();
        let request = AuthorizeBatchRequest { requests };
        let results = client.authorize_batch(request).await.unwrap().into_inner().results;
        assert_eq!(results.len(), some.len());
        for (case, result) in some.iter().zip(results) {
            match result.result {
                Some(Answered::Response(answer)) => check(case, &answer),
                other => panic!("{}: {other:?}", case.id),
            }
        }
    }
    one_by_one_and_in_a_stream(&server, &cases).await;
}

/// The three doors give the same answer.
async fn one_by_one_and_in_a_stream(server: &Server, cases: &[Case]) {
    let mut client = server.authorization().await;
    let some: Vec<&Case> = cases.iter().step_by(cases.len().div_ceil(40).max(1)).collect();
    for case in &some {
        check(case, &client.authorize(convert::to_request(&case.question)).await.unwrap().into_inner());
    }
    let request = |(place, case): (usize, &&Case)| {
        let request_id = place.to_string();
        let request = AuthorizeRequest { request_id, ..convert::to_request(&case.question) };
        situs::grpc::proto::AuthorizeStreamRequest { request: Some(request) }
    };
    let requests: Vec<_> = some.iter().enumerate().map(request).collect();
    let mut answers = client.authorize_stream(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut answered = 0;
    while let Some(answer) = answers.next().await {
        let answer = answer.unwrap();
        let case = some[answer.request_id.parse::<usize>().unwrap()];
        match answer.result {
            Some(situs::grpc::proto::authorize_stream_response::Result::Response(response)) => {
                check(case, &AuthorizeResponse { request_id: String::new(), ..response });
            }
            other => panic!("{}: {other:?}", case.id),
        }
        answered += 1;
    }
    assert_eq!(answered, some.len());
}

#[test]
fn a_case_is_decided_by_its_day_and_not_by_the_day_on_which_it_is_asked() {
    // Only when facts were last looked at has to do with now.
    for case in cases().iter().step_by(23) {
        let answers = ["2026-11-22T12:00:00Z", "2026-12-24T12:00:00Z"].map(|now| {
            let answer = expected(case, instant(now));
            timeless(convert::to_response(answer))
        });
        assert_eq!(answers[0], answers[1], "{}", case.id);
    }
}
