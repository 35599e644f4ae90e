//! Connections and requests that are meant to harm: each is ended or refused, within bounds, and whoever behaves
//! is answered all the while.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::place::{Place, small};
use common::question;
use common::server::{Server, Start, eventually};
use serde_json::json;
use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::{AuthorizeBatchRequest, AuthorizeRequest, authorize_result};
use situs::grpc::{MAX_MESSAGE_BYTES, convert};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Request, Status};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const AUTHORIZE: &str = "/situs.v1.AuthorizationService/Authorize";
/// The longest that a test waits for the server to end what it must end: far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

// The kinds and flags of frames that are used here.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: u32 = 7;

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A header that no table is asked to remember.
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        // One byte says the length up to 126, a few more say the rest.
        let length = text.len();
        bytes.push(u8::try_from(length.min(127)).unwrap());
        let mut rest = length.checked_sub(127);
        while let Some(left) = rest {
            let more = left >= 128;
            bytes.push(u8::try_from(left % 128).unwrap() | if more { 128 } else { 0 });
            rest = more.then_some(left / 128);
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn call(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    headers.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// A client that speaks HTTP/2 by the byte.
struct Raw(TcpStream);

impl Raw {
    async fn silent(server: &Server) -> Self {
        Self(TcpStream::connect(("127.0.0.1", server.port())).await.unwrap())
    }

    async fn begun(server: &Server) -> Self {
        let mut raw = Self::silent(server).await;
        raw.send(PREFACE).await;
        raw.send(&frame(SETTINGS, 0, 0, &[])).await;
        raw
    }

    /// Sends; the server may have ended the connection by now.
    async fn send(&mut self, bytes: &[u8]) {
        let _gone = self.0.write_all(bytes).await;
    }

    /// The next frame: its kind, its stream, and what it holds; absent: the connection has ended.
    async fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut body = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut body).await.ok()?;
            Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), body))
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap()
    }

    /// Reads until the connection has ended; says whether the server told why.
    async fn ends(mut self) -> bool {
        let mut told = false;
        while let Some((kind, _, _)) = self.frame().await {
            told |= kind == GOAWAY;
        }
        told
    }
}

fn start(place: &Place, settings: &[(&str, &str)]) -> Server {
    settings.iter().fold(place.start(), |start: Start, (name, value)| start.with(name, value)).ready()
}

fn asking() -> AuthorizeRequest {
    let words = json!({
        "data_ref": "acme/mail", "action": "transfer", "jurisdiction": "DE", "requester": { "id": "job" },
    });
    convert::to_request(&question(&words).unwrap())
}

async fn ask(server: &Server) -> Result<(), Status> {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://127.0.0.1:{}", server.port()));
    let channel = channel.unwrap().connect().await.map_err(|error| Status::unknown(error.to_string()))?;
    AuthorizationServiceClient::new(channel).authorize(asking()).await.map(drop)
}

#[tokio::test]
async fn who_does_not_begin_loses_the_place() {
    let place = Place::with(&small());
    let server = start(&place, &[("--max-connections", "4")]);
    let begins = [&b""[..], b"PRI", b"GET / HT", &PREFACE[..23]];
    let mut silent = Vec::new();
    // One that asked may still hold a place for a moment, so that it can take a few more to fill them all.
    for begin in begins.iter().cycle().take(40) {
        let mut raw = Raw::silent(&server).await;
        raw.send(begin).await;
        silent.push(raw);
        if silent.len() >= begins.len() && ask(&server).await.is_err() {
            break;
        }
    }
    assert!(silent.len() < 40, "it took every connection");
    for raw in silent {
        raw.ends().await;
    }
    eventually("a server with places", || async { ask(&server).await.ok() }).await;
}

