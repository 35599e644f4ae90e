//! `kill -9`, with another process of this same test binary.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::task::JoinSet;

use super::*;

/// Where the child finds its data directory.
const DATA: &str = "SITUS_TEST_LOG";
/// How often the process is killed, where the environment says it.
const KILLS: &str = "SITUS_TEST_KILLS";

#[tokio::test]
#[ignore = "it appends until it is killed: run by `what_was_acknowledged_survives_a_kill`"]
async fn append_until_killed() {
    let dir = PathBuf::from(std::env::var_os(DATA).unwrap());
    let options = Options { segment_bytes: 4096, ..mk_options() };
    let (log, recovery) = Log::open(&dir, Arc::new(Plain), options).unwrap();
    // A log that was killed before its first checkpoint would have none to be held against.
    covered(&log, 0).await;
    let mut appends = JoinSet::new();
    for task in 0..8 {
        let log = log.clone();
        appends.spawn(async move {
            for number in 0.. {
                let text = format!("{}-{task}-{number}", recovery.entries);
                let mut record = mk_record(&text);
                // Some have private texts, and some a content that others share.
                record.trace_id = if number % 3 == 0 { format!("secret of {text}") } else { String::new() };
                record.engine_version =
                    if number % 2 == 0 { format!("shared {}", number / 4) } else { String::new() };
                let receipt = log.append_durable(&record).await.unwrap();
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
    let mut checkpoints = Vec::new();
    let kills = std::env::var(KILLS).map_or(3, |kills| kills.parse().unwrap());
    for _ in 0..kills {
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
        let log = LogDir::open(dir.path());
        for (index, text) in &acknowledged {
            let entry = texts.get(*index).unwrap();
            let (entry, content) = entry.split_once(" @").map_or((entry.as_str(), None), |(entry, at)| {
                (entry, Some(&texts[at.parse::<usize>().unwrap()]))
            });
            assert_eq!(entry, text);
            let number: usize = text.rsplit('-').next().unwrap().parse().unwrap();
            assert_eq!(content.is_some(), number.is_multiple_of(2));
            assert!(
                content.is_none_or(|content| *content == format!("content 0 of 1 shared {}", number / 4))
            );
        }
        for (index, text) in acknowledged.iter().rev().take(50) {
            let private = log.private(*index as u64).unwrap();
            let number: usize = text.rsplit('-').next().unwrap().parse().unwrap();
            let expected = number.is_multiple_of(3).then(|| format!("secret of {text}").into_bytes());
            assert_eq!(private, expected, "{text}");
        }
        let checkpoint = check_tree(dir.path(), &checkpoints);
        checkpoints.push(checkpoint);
    }
    assert!(acknowledged.len() >= 300);
    // The last is of a log that goes on in order.
    let last = runtime_close(dir.path());
    assert_eq!(last, contents(dir.path()).unwrap().len() as u64);
    assert_eq!(check_tree(dir.path(), &checkpoints).size, last);
}

/// Opens the log and closes it in order; gives its length.
fn runtime_close(dir: &Path) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let log = open(&LocalDisk, dir, mk_options());
        log.close().await.unwrap();
        log.len()
    })
}
