//! The empty server: the same crate, messages and transport, and one answer for every question.

use std::pin::Pin;

use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use situs::grpc::proto::authorize_result::Result as BatchOutcome;
use situs::grpc::proto::authorize_stream_response::Result as StreamOutcome;
use situs::grpc::proto::{
    AuthorizeBatchRequest, AuthorizeBatchResponse, AuthorizeRequest, AuthorizeResponse, AuthorizeResult,
    AuthorizeStreamRequest, AuthorizeStreamResponse,
};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

struct Empty(AuthorizeResponse);

/// Serves until it is killed, with the answer of another server.
pub async fn serve(like: &str) {
    let words = serde_json::from_str(&std::env::var("QUESTION").unwrap()).unwrap();
    let question: AuthorizeRequest = situs::grpc::words::read(&words).unwrap();
    let mut client = AuthorizationServiceClient::connect(format!("http://{like}")).await.unwrap();
    let answer = client.authorize(question).await.unwrap().into_inner();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    tonic::transport::Server::builder()
        .add_service(AuthorizationServiceServer::new(Empty(answer)))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
        .unwrap();
}

#[tonic::async_trait]
impl AuthorizationService for Empty {
    type AuthorizeStreamStream = Pin<Box<dyn Stream<Item = Result<AuthorizeStreamResponse, Status>> + Send>>;

    async fn authorize(&self, _: Request<AuthorizeRequest>) -> Result<Response<AuthorizeResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn authorize_batch(
        &self,
        batch: Request<AuthorizeBatchRequest>,
    ) -> Result<Response<AuthorizeBatchResponse>, Status> {
        let result = || AuthorizeResult {
            result: Some(BatchOutcome::Response(self.0.clone())),
            ..AuthorizeResult::default()
        };
        let results = batch.into_inner().requests.iter().map(|_| result()).collect();
        Ok(Response::new(AuthorizeBatchResponse { results }))
    }

    async fn authorize_stream(
        &self,
        questions: Request<Streaming<AuthorizeStreamRequest>>,
    ) -> Result<Response<Self::AuthorizeStreamStream>, Status> {
        let answer = self.0.clone();
        let answers = questions.into_inner().map(move |question| {
            let request_id = question?.request.unwrap_or_default().request_id;
            let result = Some(StreamOutcome::Response(answer.clone()));
            Ok(AuthorizeStreamResponse { request_id, result, ..AuthorizeStreamResponse::default() })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}
