//! The command line, as a person or a script uses it: through the built program, by its output and exit codes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program, asked nothing of the environment.
fn situs() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_situs"));
    for name in
        ["SITUS_SERVER", "SITUS_LISTEN", "SITUS_DATA_DIR", "SITUS_POLICIES", "SITUS_CONFIG", "COLUMNS"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    situs().args(args).output().unwrap()
}

fn run_with_input(args: &[&str], input: &str) -> Output {
    let mut child = situs()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Standard output of a run that ended with that code.
fn check(code: i32, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    out.into_owned()
}

fn errors(code: i32, output: &Output) -> String {
    check(code, output);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The default bundle in a folder of its own, without its cases: it then loads in a moment.
fn bundle(folder: &TempDir) -> PathBuf {
    let dir = folder.path().join("policies");
    check(0, &run(&["policies", "init", dir.to_str().unwrap()]));
    if dir.join("scenarios").exists() {
        std::fs::remove_dir_all(dir.join("scenarios")).unwrap();
    }
    dir
}

/// A server on a free port, which ends with the test.
struct Server {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = bundle(&folder);
        let mut child = situs()
            .args(["serve", "--listen", "127.0.0.1:0", "--policies"])
            .arg(policies)
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = lines.next().unwrap();
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}")).to_owned();
        let serving = lines.find(|line| line.starts_with("serving "));
        assert!(serving.is_some(), "it ended without a bundle");
        // What more it says must find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, _folder: folder }
    }

    fn ask(&self, args: &[&str]) -> Output {
        situs().args(args).env("SITUS_SERVER", &self.address).output().unwrap()
    }

    fn tell(&self, args: &[&str], input: &str) -> Output {
        let server = ["--server", self.address.as_str()];
        run_with_input(&[args, server.as_slice()].concat(), input)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn example(args: &[&str]) -> Output {
    run(&[&["authorize", "--local", "--example"], args].concat())
}

const IRISH_MAIL: &[&str] =
    &["contoso/mail", "--requester", "us-attorney", "--jurisdiction", "US-NY", "--process", "warrant"];

#[test]
fn a_warrant_for_mail_abroad_is_denied_with_its_route() {
    let out = check(3, &example(&[IRISH_MAIL, &["--as-of", "2016-07-14"]].concat()));
    assert!(out.starts_with("DENY  "), "{out}");
    for part in [
        "disclose contoso/mail",
        "14 July 2016",
        "us-sca-2d-cir-2016",
        "829 F.3d",
        "mla-us-ie",
        "why ",
        "do ",
    ] {
        assert!(out.contains(part), "`{part}` is missing:\n{out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    assert!(!out.contains('\u{1b}'), "colour is for terminals");
}

#[test]
fn an_answer_in_json_is_the_message_of_the_wire() {
    let out = check(
        3,
        &example(&[
            "northwind/records",
            "--requester",
            "replicator",
            "--jurisdiction",
            "US",
            "--transfer",
            "mode=replication",
            "--output",
            "json",
        ]),
    );
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["decision"], "deny");
    assert_eq!(answer["next_step"], "require_mechanism");
    let codes: Vec<_> =
        answer["reasons"].as_array().unwrap().iter().map(|reason| &reason["policy_id"]).collect();
    assert!(codes.contains(&&Value::from("core.residency.transfer")), "{codes:?}");
    assert_eq!(answer["catalog_revision"], 10);
}

#[test]
fn what_a_subpoena_does_not_reach_is_told_by_part() {
    let base = ["fabrikam/mail", "--requester", "us-attorney", "--jurisdiction", "US-NY", "--process"];
    let out = check(3, &example(&[base.as_slice(), &["subpoena"]].concat()));
    assert!(out.starts_with("DENY  insufficient_process"), "{out}");
    assert!(out.contains("subscriber: ALLOW") && out.contains("content: DENY"), "{out}");
    let out = check(0, &example(&[base.as_slice(), &["warrant"]].concat()));
    assert!(out.starts_with("ALLOW  permitted"), "{out}");
}

#[test]
fn bad_fields_are_named_one_a_line() {
    let bad = [
        "contoso/mail",
        "--requester",
        "kind=authority,jurisdiction=US-NYY",
        "--jurisdiction",
        "Ireland",
        "--process",
        "instrument=serch_warrant,names_accounts=true",
    ];
    let errors_of = |args: &[&str]| errors(1, &example(args));
    let err = errors_of(&bad);
    let lines: Vec<_> = err.lines().collect();
    assert_eq!(lines.len(), 3, "{err}");
    assert!(lines.iter().all(|line| line.starts_with("error: `")), "{err}");
    assert!(err.contains("did you mean `search_warrant`"), "{err}");
    let base = ["contoso/mail", "--requester", "us-attorney", "--jurisdiction", "US", "--process"];
    let err = errors_of(&[base.as_slice(), &["isued_by=court,names_accounts=yes"]].concat());
    assert!(err.contains("`process.isued_by`") && err.contains("did you mean `issued_by`"), "{err}");
    assert!(err.contains("`process.names_accounts`: takes true or false"), "{err}");
    let err = errors_of(&[base.as_slice(), &["warrant,loose,stayed=true,stayed=false"]].concat());
    assert!(
        err.contains("`loose` is no key=value") && err.contains("`process.stayed`: is given twice"),
        "{err}"
    );
    check(2, &run(&["authorize", "contoso/mail"]));
}

#[test]
fn a_question_comes_from_a_file_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("question.toml");
    let question = "data_ref = 'acme/crm'\njurisdiction = 'DE'\nas_of = 2026-01-15\n\
                    requester = { kind = 'workload', jurisdiction = 'DE' }\n\
                    holding = { stored_in = ['DE'], residency = ['DE'], data_kinds = ['non_personal'], provider_established_in = ['DE'] }\n";
    std::fs::write(&path, question).unwrap();
    let ask =
        |args: &[&str]| run(&[&["authorize", "--local", "--output", "json", "--request"], args].concat());
    let answer =
        |code: i32, output: &Output| -> Value { serde_json::from_str(&check(code, output)).unwrap() };
    let inside = answer(0, &ask(&[path.to_str().unwrap()]));
    assert_eq!(inside["as_of"], "2026-01-15T12:00:00Z");
    let outside = answer(3, &ask(&[path.to_str().unwrap(), "--jurisdiction", "FR", "--request-id", "q-7"]));
    assert_eq!(
        (&outside["disposition"], &outside["request_id"]),
        (&"residency_commitment".into(), &"q-7".into())
    );
    let json = serde_json::json!({
        "data_ref": "acme/crm", "jurisdiction": "DE", "requester": {"kind": "workload", "jurisdiction": "DE"},
        "holding": {"stored_in": "DE", "residency": "DE", "data_kinds": "non_personal",
                    "provider_established_in": "DE"},
    });
    let args = ["authorize", "--local", "--output", "json", "--request", "-"];
    assert_eq!(answer(0, &run_with_input(&args, &json.to_string()))["decision"], "allow");
}

#[test]
fn a_catalogue_goes_out_and_comes_in_the_same() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/example/catalog.toml");
    let server = Server::start();
    let out = check(0, &server.ask(&["catalog", "import", example.to_str().unwrap()]));
    assert_eq!(out, "imported 10: 3 tenants, 3 holdings, 2 parties, 2 processes\n");
    let export = |server: &Server, format: &str| check(0, &server.ask(&["catalog", "export", "-o", format]));
    let (toml, lines) = (export(&server, "toml"), export(&server, "jsonl"));
    assert_eq!(lines.lines().count(), 10);

    let mut answer = check(3, &server.ask(&[&["authorize"], IRISH_MAIL].concat()));
    assert!(answer.contains(", record 3, valid until "), "{answer}");

    let other = Server::start();
    // Holdings before their tenants: the import sorts a file's entries.
    let folder = tempfile::tempdir().unwrap();
    let reversed = folder.path().join("reversed.jsonl");
    let text: Vec<_> = lines.lines().rev().collect();
    std::fs::write(&reversed, text.join("\n")).unwrap();
    check(0, &other.ask(&["catalog", "import", reversed.to_str().unwrap()]));
    assert_eq!((export(&other, "toml"), export(&other, "jsonl")), (toml.clone(), lines));
    // And again, from standard input, over what is there.
    let out = check(0, &other.tell(&["catalog", "import", "--if-absent", "-"], &toml));
    assert_eq!(out, "imported 0\nleft alone 10: registered already\n");
    answer = check(3, &other.ask(&[&["authorize"], IRISH_MAIL].concat()));
    assert!(answer.contains("catalogue revision 10"), "{answer}");
}

#[test]
fn faults_of_an_import_have_their_file_and_line() {
    let server = Server::start();
    let lines = "{\"tenant\": {\"id\": \"acme\"}}\n\
                 {\"holding\": {\"data_ref\": \"acme/a\", \"stored_in\": [\"IRE\"]}}\n\
                 {\"holdng\": {}}\n\
                 {\"holding\": {\"data_ref\": \"nobody/a\", \"stored_in\": [\"IE\"]}}\n\
                 {\"holding\": {\"data_ref\": \"acme/b\", \"stored_in\": [\"IE\"]}}\n";
    let output = server.tell(&["catalog", "import", "--keep-going", "-"], lines);
    let err = errors(1, &output);
    for fault in [
        "-:2: holding `acme/a`: `stored_in[0]`: `IRE`",
        "-:3: `holdng` is not one of",
        "-:4: holding `nobody/a`: ",
        "3 fault(s)\n",
    ] {
        assert!(err.contains(fault), "`{fault}` is missing:\n{err}");
    }
    assert_eq!(check(1, &output), "imported 2: 1 tenant, 1 holding\n");
    let many = "{\"holdng\": {}}\n".repeat(50);
    let err = errors(1, &server.tell(&["catalog", "import", "--max-faults", "3", "-"], &many));
    assert_eq!(err.matches("is not one of").count(), 3, "{err}");
    assert!(err.contains("--keep-going"), "{err}");
}

#[test]
fn the_last_entry_of_a_key_wins() {
    let server = Server::start();
    let mut lines = String::new();
    for turn in 0..40 {
        lines.push_str(&format!(
            "{{\"tenant\": {{\"id\": \"acme\", \"labels\": {{\"turn\": \"{turn}\"}}}}}}\n"
        ));
    }
    check(0, &server.tell(&["catalog", "import", "-"], &lines));
    let out = check(0, &server.ask(&["catalog", "get", "tenant", "acme", "--output", "json"]));
    let entry: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(entry["tenant"]["labels"]["turn"], "39");
}

#[test]
fn one_entry_is_put_over_the_revision_that_was_seen() {
    let server = Server::start();
    let put = |args: &[&str], text: &str| server.tell(&[&["catalog", "put"], args].concat(), text);
    assert_eq!(check(0, &put(&[], "[[tenant]]\nid = 'acme'\n")), "tenant acme is at revision 1\n");
    let shown = check(0, &server.ask(&["catalog", "get", "tenant", "acme"]));
    assert_eq!(shown, "# revision 1\n[[tenant]]\nid = \"acme\"\n");
    assert_eq!(check(0, &put(&["-", "--expect-revision", "1"], &shown)), "tenant acme is at revision 2\n");
    let err = errors(1, &put(&["-", "--expect-revision", "1"], &shown));
    assert!(err.contains("at revision 2") && err.contains("situs catalog get"), "{err}");
    assert_eq!(
        check(0, &put(&[], "{\"holding\": {\"data_ref\": \"acme/a\"}}")),
        "holding acme/a is at revision 3\n"
    );
    let listed = check(0, &server.ask(&["catalog", "list", "--prefix", "acme", "-o", "jsonl"]));
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = |kind: &str, key: &str, revision: u64| serde_json::json!({ "kind": kind, "key": key, "revision": revision });
    assert_eq!(listed, [row("tenant", "acme", 2), row("holding", "acme/a", 3)]);
    let err = errors(1, &server.ask(&["catalog", "delete", "tenant", "acme"]));
    assert!(err.contains("still has holding `acme/a`"), "{err}");
    check(0, &server.ask(&["catalog", "delete", "holding", "acme/a", "--expect-revision", "3"]));
    check(0, &server.ask(&["catalog", "delete", "tenant", "acme"]));
    let err = errors(1, &server.ask(&["catalog", "get", "tenant", "acme"]));
    assert!(err.contains("no such entry"), "{err}");
    let err = errors(1, &put(&[], "[[tenant]]\nid = 'a'\n[[tenant]]\nid = 'b'\n"));
    assert!(err.contains("2 entries"), "{err}");
}

#[test]
fn a_server_that_is_not_there_says_what_to_do() {
    // Port 1 is reserved, and nothing listens there.
    let ask = |server: &str| errors(1, &run(&[&["authorize"], IRISH_MAIL, &["--server", server]].concat()));
    let err = ask("127.0.0.1:1");
    assert!(
        err.contains("failed to reach a server at `127.0.0.1:1`") && err.contains("situs serve"),
        "{err}"
    );
    for (server, problem) in [("localhost", "no port"), ("https://x", "no port"), ("ftp://x:1", "http://")] {
        let err = ask(server);
        assert!(err.contains(problem), "{err}");
    }
}
