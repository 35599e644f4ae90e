//! The store under trouble: a full disk, a lost outcome, a second process, damage.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::*;

/// A store that fails on demand: before a commit, or after it, as when the sync reports what is not so.
struct Troubled {
    store: Sqlite,
    fails_before: AtomicBool,
    fails_after: AtomicBool,
    /// When it is set, each commit says that it has begun, then waits for a word.
    gate: Option<Mutex<(mpsc::Sender<usize>, mpsc::Receiver<()>)>>,
}

impl Troubled {
    fn new(folder: &Path) -> Self {
        let (fails_before, fails_after) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { store: mk_store(folder), fails_before, fails_after, gate: None }
    }

    fn trouble() -> StoreError {
        StoreError::Failed { doing: String::from("write"), source: "trouble".into() }
    }
}

impl Store for Troubled {
    fn load(&self, each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>) -> Result<Bounds, StoreError> {
        self.store.load(each)
    }

    fn commit(&self, group: &[Transaction]) -> Result<Committed, StoreError> {
        if let Some(gate) = &self.gate {
            let gate = gate.lock().unwrap();
            gate.0.send(group.len()).unwrap();
            gate.1.recv().unwrap();
        }
        if self.fails_before.load(Ordering::SeqCst) {
            return Err(Self::trouble());
        }
        let committed = self.store.commit(group);
        if self.fails_after.load(Ordering::SeqCst) { Err(Self::trouble()) } else { committed }
    }

    fn changes_after(&self, revision: Revision, limit: usize) -> Result<Vec<StoredChange>, StoreError> {
        self.store.changes_after(revision, limit)
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(mk_store(folder.path()));
    let catalog = Catalog::open(Arc::clone(&store) as Arc<dyn Store>, codec(), Limits::default()).unwrap();
    catalog.put(mk_process("w", "small"), Expected::Any).await.unwrap();
    let mut watch = catalog.watch(&[], Some(1)).unwrap();
    store.set_full(true);
    let large = "x".repeat(60_000);
    for _ in 0..3 {
        let error = catalog.put(mk_process("w", &large), Expected::Any).await.unwrap_err();
        let WriteError::Store(cause) = &error else { panic!("{error}") };
        let cause = std::error::Error::source(&**cause).unwrap().to_string();
        assert!(cause.contains("full"), "{cause}");
    }
    assert_eq!(catalog.get(EntryKind::Process, "w"), Some((mk_process("w", "small"), 1)));
    store.set_full(false);
    assert_eq!(catalog.put(mk_process("w", &large), Expected::Revision(1)).await.unwrap(), 2);
    let event = watch.next().await.unwrap();
    assert_eq!(event, Event::Put { entry: mk_process("w", &large), revision: 2 }, "and nothing before it");
}

#[tokio::test]
async fn a_failed_commit_changes_nothing_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Troubled::new(folder.path()));
    let catalog = Catalog::open(Arc::clone(&store) as Arc<dyn Store>, codec(), Limits::default()).unwrap();
    store.fails_before.store(true, Ordering::SeqCst);
    let error = catalog.put(mk_party("ann", "IE"), Expected::Any).await.unwrap_err();
    assert!(matches!(error, WriteError::Store(_)), "{error}");
    assert_eq!((catalog.revision(), catalog.count(EntryKind::Party)), (0, 0));
    store.fails_before.store(false, Ordering::SeqCst);
    assert_eq!(catalog.put(mk_party("ann", "IE"), Expected::Absent).await.unwrap(), 1);
}

#[tokio::test]
async fn a_write_whose_outcome_was_lost_appears_with_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Troubled::new(folder.path()));
    let catalog = Catalog::open(Arc::clone(&store) as Arc<dyn Store>, codec(), Limits::default()).unwrap();
    let mut watch = catalog.watch(&[], Some(0)).unwrap();
    store.fails_after.store(true, Ordering::SeqCst);
    for place in ["IE", "DE"] {
        let error = catalog.put(mk_party("lost", place), Expected::Any).await.unwrap_err();
        assert!(matches!(error, WriteError::Store(_)), "{error}");
        assert_eq!(catalog.party("lost"), None, "not visible before it is known to be durable");
    }
    store.fails_after.store(false, Ordering::SeqCst);
    let error = catalog.put(mk_party("lost", "FR"), Expected::Absent).await.unwrap_err();
    assert!(matches!(error, WriteError::Refused(Refusal::Conflict { found: Some(2), .. })), "{error}");
    assert_eq!(catalog.get(EntryKind::Party, "lost"), Some((mk_party("lost", "DE"), 2)));
    assert_eq!(catalog.put(mk_party("next", "FR"), Expected::Absent).await.unwrap(), 3);
    for (entry, revision) in
        [(mk_party("lost", "IE"), 1), (mk_party("lost", "DE"), 2), (mk_party("next", "FR"), 3)]
    {
        assert_eq!(watch.next().await.unwrap(), Event::Put { entry, revision });
    }
}

