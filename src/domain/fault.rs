//! A fault in a file that a person edits: what is wrong, where, and what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The text files of a bundle by their path inside it, such as `facts/regimes.toml`.
pub type Files = BTreeMap<String, Arc<str>>;

/// One fault, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Path inside the bundle or case folder.
    pub file: String,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; empty where the message says it.
    pub help: String,
}

impl Fault {
    /// A fault of a whole file.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, message: message.into(), help: String::new() }
    }

    /// A fault at a byte offset of a file's text.
    #[must_use]
    pub fn at(file: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { line: line_of(text, offset), ..Self::of_file(file, message) }
    }

    /// The same fault, with what to do.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// The fault as a person reads it, with the source line where the text is at hand.
    #[must_use]
    pub fn render(&self, files: &Files) -> String {
        let source = files.get(&self.file).and_then(|text| text.lines().nth(self.line.checked_sub(1)?));
        match source {
            Some(line) => format!("{self}\n{:>5} | {}", self.line, line.trim_end()),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message)?,
            line => write!(f, "{}:{line}: {}", self.file, self.message)?,
        }
        if self.help.is_empty() { Ok(()) } else { write!(f, "; {}", self.help) }
    }
}

/// The line, from 1, of a byte offset.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// Up to three known words that are near to `word`, nearest first.
#[must_use]
pub fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let lower = word.to_lowercase();
    let mut scored: Vec<_> = known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// What near words add to the end of a sentence; nothing where there are none.
#[must_use]
pub fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        words => format!("; did you mean `{}`?", words.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_line_and_shows_it() {
        let text = "a = 1\nb = 2\n";
        let fault = Fault::at("facts/x.toml", text, 7, "`b` is not known").help("remove it");
        let files = Files::from([(String::from("facts/x.toml"), Arc::from(text))]);
        assert_eq!(fault.render(&files), "facts/x.toml:2: `b` is not known; remove it\n    2 | b = 2");
    }

    #[test]
    fn near_words_come_nearest_first() {
        assert_eq!(
            near("eu-gpdr-ch5", ["eu-gdpr-ch5", "cn-pipl", "eu-gdpr-art48"]).first().unwrap(),
            "eu-gdpr-ch5"
        );
        assert!(near("zzz", ["eu-gdpr-ch5"]).is_empty());
    }
}
