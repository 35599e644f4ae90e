//! Who may call, by tokens: only one that the issuer signed, for this server, at this time, names anybody; and
//! the issuer's keys are taken up as they change, from a file and from an address.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::pki::{Signer, base64url, in_seconds, jwks, unsigned, write};
use common::place::{Place, small};
use common::server::{Server, Start, eventually};
use common::{question, with};
use serde_json::{Value as Json, json};
use situs::grpc::convert;
use situs::grpc::proto::AuthorizeRequest;
use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

const ISSUER: &str = "https://issuer.test/realm";

/// Whoever has a token of the group may ask about the tenant that its claim names.
const RULES: &str = r#"
@id("test.token")
permit (principal, action == Action::"call", resource == Service::"AuthorizationService")
when {
  principal.credential == Credential::"token" && principal.issuer == "https://issuer.test/realm"
  && principal.groups.contains("storage")
  && principal.hasTag("tenant") && principal.getTag("tenant") == context.tenant
};
@id("test.suspended")
forbid (principal == Caller::"https://issuer.test/realm#mallory", action == Action::"call", resource);
"#;

struct Fixture {
    server: Server,
    keys: PathBuf,
    _place: Place,
    _folder: TempDir,
}

fn with_tokens(start: Start, keys: &str) -> Start {
    start
        .with("--jwt-issuer", ISSUER)
        .with("--jwt-audience", "situs,other")
        .with("--jwt-claims", "tenant")
        .with("--jwt-jwks", keys)
}

impl Fixture {
    fn start(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = write(folder.path(), "keys.json", keys);
        let place = Place::with(&with(small(), "access/test.cedar", RULES));
        let server = with_tokens(place.start(), keys.to_str().unwrap()).ready();
        Self { server, keys, _place: place, _folder: folder }
    }
}