#[tokio::test]
async fn a_store_that_lost_revisions_takes_no_more_writes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let swapped =
        Arc::new(Swapped { stores: [mk_store(first.path()), mk_store(second.path())], second: false.into() });
    let catalog = Catalog::open(Arc::clone(&swapped) as Arc<dyn Store>, codec(), Limits::default()).unwrap();
    catalog.put(mk_party("ann", "IE"), Expected::Any).await.unwrap();
    swapped.second.store(true, Ordering::SeqCst);
    let error = catalog.put(mk_party("ann", "US"), Expected::Any).await.unwrap_err();
    assert!(matches!(error, WriteError::Store(_)), "{error}");
    assert_eq!(catalog.get(EntryKind::Party, "ann"), Some((mk_party("ann", "IE"), 1)));
}

/// A store that is another one from some moment on, as when a backup is put in its place.
struct Swapped {
    stores: [Sqlite; 2],
    second: AtomicBool,
}

impl Store for Swapped {
    fn load(&self, each: &mut dyn FnMut(StoredEntry<'_>) -> ControlFlow<()>) -> Result<Bounds, StoreError> {
        self.stores[0].load(each)
    }

    fn commit(&self, group: &[Transaction]) -> Result<Committed, StoreError> {
        self.stores[usize::from(self.second.load(Ordering::SeqCst))].commit(group)
    }

    fn changes_after(&self, revision: Revision, limit: usize) -> Result<Vec<StoredChange>, StoreError> {
        self.stores[0].changes_after(revision, limit)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_share_a_commit_and_too_many_are_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let (begun, begins) = mpsc::channel();
    let (word, gate) = mpsc::channel();
    let store = Troubled { gate: Some(Mutex::new((begun, gate))), ..Troubled::new(folder.path()) };
    let limits = Limits { waiting_writes: 3, write_wait: Duration::from_millis(20), ..Limits::default() };
    let catalog = Catalog::open(Arc::new(store), codec(), limits).unwrap();
    let put = |id: &'static str| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.put(mk_party(id, "IE"), Expected::Any).await })
    };
    let first = put("first");
    let (began, begins) =
        tokio::task::spawn_blocking(move || (begins.recv().unwrap(), begins)).await.unwrap();
    assert_eq!(began, 1, "the first is alone");
    // While its commit waits, three find a place and a fourth does not.
    let waiting = [put("second"), put("third"), put("fourth"), put("fifth")];
    let mut waiting: Vec<_> = waiting.into_iter().collect();
    let (turned_away, at, _) = select_finished(&mut waiting).await;
    waiting.remove(at);
    assert!(matches!(turned_away, Err(WriteError::Busy)), "{turned_away:?}");
    word.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 1);
    let began = tokio::task::spawn_blocking(move || begins.recv().unwrap()).await.unwrap();
    assert_eq!(began, 3, "the rest share a commit");
    word.send(()).unwrap();
    let mut revisions = Vec::new();
    for put in waiting {
        revisions.push(put.await.unwrap().unwrap());
    }
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3, 4]);
}

/// The first of these to finish: its result, its place, and how many there were.
async fn select_finished<T>(tasks: &mut [tokio::task::JoinHandle<T>]) -> (T, usize, usize) {
    let count = tasks.len();
    std::future::poll_fn(|context| {
        for (at, task) in tasks.iter_mut().enumerate() {
            if let std::task::Poll::Ready(done) = std::pin::Pin::new(task).poll(context) {
                return std::task::Poll::Ready((done.unwrap(), at, count));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

#[tokio::test]
async fn a_second_opening_is_refused_and_names_the_file() {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("catalog.db");
    let error = Sqlite::open(&path, 10).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert_eq!(error.to_string(), format!("`{}` is in use by another process", path.display()));
    fixture.catalog.put(mk_party("ann", "IE"), Expected::Any).await.unwrap();
    drop(fixture.catalog);
    Sqlite::open(&path, 10).unwrap();
}

#[test]
fn what_is_not_a_catalogue_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not a database at all, but long enough to have a header. ".repeat(20)).unwrap();
    let before = std::fs::read(&text).unwrap();
    let error = Sqlite::open(&text, 10).unwrap_err();
    assert!(error.to_string().contains("text"), "{error}");
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let other = folder.path().join("other");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = Sqlite::open(&other, 10).unwrap_err();
    assert!(matches!(error, StoreError::Format { .. }), "{error}");

    let newer = folder.path().join("newer");
    drop(Sqlite::open(&newer, 10).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let error = Sqlite::open(&newer, 10).unwrap_err();
    assert!(error.to_string().contains("its format is 2, this version reads 1"), "{error}");

    let nowhere = folder.path().join("nowhere/catalog.db");
    let error = Sqlite::open(&nowhere, 10).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_entry_keeps_the_catalogue_from_opening() {
    let fixture = Fixture::new();
    fixture.catalog.put(mk_tenant("a"), Expected::Any).await.unwrap();
    fixture.catalog.put(mk_holding("a/1", "IE"), Expected::Any).await.unwrap();
    fixture.catalog.put(mk_holding("a/1/x", "US"), Expected::Any).await.unwrap();
    let Fixture { catalog, folder } = fixture;
    drop(catalog);
    let path = folder.path().join("catalog.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE entry SET value = x'00' WHERE key = 'a/1/x'", []).unwrap();
    drop(connection);
    let error = Catalog::open(Arc::new(mk_store(folder.path())), codec(), Limits::default()).unwrap_err();
    let OpenError::Store(cause) = &error else { panic!("{error}") };
    assert!(matches!(cause, StoreError::Corrupt { key, .. } if key == "a/1/x"), "{cause}");
}
