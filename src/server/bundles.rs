//! Good bundles by digest in the data folder: a restart during a bad edit falls back to the last good one, and
//! a recorded decision can be decided again under the rules and facts that it was decided by.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::{LogDir, ReadError};
use crate::domain::{Files, LogEntry};
use crate::grpc;
use crate::policy::{self, SourceError};

/// How many of the newest bundles stay, whether a record names them or not: what was published a moment ago
/// may be named by the next record.
const NEWEST: usize = 16;
/// What a folder's name ends with as long as it is being written.
const PART: &str = ".part";

/// The kept bundles: `<version>/` each, and `last` with the version of the newest.
///
/// A file that a bundle shares with the one before it is a hard link, so that an edit costs what it changes.
/// Nothing is removed but by [`prune`](Self::prune).
#[derive(Clone, Debug)]
pub struct Kept(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    writing: Mutex<()>,
}

/// Why bundles were not pruned.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The log, which names those that are needed, cannot be read. Mend it.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// An entry of it is not what this program writes. Verify the log.
    #[error("entry {index} of the log cannot be read: {source}")]
    Entry {
        /// Its place.
        index: u64,
        /// What is wrong.
        source: grpc::convert::ReadError,
    },
    /// A bundle could not be removed. Remove it by hand.
    #[error(transparent)]
    Remove(#[from] SourceError),
}

impl Kept {
    /// The bundles of a data folder.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self(Arc::new(Inner { folder: data_dir.join("bundles"), writing: Mutex::default() }))
    }

    /// Keeps a bundle's files durably, and marks it the last good one.
    ///
    /// # Errors
    /// The file or folder that could not be written. The bundle can be served all the same.
    pub fn keep(&self, version: &str, files: &Files) -> Result<(), SourceError> {
        let _writing = self.writing();
        let folder = self.0.folder.join(version);
        if !folder.is_dir() {
            for half_written in self.folders().filter(|name| name.ends_with(PART)) {
                let path = self.0.folder.join(half_written);
                fs::remove_dir_all(&path).map_err(write(&path))?;
            }
            // Written aside and renamed, so that what bears a version's name is always whole.
            let aside = self.0.folder.join(format!("{version}{PART}"));
            fs::create_dir_all(&aside).map_err(write(&aside))?;
            self.fill(&aside, files)?;
            fs::rename(&aside, &folder).map_err(write(&folder))?;
        }
        let last = self.0.folder.join("last.part");
        fs::write(&last, version).and_then(|()| sync(&last)).map_err(write(&last))?;
        fs::rename(&last, self.0.folder.join("last")).map_err(write(&last))?;
        sync(&self.0.folder).map_err(write(&self.0.folder))
    }

    /// Writes a bundle into an empty folder, and sees it on disk.
    fn fill(&self, folder: &Path, files: &Files) -> Result<(), SourceError> {
        let (before, old) = self.last().unwrap_or_default();
        let (shared, own): (Files, Files) =
            files.clone().into_iter().partition(|(path, text)| old.get(path) == Some(text));
        policy::write_folder(&own, folder)?;
        let mut folders = BTreeSet::from([folder.to_owned()]);
        for path in shared.keys().chain(own.keys()) {
            let to = folder.join(path);
            let parents = to.ancestors().skip(1).take_while(|parent| *parent != folder);
            folders.extend(parents.map(Path::to_owned));
        }
        for (path, text) in &shared {
            let to = folder.join(path);
            let parent = to.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(write(parent))?;
            // Not every file system has links.
            fs::hard_link(self.0.folder.join(&before).join(path), &to)
                .or_else(|_| fs::write(&to, text.as_bytes()).and_then(|()| sync(&to)))
                .map_err(write(&to))?;
        }
        let written = own.keys().map(|path| folder.join(path));
        written.chain(folders).try_for_each(|path| sync(&path).map_err(write(&path)))
    }

    /// Removes the bundles that no kept record names, but for the newest. The log is read only where there are
    /// more of them.
    ///
    /// # Errors
    /// [`PruneError`]: the log could not be read, and nothing is removed; or a bundle could not be removed.
    pub fn prune(&self, log: &LogDir) -> Result<(), PruneError> {
        if self.folders().filter(|name| is_version(name)).count() <= NEWEST {
            return Ok(());
        }
        let mut named = BTreeSet::new();
        for entry in log.entries(0..u64::MAX)? {
            let entry = entry?;
            let read = grpc::log_entry(&entry.bytes, &[]);
            let read = read.map_err(|source| PruneError::Entry { index: entry.index, source })?;
            if let LogEntry::Decision(decided) = read {
                named.insert(decided.policy_version);
            }
        }
        Ok(self.retain(&named)?)
    }

    /// Removes all but these and the newest.
    fn retain(&self, named: &BTreeSet<String>) -> Result<(), SourceError> {
        let _writing = self.writing();
        let last = self.last_version().unwrap_or_default();
        let mut kept: Vec<_> = self
            .folders()
            .filter(|name| is_version(name))
            .map(|name| {
                let metadata = fs::metadata(self.0.folder.join(&name));
                (metadata.and_then(|metadata| metadata.modified()).ok(), name)
            })
            .collect();
        kept.sort();
        kept.truncate(kept.len().saturating_sub(NEWEST));
        let mut outcome = Ok(());
        for (_, name) in kept.into_iter().filter(|(_, name)| *name != last && !named.contains(name)) {
            let path = self.0.folder.join(name);
            outcome = outcome.and(fs::remove_dir_all(&path).map_err(write(&path)));
        }
        outcome
    }

    /// Keeps writing and removing apart.
    fn writing(&self) -> MutexGuard<'_, ()> {
        self.0.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folders(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.0.folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.filter_map(|entry| entry.file_name().into_string().ok())
    }

    /// The files of a kept bundle; absent where it is not kept, or cannot be read.
    #[must_use]
    pub fn files(&self, version: &str) -> Option<Files> {
        is_version(version).then(|| policy::read_folder(&self.0.folder.join(version)).ok()).flatten()
    }

    /// The files of the last good bundle, with its version; absent where none was kept.
    #[must_use]
    pub fn last(&self) -> Option<(String, Files)> {
        let version = self.last_version()?;
        let files = self.files(&version)?;
        Some((version, files))
    }

    fn last_version(&self) -> Option<String> {
        Some(fs::read_to_string(self.0.folder.join("last")).ok()?.trim().to_owned())
    }
}

