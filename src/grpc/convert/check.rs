//! One check for each kind of field. A check takes the wire's value, notes what is wrong with it, and
//! gives the domain's value; whether the whole is good is asked once, at the end.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::bad::{BadFields, hint, quote};
use super::choice::Choice;
use super::limits;
use crate::domain::{DataRef, IdentifierSet, Vocabulary};

/// First second of year 1, where the protobuf timestamp begins.
const FIRST_SECOND: i64 = -62_135_596_800;

/// Where a field is. It borrows from the stack, so that a good message costs no text.
#[derive(Clone, Copy)]
pub(in crate::grpc) enum Path<'a> {
    /// The message itself.
    Root,
    /// A field of it.
    Field(&'a Self, &'a str),
    /// An element of a list.
    Index(&'a Self, usize),
    /// A value of a map.
    Key(&'a Self, &'a str),
}

/// Checks fields, and collects what is wrong.
pub(super) struct Checker<'v> {
    vocabulary: &'v dyn Vocabulary,
    /// What was checked before may hold words, lengths and combinations that no caller may send.
    recorded: bool,
    bad: BadFields,
}

/// Takes every word, as it is: for what was checked when it was stored, whatever the facts declare since.
pub(super) struct AnyWord;

impl Vocabulary for AnyWord {
    fn place(&self, code: &str) -> Option<String> {
        Some(code.to_owned())
    }

    fn declares(&self, _: IdentifierSet, _: &str) -> bool {
        true
    }

    fn near_places(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn near_identifiers(&self, _: IdentifierSet, _: &str) -> Vec<String> {
        Vec::new()
    }
}

// === impl Path ===

impl Path<'_> {
    /// A field of what is here.
    pub(in crate::grpc) const fn field<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path::Field(self, name)
    }

    /// An element of the list here.
    pub(in crate::grpc) const fn index(&self, index: usize) -> Path<'_> {
        Path::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(f, "{parent}[{}]", quote(key)),
        }
    }
}

// === impl Checker ===

impl<'v> Checker<'v> {
    pub(super) fn new(vocabulary: &'v dyn Vocabulary) -> Self {
        Self { vocabulary, recorded: false, bad: BadFields::default() }
    }

