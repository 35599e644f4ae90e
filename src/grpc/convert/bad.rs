//! Every fault of a message at once, within what a client can receive.

use std::fmt;

use crate::domain::did_you_mean;

/// Most faults that are named; the rest are counted.
const MAX_FIELDS: usize = 32;
/// Most bytes of all that is named. A status travels in trailers, in base64, and gRPC clients refuse
/// trailers beyond 8 KiB.
const MAX_BYTES: usize = 4608;
/// Most bytes of one path and of one problem: the caller's own text can be in either.
const MAX_TEXT: usize = 160;
/// Most characters of the caller's own text that are said back.
const MAX_QUOTE: usize = 40;

/// A field that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    /// Where, such as `holding.stored_in[2]`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Every field of a message that is not valid. The caller can only mend the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadFields {
    fields: Vec<BadField>,
    unnamed: usize,
    bytes: usize,
}

// === impl BadFields ===

impl BadFields {
    /// The named ones: at most 32, in the order of the message.
    #[must_use]
    pub fn fields(&self) -> &[BadField] {
        &self.fields
    }

    /// How many there are beyond the named ones.
    #[must_use]
    pub const fn unnamed(&self) -> usize {
        self.unnamed
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.fields.len() + self.unnamed
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The same faults of a part, as its own: without the path that leads to it.
    pub(in crate::grpc) fn below(mut self, prefix: &str) -> Self {
        for field in &mut self.fields {
            if let Some(path) = field.path.strip_prefix(prefix) {
                field.path = path.to_owned();
            }
        }
        self
    }

    /// Adds one. Its words are made only if there is room to name it.
    pub(in crate::grpc) fn add(&mut self, path: &dyn fmt::Display, problem: impl FnOnce() -> String) {
        if self.fields.len() < MAX_FIELDS && self.bytes < MAX_BYTES {
            let field = BadField { path: cut(path.to_string()), problem: cut(problem()) };
            let bytes = self.bytes + field.path.len() + field.problem.len();
            if bytes <= MAX_BYTES {
                self.bytes = bytes;
                self.fields.push(field);
                return;
            }
            // INVARIANT: once one did not fit, none is named: the named ones are the first.
            self.bytes = MAX_BYTES;
        }
        self.unnamed = self.unnamed.saturating_add(1);
    }
}

impl fmt::Display for BadFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}`{}`: {}", field.path, field.problem)?;
        }
        if self.unnamed > 0 {
            write!(f, "; and {} more", self.unnamed)?;
        }
        Ok(())
    }
}

impl std::error::Error for BadFields {}

/// The caller's own text between backticks: cut, and with what is not printable escaped.
pub(in crate::grpc) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(MAX_QUOTE).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTE).is_some() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}

/// What near words add to a sentence; nothing where there are none.
pub(in crate::grpc) fn hint(near: &[String]) -> String {
    did_you_mean(near)
}

/// Cuts a text to [`MAX_TEXT`] bytes, at a character.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let room = MAX_TEXT - '…'.len_utf8();
        let end = text.char_indices().map(|(index, _)| index).take_while(|index| *index <= room).last();
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}
