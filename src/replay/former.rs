//! The bundle that a record was decided by, and its rules under other facts.

use std::sync::{Arc, OnceLock};

use super::Shelf;
use crate::domain::Files;
use crate::policy::Bundle;

/// How many stay loaded, at some 20 MB each: records come in order, and so a version comes in one stretch.
pub(super) const MOST: usize = 4;
/// Where the facts of a bundle are, among its files.
const FACTS: &str = "facts/";

/// A recorded version.
pub(super) struct Former {
    version: String,
    bundle: Result<Arc<Bundle>, Missing>,
    /// Its rules under the facts of the bundle that it is compared with, once that was asked for.
    mixed: OnceLock<Option<Bundle>>,
}

/// Why its bundle is not at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is not kept.
    NotKept,
    /// This program does not load it, or it is not what its name says.
    NotLoaded,
}

impl Former {
    pub fn load(version: &str, shelf: &Shelf) -> Self {
        let bundle = shelf(version).ok_or(Missing::NotKept).and_then(|files| {
            let loaded = Bundle::load(&files).ok().map(|(bundle, _report)| bundle);
            // What bears a version's name is that version, or nothing.
            let sound = loaded.filter(|bundle| bundle.version() == version);
            sound.map(Arc::new).ok_or(Missing::NotLoaded)
        });
        Self { version: version.to_owned(), bundle, mixed: OnceLock::new() }
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn bundle(&self) -> Result<&Arc<Bundle>, Missing> {
        self.bundle.as_ref().map_err(|missing| *missing)
    }

    /// Its rules under the facts of another; absent where they do not load together. It is always the same
    /// other: a replay has one target.
    pub fn under_facts_of(&self, other: &Bundle) -> Option<&Bundle> {
        let mix = || {
            let own = self.bundle.as_ref().ok()?.files();
            let facts = |path: &str| path.starts_with(FACTS);
            let rules = own.iter().filter(|(path, _)| !facts(path));
            let others = other.files().iter().filter(|(path, _)| facts(path));
            let files: Files =
                rules.chain(others).map(|(path, text)| (path.clone(), Arc::clone(text))).collect();
            Bundle::load(&files).ok().map(|(bundle, _report)| bundle)
        };
        self.mixed.get_or_init(mix).as_ref()
    }
}
