//! Where a bundle's files come from: compiled into the binary, or a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::Files;

include!(concat!(env!("OUT_DIR"), "/default_bundle.rs"));

/// What a bundle is made of; other files in its folder are left alone.
const EXTENSIONS: &[&str] = &["cedar", "cedarschema", "toml"];
/// A bundle is text that people write: a larger file is not one.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// And so is a folder with more files.
const MAX_FILES: usize = 20_000;

/// Why a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than a bundle can be.
    #[error("`{}` is too large for a bundle: at most {MAX_FILES} files of {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// Which one.
        path: PathBuf,
    },
    /// The folder to write into holds something.
    #[error("`{}` is not empty; name a new folder", path.display())]
    NotEmpty {
        /// Which one.
        path: PathBuf,
    },
}

/// The default bundle, as compiled in.
#[must_use]
pub fn default_files() -> Files {
    DEFAULT_BUNDLE.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(*text))).collect()
}

/// Reads a bundle's folder. Names that begin with a dot are skipped, so that a mounted ConfigMap's
/// `..data` is read once, through its links.
///
/// # Errors
/// [`SourceError`] names the file or folder; the last bundle keeps serving.
pub fn read_folder(folder: &Path) -> Result<Files, SourceError> {
    let mut files = Files::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let read = |source| SourceError::Read { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(read)? {
            let entry = entry.map_err(read)?;
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let read = |source| SourceError::Read { path: path.clone(), source };
            // Metadata of what a link points at: a mounted ConfigMap is all links.
            let metadata = fs::metadata(&path).map_err(read)?;
            if metadata.is_dir() {
                open.push(path);
                continue;
            }
            let extension =
                Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if !EXTENSIONS.contains(&extension) {
                continue;
            }
            if metadata.len() > MAX_FILE_BYTES || files.len() >= MAX_FILES {
                return Err(SourceError::TooLarge { path });
            }
            let text = fs::read_to_string(&path).map_err(read)?;
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.insert(relative, Arc::from(text));
        }
    }
    Ok(files)
}

/// Writes a bundle's files into a new or empty folder.
///
/// # Errors
/// [`SourceError`] names the file or folder.
pub fn write_folder(files: &Files, folder: &Path) -> Result<(), SourceError> {
    let occupied = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(SourceError::NotEmpty { path: folder.to_owned() });
    }
    for (relative, text) in files {
        let path = folder.join(relative);
        let write = |source| SourceError::Write { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        fs::write(&path, text.as_bytes()).map_err(write)?;
    }
    Ok(())
}
