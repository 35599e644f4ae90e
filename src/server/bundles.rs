//! Good bundles by digest in the data folder, so that a restart during a bad edit falls back to the last
//! good one.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::Files;
use crate::policy::{self, SourceError};

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
        std::fs::rename(&last, self.0.join("last")).map_err(write)
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
