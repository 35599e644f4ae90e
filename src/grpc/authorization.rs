//! `AuthorizationService`: from a question on the wire to an answer on the wire. What the answer is, and
//! that it is recorded, is the [`Authorizer`]'s.

mod batch;
mod stream;

use std::sync::Arc;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::caller;
use super::closing::Closing;
use super::convert;
use super::ports::{AnswerError, Authorizer, Vocabularies};
use super::proto::authorization_service_server::AuthorizationService;
use super::proto::{
    AuthorizeBatchRequest, AuthorizeBatchResponse, AuthorizeRequest, AuthorizeResponse,
    AuthorizeStreamRequest, AuthorizeStreamResponse,
};
use crate::domain::{Caller, Method};

/// Serves questions.
#[derive(Debug)]
pub struct Authorization<A> {
    answerer: Answerer<A>,
    closing: Closing,
}

/// What answers one question. Cheap to clone, so that each task has its own.
struct Answerer<A> {
    method: Method,
    authorizer: Arc<A>,
    vocabularies: Arc<dyn Vocabularies>,
}

// === impl Authorization ===

impl<A: Authorizer> Authorization<A> {
    /// Serves what `authorizer` answers, until `closing` says that the server ends.
    pub fn new(authorizer: Arc<A>, vocabularies: Arc<dyn Vocabularies>, closing: Closing) -> Self {
        Self { answerer: Answerer { method: Method::Authorize, authorizer, vocabularies }, closing }
    }
}

#[tonic::async_trait]
impl<A: Authorizer> AuthorizationService for Authorization<A> {
    type AuthorizeStreamStream = ReceiverStream<Result<AuthorizeStreamResponse, Status>>;

    async fn authorize(
        &self,
        request: Request<AuthorizeRequest>,
    ) -> Result<Response<AuthorizeResponse>, Status> {
        let (metadata, extensions, question) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        self.answerer.answer(question, &caller).await.map(Response::new)
    }

    async fn authorize_batch(
        &self,
        request: Request<AuthorizeBatchRequest>,
    ) -> Result<Response<AuthorizeBatchResponse>, Status> {
        let (metadata, extensions, batch) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let results =
            batch::answer(&self.answerer.of(Method::AuthorizeBatch), batch.requests, caller).await?;
        Ok(Response::new(AuthorizeBatchResponse { results }))
    }

    async fn authorize_stream(
        &self,
        request: Request<Streaming<AuthorizeStreamRequest>>,
    ) -> Result<Response<Self::AuthorizeStreamStream>, Status> {
        let (metadata, extensions, questions) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let answerer = self.answerer.of(Method::AuthorizeStream);
        let answers = stream::answer(answerer, questions, caller, self.closing.clone());
        Ok(Response::new(answers))
    }
}

// === impl Answerer ===

impl<A> Answerer<A> {
    /// The same, for questions that come by another method.
    fn of(&self, method: Method) -> Self {
        Self { method, ..self.clone() }
    }
}

impl<A: Authorizer> Answerer<A> {
    async fn answer(&self, request: AuthorizeRequest, caller: &Caller) -> Result<AuthorizeResponse, Status> {
        let vocabulary = self.vocabularies.vocabulary().ok_or(AnswerError::NotReady)?;
        let question = convert::request(request, &*vocabulary)?;
        drop(vocabulary);
        let answer = self.authorizer.answer(self.method, question, caller).await?;
        Ok(convert::to_response(answer))
    }
}

impl<A> Clone for Answerer<A> {
    fn clone(&self) -> Self {
        let (authorizer, vocabularies) = (Arc::clone(&self.authorizer), Arc::clone(&self.vocabularies));
        Self { method: self.method, authorizer, vocabularies }
    }
}

impl<A> std::fmt::Debug for Answerer<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answerer").finish_non_exhaustive()
    }
}
