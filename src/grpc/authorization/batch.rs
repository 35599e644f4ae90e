//! Several questions in one call: each is answered by itself, and the answers keep the order.

use std::sync::Arc;

use tokio::task::JoinSet;
use tonic::Status;

use super::super::ports::Authorizer;
use super::super::proto::authorize_result::Result as Outcome;
use super::super::proto::{AuthorizeRequest, AuthorizeResult};
use super::super::status::{bad_field, lost, to_rpc_status};
use super::Answerer;
use crate::domain::Caller;

/// Most questions in one call: their answers, at some 10 KB each, stay below the 4 MiB that clients take.
const MAX_QUESTIONS: usize = 256;
/// Most questions of one call that are answered at once: enough to fill one group of records that are
/// made durable together, and not so many that one call crowds out the others.
const MAX_IN_FLIGHT: usize = 32;

/// Answers each question.
///
/// # Errors
/// INVALID_ARGUMENT where there are too many. A question's own fault stands in its result.
pub(super) async fn answer<A: Authorizer>(
    answerer: &Answerer<A>,
    requests: Vec<AuthorizeRequest>,
    caller: Caller,
) -> Result<Vec<AuthorizeResult>, Status> {
    if requests.len() > MAX_QUESTIONS {
        let problem = format!("has {} elements, at most {MAX_QUESTIONS} are taken", requests.len());
        return Err(bad_field("requests", &problem));
    }
    let caller = Arc::new(caller);
    // INVARIANT: a question whose task ends without an answer keeps this fault, and so is never allowed.
    let mut results = vec![to_result(Err(lost())); requests.len()];
    let mut waiting = requests.into_iter().enumerate();
    let mut in_flight = JoinSet::new();
    loop {
        while in_flight.len() < MAX_IN_FLIGHT
            && let Some((index, request)) = waiting.next()
        {
            let (answerer, caller) = (answerer.clone(), Arc::clone(&caller));
            in_flight.spawn(async move { (index, answerer.answer(request, &caller).await) });
        }
        match in_flight.join_next().await {
            None => return Ok(results),
            Some(Ok((index, outcome))) => {
                if let Some(result) = results.get_mut(index) {
                    *result = to_result(outcome);
                }
            }
            Some(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a question's task failed");
            }
        }
    }
}

fn to_result(outcome: Result<super::AuthorizeResponse, Status>) -> AuthorizeResult {
    let (result, bad_fields) = match outcome {
        Ok(response) => (Outcome::Response(response), Vec::new()),
        Err(status) => {
            let (status, bad_fields) = to_rpc_status(&status);
            (Outcome::Status(status), bad_fields)
        }
    };
    AuthorizeResult { result: Some(result), bad_fields }
}
