//! Good bundles by digest in the data folder, so that a restart during a bad edit falls back to the last
//! good one.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::Files;
use crate::policy::{self, SourceError};

/// Most bundles that are kept. Only the last is ever read again; the others are there for a person to look at.
const MOST: usize = 16;

/// The kept bundles: `<version>/` each, and `last` with the version of the newest.
#[derive(Clone, Debug)]
pub(super) struct Kept(PathBuf);

impl Kept {
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Keeps a bundle's files, and marks it the last good one.
    ///
    /// # Errors
    /// The file or folder that could not be written. The bundle is served all the same.
    pub fn keep(&self, version: &str, files: &Files) -> Result<(), SourceError> {
        let folder = self.0.join(version);
        if !folder.is_dir() {
            // Written aside and renamed, so that what bears a version's name is always whole.
            let aside = self.0.join(format!("{version}.part"));
            let write = |path: &Path| {
                let path = path.to_owned();
                move |source: io::Error| SourceError::Write { path, source }
            };
            if aside.exists() {
                std::fs::remove_dir_all(&aside).map_err(write(&aside))?;
            }
            std::fs::create_dir_all(&aside).map_err(write(&aside))?;
            policy::write_folder(files, &aside)?;
            std::fs::rename(&aside, &folder).map_err(write(&folder))?;
        }
        let last = self.0.join("last.part");
        let write = |source| SourceError::Write { path: last.clone(), source };
        std::fs::write(&last, version).map_err(write)?;
        std::fs::rename(&last, self.0.join("last")).map_err(write)?;
        self.prune(version);
        Ok(())
    }

    /// Removes the oldest of too many, and what a former run left half written.
    fn prune(&self, version: &str) {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut older: Vec<_> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != version)
            .map(|entry| {
                let is_part = entry.path().extension().is_some_and(|extension| extension == "part");
                let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                (modified.filter(|_| !is_part), entry.path())
            })
            .collect();
        older.sort();
        let kept =
            MOST.saturating_sub(1).min(older.iter().filter(|(modified, _)| modified.is_some()).count());
        for (_, path) in older.iter().take(older.len() - kept) {
            if let Err(error) = std::fs::remove_dir_all(path) {
                tracing::warn!(%error, path = %path.display(), "an old bundle could not be removed");
            }
        }
    }

    /// The files of the last good bundle; `None` where none was kept.
    pub fn last(&self) -> Option<(String, Files)> {
        let version = std::fs::read_to_string(self.0.join("last")).ok()?.trim().to_owned();
        // A version is hexadecimal; anything else is not a name of ours.
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let files = policy::read_folder(&self.0.join(&version)).ok()?;
        Some((version, files))
    }
}
