//! No panic on any bytes that are sent to any RPC. A handler that panics is answered CANCELLED by the
//! transport, and the log names it; the server must say what is wrong instead, and go on.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;

use common::dice::Dice;
use common::questions;
use common::server::{Server, Start};
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use situs::grpc::convert;
use situs::grpc::proto::FILE_DESCRIPTOR_SET;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};

/// Sends and takes bytes as they are.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Every method of the product's own services, with whether each side streams.
fn methods() -> Vec<(String, bool)> {
    let pool = prost_reflect::DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let methods = pool.services().flat_map(|service| {
        let methods: Vec<_> = service.methods().collect();
        methods.into_iter().map(move |method| {
            let path = format!("/{}/{}", service.full_name(), method.name());
            (path, method.is_server_streaming())
        })
    });
    methods.collect()
}

/// Random bytes, and whole messages with a few bytes changed, cut out or doubled.
fn bytes(dice: &mut Dice) -> Bytes {
    if dice.now_and_then(3) {
        let length = dice.roll(64);
        return (0..length).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
    }
    let (_id, asked) = dice.one(questions());
    let request = convert::to_request(asked);
    let mut bytes = match dice.roll(3) {
        // A batch and a stream hold the question as their first field.
        0 => situs::grpc::proto::AuthorizeBatchRequest { requests: vec![request.clone(), request] }
            .encode_to_vec(),
        _ => request.encode_to_vec(),
    };
    for _ in 0..dice.roll(6) {
        let place = dice.roll(bytes.len());
        match dice.roll(3) {
            0 => bytes[place] = u8::try_from(dice.roll(256)).unwrap(),
            1 => drop(bytes.remove(place)),
            _ => bytes.insert(place, u8::try_from(dice.roll(256)).unwrap()),
        }
    }
    bytes.into()
}

/// Sends one message, and takes the first answer or the error.
async fn send(server: &mut Grpc<tonic::transport::Channel>, path: &str, streams: bool, bytes: Bytes) -> Code {
    server.ready().await.unwrap();
    let path = PathAndQuery::try_from(path.to_owned()).unwrap();
    let messages = tokio_stream::once(bytes);
    let answered = if streams {
        match server.streaming(Request::new(messages), path, Raw).await {
            Ok(answers) => answers.into_inner().message().await.map(|_| ()),
            Err(status) => Err(status),
        }
    } else {
        server.client_streaming(Request::new(messages), path, Raw).await.map(|_| ())
    };
    answered.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_to_any_method_are_answered_and_none_panics() {
    const ROUNDS: usize = 150;
    let folder = tempfile::tempdir().unwrap();
    let server = Start::new(folder.path()).ready();
    let mut client = Grpc::new(server.connect().await);
    let methods = methods();
    assert!(methods.len() >= 10, "{methods:?}");
    let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
    let seed = std::process::id();
    let mut dice = Dice::new(u64::from(seed));
    for (path, streams) in &methods {
        // A watch without an end is dropped after its first answer; reloading takes a while each time.
        let rounds = if path.ends_with("/Reload") { 5 } else { ROUNDS };
        for _ in 0..rounds {
            let bytes = bytes(&mut dice);
            let code = send(&mut client, path, *streams, bytes.clone()).await;
            let broken =
                [Code::Cancelled, Code::Unknown, Code::Internal, Code::DataLoss, Code::DeadlineExceeded];
            assert!(!broken.contains(&code), "{path} with seed {seed}: {code:?} to {bytes:?}");
            *codes.entry(code.into()).or_default() += 1;
        }
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let some = |code: Code| codes.get(&code.into()).is_some_and(|count| *count > 0);
    assert!(some(Code::Ok) && some(Code::InvalidArgument), "hardly a message was understood: {codes:?}");
    still_answers(&server).await;
}

async fn still_answers(server: &Server) {
    let (_id, asked) = &questions()[0];
    let mut client = server.authorization().await;
    assert!(client.authorize(convert::to_request(asked)).await.is_ok());
}
