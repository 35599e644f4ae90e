//! `kill -9`, with another process of this same test binary.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::task::JoinSet;

use super::*;

/// Where the child finds its data directory.
const DATA: &str = "SITUS_TEST_JOURNAL";

#[tokio::test]
#[ignore = "it appends until it is killed: run by `what_was_acknowledged_survives_a_kill`"]
async fn append_until_killed() {
    let dir = PathBuf::from(std::env::var_os(DATA).unwrap());
    let options = Options { segment_bytes: 4096, ..mk_options() };
    let (journal, recovery) = Journal::open(&dir, encode, options).unwrap();
    let mut appends = JoinSet::new();
    for task in 0..8 {
        let journal = journal.clone();
        appends.spawn(async move {
            for number in 0.. {
                let text = format!("{}-{task}-{number}", recovery.records);
                let receipt = journal.append_durable(&mk_record(&text)).await.unwrap();
                // Fails, and so ends this process, when nobody reads any more.
                writeln!(std::io::stdout(), "\nack {} {text}", receipt.log_index).unwrap();
            }
        });
    }
    appends.join_next().await.unwrap().unwrap();
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "audit::tests::crash::append_until_killed"])
            .env(DATA, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acks =
            BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).filter_map(|line| {
                let (index, text) = line.strip_prefix("ack ")?.split_once(' ')?;
                Some((index.parse::<usize>().unwrap(), text.to_owned()))
            });
        acknowledged.extend(acks.by_ref().take(100));
        child.kill().unwrap();
        // What it could say before it died counts; its last line may be cut short.
        let rest: Vec<_> = acks.collect();
        acknowledged.extend(rest.split_last().map(|(_, whole)| whole.to_vec()).unwrap_or_default());
        child.wait().unwrap();
        let texts = contents(dir.path()).unwrap();
        for (index, text) in &acknowledged {
            assert_eq!(texts.get(*index), Some(text));
        }
    }
    assert!(acknowledged.len() >= 300);
}
