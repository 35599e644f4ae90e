//! What commands print: results on standard output, faults on standard error.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::domain::{Fault, Files};
use crate::policy::{self, Bundle, Report};

/// Prints a line of a result. A reader that has gone away is no fault.
pub(super) fn line(text: impl Display) {
    let _gone = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints text that has its line ends.
pub(super) fn raw(text: &str) {
    let _gone = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints a line about a fault or about progress.
pub(super) fn note(text: impl Display) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints text about progress, as it is.
pub(super) fn raw_note(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _gone = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Prints faults with their source lines, and gives the exit code for a bad file.
pub(super) fn faults(faults: &[Fault], files: &Files) -> ExitCode {
    faults.iter().for_each(|fault| note(format!("error: {}", fault.render(files))));
    note(format!("{} fault(s)", faults.len()));
    ExitCode::FAILURE
}

/// An error with everything that caused it, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Layers that add nothing repeat what is below them.
        if !text.ends_with(&cause_text) {
            text.push_str(&format!(": {cause_text}"));
        }
        source = cause.source();
    }
    text
}

/// The files of a bundle: a folder's, or the default ones.
pub(super) fn files(folder: Option<&Path>) -> Result<Files, ExitCode> {
    match folder {
        None => Ok(policy::default_files()),
        Some(folder) => policy::read_folder(folder).map_err(|error| {
            note(format!("error: {}", chain(&error)));
            ExitCode::FAILURE
        }),
    }
}

/// Loads a bundle, or prints why not.
pub(super) fn bundle(files: &Files) -> Result<(Bundle, Report), ExitCode> {
    Bundle::load(files).map_err(|error| faults(&error.faults, files))
}
