//! Disks that refuse: what the callers are told, what is kept, and that it recovers by itself.

use std::io;

use super::faulty::{Area, Faults, FaultyDisk, Unsynced};
use super::*;
use crate::audit::{CloseError, Health, RecordError};

/// After the power is cut: what had been acknowledged, as far as `Unsynced` has nothing to add.
fn after_power_cut(disk: &FaultyDisk, dir: &Path) -> Vec<String> {
    let data = tempfile::tempdir().unwrap();
    disk.power_cut(dir, data.path(), Unsynced::Prefix(0), false);
    let log = open(&LocalDisk, data.path(), mk_options());
    drop(log);
    contents(data.path()).unwrap()
}

/// While `break_it` holds, durable appends fail with that kind and buffered ones are kept; when it no longer
/// does, the log recovers and has everything that was acknowledged.
async fn check_outage(kind: io::ErrorKind, break_it: impl FnOnce(&mut Faults)) {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    let mut health_rx = log.health_rx();
    assert_eq!(log.append_durable(&mk_record("before")).await.unwrap().log_index, 0);

    disk.faults(break_it);
    match log.append_durable(&mk_record("refused")).await.unwrap_err() {
        RecordError::Unwritable { cause } => assert_eq!(cause.source.kind(), kind),
        other => panic!("{other}"),
    }
    assert!(matches!(log.health(), Health::Failing { cause, .. } if cause.source.kind() == kind));
    log.append_buffered(&mk_record("kept")).await.unwrap();
    assert!(matches!(
        log.append_durable(&mk_record("refused too")).await,
        Err(RecordError::Unwritable { .. })
    ));
    assert_eq!(log.len(), 1);

    disk.faults(|faults| *faults = Faults::default());
    health_rx.wait_for(Health::is_ok).await.unwrap();
    log.append_durable(&mk_record("after")).await.unwrap();
    assert_eq!(after_power_cut(&disk, dir.path()), ["before", "kept", "after"]);
    log.close().await.unwrap();
    assert_eq!(contents(dir.path()).unwrap(), ["before", "kept", "after"]);
}

#[tokio::test]
async fn a_full_disk() {
    check_outage(io::ErrorKind::StorageFull, |faults| faults.room = Some(0)).await;
}

#[tokio::test]
async fn a_disk_that_fills_within_a_write() {
    // Fewer than the group's 40 bytes.
    for room in 1..40 {
        check_outage(io::ErrorKind::StorageFull, |faults| faults.room = Some(room)).await;
    }
}

#[tokio::test]
async fn a_read_only_disk() {
    check_outage(io::ErrorKind::ReadOnlyFilesystem, |faults| faults.read_only = true).await;
}

#[tokio::test]
async fn a_disk_that_does_not_sync() {
    check_outage(io::ErrorKind::Other, |faults| faults.syncs_fail = true).await;
}

#[tokio::test]
async fn a_sync_that_fails_once_is_never_believed_after() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    let texts: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    for text in &texts {
        // This append's sync fails; the one of the new segment does not.
        let next = disk.syncs(Area::Journal) + 1;
        disk.faults(|faults| faults.failing_syncs = [next].into());
        log.append_durable(&mk_record(text)).await.unwrap();
        assert_eq!(disk.syncs(Area::Journal), next + 1);
        assert_eq!(after_power_cut(&disk, dir.path()).last(), Some(text));
    }
    assert!(log.health().is_ok());
    assert_eq!(after_power_cut(&disk, dir.path()), texts);
    assert_eq!(contents(dir.path()).unwrap(), texts);
}

#[tokio::test]
async fn a_tail_whose_sync_failed_is_written_anew_by_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    log.append_durable(&mk_record("one")).await.unwrap();
    disk.faults(|faults| faults.syncs_fail = true);
    log.append_durable(&mk_record("two")).await.unwrap_err();
    log.close().await.unwrap();
    disk.faults(|faults| *faults = Faults::default());
    // The bytes can be read, and are not on the platter.
    assert_eq!(contents(dir.path()).unwrap(), ["one", "two"]);
    let log = open(&disk, dir.path(), mk_options());
    assert_eq!(log.append_durable(&mk_record("three")).await.unwrap().log_index, 2);
    assert_eq!(after_power_cut(&disk, dir.path()), ["one", "two", "three"]);
}

#[tokio::test]
async fn short_writes_are_completed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    disk.faults(|faults| faults.longest_write = Some(3));
    let log = open(&disk, dir.path(), mk_options());
    for text in ["one", "two"] {
        log.append_durable(&mk_record(text)).await.unwrap();
    }
    assert_eq!(after_power_cut(&disk, dir.path()), ["one", "two"]);
}

#[tokio::test]
async fn a_segment_whose_name_is_not_durable_is_not_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    // Every group begins a segment.
    let log = open(&disk, dir.path(), Options { segment_bytes: 1, ..mk_options() });
    let mut health_rx = log.health_rx();
    log.append_durable(&mk_record("one")).await.unwrap();
    disk.faults(|faults| faults.failing_dir_syncs = 1);
    log.append_durable(&mk_record("two")).await.unwrap_err();
    assert_eq!(after_power_cut(&disk, dir.path()), ["one"]);
    health_rx.wait_for(Health::is_ok).await.unwrap();
    let receipt = log.append_durable(&mk_record("three")).await.unwrap();
    assert_eq!((receipt.log_index, receipt.leaf_hash), (1, leaf_hash(b"three").to_vec()));
    assert_eq!(after_power_cut(&disk, dir.path()), ["one", "three"]);
}

#[tokio::test]
async fn closing_on_a_failing_disk_says_what_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    disk.faults(|faults| faults.read_only = true);
    log.append_durable(&mk_record("refused")).await.unwrap_err();
    for text in ["one", "two"] {
        log.append_buffered(&mk_record(text)).await.unwrap();
    }
    assert!(matches!(log.close().await, Err(CloseError::Lost { records: 2, .. })));
    assert!(matches!(log.append_durable(&mk_record("late")).await, Err(RecordError::Unwritable { .. })));
    assert!(matches!(log.append_buffered(&mk_record("late")).await, Err(RecordError::Closed)));
}

#[tokio::test]
async fn a_disk_that_refuses_at_the_start_refuses_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    disk.faults(|faults| faults.room = Some(10));
    assert!(matches!(try_open(&disk, dir.path(), mk_options()), Err(OpenError::Disk(_))));
    disk.faults(|faults| *faults = Faults::default());
    assert!(open(&disk, dir.path(), mk_options()).is_empty());
}
