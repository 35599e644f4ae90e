//! A bundle in a folder, and a server that answers from it.

use std::path::PathBuf;

use situs::domain::Files;
use situs::policy::write_folder;
use tempfile::TempDir;

use super::facts::{rows, text};
use super::server::Start;
use super::{files, with};

/// The bundle without what takes long to load: its cases, and the rules of regimes.
pub fn small() -> Files {
    let mut files = files();
    files.retain(|path, _| !path.starts_with("scenarios/") && !path.starts_with("regimes/"));
    // A regime without rules is a fault, unless the facts say why there are none.
    let left_out = |row: &toml::Table| {
        let regime = text(row, "id");
        format!("[[not_a_rule]]\nregime = \"{regime}\"\nwhat = \"all\"\nwhy = \"left out\"\nwhole = true\n")
    };
    let rows: String = rows("regime").iter().map(left_out).collect();
    with(files, "facts/left-out.toml", &rows)
}

/// A folder with a bundle, and one for the data. Both are gone with it.
pub struct Place {
    pub policies: PathBuf,
    pub data: PathBuf,
    _folder: TempDir,
}

impl Place {
    pub fn with(files: &Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (policies, data) = (folder.path().join("policies"), folder.path().join("data"));
        write_folder(files, &policies).unwrap();
        Self { policies, data, _folder: folder }
    }

    pub fn start(&self) -> Start {
        Start::new(&self.data).policies(&self.policies)
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.policies.join(path)
    }
}
