//! Watches: every change once, in order, whatever happens around them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

/// What a watcher knows: entries by kind and key.
#[derive(Default, Debug, PartialEq)]
struct Replica {
    entries: BTreeMap<(EntryKind, String), (Entry, Revision)>,
    revision: Revision,
}

impl Replica {
    fn of(catalog: &Catalog) -> Self {
        let entry = |(entry, revision): (Entry, Revision)| {
            ((entry.kind(), entry.key().to_owned()), (entry, revision))
        };
        Self { entries: everything(catalog).into_iter().map(entry).collect(), revision: catalog.revision() }
    }

    /// Takes events up to a revision; each live one must be the very next.
    async fn follow(&mut self, watch: &mut Watch, until: Revision, mut live: bool) {
        while !live || self.revision < until {
            let mut step = |revision| {
                if live {
                    assert_eq!(revision, self.revision + 1, "a gap, or the same twice");
                    self.revision = revision;
                }
            };
            match watch.next().await.unwrap() {
                Event::Put { entry, revision } => {
                    step(revision);
                    self.entries.insert((entry.kind(), entry.key().to_owned()), (entry, revision));
                }
                Event::Delete { kind, key, revision } => {
                    step(revision);
                    assert!(self.entries.remove(&(kind, key)).is_some());
                }
                Event::SnapshotEnd { revision } => {
                    assert!(!live, "only once");
                    live = true;
                    self.revision = revision;
                }
                Event::Bookmark { revision } => assert_eq!(revision, self.revision),
            }
        }
    }
}

/// Puts and deletes of all kinds, each time others.
async fn churn(catalog: Catalog, writer: u64, steps: u64) {
    for step in 0..steps {
        let id = format!("{writer}-{}", step % 7);
        let entry = match step % 4 {
            0 => mk_party(&id, "IE"),
            1 => mk_process(&id, &step.to_string()),
            2 => mk_holding(&format!("acme/{id}"), &step.to_string()),
            _ => mk_tenant(&id),
        };
        let (kind, key) = (entry.kind(), entry.key().to_owned());
        catalog.put(entry, Expected::Any).await.unwrap();
        if step % 3 == 0 {
            catalog.delete(kind, &key, Expected::Any).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_among_writers_end_where_the_catalogue_does() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    catalog.put(mk_tenant("acme"), Expected::Any).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        writers.spawn(churn(catalog.clone(), writer, 42));
    }
    // 42 puts and 14 deletions by each of six, and the tenant.
    let end = 1 + 6 * 56;
    let mut watchers = tokio::task::JoinSet::new();
    for n in 0..8_u64 {
        let catalog = catalog.clone();
        watchers.spawn(async move {
            // Spread over the storm, by what has happened, not by time.
            let mut signal = catalog.watch(&[], Some(0)).unwrap();
            Replica::default().follow(&mut signal, n * 40, true).await;
            let mut replica = Replica::default();
            let from = (n % 2 == 1).then_some(0);
            let mut watch = catalog.watch(&[], from).unwrap();
            replica.follow(&mut watch, end, from.is_some()).await;
            replica
        });
    }
    writers.join_all().await;
    assert_eq!(catalog.revision(), end);
    for replica in watchers.join_all().await {
        assert_eq!(replica, Replica::of(&catalog));
    }
}

#[tokio::test]
async fn a_snapshot_is_of_one_revision_whatever_is_written_while_it_is_read() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    catalog.put(mk_tenant("acme"), Expected::Any).await.unwrap();
    for n in 0..30 {
        catalog.put(mk_holding(&format!("acme/{n:02}"), "IE"), Expected::Any).await.unwrap();
    }
    let before = everything(&catalog);
    let mut watch = catalog.watch(&[], None).unwrap();
    catalog.delete(EntryKind::Holding, "acme/29", Expected::Any).await.unwrap();
    catalog.put(mk_holding("acme/07", "US"), Expected::Any).await.unwrap();
    catalog.put(mk_holding("acme/99", "US"), Expected::Any).await.unwrap();

    let mut snapshot = Vec::new();
    let end = loop {
        match watch.next().await.unwrap() {
            Event::Put { entry, revision } => snapshot.push((entry, revision)),
            other => break other,
        }
    };
    assert_eq!(end, Event::SnapshotEnd { revision: 31 });
    assert_eq!(snapshot, before);
    let kind = EntryKind::Holding;
    assert_eq!(watch.next().await.unwrap(), Event::Delete { kind, key: "acme/29".into(), revision: 32 });
    assert_eq!(watch.next().await.unwrap(), Event::Put { entry: mk_holding("acme/07", "US"), revision: 33 });
    assert_eq!(watch.next().await.unwrap(), Event::Put { entry: mk_holding("acme/99", "US"), revision: 34 });
}

#[tokio::test]
async fn a_watch_resumes_after_a_restart_with_nothing_missed() {
    let fixture = Fixture::new();
    fixture.catalog.put(mk_tenant("acme"), Expected::Any).await.unwrap();
    let mut replica = Replica::default();
    let mut watch = fixture.catalog.watch(&[], None).unwrap();
    replica.follow(&mut watch, 1, false).await;
    // More than one page of past changes.
    for _ in 0..3 {
        churn(fixture.catalog.clone(), 1, 80).await;
    }
    drop(watch);
    let fixture = fixture.reopened();
    let mut watch = fixture.catalog.watch(&[], Some(replica.revision)).unwrap();
    churn(fixture.catalog.clone(), 2, 20).await;
    replica.follow(&mut watch, fixture.catalog.revision(), true).await;
    assert_eq!(replica, Replica::of(&fixture.catalog));
}

