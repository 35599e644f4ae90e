//! Groups, bounds and closing.

use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use tokio::task::unconstrained;

use super::faulty::{Area, FaultyDisk};
use super::*;
use crate::audit::{MAX_ENTRY_BYTES, RecordError};

/// Polls once, to bring a future to its first wait.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until the disk stalls, without stalling the runtime; fails where it never does.
async fn arrived(arrived_rx: mpsc::Receiver<()>) {
    tokio::task::spawn_blocking(move || arrived_rx.recv_timeout(Duration::from_secs(60)).unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn appends_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    let before = disk.syncs(Area::Journal);
    let (arrived_rx, release_tx) = disk.stall();
    let records: Vec<Record> = (0..100).map(|number| mk_record(&number.to_string())).collect();
    // Unconstrained, so that the first poll brings each as far as its wait for the disk.
    let mut appends: Vec<_> =
        records.iter().map(|record| Box::pin(unconstrained(log.append_durable(record)))).collect();
    assert!(poll_once(appends[0].as_mut()).is_pending());
    // The first group is in its sync; the rest gather behind it.
    arrived(arrived_rx).await;
    for append in &mut appends[1..] {
        assert!(poll_once(append.as_mut()).is_pending());
    }
    drop(release_tx);
    for (number, append) in (0..).zip(appends) {
        assert_eq!(append.await.unwrap().log_index, number);
    }
    assert_eq!(disk.syncs(Area::Journal) - before, 2, "one for the first, one for the rest");
    assert_eq!(contents(dir.path()).unwrap().len(), 100);
}

#[tokio::test]
async fn beyond_the_bound_appends_wait_and_then_fail() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let options = Options { buffer_records: 3, room_wait: Duration::from_millis(20), ..mk_options() };
    let log = open(&disk, dir.path(), options);
    let (arrived_rx, release_tx) = disk.stall();
    log.append_buffered(&mk_record("0")).await.unwrap();
    arrived(arrived_rx).await;
    for text in ["1", "2"] {
        log.append_buffered(&mk_record(text)).await.unwrap();
    }
    for _ in 0..2 {
        let refused = log.append_buffered(&mk_record("refused")).await;
        assert!(matches!(refused, Err(RecordError::BufferFull { cause: None, .. })), "{refused:?}");
    }
    assert_eq!(log.len(), 0);
    drop(release_tx);
    log.close().await.unwrap();
    assert_eq!(contents(dir.path()).unwrap(), ["0", "1", "2"]);
}

#[tokio::test]
async fn an_append_that_waits_for_room_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    // Room for two such records and their heads.
    let log = open(&disk, dir.path(), Options { buffer_bytes: 42, ..mk_options() });
    let (arrived_rx, release_tx) = disk.stall();
    log.append_buffered(&mk_record("0123456789")).await.unwrap();
    arrived(arrived_rx).await;
    log.append_buffered(&mk_record("0123456789")).await.unwrap();
    let third = mk_record("0123456789");
    let mut waiting = Box::pin(unconstrained(log.append_buffered(&third)));
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Pending));
    drop(release_tx);
    waiting.await.unwrap();
    log.close().await.unwrap();
    assert_eq!(contents(dir.path()).unwrap().len(), 3);
}

#[tokio::test]
async fn a_full_buffer_on_a_failing_disk_names_the_cause() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let options = Options { buffer_records: 2, room_wait: Duration::from_millis(20), ..mk_options() };
    let log = open(&disk, dir.path(), options);
    let mut health_rx = log.health_rx();
    disk.faults(|faults| faults.read_only = true);
    for text in ["0", "1"] {
        log.append_buffered(&mk_record(text)).await.unwrap();
    }
    health_rx.wait_for(|health| !health.is_ok()).await.unwrap();
    let refused = log.append_buffered(&mk_record("refused")).await;
    assert!(matches!(refused, Err(RecordError::BufferFull { cause: Some(_), .. })), "{refused:?}");
    disk.faults(|faults| faults.read_only = false);
    health_rx.wait_for(|health| health.is_ok()).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(contents(dir.path()).unwrap(), ["0", "1"]);
}

#[tokio::test]
async fn a_stalled_disk_does_not_hold_a_durable_append_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), Options { durable_wait: Duration::from_millis(20), ..mk_options() });
    let (_arrived_rx, release_tx) = disk.stall();
    let late = log.append_durable(&mk_record("late")).await;
    assert!(matches!(late, Err(RecordError::TooSlow { .. })), "{late:?}");
    drop(release_tx);
    log.close().await.unwrap();
    // It may yet come there, and did.
    assert_eq!(contents(dir.path()).unwrap(), ["late"]);
}

#[tokio::test]
async fn a_record_that_can_never_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), Options { buffer_bytes: 109, ..mk_options() });
    let refused = log.append_buffered(&mk_record(&"x".repeat(101))).await;
    assert!(matches!(refused, Err(RecordError::TooLarge { bytes: 101, limit: 100 })), "{refused:?}");
    log.append_durable(&mk_record(&"x".repeat(100))).await.unwrap();
}

#[tokio::test]
async fn the_largest_records_fill_groups_that_can_be_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), mk_options());
    let largest = "x".repeat(MAX_ENTRY_BYTES);
    for text in ["small", &largest, "small", &largest] {
        log.append_buffered(&mk_record(text)).await.unwrap();
    }
    let refused = log.append_buffered(&mk_record(&format!("{largest}x"))).await;
    assert!(matches!(refused, Err(RecordError::TooLarge { .. })), "{refused:?}");
    log.close().await.unwrap();
    let lengths: Vec<usize> = contents(dir.path()).unwrap().iter().map(String::len).collect();
    assert_eq!(lengths, [5, MAX_ENTRY_BYTES, 5, MAX_ENTRY_BYTES]);
}

#[tokio::test]
async fn close_writes_what_is_buffered_and_ends_every_clone() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), mk_options());
    let clone = log.clone();
    let texts: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    for text in &texts {
        log.append_buffered(&mk_record(text)).await.unwrap();
    }
    log.close().await.unwrap();
    assert_eq!(contents(dir.path()).unwrap(), texts);
    assert_eq!(clone.len(), 500);
    assert!(matches!(clone.append_buffered(&mk_record("late")).await, Err(RecordError::Closed)));
    assert!(matches!(clone.append_durable(&mk_record("late")).await, Err(RecordError::Closed)));
    clone.close().await.unwrap();
    // The files are free again.
    assert_eq!(open(&LocalDisk, dir.path(), mk_options()).len(), 500);
}

#[tokio::test]
async fn reading_an_open_log_stops_at_what_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    log.append_durable(&mk_record("durable")).await.unwrap();
    let (arrived_rx, release_tx) = disk.stall();
    log.append_buffered(&mk_record("in its sync")).await.unwrap();
    arrived(arrived_rx).await;
    assert_eq!(contents(dir.path()).unwrap().len(), 2, "the bytes are there");
    assert_eq!(texts(&log.reader()).unwrap(), ["durable"]);
    drop(release_tx);
}
