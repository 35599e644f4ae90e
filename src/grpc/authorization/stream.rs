//! Questions as they come: answered in any order, each under its own `request_id`.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::super::closing::Closing;
use super::super::convert;
use super::super::ports::Authorizer;
use super::super::proto::authorize_stream_response::Result as Outcome;
use super::super::proto::{AuthorizeResponse, AuthorizeStreamRequest, AuthorizeStreamResponse};
use super::super::status::{bad_field, closing, lost, to_rpc_status};
use super::Answerer;
use crate::domain::Caller;

/// Most questions of one stream in flight. Beyond it the stream is not read, so that the client feels it.
const MAX_IN_FLIGHT: usize = 64;
/// Answers that wait to be sent: a few, so that a client that does not read stops being answered.
const ANSWERS: usize = 16;

type Sender = mpsc::Sender<Result<AuthorizeStreamResponse, Status>>;
type Done = Result<(Id, Result<AuthorizeResponse, Status>), JoinError>;

/// Answers a stream in a task of its own, which ends with the stream.
pub(super) fn answer<A: Authorizer>(
    answerer: Answerer<A>,
    questions: Streaming<AuthorizeStreamRequest>,
    caller: Caller,
    closing: Closing,
) -> ReceiverStream<Result<AuthorizeStreamResponse, Status>> {
    let (sender, receiver) = mpsc::channel(ANSWERS);
    let stream =
        Stream { answerer, caller: Arc::new(caller), sender, sequence: 0, in_flight: InFlight::default() };
    tokio::spawn(stream.run(questions, closing));
    ReceiverStream::new(receiver)
}

struct Stream<A> {
    answerer: Answerer<A>,
    caller: Arc<Caller>,
    sender: Sender,
    sequence: u64,
    in_flight: InFlight,
}

/// Questions that are being answered. Dropping it stops them.
#[derive(Default)]
struct InFlight {
    tasks: JoinSet<Result<AuthorizeResponse, Status>>,
    questions: HashMap<Id, Question>,
}

/// What is known of a question but its answer.
struct Question {
    request_id: String,
    sequence: u64,
}

/// The client is gone.
struct Gone;

// === impl Stream ===

impl<A: Authorizer> Stream<A> {
    async fn run(mut self, mut questions: Streaming<AuthorizeStreamRequest>, mut server: Closing) {
        let mut end = None;
        loop {
            let reads = end.is_none() && self.in_flight.tasks.len() < MAX_IN_FLIGHT;
            let step = tokio::select! {
                () = self.sender.closed() => return,
                Some(done) = self.in_flight.tasks.join_next_with_id() => self.finish(done).await,
                () = server.wait(), if end.is_none() => {
                    end = Some(Err(closing()));
                    Ok(())
                }
                message = questions.message(), if reads => match message {
                    Ok(Some(message)) => self.start(message).await,
                    Ok(None) => {
                        end = Some(Ok(()));
                        Ok(())
                    }
                    Err(status) => {
                        end = Some(Err(status));
                        Ok(())
                    }
                },
            };
            if let Err(Gone) = step {
                return;
            }
            if self.in_flight.tasks.is_empty()
                && let Some(end) = end.take()
            {
                if let Err(status) = end {
                    // The client may be gone, which is then all the same.
                    let _sent = self.sender.send(Err(status)).await;
                }
                return;
            }
        }
    }

    async fn start(&mut self, message: AuthorizeStreamRequest) -> Result<(), Gone> {
        // One that is too long to be one is not said back, nor kept while its question is in flight.
        let request_id =
            message.request.as_ref().map(|request| request.request_id.as_str()).unwrap_or_default();
        let is_short = request_id.len() <= convert::MAX_REQUEST_ID;
        let request_id = if is_short { request_id.to_owned() } else { String::new() };
        let question = Question { request_id, sequence: self.sequence };
        self.sequence = self.sequence.saturating_add(1);
        let Some(request) = message.request else {
            return self.send(question, Err(bad_field("request", "is left out"))).await;
        };
        if question.request_id.is_empty() {
            let problem =
                if is_short { "is empty; in a stream it tells the answers apart" } else { "is too long" };
            return self.send(question, Err(bad_field("request_id", problem))).await;
        }
        if self.in_flight.questions.values().any(|other| other.request_id == question.request_id) {
            let problem = "is that of a question in flight";
            return self.send(question, Err(bad_field("request_id", problem))).await;
        }
        let (answerer, caller) = (self.answerer.clone(), Arc::clone(&self.caller));
        let task = self.in_flight.tasks.spawn(async move { answerer.answer(request, &caller).await });
        self.in_flight.questions.insert(task.id(), question);
        Ok(())
    }

    async fn finish(&mut self, done: Done) -> Result<(), Gone> {
        let (id, outcome) = done.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn Error, "a question's task failed");
            (error.id(), Err(lost()))
        });
        match self.in_flight.questions.remove(&id) {
            Some(question) => self.send(question, outcome).await,
            None => Ok(()),
        }
    }

    async fn send(&self, question: Question, outcome: Result<AuthorizeResponse, Status>) -> Result<(), Gone> {
        let (result, bad_fields) = match outcome {
            Ok(response) => (Outcome::Response(response), Vec::new()),
            Err(status) => {
                let (status, bad_fields) = to_rpc_status(&status);
                (Outcome::Status(status), bad_fields)
            }
        };
        let Question { request_id, sequence } = question;
        let answer = AuthorizeStreamResponse { request_id, sequence, result: Some(result), bad_fields };
        self.sender.send(Ok(answer)).await.map_err(|_| Gone)
    }
}
