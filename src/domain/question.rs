//! What a caller asks.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Action, AuthorityType, Category, Holding, LegalProcess, RequesterKind, Tenant};

/// A reference to data: `tenant/dataset[/more/path]`.
///
/// At most 1,024 bytes and 32 segments; a segment is letters, digits and `-_.@:=+~`, never `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataRef(Arc<str>);

/// Why a text is not a [`DataRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataRefError {
    /// Nothing was given.
    #[error("it is empty; give tenant/dataset[/more/path]")]
    Empty,
    /// It has more than 1,024 bytes or 32 segments.
    #[error("it is longer than 1,024 bytes or 32 segments")]
    TooLong,
    /// It has a tenant alone.
    #[error("it names a tenant only; give tenant/dataset[/more/path]")]
    NoDataset,
    /// A segment is empty, `.`, `..`, or has a character that is not allowed.
    #[error("a segment is empty, `.`, `..`, or has a character other than letters, digits and -_.@:=+~")]
    Segment,
}

impl DataRef {
    /// Longest text, in bytes: what a log line and an index key can carry.
    pub const MAX_BYTES: usize = 1024;
    /// Most segments: bounds the walk to the longest registered prefix.
    pub const MAX_SEGMENTS: usize = 32;

    /// Checks a text and takes it.
    ///
    /// # Errors
    /// [`DataRefError`] says which rule it breaks; the caller can only mend the text.
    pub fn parse(text: &str) -> Result<Self, DataRefError> {
        if text.is_empty() {
            return Err(DataRefError::Empty);
        }
        if text.len() > Self::MAX_BYTES || text.split('/').count() > Self::MAX_SEGMENTS {
            return Err(DataRefError::TooLong);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@:=+~".contains(c);
        let good = |segment: &str| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(allowed)
        };
        if !text.split('/').all(good) {
            return Err(DataRefError::Segment);
        }
        if !text.contains('/') {
            return Err(DataRefError::NoDataset);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The whole reference.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The reference itself, then each shorter prefix, down to `tenant/dataset`.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        let mut end = Some(self.0.len());
        std::iter::from_fn(move || {
            let prefix = self.0.get(..end?)?;
            end = prefix.rfind('/');
            prefix.contains('/').then_some(prefix)
        })
    }
}

/// A map keyed by references is asked by text, so a prefix is looked up without being copied.
impl Borrow<str> for DataRef {
    fn borrow(&self) -> &str {
        // Derived `Eq`, `Ord` and `Hash` are those of the text, as `Borrow` requires.
        &self.0
    }
}

impl fmt::Debug for DataRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for DataRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks for the data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requester {
    /// Id of a registered party; empty when the requester is given inline.
    pub id: String,
    /// What it is. Absent: as the registered party says.
    pub kind: Option<RequesterKind>,
    /// Where it is, or whose authority it is: a jurisdiction code; empty when not given.
    pub jurisdiction: String,
    /// What kind of authority.
    pub authority_type: Option<AuthorityType>,
    /// Safeguards that it is certified under.
    pub certifications: Vec<String>,
    /// A team's own labels, for rules of its own.
    pub labels: Vec<(String, String)>,
}

/// How a transfer or an access would be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Why, in the caller's word; empty when not given.
    pub purpose: String,
    /// A declared mode: storage, first_storage, replication, ...; empty when not given.
    pub mode: String,
    /// Declared safeguards that are in place.
    pub safeguards: Vec<String>,
    /// Id of the registered party that would receive the data; empty when there is none.
    pub recipient: String,
    /// People concerned in the past 12 months, towards this counterparty.
    pub subjects_past_12_months: Option<u64>,
    /// People concerned since 1 January.
    pub subjects_year_to_date: Option<u64>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What data.
    pub data_ref: DataRef,
    /// Who asks for it.
    pub requester: Requester,
    /// Where it would be, be reached from, or whose law is invoked: a code or a cloud region.
    pub jurisdiction: String,
    /// What would be done.
    pub action: Option<Action>,
    /// What is wanted of it. Empty: all that the holding has.
    pub data_categories: Vec<Category>,
    /// The legal process, inline, or by the id of a registered one.
    pub process: Option<LegalProcess>,
    /// The circumstances of a transfer or an access.
    pub transfer: Option<Transfer>,
    /// Facts of the tenant that the caller asserts.
    pub tenant: Option<Tenant>,
    /// Facts of the holding that the caller asserts.
    pub holding: Option<Holding>,
    /// Decide under the law of this instant, as an enquiry.
    pub as_of: Option<Timestamp>,
    /// The caller has seen this catalogue revision; an older view must not answer.
    pub at_least_revision: Option<u64>,
    /// The caller expects this policy version; another must not answer. Empty: any.
    pub expect_policy_version: String,
    /// The caller's own id, echoed.
    pub request_id: String,
}

