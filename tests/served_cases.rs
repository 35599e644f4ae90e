//! The cases of the default bundle, asked of the built program over gRPC as they are written: it answers what
//! the case expects, and what the same bundle answers in this process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::indexing_slicing, reason = "a word that is not there is null, and no word is null")]

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value as Json;
use situs::domain::Files;
use situs::grpc::client::Client;
use situs::grpc::words;
use situs::policy::{self, Bundle};
use situs::scenario::{self, Case};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Far more than a start or an answer takes, on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(120);
/// Questions in flight: some for each processor, so that they overtake each other.
const IN_FLIGHT: usize = 8;
/// The cases that are asked.
const ASKED: &[&str] = &["scenarios/given/", "scenarios/variations/"];
/// What an answer says of itself, not of the question: when and under which number it was given.
const OF_THE_CALL: &[&str] = &["decided_at", "valid_until", "decision_id", "receipt", "catalog_revision"];

/// The built program on a free port, which ends with the test.
struct Server {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Server {
    /// Starts it with a bundle, and waits until it serves.
    fn start(files: &Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policies");
        policy::write_folder(files, &policies).unwrap();
        let log = folder.path().join("log.txt");
        let mut command = Command::new(env!("CARGO_BIN_EXE_situs"));
        // What is set where the tests run is not for the server that they start.
        let set = std::env::vars_os().map(|(name, _value)| name);
        for name in
            set.filter(|name| ["SITUS_", "OTEL_"].iter().any(|of| name.to_string_lossy().starts_with(of)))
        {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--policies"]).arg(&policies);
        command.arg("--data-dir").arg(folder.path().join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        // From here on it ends with this value, however the start goes.
        let mut server = Self { child, address: String::new(), _folder: folder };
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // The test may be done with its lines before the server is.
            lines.for_each(|line| drop(sender.send(line)));
        });
        let next = |words: &str| {
            let line = lines.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("{error}\n{}", read(&log)));
            line.strip_prefix(words).unwrap_or_else(|| panic!("`{line}`\n{}", read(&log))).to_owned()
        };
        server.address = next("listening on ");
        next("serving ");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A case, with its request as it is written.
struct Asked {
    name: String,
    request: Json,
    case: Case,
}

/// The cases that are asked, read by the product for their expectation and as plain TOML for their words.
fn asked(files: &Files, bundle: &Bundle) -> Vec<Asked> {
    let chosen = files.iter().filter(|(path, _)| ASKED.iter().any(|folder| path.starts_with(folder)));
    let chosen: Files = chosen.map(|(path, text)| (path.clone(), text.clone())).collect();
    let mut found = Vec::new();
    for file in scenario::read_cases(&chosen, bundle.facts()).unwrap() {
        let written: toml::Table = toml::from_str(&chosen[&file.path]).unwrap();
        let rows = written["case"].as_array().unwrap();
        let mut rows: HashMap<&str, &toml::Value> =
            rows.iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
        for case in file.cases {
            let row = rows.remove(case.id.as_str()).unwrap();
            let mut request = words::from_toml(&row["request"]);
            request["as_of"] = words::from_toml(&row["as_of"]);
            found.push(Asked { name: format!("{}: {}", file.path, case.id), request, case });
        }
        assert!(rows.is_empty(), "{}: {:?}", file.path, rows.keys());
    }
    found
}

/// What is wrong with an answer, held against the case and against the answer of this process.
fn faults(asked: &Asked, bundle: &Bundle, served: &Json) -> Vec<String> {
    let (case, expect) = (&asked.case, &asked.case.expect);
    // Another instant than the server's: the law is that of the case's day, whenever it is asked.
    let now = "2026-11-01T12:00:00Z".parse().unwrap();
    let own = words::answer(scenario::answer(bundle, case, now)).unwrap();
    let mut faults = Vec::new();
    let mut same = |what: &str, wanted: &Json| {
        if served[what] != *wanted {
            faults.push(format!("{}: {what} is {}, not {wanted}", asked.name, served[what]));
        }
    };
    same("decision", &Json::from(expect.decision_word()));
    if let Some(next_step) = &expect.next_step {
        same("next_step", &Json::from(next_step.as_str()));
    }
    let keys = [&own, served].map(|answer| answer.as_object().unwrap().keys());
    let keys: BTreeSet<&String> = keys.into_iter().flatten().collect();
    for key in keys.into_iter().filter(|key| !OF_THE_CALL.contains(&key.as_str())) {
        same(key, &own[key]);
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_answers_every_case_as_written() {
    let files = policy::default_files();
    // The cases are not for the server, which starts the sooner without them.
    let served: Files = files
        .iter()
        .filter(|(path, _)| !path.starts_with("scenarios/"))
        .map(|(p, t)| (p.clone(), t.clone()))
        .collect();
    let server = Server::start(&served);
    let (bundle, _report) = Bundle::load(&served).unwrap();
    let asked = asked(&files, &bundle);
    for folder in ASKED {
        assert!(asked.iter().any(|asked| asked.name.starts_with(folder)), "{folder} has no case");
    }
    let client = Client::connect(&server.address, DEADLINE).await.unwrap();
    let total = asked.len();
    let mut waiting = asked.into_iter();
    let (mut flying, mut answered, mut found) = (JoinSet::new(), 0, Vec::new());
    loop {
        for asked in waiting.by_ref().take(IN_FLIGHT - flying.len()) {
            let client = client.clone();
            flying.spawn(async move {
                let answer = client.authorize(&asked.request).await;
                (asked, answer)
            });
        }
        let Some(landed) = flying.join_next().await else { break };
        let (asked, answer) = landed.unwrap();
        answered += 1;
        match answer {
            Ok(answer) => found.extend(faults(&asked, &bundle, &answer)),
            Err(error) => found.push(format!("{}: {error}", asked.name)),
        }
    }
    assert_eq!(answered, total);
    assert!(found.is_empty(), "{}", found.join("\n"));
}