/// A version is hexadecimal; anything else is not a name of ours.
fn is_version(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Sees a file or a folder on disk.
fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn write(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::Write { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(&str, &str)]) -> Files {
        of.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect()
    }

    fn version(number: usize) -> String {
        format!("{number:064x}")
    }

    #[test]
    fn every_bundle_stays_and_shares_what_did_not_change() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(folder.path());
        assert_eq!(kept.last(), None);
        for number in 0..40 {
            let text = format!("rule {number}");
            let files = files(&[("core/a.cedar", &text), ("facts/deep/b.toml", "facts")]);
            kept.keep(&version(number), &files).unwrap();
            assert_eq!(kept.last(), Some((version(number), files)));
        }
        for number in 0..40 {
            let files = kept.files(&version(number)).unwrap();
            assert_eq!(&*files["core/a.cedar"], format!("rule {number}"));
            assert_eq!(&*files["facts/deep/b.toml"], "facts");
        }
        use std::os::unix::fs::MetadataExt as _;
        let inode = |number: usize| {
            let path = folder.path().join("bundles").join(version(number)).join("facts/deep/b.toml");
            fs::metadata(path).unwrap().ino()
        };
        assert_eq!(inode(0), inode(39), "a file that did not change is on disk once");
        assert_eq!(kept.files("../bundles"), None);
        assert_eq!(kept.files(&version(40)), None);
    }

    #[test]
    fn what_no_record_names_goes_but_for_the_newest_and_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(folder.path());
        for number in 0..40 {
            kept.keep(&version(number), &files(&[("a.cedar", &number.to_string())])).unwrap();
            // Files of one moment would have no order.
            let path = folder.path().join("bundles").join(version(number));
            let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
            File::open(path).unwrap().set_modified(at).unwrap();
        }
        // An edit was taken back: the last good bundle is an old one.
        kept.keep(&version(1), &files(&[("a.cedar", "1")])).unwrap();
        kept.retain(&BTreeSet::from([version(3), version(20), version(39)])).unwrap();
        let mut left: Vec<String> = kept.folders().collect();
        left.sort();
        let stay = [1, 3, 20].into_iter().chain(40 - NEWEST..40);
        assert_eq!(left, stay.map(version).collect::<Vec<_>>());
    }

    #[test]
    fn without_the_log_nothing_is_pruned() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, log) = (Kept::of(folder.path()), LogDir::open(folder.path()));
        let keep = |number: usize| kept.keep(&version(number), &files(&[("a.cedar", "a")])).unwrap();
        (0..NEWEST).for_each(keep);
        kept.prune(&log).unwrap();
        keep(NEWEST);
        let error = kept.prune(&log).unwrap_err();
        assert!(matches!(error, PruneError::Log(_)), "{error}");
        assert_eq!(kept.folders().count(), NEWEST + 1);
    }

    #[test]
    fn what_a_former_run_left_half_written_is_no_bundle_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(folder.path());
        let half = folder.path().join("bundles").join(format!("{}{PART}", version(1)));
        fs::create_dir_all(half.join("core")).unwrap();
        assert_eq!((kept.files(&version(1)), kept.last()), (None, None));
        kept.keep(&version(2), &files(&[("a.cedar", "2")])).unwrap();
        assert_eq!(kept.folders().collect::<Vec<_>>(), [version(2)]);
    }
}