impl Question {
    /// The action asked about: as given, else disclose for an authority, else transfer.
    #[must_use]
    pub fn effective_action(&self, requester: Option<RequesterKind>) -> Action {
        self.action.unwrap_or(match requester {
            Some(RequesterKind::Authority) => Action::Disclose,
            _ => Action::Transfer,
        })
    }

    /// The fields by which the caller asserts facts, in the words of the wire.
    ///
    /// The access policy says, by field, who may make each.
    #[must_use]
    pub fn assertions(&self) -> Vec<Assertion> {
        let mut fields = Vec::new();
        if let Some(tenant) = &self.tenant {
            tenant.stated_fields().into_iter().for_each(|field| fields.push(Assertion::new("tenant", field)));
        }
        if let Some(holding) = &self.holding {
            holding
                .stated_fields()
                .into_iter()
                .for_each(|field| fields.push(Assertion::new("holding", field)));
        }
        let requester = &self.requester;
        let inline = [
            ("kind", requester.kind.is_some()),
            ("jurisdiction", !requester.jurisdiction.is_empty()),
            ("authority_type", requester.authority_type.is_some()),
            ("certifications", !requester.certifications.is_empty()),
            ("labels", !requester.labels.is_empty()),
        ];
        inline
            .iter()
            .filter(|(_, stated)| *stated)
            .for_each(|(field, _)| fields.push(Assertion::new("requester", field)));
        if let Some(process) = &self.process {
            process
                .stated_fields()
                .into_iter()
                .for_each(|field| fields.push(Assertion::new("process", field)));
        }
        if self.transfer.as_ref().is_some_and(|transfer| !transfer.safeguards.is_empty()) {
            fields.push(Assertion::new("transfer", "safeguards"));
        }
        if self.as_of.is_some() {
            fields.push(Assertion(String::from("as_of")));
        }
        fields
    }
}

/// A field of a question by which the caller asserts a fact, such as `process.upheld`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assertion(pub String);

impl Assertion {
    fn new(message: &str, field: &str) -> Self {
        Self(format!("{message}.{field}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_run_from_whole_to_dataset() {
        let data_ref = DataRef::parse("acme/mail/2020/q1").unwrap();
        assert_eq!(data_ref.tenant(), "acme");
        assert_eq!(
            data_ref.prefixes().collect::<Vec<_>>(),
            ["acme/mail/2020/q1", "acme/mail/2020", "acme/mail"]
        );
    }

    #[test]
    fn malformed_references_say_why() {
        for (text, error) in [
            ("", DataRefError::Empty),
            ("acme", DataRefError::NoDataset),
            ("acme//x", DataRefError::Segment),
            ("acme/..", DataRefError::Segment),
            ("acme/a b", DataRefError::Segment),
            ("/acme/x", DataRefError::Segment),
        ] {
            assert_eq!(DataRef::parse(text), Err(error), "{text}");
        }
        assert_eq!(DataRef::parse(&format!("a/{}", "b".repeat(1024))), Err(DataRefError::TooLong));
        assert_eq!(DataRef::parse(&"a/".repeat(40)), Err(DataRefError::TooLong));
    }
}