fn claims(change: &Json) -> Json {
    let mut claims = json!({
        "iss": ISSUER, "aud": "situs", "sub": "job-7", "exp": in_seconds(600), "tenant": "acme",
        "groups": ["users", "storage"],
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            Json::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => drop(claims.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    claims
}

fn asking() -> AuthorizeRequest {
    let words = json!({
        "data_ref": "acme/mail", "action": "transfer", "jurisdiction": "DE", "requester": { "id": "job" },
    });
    convert::to_request(&question(&words).unwrap())
}

/// Asks with these `authorization` headers.
async fn ask(channel: &Channel, headers: &[&str]) -> Result<(), Status> {
    let mut request = Request::new(asking());
    for header in headers {
        request.metadata_mut().append("authorization", header.parse().unwrap());
    }
    AuthorizationServiceClient::new(channel.clone()).authorize(request).await.map(drop)
}

async fn code(channel: &Channel, token: &str) -> Code {
    ask(channel, &[&format!("Bearer {token}")]).await.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test]
async fn a_token_names_a_caller_and_rules_read_what_it_says() {
    let signer = Signer::new("one");
    let fixture = Fixture::start(&jwks(&[&signer]));
    let channel = fixture.server.connect().await;
    for (change, expected) in [
        (json!({}), Code::Ok),
        (json!({ "aud": ["elsewhere", "other"] }), Code::Ok),
        (json!({ "groups": "storage" }), Code::Ok),
        // Ended, or still to begin, by less than clocks may differ.
        (json!({ "exp": in_seconds(-10), "nbf": in_seconds(-20) }), Code::Ok),
        (json!({ "nbf": in_seconds(10) }), Code::Ok),
        // Known, and without the right.
        (json!({ "groups": ["users"] }), Code::PermissionDenied),
        (json!({ "groups": null }), Code::PermissionDenied),
        (json!({ "tenant": "umbrella" }), Code::PermissionDenied),
        (json!({ "tenant": null }), Code::PermissionDenied),
        (json!({ "tenant": ["acme"] }), Code::PermissionDenied),
        (json!({ "tenant": "" }), Code::PermissionDenied),
        (json!({ "sub": "mallory" }), Code::PermissionDenied),
    ] {
        assert_eq!(code(&channel, &signer.token(&claims(&change))).await, expected, "{change}");
    }
    // Sent again, it is the same caller.
    let token = signer.token(&claims(&json!({})));
    assert_eq!([code(&channel, &token).await, code(&channel, &token).await], [Code::Ok, Code::Ok]);
    // A listener with identities has no local callers, though it is bound to loopback and has no TLS.
    assert_eq!(ask(&channel, &[]).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_token_that_is_not_good_names_nobody_and_is_not_told_why() {
    let (signer, other) = (Signer::new("one"), Signer::new("one"));
    let fixture = Fixture::start(&jwks(&[&signer]));
    let channel = fixture.server.connect().await;
    let good = signer.token(&claims(&json!({})));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let header = |change: Json| {
        let mut header = json!({ "alg": "ES256", "typ": "JWT", "kid": "one" });
        header.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        header
    };
    let mut bad: Vec<String> = [
        json!({ "exp": in_seconds(-31) }),
        json!({ "exp": null }),
        json!({ "exp": "soon" }),
        json!({ "exp": 1e300 }),
        json!({ "nbf": in_seconds(60) }),
        json!({ "nbf": "now" }),
        json!({ "iss": "https://issuer.test" }),
        json!({ "iss": [ISSUER] }),
        json!({ "iss": null }),
        json!({ "aud": "elsewhere" }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": "a\nb" }),
        json!({ "sub": "x".repeat(256) }),
        json!({ "groups": ["storage", 7] }),
        json!({ "groups": { "storage": true } }),
    ]
    .iter()
    .map(|change| signer.token(&claims(change)))
    .collect();
    let hmac = unsigned(&header(json!({ "alg": "HS256" })), &claims(&json!({})));
    let secret =
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, signer.jwk()["x"].as_str().unwrap().as_bytes());
    bad.extend([
        // By another key under the same name, and by a name that is not known.
        other.token(&claims(&json!({}))),
        Signer::new("two").token(&claims(&json!({}))),
        // What was signed is other than what it says.
        format!("{}.{signature}", unsigned(&header(json!({})), &claims(&json!({ "sub": "admin" })))),
        // Not signed, or by what is no secret.
        format!("{}.", unsigned(&header(json!({ "alg": "none" })), &claims(&json!({})))),
        format!("{}.", unsigned(&header(json!({ "alg": "NONE" })), &claims(&json!({})))),
        format!("{}.", unsigned(&header(json!({})), &claims(&json!({})))),
        format!("{hmac}.{}", base64url(ring::hmac::sign(&secret, hmac.as_bytes()).as_ref())),
        // By another algorithm than the key is for, of something else, or with what must be understood.
        signer.signed(&header(json!({ "alg": "ES384" })), &claims(&json!({}))),
        signer.signed(&header(json!({ "alg": "EdDSA" })), &claims(&json!({}))),
        signer.signed(&header(json!({ "typ": "logout+jwt" })), &claims(&json!({}))),
        signer.signed(&header(json!({ "crit": ["exp"] })), &claims(&json!({}))),
        // No token at all.
        message.to_owned(),
        format!("{good}.{signature}"),
        "x".to_owned(),
        "..".to_owned(),
        String::new(),
        format!("{good}{}", "x".repeat(9000)),
    ]);
    let refusal = ask(&channel, &[]).await.unwrap_err();
    let told = |status: &Status| (status.code(), status.message().to_owned(), status.details().to_vec());
    assert_eq!(refusal.code(), Code::Unauthenticated);
    for token in &bad {
        let status = ask(&channel, &[&format!("Bearer {token}")]).await.unwrap_err();
        assert_eq!(told(&status), told(&refusal), "{token}");
    }
    let bearer = format!("Bearer {good}");
    for headers in [&[bearer.as_str(), bearer.as_str()][..], &[good.as_str()], &["Basic YTpi"], &[""]] {
        assert_eq!(told(&ask(&channel, headers).await.unwrap_err()), told(&refusal), "{headers:?}");
    }
    assert_eq!(code(&channel, &good).await, Code::Ok);
    // Nothing of a token is logged.
    assert!(!fixture.server.log().contains(signature));
}

#[tokio::test]
async fn keys_of_a_file_are_taken_up_and_bad_ones_are_not() {
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let fixture = Fixture::start(&jwks(&[&first]));
    let channel = fixture.server.connect().await;
    let (old, new) = (first.token(&claims(&json!({}))), second.token(&claims(&json!({}))));
    assert_eq!([code(&channel, &old).await, code(&channel, &new).await], [Code::Ok, Code::Unauthenticated]);
    std::fs::write(&fixture.keys, jwks(&[&second])).unwrap();
    let is_new = || async { (code(&channel, &new).await == Code::Ok).then_some(()) };
    eventually("the new key", is_new).await;
    // A token of a key that was withdrawn is not good any more, however often it was before.
    assert_eq!(code(&channel, &old).await, Code::Unauthenticated);
    assert!(fixture.server.serves("situs.v1.TokenKeys").await);
    // A shared secret is no key.
    let secret = json!({ "keys": [{ "kty": "oct", "kid": "second", "k": "c2VjcmV0" }] }).to_string();
    for bad in ["{", "{}", r#"{"keys":[]}"#, &secret, &jwks(&[&first, &first])] {
        std::fs::write(&fixture.keys, bad).unwrap();
        let is_told = || async { (!fixture.server.serves("situs.v1.TokenKeys").await).then_some(()) };
        eventually("health that says so", is_told).await;
        assert_eq!(code(&channel, &new).await, Code::Ok, "{bad}");
        std::fs::write(&fixture.keys, jwks(&[&second])).unwrap();
        let is_good = || async { fixture.server.serves("situs.v1.TokenKeys").await.then_some(()) };
        eventually("health that is good again", is_good).await;
    }
}

#[tokio::test]
async fn keys_of_an_address_are_looked_for_when_a_token_names_a_new_one() {
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let issuer = Issuer::start(&jwks(&[&first])).await;
    let place = Place::with(&with(small(), "access/test.cedar", RULES));
    let server = with_tokens(place.start(), &issuer.url).ready();
    let channel = server.connect().await;
    let (old, new) = (first.token(&claims(&json!({}))), second.token(&claims(&json!({}))));
    assert_eq!(code(&channel, &old).await, Code::Ok);
    issuer.gives(&jwks(&[&first, &second]));
    assert_eq!(code(&channel, &new).await, Code::Ok);
    assert_eq!(code(&channel, &old).await, Code::Ok);
    // Whoever names keys that nobody has does not make it ask for ever.
    let before = issuer.asked.load(Ordering::SeqCst);
    for n in 0..100 {
        let unknown = Signer::new(&format!("unknown-{n}")).token(&claims(&json!({})));
        assert_eq!(code(&channel, &unknown).await, Code::Unauthenticated);
    }
    let asked = issuer.asked.load(Ordering::SeqCst) - before;
    assert!(asked < 10, "{asked}");
    // An issuer that fails takes nothing away.
    issuer.gives("nonsense");
    assert_eq!(code(&channel, &old).await, Code::Ok);
}

#[tokio::test]
async fn without_keys_nobody_is_known_and_the_caller_may_try_again() {
    let signer = Signer::new("first");
    let issuer = Issuer::start("nonsense").await;
    let place = Place::with(&with(small(), "access/test.cedar", RULES));
    let server = with_tokens(place.start(), &issuer.url).ready();
    let channel = server.connect().await;
    let token = signer.token(&claims(&json!({})));
    assert_eq!(code(&channel, &token).await, Code::Unavailable);
    issuer.gives(&jwks(&[&signer]));
    let is_known = || async { (code(&channel, &token).await == Code::Ok).then_some(()) };
    eventually("the issuer's keys", is_known).await;
}

#[test]
fn keys_that_cannot_be_used_end_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (keys, says) in [("{", "no JWKS"), (r#"{"keys":[]}"#, "none of the issuer's 0 keys")] {
        let path = write(folder.path(), "keys.json", keys);
        let start = with_tokens(Start::new(&folder.path().join("data")), path.to_str().unwrap());
        let (code, said) = start.fails();
        assert!(code == Some(1) && said.contains(says), "{code:?}: {said}");
    }
}

/// An issuer that gives its keys over HTTP. It ends with its test.
struct Issuer {
    url: String,
    keys: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Issuer {
    async fn start(keys: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (keys, asked) = (Arc::new(Mutex::new(keys.to_owned())), Arc::new(AtomicUsize::new(0)));
        let (given, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let body = given.lock().unwrap().clone();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => break,
                    }
                }
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                // The server may be gone before it is answered.
                let _sent = socket.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { url, keys, asked, task }
    }

    fn gives(&self, keys: &str) {
        keys.clone_into(&mut self.keys.lock().unwrap_or_else(|_| panic!("the issuer failed")));
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
