//! The files of an import, read by a thread of their own as the import takes them: reading blocks, and what is
//! read but not yet taken is bounded.
//!
//! Entries come in an order in which each finds what it needs: the tenants of all files first. Standard input
//! is read once, so its entries come as they stand.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::cli::entries::{self, JsonLines, Row};
use crate::domain::{EntryKind, Fault};

/// Rows that are read ahead of the import: some of every call in flight, at most 200 KB each.
const AHEAD: usize = 256;

/// A row with the file that it stands in, or a fault of that file.
pub(super) type Sourced = Result<(String, Row), Fault>;

/// The rows of files, tenants first. Dropping the receiver ends the reading.
pub(super) fn read(paths: Vec<PathBuf>) -> mpsc::Receiver<Sourced> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    // Not a thread of the runtime, which would wait for it at the end: a read of standard input may never return.
    std::thread::spawn(move || {
        let _abandoned = Reader { sender }.read(&paths);
    });
    receiver
}

/// Nobody takes the rows any longer.
struct Abandoned;

struct Reader {
    sender: mpsc::Sender<Sourced>,
}

/// A file, as far as it was read when it was opened.
enum Source {
    /// TOML is read whole.
    Toml(Vec<Row>),
    /// Lines are read again for each pass.
    Lines,
    /// Standard input, already told apart.
    Input(Box<dyn BufRead>),
}

impl Reader {
    fn read(&self, paths: &[PathBuf]) -> Result<(), Abandoned> {
        let mut sources = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            match open(path) {
                Ok(source) => sources.push((name, path, source)),
                Err(fault) => self.send(Err(fault))?,
            }
        }
        for (name, path, source) in &sources {
            match source {
                Source::Toml(rows) => self.rows(name, rows, is_tenant)?,
                Source::Lines => self.lines(name, path, is_tenant, true)?,
                Source::Input(_) => {}
            }
        }
        for (name, path, source) in sources {
            match source {
                Source::Toml(rows) => self.rows(&name, &rows, |row| !is_tenant(row))?,
                // Its faults were told in the first pass.
                Source::Lines => self.lines(&name, path, |row| !is_tenant(row), false)?,
                Source::Input(input) => {
                    for row in JsonLines::new(&name, input) {
                        self.send(row.map(|row| (name.clone(), row)))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn rows(&self, name: &str, rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Result<(), Abandoned> {
        rows.iter()
            .filter(|row| wanted(row))
            .try_for_each(|row| self.send(Ok((name.to_owned(), row.clone()))))
    }

    fn lines(
        &self,
        name: &str,
        path: &Path,
        wanted: impl Fn(&Row) -> bool,
        tell: bool,
    ) -> Result<(), Abandoned> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.send(Err(unreadable(path, &error))),
        };
        for row in JsonLines::new(name, BufReader::new(file)) {
            match row {
                Ok(row) if wanted(&row) => self.send(Ok((name.to_owned(), row)))?,
                Err(fault) if tell => self.send(Err(fault))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn send(&self, row: Sourced) -> Result<(), Abandoned> {
        self.sender.blocking_send(row).map_err(|_| Abandoned)
    }
}

fn is_tenant(row: &Row) -> bool {
    row.kind == EntryKind::Tenant
}

fn open(path: &Path) -> Result<Source, Fault> {
    let failed = |error: io::Error| unreadable(path, &error);
    let is_input = path.as_os_str() == "-";
    let mut reader: Box<dyn BufRead> = if is_input {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(path).map_err(failed)?))
    };
    if entries::is_json(reader.fill_buf().map_err(failed)?) {
        return Ok(if is_input { Source::Input(reader) } else { Source::Lines });
    }
    let mut text = String::new();
    let length = reader.take(entries::MAX_TOML + 1).read_to_string(&mut text).map_err(failed)?;
    let name = path.display().to_string();
    if length as u64 > entries::MAX_TOML {
        let message = format!("it has more than {} bytes, and TOML is read whole", entries::MAX_TOML);
        return Err(Fault::of_file(&name, message).help("give JSON lines"));
    }
    entries::of_toml(&name, &text).map(Source::Toml)
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::of_file(&path.display().to_string(), format!("failed to read: {error}"))
}
