//! Power cuts at any moment of any history of faults.

use proptest::prelude::*;

use super::faulty::{Area, Faults, FaultyDisk, Unsynced};
use super::*;
use crate::audit::{Health, RecordError};

/// One step of a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Appends so many records without waiting, then one that waits.
    Append(usize),
    /// The sync of data after so many others fails.
    FailSync(u64),
    /// The next syncs of the directory fail.
    FailDirSyncs(u32),
    /// The disk takes so many bytes, and no more until it is tried again.
    Fill(usize),
    /// The log is closed and opened again.
    Restart,
    /// The same, but it closes under whatever goes wrong at the time.
    RestartInFault,
}

fn mk_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..4).prop_map(Step::Append),
        2 => (1_u64..4).prop_map(Step::FailSync),
        1 => (1_u32..3).prop_map(Step::FailDirSyncs),
        2 => (0_usize..200).prop_map(Step::Fill),
        1 => Just(Step::Restart),
        1 => Just(Step::RestartInFault),
    ]
}

fn mk_unsynced() -> impl Strategy<Value = Unsynced> {
    prop_oneof![(0_usize..200).prop_map(Unsynced::Prefix), (0_usize..200).prop_map(Unsynced::Hole)]
}

/// What a log has promised: entries by index, and checkpoints.
type Promised = (Vec<(u64, String)>, Vec<Checkpoint>);

/// Runs a history whose faults are of one area.
async fn run(disk: &FaultyDisk, dir: &Path, area: Area, steps: &[Step]) -> Promised {
    // Small segments, so that histories rotate.
    let options = Options { segment_bytes: 200, ..mk_options() };
    let mut log = open(disk, dir, options.clone());
    let (mut acknowledged, mut checkpoints) = (Vec::new(), Vec::new());
    for (number, step) in steps.iter().enumerate() {
        disk.faults(|faults| faults.area = area);
        checkpoints.extend(log.checkpoint().as_deref().cloned());
        match *step {
            Step::Append(buffered) => {
                for part in 0..buffered {
                    log.append_buffered(&mk_record(&format!("{number}-{part}"))).await.unwrap();
                }
                let text = format!("{number}");
                match log.append_durable(&mk_record(&text)).await {
                    Ok(receipt) => acknowledged.push((receipt.log_index, text)),
                    Err(RecordError::Unwritable { .. }) => {
                        disk.faults(|faults| *faults = Faults::default());
                        log.health_rx().wait_for(Health::is_ok).await.unwrap();
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            Step::FailSync(ahead) => {
                let failing = disk.syncs(area) + ahead;
                disk.faults(|faults| faults.failing_syncs = [failing].into());
            }
            Step::FailDirSyncs(count) => disk.faults(|faults| faults.failing_dir_syncs = count),
            Step::Fill(room) => disk.faults(|faults| faults.room = Some(room)),
            Step::Restart | Step::RestartInFault => {
                if matches!(step, Step::Restart) {
                    disk.faults(|faults| *faults = Faults::default());
                }
                // An error here tells of buffered records alone.
                let _ = log.close().await;
                disk.faults(|faults| *faults = Faults::default());
                log = open(disk, dir, options.clone());
            }
        }
    }
    (acknowledged, checkpoints)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn what_was_acknowledged_survives_a_power_cut(
        steps in prop::collection::vec(mk_step(), 1..30),
        area in prop::sample::select(vec![Area::Journal, Area::Log, Area::Whole]),
        unsynced in mk_unsynced(),
        late_names in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let disk = FaultyDisk::default();
        let dir = tempfile::tempdir().unwrap();
        let (acknowledged, checkpoints) = runtime.block_on(run(&disk, dir.path(), area, &steps));
        let data = tempfile::tempdir().unwrap();
        disk.power_cut(dir.path(), data.path(), unsynced, late_names);
        runtime.block_on(async {
            let log = open(&LocalDisk, data.path(), mk_options());
            log.close().await.unwrap();
        });
        let texts = contents(data.path()).unwrap();
        for (index, text) in acknowledged {
            prop_assert_eq!(texts.get(index as usize), Some(&text));
        }
        let checkpoint = check_tree(data.path(), &checkpoints);
        prop_assert_eq!(checkpoint.size, texts.len() as u64);
    }
}