#[tokio::test]
async fn only_the_kinds_that_are_watched_are_told() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    catalog.put(mk_tenant("acme"), Expected::Any).await.unwrap();
    catalog.put(mk_party("ann", "IE"), Expected::Any).await.unwrap();
    let kinds = [EntryKind::Party];
    let mut snapshot = catalog.watch(&kinds, None).unwrap();
    let mut past = catalog.watch(&kinds, Some(0)).unwrap();
    catalog.put(mk_process("w", "warrant"), Expected::Any).await.unwrap();
    catalog.delete(EntryKind::Party, "ann", Expected::Any).await.unwrap();

    let ann = Event::Put { entry: mk_party("ann", "IE"), revision: 2 };
    let gone = Event::Delete { kind: EntryKind::Party, key: "ann".into(), revision: 4 };
    for event in [&ann, &Event::SnapshotEnd { revision: 2 }, &gone] {
        assert_eq!(snapshot.next().await.unwrap(), *event);
    }
    for event in [&ann, &gone] {
        assert_eq!(past.next().await.unwrap(), *event);
    }
}

#[tokio::test]
async fn a_bookmark_says_how_far_a_silent_watch_has_come() {
    let limits = Limits { bookmark_after: Duration::from_millis(5), ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(limits);
    let mut watch = catalog.watch(&[EntryKind::Tenant], Some(0)).unwrap();
    assert_eq!(watch.next().await.unwrap(), Event::Bookmark { revision: 0 });
    for n in 0..3 {
        catalog.put(mk_party(&n.to_string(), "IE"), Expected::Any).await.unwrap();
    }
    // Changes that it does not watch still move the bookmark, though not each before the next bookmark is due.
    let mut last = 0;
    while last < 3 {
        let Event::Bookmark { revision } = watch.next().await.unwrap() else { panic!("not a tenant") };
        assert!(revision >= last);
        last = revision;
    }
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_cut_and_resumes() {
    let limits = Limits { watch_buffer: 4, ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(limits);
    let put = |n: u64| catalog.put(mk_party(&n.to_string(), "IE"), Expected::Any);
    let mut watch = catalog.watch(&[], Some(0)).unwrap();
    for n in 1..=2 {
        put(n).await.unwrap();
        assert!(matches!(watch.next().await.unwrap(), Event::Put { revision, .. } if revision == n));
    }
    let mut in_snapshot = catalog.watch(&[], None).unwrap();
    for n in 3..=20 {
        put(n).await.unwrap();
    }
    let end = watch.next().await.unwrap_err();
    assert!(matches!(end, WatchEnd::Lagged { last_revision: 2 }), "{end}");
    assert!(matches!(watch.next().await, Err(WatchEnd::Closed { last_revision: 2 })), "and it stays ended");

    // One that is still in its snapshot gets that whole, and is cut after it.
    let mut replica = Replica::default();
    replica.follow(&mut in_snapshot, 2, false).await;
    let end = in_snapshot.next().await.unwrap_err();
    assert!(matches!(end, WatchEnd::Lagged { last_revision: 2 }), "{end}");

    let mut watch = catalog.watch(&[], Some(2)).unwrap();
    replica.follow(&mut watch, 20, true).await;
    assert_eq!(replica, Replica::of(&catalog));
}

#[tokio::test]
async fn what_is_compacted_is_out_of_range_and_the_rest_is_whole() {
    let fixture = Fixture::new();
    let batch = |n: usize| (0..n).map(|n| (mk_party(&(n % 50).to_string(), "IE"), Expected::Any)).collect();
    fixture.catalog.put_many(batch(1500)).await.unwrap();
    let mut early = fixture.catalog.watch(&[], Some(10)).unwrap();
    // The store keeps 2,000 changes.
    fixture.catalog.put_many(batch(3000)).await.unwrap();
    let compacted = WatchError::Compacted { oldest: 2500 };
    assert_eq!(fixture.catalog.watch(&[], Some(2499)).unwrap_err(), compacted);
    let end = early.next().await.unwrap_err();
    assert!(matches!(end, WatchEnd::Lagged { last_revision: 10 }), "{end}");

    let fixture = fixture.reopened();
    assert_eq!(fixture.catalog.watch(&[], Some(0)).unwrap_err(), compacted, "after a restart too");
    let mut replica = Replica { revision: 2500, ..Replica::default() };
    let mut watch = fixture.catalog.watch(&[], Some(2500)).unwrap();
    replica.follow(&mut watch, 4500, true).await;
    assert_eq!(replica, Replica::of(&fixture.catalog));
}

#[tokio::test]
async fn a_watch_cannot_begin_in_the_future_nor_beside_too_many() {
    let limits = Limits { watches: 2, ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(limits);
    assert_eq!(catalog.watch(&[], Some(1)).unwrap_err(), WatchError::Ahead { revision: 0 });
    let first = catalog.watch(&[], None).unwrap();
    let _second = catalog.watch(&[], Some(0)).unwrap();
    assert_eq!(catalog.watch(&[], None).unwrap_err(), WatchError::TooMany { limit: 2 });
    drop(first);
    assert!(catalog.watch(&[], None).is_ok(), "a watch that is dropped makes room");
}

#[tokio::test]
async fn a_watch_ends_when_the_catalogue_closes() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    catalog.put(mk_party("ann", "IE"), Expected::Any).await.unwrap();
    let mut watch = catalog.watch(&[], Some(0)).unwrap();
    assert!(matches!(watch.next().await.unwrap(), Event::Put { revision: 1, .. }));
    let ended = tokio::spawn(async move { watch.next().await });
    drop(catalog);
    let end = ended.await.unwrap();
    assert!(matches!(end, Err(WatchEnd::Closed { last_revision: 1 })), "{end:?}");
}
