//! The client: so many questions over a few connections, with as many in flight on each, and how long each took.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::{AuthorizeBatchRequest, AuthorizeRequest, AuthorizeStreamRequest, Transfer};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use super::server::Server;

const CONNECTIONS: usize = 4;
/// Calls in flight on a connection.
const IN_FLIGHT: usize = 16;
/// Questions in flight of a stream: what a server takes at most.
const IN_STREAM: usize = 64;
/// Questions of a batch.
const BATCH: usize = 100;

/// How questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The same question, one a call.
    Repeated,
    /// Each a question that was never asked before, of the same facts.
    New,
    /// The same question, in batches.
    Batch,
    /// The same question over one stream.
    Stream,
}

/// What is asked.
pub struct Load {
    pub question: AuthorizeRequest,
    pub mode: Mode,
    pub requests: usize,
}

/// What came of it, for each question.
pub struct Measured {
    /// CPU time of the server, in microseconds.
    pub cpu: f64,
    pub rate: f64,
    /// Microseconds that a call took; of a batch or a stream, a hundredth of a batch or the time between.
    pub p50: f64,
    pub p99: f64,
}

/// Tells the questions of all rounds apart.
static ASKED: AtomicUsize = AtomicUsize::new(0);

impl Load {
    /// Asks, and measures.
    pub async fn drive(&self, server: &Server) -> Measured {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
            channels.push(endpoint.tcp_nodelay(true).connect().await.unwrap());
        }
        self.ask(&channels, self.requests / 20).await;
        let (cpu, began) = (server.cpu_micros(), Instant::now());
        let mut took = self.ask(&channels, self.requests).await;
        let (elapsed, cpu) = (began.elapsed().as_secs_f64(), server.cpu_micros() - cpu);
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        let requests = self.requests as f64;
        Measured { cpu: cpu / requests, rate: requests / elapsed, p50: at(0.5), p99: at(0.99) }
    }

    async fn ask(&self, channels: &[Channel], requests: usize) -> Vec<f64> {
        match self.mode {
            Mode::Repeated | Mode::New => self.calls(channels, requests, 1).await,
            Mode::Batch => self.calls(channels, requests / BATCH, BATCH).await,
            Mode::Stream => self.stream(&channels[0], requests).await,
        }
    }

    async fn calls(&self, channels: &[Channel], calls: usize, batch: usize) -> Vec<f64> {
        let left = Arc::new(AtomicUsize::new(calls));
        let mut tasks = JoinSet::new();
        for worker in 0..CONNECTIONS * IN_FLIGHT {
            let mut client = AuthorizationServiceClient::new(channels[worker % channels.len()].clone());
            let (left, mode, question) = (Arc::clone(&left), self.mode, self.question.clone());
            tasks.spawn(async move {
                let mut took = Vec::new();
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let question = if mode == Mode::New { never_asked(&question) } else { question.clone() };
                    let began = Instant::now();
                    if batch == 1 {
                        client.authorize(question).await.unwrap();
                    } else {
                        let requests = vec![question; batch];
                        client.authorize_batch(AuthorizeBatchRequest { requests }).await.unwrap();
                    }
                    took.push(began.elapsed().as_secs_f64() * 1e6 / batch as f64);
                }
                took
            });
        }
        tasks.join_all().await.into_iter().flatten().collect()
    }

    async fn stream(&self, channel: &Channel, requests: usize) -> Vec<f64> {
        let mut client = AuthorizationServiceClient::new(channel.clone());
        let (sender, receiver) = mpsc::channel(IN_STREAM);
        let question = self.question.clone();
        let asking = tokio::spawn(async move {
            for number in 0..requests {
                let request_id = format!("{number:08}");
                let request = Some(AuthorizeRequest { request_id, ..question.clone() });
                sender.send(AuthorizeStreamRequest { request }).await.unwrap();
            }
        });
        let mut answers = client.authorize_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        let (mut took, mut last) = (Vec::with_capacity(requests), Instant::now());
        while answers.message().await.unwrap().is_some() {
            took.push(last.elapsed().as_secs_f64() * 1e6);
            last = Instant::now();
        }
        asking.await.unwrap();
        assert_eq!(took.len(), requests);
        took
    }
}

/// The same question for a purpose that was never stated before: another question about the same facts.
fn never_asked(question: &AuthorizeRequest) -> AuthorizeRequest {
    let mut question = question.clone();
    let purpose = format!("number {}", ASKED.fetch_add(1, Ordering::Relaxed));
    question.transfer.get_or_insert_with(Transfer::default).purpose = Some(purpose);
    question
}
