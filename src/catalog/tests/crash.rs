//! `kill -9` in a storm of writes: what was acknowledged is there, and the store opens.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;

/// Tells the child where its store is, and so that it is the child.
const FOLDER: &str = "SITUS_TEST_CRASH_FOLDER";
const WRITERS: u64 = 16;

/// What one line of the child says: writer, step, revision.
fn acknowledged(line: &str) -> Option<(u64, u64, Revision)> {
    let mut words = line.strip_prefix("acknowledged ")?.split(' ').map(|word| word.parse().ok());
    Some((words.next()??, words.next()??, words.next()??))
}

#[test]
fn no_acknowledged_write_is_lost_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut known: BTreeMap<u64, (u64, Revision)> = BTreeMap::new();
    let mut last = 0;
    for round in 1..=10_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "catalog::tests::crash::storm", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut count = 0;
        // Killed at another moment each time; then what was acknowledged before it died is read to the end.
        while let Some(Ok(line)) = lines.next() {
            let Some((writer, step, revision)) = acknowledged(&line) else { continue };
            assert!(revision > last, "revision {revision} was used before");
            known.insert(writer, (step, revision));
            count += 1;
            if count == 37 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(count >= 37 * round, "the child died early, after {count} writes");

        let catalog = open(folder.path(), Limits::default());
        for (writer, (step, revision)) in &known {
            // A later write may have become durable without being acknowledged.
            let (entry, found) = catalog.get(EntryKind::Process, &format!("counter-{writer}")).unwrap();
            let Entry::Process(process) = entry else { panic!("{entry:?}") };
            assert!(process.instrument.parse::<u64>().unwrap() >= *step && found >= *revision);
            for step in 0..=*step {
                assert!(
                    catalog.get(EntryKind::Party, &format!("{writer}-{step}")).is_some(),
                    "{writer}-{step}"
                );
            }
        }
        last = catalog.revision();
        drop(catalog);
        let store = rusqlite::Connection::open(folder.path().join("catalog.db")).unwrap();
        let verdict: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }
}

/// The child: each writer puts a new entry and rewrites a counter in one transaction, step after step, until killed.
#[test]
#[ignore = "it is started, and killed, by the test above"]
fn storm() {
    let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let catalog = open(&folder, Limits::default());
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let catalog = catalog.clone();
            writers.spawn(async move {
                let counter = format!("counter-{writer}");
                let first = match catalog.process(&counter) {
                    Some(process) => process.instrument.parse::<u64>().unwrap() + 1,
                    None => 0,
                };
                for step in first.. {
                    let entries = vec![
                        (mk_party(&format!("{writer}-{step}"), "IE"), Expected::Absent),
                        (mk_process(&counter, &step.to_string()), Expected::Any),
                    ];
                    let revision = catalog.put_many(entries).await.unwrap();
                    let line = format!("acknowledged {writer} {step} {revision}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}
