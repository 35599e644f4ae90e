//! From arguments to a question in words.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::grpc::words::{self, WordsError};

/// Most bytes of a question: what a server takes.
const MAX_BYTES: u64 = crate::grpc::MAX_MESSAGE_BYTES as u64;

/// What is asked. Every one but the first is a field of the question, and wins over the file's.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Question {
    /// What data: tenant/dataset[/more/path].
    #[arg(required_unless_present = "request")]
    data_ref: Option<String>,
    /// Who asks for it: the ID of a registered party, or kind=...,jurisdiction=...,...
    #[arg(long, value_name = "ID|FIELDS", required_unless_present = "request")]
    requester: Option<String>,
    /// Where the data would be or be reached from, or whose law is invoked: a code or a cloud region.
    #[arg(long, value_name = "CODE", required_unless_present = "request")]
    jurisdiction: Option<String>,
    /// What would be done: transfer, access, disclose, preserve or surrender_key. Without it: disclose for an
    /// authority, else transfer.
    #[arg(long, value_name = "WORD")]
    action: Option<String>,
    /// What is wanted of it: subscriber, identification, traffic, content, key. Without it: all that there is.
    #[arg(long, value_name = "WORD,...", value_delimiter = ',')]
    categories: Vec<String>,
    /// The legal process: the ID of a registered one, or instrument=...,issued_by=...,...
    #[arg(long, value_name = "ID|FIELDS")]
    process: Option<String>,
    /// How it would be done: mode=...,safeguards=...,...
    #[arg(long, value_name = "FIELDS")]
    transfer: Option<String>,
    /// Facts of the holding; what the catalogue knows wins.
    #[arg(long, value_name = "FIELDS")]
    holding: Option<String>,
    /// Facts of the tenant; what the catalogue knows wins.
    #[arg(long, value_name = "FIELDS")]
    tenant: Option<String>,
    /// Decide under the law of this date or instant. The answer then licenses nothing.
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Refuse an answer from an older catalogue than this revision.
    #[arg(long, value_name = "N")]
    at_least_revision: Option<u64>,
    /// Refuse an answer under another policy version.
    #[arg(long, value_name = "VERSION")]
    expect_policy_version: Option<String>,
    /// An id of your own, which the answer repeats.
    #[arg(long, value_name = "TEXT")]
    request_id: Option<String>,
    /// Read the question from a file, TOML or JSON, in the same words; - is standard input.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

/// Why the arguments make no question.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// Parts are not in words.
    #[error("{} parts are not in words", .0.len())]
    Words(Vec<WordsError>),
    /// The file cannot be read.
    #[error("failed to read `{}`: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

// === impl Question ===

impl Question {
    /// The question in words.
    ///
    /// # Errors
    /// [`RequestError`]: the file, or every part that is not in words.
    pub fn words(&self) -> Result<Value, RequestError> {
        let mut question = match &self.request {
            Some(path) => file(path)?,
            None => Map::new(),
        };
        let texts = [
            ("data_ref", &self.data_ref),
            ("jurisdiction", &self.jurisdiction),
            ("action", &self.action),
            ("as_of", &self.as_of),
            ("expect_policy_version", &self.expect_policy_version),
            ("request_id", &self.request_id),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                question.insert(field.to_owned(), Value::from(text.as_str()));
            }
        }
        let parts = [
            ("requester", &self.requester),
            ("process", &self.process),
            ("transfer", &self.transfer),
            ("holding", &self.holding),
            ("tenant", &self.tenant),
        ];
        let mut faults = Vec::new();
        for (field, text) in parts {
            match text.as_ref().map(|text| words::inline(field, text)) {
                None => {}
                Some(Ok(words)) => {
                    question.insert(field.to_owned(), words);
                }
                Some(Err(fault)) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(RequestError::Words(faults));
        }
        if !self.categories.is_empty() {
            question.insert("data_categories".to_owned(), Value::from(self.categories.clone()));
        }
        if let Some(revision) = self.at_least_revision {
            question.insert("at_least_revision".to_owned(), Value::from(revision));
        }
        Ok(Value::Object(question))
    }
}

fn file(path: &Path) -> Result<Map<String, Value>, RequestError> {
    let failed = |problem: String| RequestError::File { path: path.to_owned(), problem };
    let text = read(path).map_err(|error| failed(error.to_string()))?;
    // No TOML begins with a brace.
    let value = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?
    } else {
        let table: toml::Table = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        words::from_toml(&toml::Value::Table(table))
    };
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(failed(String::from("it is no table of fields"))),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let too_large = || std::io::Error::other(format!("it has more than {MAX_BYTES} bytes"));
    let length = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text)?
    } else {
        std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?
    };
    if length as u64 > MAX_BYTES { Err(too_large()) } else { Ok(text) }
}
