//! Checkpoints leave the machine: a witness cosigns what extends what it has seen, and a folder gets copies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::server::{Server, Start, eventually};
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest, Sha256};
use situs::audit::{Checkpoint, LogDir, Verifier, merkle};
use situs::grpc::proto::AuthorizeRequest;
use situs::grpc::words;
use situs::policy;
use tempfile::TempDir;

const NAME: &str = "witness.example/test";

/// A witness as the specification has it: it signs only what extends what it signed last.
struct Witness {
    key: SigningKey,
    listener: TcpListener,
    seen: Option<Checkpoint>,
}

impl Witness {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { key: SigningKey::from_bytes(&[3; 32]), listener, seen: None }
    }

    fn id(&self) -> [u8; 4] {
        let key = self.key.verifying_key();
        let digest = Sha256::new().chain_update(NAME).chain_update(b"\n\x04").chain_update(key.as_bytes());
        *digest.finalize().first_chunk().unwrap()
    }

    fn verifier_key(&self) -> String {
        let hex: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let key = [&[4], self.key.verifying_key().as_bytes().as_slice()].concat();
        format!("{NAME}+{hex}+{}", STANDARD.encode(key))
    }

    /// Answers for as long as somebody listens to which statuses it answers with.
    fn serve(mut self, statuses: mpsc::Sender<u16>) {
        for stream in self.listener.try_clone().unwrap().incoming() {
            let mut stream = stream.unwrap();
            let (status, body) = self.answer(&request(&mut stream));
            let length = body.len();
            // A server that was killed reads no answer.
            let _gone = write!(
                stream,
                "HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            if statuses.send(status).is_err() {
                return;
            }
        }
    }

    fn answer(&mut self, body: &str) -> (u16, String) {
        let (proof, checkpoint) = body.split_once("\n\n").unwrap();
        let mut lines = proof.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<merkle::Hash> =
            lines.map(|line| STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
        let checkpoint: Checkpoint = checkpoint.parse().unwrap();
        let (size, root) =
            self.seen.as_ref().map_or((0, merkle::empty_root()), |seen| (seen.size, seen.root));
        if old != size {
            return (409, format!("{size}\n"));
        }
        if !merkle::check_consistency(old, &root, checkpoint.size, &checkpoint.root, &proof) {
            return (422, String::new());
        }
        let message = format!("cosignature/v1\ntime 1700000000\n{}", checkpoint.note.text);
        let mut signature = self.id().to_vec();
        signature.extend(1_700_000_000_u64.to_be_bytes());
        signature.extend(self.key.sign(message.as_bytes()).to_bytes());
        self.seen = Some(checkpoint);
        (200, format!("\u{2014} {NAME} {}\n", STANDARD.encode(signature)))
    }
}

/// The body of one request.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            assert!(head.starts_with("post /prefix/add-checkpoint "), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return body.to_owned();
            }
        }
        let count = stream.read(&mut block).unwrap();
        assert!(count > 0, "the request ends early");
        bytes.extend(block.iter().take(count));
    }
}

fn start(folder: &Path, witness: &str) -> Server {
    let policies = folder.join("policies");
    if !policies.exists() {
        let files = common::files().into_iter().filter(|(path, _)| !path.starts_with("scenarios/")).collect();
        policy::write_folder(&files, &policies).unwrap();
        fs::create_dir(folder.join("copies")).unwrap();
    }
    let start = Start::new(&folder.join("data")).policies(&policies);
    let copies = folder.join("copies");
    start.arguments(["--witness", witness, "--checkpoint-to", copies.to_str().unwrap()]).ready()
}

async fn ask(server: &Server) {
    let words = serde_json::json!({
        "data_ref": "example/mail", "jurisdiction": "US", "action": "disclose",
        "requester": { "kind": "authority", "jurisdiction": "US" },
    });
    let question: AuthorizeRequest = words::read(&words).unwrap();
    let answer = server.authorization().await.authorize(question).await.unwrap().into_inner();
    assert!(answer.receipt.is_some());
}

/// Waits for a cosigned checkpoint that is larger, and checks it.
async fn cosigned(folder: &Path, key: &str, than: u64) -> Checkpoint {
    let dir = LogDir::open(&folder.join("data"));
    let checkpoint = eventually("a checkpoint is cosigned", || {
        let cosigned = dir.cosigned().unwrap().filter(|cosigned| cosigned.size > than);
        async move { cosigned }
    })
    .await;
    let key: Verifier = key.parse().unwrap();
    assert_eq!(key.check(&checkpoint.note), Ok(Some(1_700_000_000)));
    checkpoint
}

#[tokio::test]
async fn a_witness_signs_each_run_s_checkpoints_and_a_folder_keeps_them() {
    let folder = TempDir::new().unwrap();
    let witness = Witness::new();
    let key = witness.verifier_key();
    let named = format!("{key} http://{}/prefix", witness.listener.local_addr().unwrap());
    let (statuses_tx, statuses) = mpsc::channel();
    std::thread::spawn(move || witness.serve(statuses_tx));

    let server = start(folder.path(), &named);
    ask(&server).await;
    let first = cosigned(folder.path(), &key, 0).await;
    assert_eq!(statuses.recv().unwrap(), 200);
    assert!(server.stop().success());
    // The next run does not know what the witness has seen: it is told, and proves that it goes on from there.
    let server = start(folder.path(), &named);
    ask(&server).await;
    let second = cosigned(folder.path(), &key, first.size).await;
    let rest: Vec<u16> = statuses.try_iter().collect();
    assert!(rest.contains(&409) && rest.last() == Some(&200), "{rest:?}");
    assert!(server.stop().success());

    let copies = fs::read_dir(folder.path().join("copies")).unwrap().map(|copy| copy.unwrap().path());
    let copies: Vec<Checkpoint> =
        copies.map(|copy| fs::read_to_string(copy).unwrap().parse().unwrap()).collect();
    assert!(!copies.is_empty());
    let dir = LogDir::open(&folder.path().join("data"));
    let tiles = dir.tiles(dir.checkpoint().unwrap().unwrap().size);
    for copy in copies.iter().chain([&first, &second]) {
        assert_eq!(merkle::root(copy.size, &tiles).unwrap(), copy.root);
    }
}
