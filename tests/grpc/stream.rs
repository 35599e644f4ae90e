//! `AuthorizeStream`.

use std::sync::atomic::Ordering;

use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::authorize_stream_response::Result as Outcome;
use situs::grpc::proto::{AuthorizeStreamRequest, AuthorizeStreamResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use super::authorization::question;
use super::fakes::Fixture;

struct Stream {
    questions: mpsc::Sender<AuthorizeStreamRequest>,
    answers: Streaming<AuthorizeStreamResponse>,
}

impl Stream {
    async fn open(fixture: &Fixture) -> Self {
        let (questions, receiver) = mpsc::channel(256);
        let mut client = AuthorizationServiceClient::new(fixture.channel.clone());
        let answers = client.authorize_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        Self { questions, answers }
    }

    async fn ask(&self, data_ref: &str, request_id: &str) {
        let request = Some(question(data_ref, request_id));
        self.questions.send(AuthorizeStreamRequest { request }).await.unwrap();
    }

    /// The next answer: its id, its place in the stream, and the code of its status.
    async fn next(&mut self) -> (String, u64, Code) {
        let answer = self.answers.message().await.unwrap().unwrap();
        let code = match answer.result.unwrap() {
            Outcome::Response(response) => {
                assert_eq!(response.request_id, answer.request_id);
                Code::Ok
            }
            Outcome::Status(status) => Code::from(status.code),
        };
        (answer.request_id, answer.sequence, code)
    }
}

fn id(id: &str, sequence: u64, code: Code) -> (String, u64, Code) {
    (id.to_owned(), sequence, code)
}

#[tokio::test]
async fn answers_come_as_they_are_ready() {
    let mut fixture = Fixture::start().await;
    let mut stream = Stream::open(&fixture).await;
    stream.ask("acme/slow", "slow").await;
    assert_eq!(fixture.came.recv().await.unwrap(), "slow");
    stream.ask("acme/fast", "fast").await;
    assert_eq!(stream.next().await, id("fast", 1, Code::Ok));
    fixture.authorizer.permits.add_permits(1);
    assert_eq!(stream.next().await, id("slow", 0, Code::Ok));
    drop(stream.questions);
    assert!(stream.answers.message().await.unwrap().is_none(), "the stream ends well");
}

#[tokio::test]
async fn each_fault_is_its_question_s_own() {
    let mut fixture = Fixture::start().await;
    let mut stream = Stream::open(&fixture).await;
    stream.ask("acme/slow", "same").await;
    fixture.came.recv().await.unwrap();
    stream.ask("acme/fast", "same").await;
    assert_eq!(stream.next().await, id("same", 1, Code::InvalidArgument));
    stream.ask("acme/fast", "").await;
    assert_eq!(stream.next().await, id("", 2, Code::InvalidArgument));
    stream.questions.send(AuthorizeStreamRequest { request: None }).await.unwrap();
    assert_eq!(stream.next().await, id("", 3, Code::InvalidArgument));
    stream.ask("acme/fast", &"x".repeat(257)).await;
    assert_eq!(stream.next().await, id("", 4, Code::InvalidArgument));
    stream.ask("nonsense", "bad").await;
    assert_eq!(stream.next().await, id("bad", 5, Code::InvalidArgument));
    stream.ask("acme/panic", "panic").await;
    assert_eq!(stream.next().await, id("panic", 6, Code::Internal));
    fixture.authorizer.permits.add_permits(1);
    assert_eq!(stream.next().await, id("same", 0, Code::Ok));
    stream.ask("acme/fast", "same").await;
    assert_eq!(stream.next().await, id("same", 7, Code::Ok), "an id is free again once it is answered");
}

#[tokio::test]
async fn questions_in_flight_are_bounded() {
    let mut fixture = Fixture::start().await;
    let mut stream = Stream::open(&fixture).await;
    for index in 0..100 {
        stream.ask("acme/slow", &index.to_string()).await;
    }
    for _ in 0..64 {
        fixture.came.recv().await.unwrap();
    }
    fixture.authorizer.permits.add_permits(100);
    for _ in 0..100 {
        assert_eq!(stream.next().await.2, Code::Ok);
    }
    assert_eq!(fixture.authorizer.most.load(Ordering::SeqCst), 64);
}

#[tokio::test]
async fn what_is_in_flight_is_answered_when_the_client_has_no_more() {
    let mut fixture = Fixture::start().await;
    let mut stream = Stream::open(&fixture).await;
    stream.ask("acme/slow", "slow").await;
    fixture.came.recv().await.unwrap();
    let (questions, _unused) = mpsc::channel(1);
    drop(std::mem::replace(&mut stream.questions, questions));
    fixture.authorizer.permits.add_permits(1);
    assert_eq!(stream.next().await, id("slow", 0, Code::Ok));
    assert!(stream.answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_closes_answers_what_is_in_flight_first() {
    let mut fixture = Fixture::start().await;
    let mut stream = Stream::open(&fixture).await;
    stream.ask("acme/slow", "slow").await;
    fixture.came.recv().await.unwrap();
    fixture.closer.close();
    fixture.authorizer.permits.add_permits(1);
    assert_eq!(stream.next().await, id("slow", 0, Code::Ok));
    assert_eq!(stream.answers.message().await.unwrap_err().code(), Code::Unavailable);
}
