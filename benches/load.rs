//! What a request costs a server, end to end: `sh benches/run`.
//!
//! The release server and an empty one, which answers every question with the same answer and decides nothing, get
//! the same questions from the same client in turn. What counts is the CPU time of the server, as the kernel has it;
//! the rest shows how it felt to the client.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "it prints a table")]

#[path = "load/cerbos.rs"]
mod cerbos;
#[path = "load/drive.rs"]
mod drive;
#[path = "load/empty.rs"]
mod empty;
#[path = "common/questions.rs"]
mod questions;
#[path = "load/server.rs"]
mod server;

use drive::{Load, Measured, Mode};
use questions::QUESTIONS;
use server::Server;
use situs::grpc::proto::AuthorizeRequest;

/// Requests of a round: a second or so of CPU, so that the kernel's accounting is fine enough.
const REQUESTS: usize = 20_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.iter().position(|argument| argument == "--empty") {
        Some(at) => runtime.block_on(empty::serve(&arguments[at + 1])),
        None => runtime.block_on(measure()),
    }
}

async fn measure() {
    let rounds = std::env::var("SITUS_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let folder = tempfile::tempdir().unwrap();
    let situs = Server::situs(folder.path());
    println!(
        "{:<46} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "", "us CPU", "ratio", "req/s", "p50 us", "p99 us", "MiB"
    );
    for (name, words) in QUESTIONS {
        let question: AuthorizeRequest =
            situs::grpc::words::read(&serde_json::from_str(words).unwrap()).unwrap();
        let empty = Server::empty(&situs.address, words);
        let mut baseline = None;
        for (what, server, mode, requests) in [
            ("empty", &empty, Mode::Repeated, REQUESTS),
            ("repeated", &situs, Mode::Repeated, REQUESTS),
            ("new", &situs, Mode::New, REQUESTS / 5),
            ("empty, batches of 100", &empty, Mode::Batch, REQUESTS),
            ("repeated, batches of 100", &situs, Mode::Batch, REQUESTS),
            ("empty, a stream", &empty, Mode::Stream, REQUESTS),
            ("repeated, a stream", &situs, Mode::Stream, REQUESTS),
        ] {
            let load = Load { question: question.clone(), mode, requests };
            let mut best: Option<Measured> = None;
            for _ in 0..rounds {
                let measured = load.drive(server).await;
                if best.as_ref().is_none_or(|best| measured.cpu < best.cpu) {
                    best = Some(measured);
                }
            }
            let best = best.unwrap();
            let base = *baseline.get_or_insert(best.cpu);
            println!(
                "{:<46} {:>9.1} {:>9.2} {:>9.0} {:>9.0} {:>9.0} {:>8.0}",
                format!("{name}: {what}"),
                best.cpu,
                best.cpu / base,
                best.rate,
                best.p50,
                best.p99,
                server.memory_mib()
            );
        }
    }
    cerbos::measure(rounds).await;
}
