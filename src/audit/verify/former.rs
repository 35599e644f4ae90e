//! Whether a log extends the checkpoints that it signed before.

use std::path::Path;

use super::fault::{Faults, Problem};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::merkle;
use crate::audit::note::Verifier;
use crate::audit::tile::Tiles;

/// Holds the tree, whose tiles were checked, against every former checkpoint; gives how many it extends.
pub(super) fn check<'a>(
    log: &Path,
    now: &Checkpoint,
    key: &Verifier,
    former: impl Iterator<Item = &'a (String, Checkpoint)>,
    faults: &mut Faults,
) -> u64 {
    let path = log.join(super::files::CHECKPOINT);
    // A tree that is damaged extends nothing, which proves nothing against whoever signed it.
    let sound = faults.is_empty();
    let tiles = Tiles::new(log, now.size);
    let mut extends = 0;
    for (name, former) in former {
        let name = name.clone();
        if let Err(error) = former.check(key) {
            faults.add(None, Path::new(&name), Problem::Unsigned(error.to_string()));
        } else if former.size > now.size {
            faults.add(now.size, &path, Problem::Cut(name));
        } else if merkle::root(former.size, &tiles).is_ok_and(|root| root == former.root) {
            extends += 1;
        } else if sound || former.size == now.size {
            faults.add(0, &path, Problem::Fork(name));
        } else {
            faults.add(None, &path, Problem::Incomparable(name));
        }
    }
    extends
}
