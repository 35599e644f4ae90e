//! Whatever bytes come, every RPC answers with a status that blames the caller, and the server lives on.

use prost::bytes::{Buf, BufMut};
use prost_reflect::DescriptorPool;
use situs::grpc::proto::FILE_DESCRIPTOR_SET;
use situs::grpc::words;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};

use super::fakes::Fixture;

/// Sends and receives bytes as they are.
#[derive(Clone, Copy, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.put_slice(&item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; buf.remaining()];
        buf.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}

/// The next number, by splitmix64.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn below(state: &mut u64, end: usize) -> usize {
    usize::try_from(roll(state) % u64::try_from(end).unwrap()).unwrap()
}

/// Messages that are good, as a start for some that are not.
fn seeds() -> Vec<Vec<u8>> {
    let question = serde_json::json!({
        "data_ref": "acme/mail", "jurisdiction": "IE", "request_id": "q-1", "action": "disclose",
        "requester": { "kind": "authority", "jurisdiction": "US", "labels": { "a": "b" } },
        "process": { "instrument": "search_warrant", "issued_at": "2016-07-14", "flags": ["sealed"] },
        "holding": { "stored_in": ["IE", "US"], "data_categories": ["content"], "subject_count": 5 },
        "as_of": "2016-07-14",
    });
    let question: situs::grpc::proto::AuthorizeRequest = words::read(&question).unwrap();
    let question = prost::Message::encode_to_vec(&question);
    let nested = |field: u8| {
        let mut message = vec![field << 3 | 2];
        prost::encoding::encode_varint(u64::try_from(question.len()).unwrap(), &mut message);
        message.extend(&question);
        message
    };
    vec![nested(1), nested(2), question.clone(), vec![8, 2, 18, 1, b'a'], Vec::new()]
}

/// Bytes that may be anything: noise, or a good message with some bytes changed, or cut short.
fn bytes(state: &mut u64, seeds: &[Vec<u8>]) -> Vec<u8> {
    if roll(state).is_multiple_of(4) {
        return (0..below(state, 64)).map(|_| roll(state).to_le_bytes()[0]).collect();
    }
    let mut bytes = seeds[below(state, seeds.len())].clone();
    if bytes.is_empty() {
        return bytes;
    }
    for _ in 0..below(state, 4) {
        let index = below(state, bytes.len());
        bytes[index] = roll(state).to_le_bytes()[0];
    }
    if roll(state).is_multiple_of(4) {
        bytes.truncate(below(state, bytes.len()));
    }
    bytes
}

/// Sends bytes to a method, and reads its answer to the end.
async fn send(fixture: &Fixture, path: PathAndQuery, bytes: Vec<u8>) -> Code {
    let mut grpc = tonic::client::Grpc::new(fixture.channel.clone());
    grpc.ready().await.unwrap();
    // Every kind of method is, on the wire, a stream each way.
    let request = Request::new(tokio_stream::once(bytes));
    let mut answers = match grpc.streaming(request, path, RawCodec).await {
        Ok(response) => response.into_inner(),
        Err(status) => return status.code(),
    };
    loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return Code::Ok,
            Err(status) => return status.code(),
        }
    }
}

#[tokio::test]
async fn no_bytes_break_any_method() {
    let fixture = Fixture::start().await;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let (mut state, seeds) = (1, seeds());
    let blames_the_caller = [
        Code::Ok,
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::Aborted,
        Code::OutOfRange,
        // What `Reload` answers here, whatever it is sent.
        Code::FailedPrecondition,
    ];
    let mut methods = 0;
    for service in pool.services() {
        for method in service.methods() {
            methods += 1;
            let path: PathAndQuery = format!("/{}/{}", service.full_name(), method.name()).parse().unwrap();
            let mut refused = 0;
            for _ in 0..100 {
                let bytes = bytes(&mut state, &seeds);
                let code = send(&fixture, path.clone(), bytes.clone()).await;
                assert!(blames_the_caller.contains(&code), "{path}: {code:?} for {bytes:?}");
                refused += usize::from(code == Code::InvalidArgument);
            }
            assert!(refused > 0, "{path} takes anything");
        }
    }
    assert_eq!(methods, 18);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    let fixture = Fixture::start().await;
    let path = PathAndQuery::from_static("/situs.v1.AuthorizationService/Authorize");
    assert_eq!(send(&fixture, path.clone(), vec![0x0a, 0x05, 0xff]).await, Code::InvalidArgument);
    assert_eq!(send(&fixture, path, vec![0x0a, 0x01, 0xff]).await, Code::InvalidArgument, "not UTF-8");
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused() {
    let fixture = Fixture::start().await;
    let path = PathAndQuery::from_static("/situs.v1.AuthorizationService/Authorize");
    let code = send(&fixture, path, vec![0; situs::grpc::MAX_MESSAGE_BYTES + 1]).await;
    assert_eq!(code, Code::OutOfRange);
}
