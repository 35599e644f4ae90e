//! A case, as written.

use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::{Fault, Question, Verdict};
use crate::grpc::words;
use crate::law::Facts;

/// A file of cases, read and checked.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// Its path, as it was named.
    pub path: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// What is asked, under the law of its date.
    pub question: Question,
    /// What must be answered.
    pub expect: Expectation,
    /// The line that it begins at.
    pub line: usize,
}

/// What a case expects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    decision: String,
    /// The next step, exactly.
    pub next_step: Option<String>,
    /// The disposition, exactly.
    pub disposition: Option<String>,
    /// Reason codes that must be given.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Reason codes that must not be given.
    #[serde(default)]
    pub reasons_absent: Vec<String>,
    /// Regimes that must be named.
    #[serde(default)]
    pub regimes: Vec<String>,
    /// Relations that a reason must turn on.
    #[serde(default)]
    pub relations: Vec<String>,
    /// Mechanisms that a reason must turn on.
    #[serde(default)]
    pub mechanisms: Vec<String>,
    /// Obligations, as `kind`, `kind:detail`, `kind:date` or `kind:10d`.
    #[serde(default)]
    pub obligations: Vec<String>,
    /// Routes that must be given.
    #[serde(default)]
    pub routes: Vec<RouteExpectation>,
    /// The lawful way on, in prose, for the reader.
    pub route: Option<String>,
    /// settled, contested or policy.
    pub certainty: Option<String>,
    /// Where the law stands.
    pub citation: Option<String>,
    /// More to know.
    pub note: Option<String>,
    /// Where the expectation is held to be wrong in law: why, and the source.
    pub disputed: Option<String>,
    /// Held to its obligations, relations and routes too.
    #[serde(skip)]
    pub full: bool,
}

/// A route that must be given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteExpectation {
    /// Its kind.
    pub kind: String,
    /// The relation that carries it.
    #[serde(default)]
    pub relation: String,
}

impl Expectation {
    /// The decision.
    #[must_use]
    pub fn decision(&self) -> Option<Verdict> {
        self.decision.parse().ok()
    }

    /// The decision, as written.
    #[must_use]
    pub fn decision_word(&self) -> &str {
        &self.decision
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    precision: Option<String>,
    #[serde(default)]
    case: Vec<toml::Spanned<CaseRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRow {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "groups cases for the reader of the file")]
    scenario: String,
    as_of: toml::Value,
    request: toml::Table,
    expect: Expectation,
    #[serde(default)]
    #[expect(dead_code, reason = "a note for the reader of the file")]
    note: String,
}

impl CaseFile {
    /// Reads a case file.
    ///
    /// # Errors
    /// Every fault, with its line: what is no TOML, a case whose request is no question, an id given twice.
    pub fn read(path: &str, text: &str, facts: &Facts) -> Result<Self, Vec<Fault>> {
        let (file, faults) = Self::read_sound(path, text, facts)?;
        if faults.is_empty() { Ok(file) } else { Err(faults) }
    }

    /// Reads the cases of a file that can be asked, and the faults of those that cannot.
    ///
    /// # Errors
    /// The faults of a file of which no case can be told.
    pub fn read_sound(path: &str, text: &str, facts: &Facts) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            vec![Fault::at(path, text, offset, error.message().to_owned())]
        })?;
        let full = match file.precision.as_deref() {
            None => false,
            Some("full") => true,
            Some(other) => {
                return Err(vec![Fault::of_file(path, format!("precision `{other}` is not `full`"))]);
            }
        };
        let (mut cases, mut faults) = (Vec::new(), Vec::new());
        for row in file.case {
            let offset = row.span().start;
            let row = row.into_inner();
            let mut fault = |message: String| faults.push(Fault::at(path, text, offset, message));
            if cases.iter().any(|case: &Case| case.id == row.id) {
                fault(format!("case `{}` is in the file twice", row.id));
            }
            if row.expect.decision().is_none() {
                fault(format!("case `{}`: decision `{}` is not allow or deny", row.id, row.expect.decision));
            }
            match question(&row, facts) {
                Ok(question) => {
                    let expect = Expectation { full, ..row.expect };
                    let line = crate::domain::line_of(text, offset);
                    cases.push(Case { id: row.id, title: row.title, question, expect, line });
                }
                Err(error) => fault(format!("case `{}`: {error}", row.id)),
            }
        }
        Ok((Self { path: path.to_owned(), cases }, faults))
    }
}

fn question(row: &CaseRow, facts: &Facts) -> Result<Question, String> {
    let request = words::from_toml(&toml::Value::Table(row.request.clone()));
    let question = words::question(&request, facts).map_err(|error| error.to_string())?;
    let as_of = match &row.as_of {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(instant) => instant.to_string(),
        other => return Err(format!("as_of is {}, not a date", other.type_str())),
    };
    Ok(Question { as_of: Some(noon(&as_of)?), ..question })
}

/// A date is decided for at noon UTC.
fn noon(text: &str) -> Result<Timestamp, String> {
    let text = if text.len() == 10 { format!("{text}T12:00:00Z") } else { text.to_owned() };
    text.parse().map_err(|_| format!("as_of `{text}` is not a date or an instant"))
}