#[tokio::test]
async fn what_is_no_http_2_is_ended() {
    let place = Place::with(&small());
    let server = start(&place, &[]);
    for bytes in [
        &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        &[0; 64],
        &[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
    ] {
        let mut raw = Raw::silent(&server).await;
        raw.send(bytes).await;
        raw.ends().await;
        ask(&server).await.unwrap();
    }
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_connection() {
    let place = Place::with(&small());
    let server = start(&place, &[]);
    let mut oversized = vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1];
    oversized.extend([0; 64]);
    for bytes in [
        oversized,
        frame(DATA, 0, 1, b"to no stream"),
        frame(HEADERS, END_HEADERS, 2, &call(AUTHORIZE)),
        frame(CONTINUATION, END_HEADERS, 1, &call(AUTHORIZE)),
        frame(HEADERS, END_HEADERS, 1, &[0xff; 32]),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(PING, 0, 0, &[0; 7]),
    ] {
        let mut raw = Raw::begun(&server).await;
        raw.send(&bytes).await;
        assert!(raw.ends().await, "{bytes:?}");
        ask(&server).await.unwrap();
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_ended() {
    let place = Place::with(&small());
    let server = start(&place, &[]);
    // One header list that never ends.
    let mut raw = Raw::begun(&server).await;
    raw.send(&frame(HEADERS, 0, 1, &call(AUTHORIZE))).await;
    for n in 0..1000 {
        raw.send(&frame(CONTINUATION, 0, 1, &header(&format!("x-{n}"), &"y".repeat(8000)))).await;
    }
    assert!(raw.ends().await);
    ask(&server).await.unwrap();
    // One that is larger than any is: that request is refused, and those beside it are not.
    let mut raw = Raw::begun(&server).await;
    let large: Vec<u8> = (0..4).flat_map(|n| header(&format!("x-{n}"), &"y".repeat(6000))).collect();
    let parts = [call(AUTHORIZE), large].concat();
    let (first, rest) = parts.split_at(16_000);
    raw.send(&frame(HEADERS, END_STREAM, 1, first)).await;
    raw.send(&frame(CONTINUATION, END_HEADERS, 1, rest)).await;
    loop {
        let (kind, stream, _) = raw.frame().await.unwrap();
        if (kind == HEADERS || kind == RST_STREAM) && stream == 1 {
            break;
        }
    }
    ask(&server).await.unwrap();
}

#[tokio::test]
async fn who_asks_and_takes_back_is_ended() {
    let place = Place::with(&small());
    let server = start(&place, &[]);
    let mut raw = Raw::begun(&server).await;
    for n in 0..20_000_u32 {
        let stream = 2 * n + 1;
        let both = [
            frame(HEADERS, END_HEADERS, stream, &call(AUTHORIZE)),
            frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
        ];
        raw.send(&both.concat()).await;
    }
    assert!(raw.ends().await);
    ask(&server).await.unwrap();
}

#[tokio::test]
async fn more_calls_than_a_connection_may_have_are_refused() {
    let place = Place::with(&small());
    let server = start(&place, &[]);
    let mut raw = Raw::begun(&server).await;
    // Wait until it has said how many there may be, so that each beyond it is one too many.
    while raw.frame().await.unwrap().0 != SETTINGS {}
    raw.send(&frame(SETTINGS, 1, 0, &[])).await;
    for n in 0..200_u32 {
        raw.send(&frame(HEADERS, END_HEADERS, 2 * n + 1, &call(AUTHORIZE))).await;
    }
    let refused = loop {
        let (kind, stream, body) = raw.frame().await.unwrap();
        if kind == RST_STREAM {
            break (stream, u32::from_be_bytes(body.try_into().unwrap()));
        }
    };
    assert_eq!(refused, (2 * 128 + 1, REFUSED_STREAM));
    ask(&server).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() {
    let place = Place::with(&small());
    let server = start(&place, &[]);
    let mut client = server.authorization().await.max_encoding_message_size(usize::MAX);
    let long = AuthorizeRequest { request_id: "x".repeat(MAX_MESSAGE_BYTES + 1), ..asking() };
    assert_eq!(client.authorize(long).await.unwrap_err().code(), Code::OutOfRange);
    // What a message says of its length is not believed before it is there.
    let mut raw = Raw::begun(&server).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &call(AUTHORIZE))).await;
    raw.send(&frame(DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff])).await;
    loop {
        let (kind, stream, _) = raw.frame().await.unwrap();
        if kind == HEADERS && stream == 1 {
            break;
        }
    }
    client.authorize(asking()).await.unwrap();
}

#[tokio::test]
async fn what_is_too_much_at_once_is_shed_and_the_rest_is_answered() {
    let place = Place::with(&small());
    let server = start(&place, &[("--max-in-flight", "3")]);
    ask(&server).await.unwrap();
    // Calls that never finish what they ask take every place, one after the other.
    let mut slow = Raw::begun(&server).await;
    let mut streams = (1..).step_by(2);
    let shed = loop {
        slow.send(&frame(HEADERS, END_HEADERS, streams.next().unwrap(), &call(AUTHORIZE))).await;
        if let Err(status) = ask(&server).await {
            break status;
        }
    };
    assert_eq!(shed.code(), Code::ResourceExhausted, "{shed:?}");
    // Health is answered whatever there is to do.
    assert!(server.serves("").await);
    drop(slow);
    eventually("a server with places", || async { ask(&server).await.ok() }).await;
    // Of many questions in one call, those that find no place say so, each by itself.
    let batch = AuthorizeBatchRequest { requests: vec![asking(); 200] };
    let results = server.authorization().await.authorize_batch(batch).await.unwrap().into_inner().results;
    assert_eq!(results.len(), 200);
    for result in results {
        match result.result.unwrap() {
            authorize_result::Result::Response(_) => {}
            authorize_result::Result::Status(status) => {
                assert_eq!(Code::from_i32(status.code), Code::ResourceExhausted);
            }
        }
    }
}

#[tokio::test]
async fn a_caller_has_its_rate() {
    let place = Place::with(&small());
    let server = start(&place, &[("--rate-limit", "3")]);
    let mut client = server.authorization().await;
    let mut refused = Vec::new();
    for _ in 0..50 {
        refused.extend(client.authorize(asking()).await.err());
    }
    assert!(!refused.is_empty() && refused.len() < 50);
    assert!(refused.iter().all(|status| status.code() == Code::ResourceExhausted), "{refused:?}");
    // The questions of a batch count as they would alone.
    let batch = AuthorizeBatchRequest { requests: vec![asking(); 50] };
    let answered = async || client.clone().authorize_batch(batch.clone()).await.ok();
    let results = eventually("a batch that is let in", answered).await.into_inner().results;
    let is_refused = |result: &authorize_result::Result| match result {
        authorize_result::Result::Status(status) => Code::from_i32(status.code) == Code::ResourceExhausted,
        authorize_result::Result::Response(_) => false,
    };
    assert!(results.iter().any(|result| is_refused(result.result.as_ref().unwrap())));
}

#[tokio::test]
async fn a_deadline_ends_a_call_and_frees_its_place() {
    let place = Place::with(&small());
    let server = start(&place, &[("--max-in-flight", "1")]);
    let mut raw = Raw::begun(&server).await;
    let headers = [call(AUTHORIZE), header("grpc-timeout", "200m")].concat();
    raw.send(&frame(HEADERS, END_HEADERS, 1, &headers)).await;
    loop {
        let (kind, stream, _) = raw.frame().await.unwrap();
        if kind == HEADERS && stream == 1 {
            break;
        }
    }
    // The connection is still there, and so is the call that was never finished; its place is free.
    eventually("the place", || async { ask(&server).await.ok() }).await;
    let mut late = Request::new(asking());
    late.set_timeout(Duration::from_nanos(1));
    let code = server.authorization().await.authorize(late).await.unwrap_err().code();
    assert!([Code::Cancelled, Code::DeadlineExceeded].contains(&code), "{code:?}");
}
