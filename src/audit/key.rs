//! The log's private key: made at the first start, and never replaced.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::dir::CHECKPOINT;
use super::disk::{Disk, DiskError};
use super::failure::OpenError;
use super::note::{NoteError, Signer, is_name};
use super::options::Options;

/// The key's file in the data directory.
const KEY: &str = "log.key";

/// Why a log has no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The log was signed with a key that is not there. Restore it.
    #[error("the log's key `{}` is missing, and another could not go on with the log", path.display())]
    Missing {
        /// The key's file.
        path: PathBuf,
    },
    /// The file holds no key.
    #[error("`{}`: {source}", path.display())]
    Malformed {
        /// The key's file.
        path: PathBuf,
        /// What is wrong.
        source: NoteError,
    },
    /// The origin that is set is not the key's. Leave the setting out, or begin another log.
    #[error("the origin is set to `{wanted}`, and the key `{}` is of `{found}`", path.display())]
    Origin {
        /// The key's file.
        path: PathBuf,
        /// What is set.
        wanted: String,
        /// What the key's name is.
        found: String,
    },
    /// The origin that is set cannot be one.
    #[error("the origin `{0}` is empty, or has a space or a `+` in it")]
    Name(String),
    /// The system gives no randomness to make a key from.
    #[error("no key could be made: {0}")]
    Random(String),
}

/// Reads the log's key, or makes one where the log is new.
pub(super) fn open(disk: &dyn Disk, data: &Path, options: &Options) -> Result<Signer, OpenError> {
    let path = options.key.clone().unwrap_or_else(|| data.join(KEY));
    let signer = match fs::read_to_string(&path) {
        Ok(text) => {
            warn_of_readers(&path);
            text.parse::<Signer>().map_err(|source| KeyError::Malformed { path: path.clone(), source })?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if options.key.is_some() || data.join(CHECKPOINT).exists() {
                return Err(KeyError::Missing { path }.into());
            }
            make(disk, data, &path, options.origin.as_deref())?
        }
        Err(error) => return Err(DiskError::of("read", &path)(error).into()),
    };
    match &options.origin {
        Some(wanted) if wanted != signer.name() => {
            let found = signer.name().to_owned();
            Err(KeyError::Origin { path, wanted: wanted.clone(), found }.into())
        }
        _ => Ok(signer),
    }
}

fn make(disk: &dyn Disk, data: &Path, path: &Path, origin: Option<&str>) -> Result<Signer, OpenError> {
    let origin = match origin {
        Some(origin) if !is_name(origin) => return Err(KeyError::Name(origin.to_owned()).into()),
        Some(origin) => origin.to_owned(),
        None => {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|error| KeyError::Random(error.to_string()))?;
            format!("situs/{}", super::note::hex(&random))
        }
    };
    let signer = Signer::generate(&origin).map_err(KeyError::Random)?;
    disk.create_secret(path, format!("{}\n", signer.secret()).as_bytes())
        .map_err(DiskError::of("create", path))?;
    disk.sync_dir(data).map_err(DiskError::of("sync", data))?;
    Ok(signer)
}

/// A mounted secret may have another mode, so that this is no error.
fn warn_of_readers(path: &Path) {
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others may read the log's key");
    }
}