    /// Takes what was recorded as it was; only what is no value at all is a fault.
    pub(super) fn recorded() -> Checker<'static> {
        Checker { vocabulary: &AnyWord, recorded: true, bad: BadFields::default() }
    }

    /// The value, if nothing was wrong with any field.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, BadFields> {
        match value {
            Some(value) if self.bad.is_empty() => Ok(value),
            _ => Err(self.bad),
        }
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, at: &Path<'_>, problem: impl FnOnce() -> String) {
        self.bad.add(at, problem);
    }

    /// Notes a fault that what was recorded may have: a rule over values, each of which is one.
    pub(super) fn rule(&mut self, at: &Path<'_>, problem: impl FnOnce() -> String) {
        if !self.recorded {
            self.fault(at, problem);
        }
    }

    /// A place that may be left out.
    pub(super) fn place(&mut self, at: &Path<'_>, code: Option<String>) -> String {
        match code {
            Some(code) if !code.is_empty() => self.required_place(at, &code),
            _ => String::new(),
        }
    }

    /// A place that must be there.
    pub(super) fn required_place(&mut self, at: &Path<'_>, code: &str) -> String {
        if !self.is_plain(at, code, limits::IDENTIFIER_BYTES) {
            return String::new();
        }
        self.vocabulary.place(code).unwrap_or_else(|| {
            let vocabulary = self.vocabulary;
            self.fault(at, || {
                let near = hint(&vocabulary.near_places(code));
                format!("{} is no known jurisdiction or cloud region{near}", quote(code))
            });
            String::new()
        })
    }

    /// A list of places.
    pub(super) fn places(&mut self, at: &Path<'_>, codes: Vec<String>) -> Vec<String> {
        self.list(at, codes, limits::PLACES, |check, at, code| check.required_place(at, &code))
    }

    /// A declared identifier that may be left out.
    pub(super) fn identifier(&mut self, at: &Path<'_>, set: IdentifierSet, word: Option<String>) -> String {
        match word {
            Some(word) if !word.is_empty() => self.required_identifier(at, set, word),
            _ => String::new(),
        }
    }

    fn required_identifier(&mut self, at: &Path<'_>, set: IdentifierSet, word: String) -> String {
        if self.is_plain(at, &word, limits::IDENTIFIER_BYTES) && !self.vocabulary.declares(set, &word) {
            let vocabulary = self.vocabulary;
            self.fault(at, || {
                let near = hint(&vocabulary.near_identifiers(set, &word));
                format!("{} is not a declared {}{near}", quote(&word), set.as_str())
            });
        }
        word
    }

    /// A list of declared identifiers.
    pub(super) fn identifiers(
        &mut self,
        at: &Path<'_>,
        set: IdentifierSet,
        words: Vec<String>,
    ) -> Vec<String> {
        let max = limits::IDENTIFIERS;
        self.list(at, words, max, |check, at, word| check.required_identifier(at, set, word))
    }

    /// Free text that may be left out.
    pub(super) fn text(&mut self, at: &Path<'_>, text: Option<String>, max_bytes: usize) -> String {
        let text = text.unwrap_or_default();
        if !text.is_empty() {
            self.is_plain(at, &text, max_bytes);
        }
        text
    }

    /// Free text that must be there.
    pub(super) fn required_text(&mut self, at: &Path<'_>, text: String, max_bytes: usize) -> String {
        self.is_plain(at, &text, max_bytes);
        text
    }

    /// A value of a closed set that may be left out.
    pub(super) fn choice<T: Choice>(&mut self, at: &Path<'_>, number: Option<i32>) -> Option<T> {
        number.and_then(|number| self.required_choice(at, number))
    }

    /// A value of a closed set that must be there.
    pub(super) fn required_choice<T: Choice>(&mut self, at: &Path<'_>, number: i32) -> Option<T> {
        let value = T::from_wire(number);
        if value.is_none() {
            self.fault(at, || {
                let problem = if number == 0 {
                    String::from("is unspecified")
                } else {
                    format!("has no value {number}")
                };
                format!("{problem}; one of {}", T::words().join(", "))
            });
        }
        value
    }

    /// A list of values of a closed set, each once.
    pub(super) fn choices<T: Choice + PartialEq>(&mut self, at: &Path<'_>, numbers: Vec<i32>) -> Vec<T> {
        let max = limits::CHOICES;
        let given = self.list(at, numbers, max, |check, at, number| check.required_choice(at, number));
        once(given.into_iter().flatten())
    }

    /// An instant that may be left out.
    pub(super) fn instant(
        &mut self,
        at: &Path<'_>,
        instant: Option<prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let instant = instant?;
        let value = (instant.seconds >= FIRST_SECOND && instant.nanos >= 0)
            .then(|| Timestamp::new(instant.seconds, instant.nanos).ok())
            .flatten();
        if value.is_none() {
            self.fault(at, || {
                format!(
                    "{} s and {} ns are no instant of the years 1 to 9999",
                    instant.seconds, instant.nanos
                )
            });
        }
        value
    }

    /// That one instant, where both are known, does not come before another.
    pub(super) fn not_before(
        &mut self,
        at: &Path<'_>,
        later: Option<Timestamp>,
        name: &str,
        earlier: Option<Timestamp>,
    ) {
        if let (Some(later), Some(earlier)) = (later, earlier)
            && later < earlier
        {
            self.rule(at, || format!("{later} is before `{name}`, {earlier}"));
        }
    }

    /// A reference.
    pub(super) fn data_ref(&mut self, at: &Path<'_>, text: &str) -> Option<DataRef> {
        DataRef::parse(text)
            .map_err(|error| self.fault(at, || format!("{} is no reference: {error}", quote(text))))
            .ok()
    }

    /// Labels, in the order of their names.
    pub(super) fn labels(
        &mut self,
        at: &Path<'_>,
        labels: BTreeMap<String, String>,
    ) -> Vec<(String, String)> {
        if !self.is_short(at, labels.len(), limits::LABELS) {
            return Vec::new();
        }
        for (name, value) in &labels {
            let at = Path::Key(at, name);
            self.is_plain(&at, name, limits::LABEL_NAME_BYTES);
            if !value.is_empty() {
                self.is_plain(&at, value, limits::LABEL_VALUE_BYTES);
            }
        }
        labels.into_iter().collect()
    }

    /// A list of anything: too long a list is one fault, and its elements are not looked at.
    pub(super) fn list<A, B>(
        &mut self,
        at: &Path<'_>,
        elements: Vec<A>,
        max: usize,
        mut each: impl FnMut(&mut Self, &Path<'_>, A) -> B,
    ) -> Vec<B> {
        if !self.is_short(at, elements.len(), max) {
            return Vec::new();
        }
        elements
            .into_iter()
            .enumerate()
            .map(|(index, element)| each(self, &at.index(index), element))
            .collect()
    }

    fn is_short(&mut self, at: &Path<'_>, len: usize, max: usize) -> bool {
        let short = self.recorded || len <= max;
        if !short {
            self.fault(at, || format!("has {len} elements, at most {max} are taken"));
        }
        short
    }

    /// Whether a text is there, is not too long, and has no control character.
    fn is_plain(&mut self, at: &Path<'_>, text: &str, max_bytes: usize) -> bool {
        let problem = if self.recorded {
            return true;
        } else if text.is_empty() {
            String::from("is empty")
        } else if text.len() > max_bytes {
            format!("has {} bytes, at most {max_bytes} are taken", text.len())
        } else if text.chars().any(char::is_control) {
            format!("{} has a control character", quote(text))
        } else {
            return true;
        };
        self.fault(at, || problem);
        false
    }
}

/// Each value where it first comes.
pub(super) fn once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for value in values {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}
