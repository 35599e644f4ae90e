//! What demands are counted by, and what its values are called.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::Label;
use super::demand::{Demand, Fate, Location, Notice};
use crate::domain::{Disposition, UnknownWord};
use crate::law::{Facts, IdSet};

/// What demands are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The demanding state.
    Jurisdiction,
    /// The legal instrument.
    Instrument,
    /// What kind of authority.
    Authority,
    /// Where the data was, as seen from the demanding state.
    Location,
    /// The state where the data was.
    Stored,
    /// The tenant.
    Tenant,
    /// The month of its receipt.
    Month,
}

// === impl By ===

impl By {
    /// Every value, in order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Jurisdiction,
        Self::Instrument,
        Self::Authority,
        Self::Location,
        Self::Stored,
        Self::Tenant,
        Self::Month,
    ];

    /// The word of the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jurisdiction => "jurisdiction",
            Self::Instrument => "instrument",
            Self::Authority => "authority",
            Self::Location => "location",
            Self::Stored => "stored",
            Self::Tenant => "tenant",
            Self::Month => "month",
        }
    }

    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Jurisdiction => "Demanding state",
            Self::Instrument => "Instrument",
            Self::Authority => "Authority",
            Self::Location => "Place of the data",
            Self::Stored => "Place of storage",
            Self::Tenant => "Tenant",
            Self::Month => "Month",
        }
    }

    /// The value of a demand: its stable name, by which values are told apart and ordered.
    pub(super) fn of(self, demand: &Demand) -> String {
        match self {
            Self::Jurisdiction => demand.state.clone(),
            Self::Instrument => demand.instrument.clone(),
            Self::Authority => demand.authority.unwrap_or_default().to_owned(),
            Self::Location => demand.location().id().to_owned(),
            Self::Stored => stored(demand),
            Self::Tenant => demand.tenant.clone(),
            Self::Month => demand.asked_at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string(),
        }
    }

    /// A value with its name for a person.
    pub(super) fn label(self, id: &str, facts: &Facts) -> Label {
        let name = match (self, id) {
            (_, "") => String::from("Not known"),
            (Self::Stored, SEVERAL) => String::from("Several places"),
            (Self::Jurisdiction | Self::Stored, _) => facts.place_name(id).to_owned(),
            (Self::Instrument, _) => match facts.message(IdSet::Instrument, id) {
                "" => id.to_owned(),
                name => name.to_owned(),
            },
            (Self::Authority, _) => capital(id),
            (Self::Location, _) => Location::ALL
                .iter()
                .find(|location| location.id() == id)
                .map_or("", |location| location.name())
                .to_owned(),
            (Self::Tenant | Self::Month, _) => id.to_owned(),
        };
        let id = if id.is_empty() { "unknown" } else { id };
        Label { id: id.to_owned(), name }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for By {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|by| by.as_str() == word).ok_or_else(|| UnknownWord {
            word: word.to_owned(),
            known: Self::ALL.iter().map(|by| by.as_str()).collect(),
        })
    }
}

/// Stands for data that is in more than one state.
const SEVERAL: &str = "several";

fn stored(demand: &Demand) -> String {
    let states = demand.stored();
    match (states.len(), states.into_iter().next()) {
        (1, Some(state)) => state,
        (0, _) | (_, None) => String::new(),
        _ => SEVERAL.to_owned(),
    }
}

// === impl Fate ===

impl Fate {
    pub const ALL: &'static [Self] = &[
        Self::Full,
        Self::Part,
        Self::Refused,
        Self::Redirected,
        Self::Conflict,
        Self::NoData,
        Self::Withdrawn,
    ];

    pub const fn id(self) -> &'static str {
        match self {
            Self::Full => "disclosed_in_full",
            Self::Part => "disclosed_in_part",
            Self::Refused => "refused",
            Self::Redirected => "redirected",
            Self::Conflict => "conflict",
            Self::NoData => "no_data",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "Disclosed in full",
            Self::Part => "Disclosed in part",
            Self::Refused => "Refused",
            Self::Redirected => "Sent to the customer",
            Self::Conflict => "Conflict of laws",
            Self::NoData => "No such data",
            Self::Withdrawn => "Withdrawn",
        }
    }
}

// === impl Location ===

impl Location {
    pub const ALL: &'static [Self] = &[Self::Inside, Self::Both, Self::Abroad, Self::Unknown];

    pub const fn id(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Both => "inside_and_abroad",
            Self::Abroad => "abroad",
            Self::Unknown => "unknown",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Inside => "In the demanding state",
            Self::Both => "There and abroad",
            Self::Abroad => "Abroad alone",
            Self::Unknown => "Not known",
        }
    }
}

// === impl Notice ===

impl Notice {
    pub const ALL: &'static [Self] =
        &[Self::Given, Self::GivenLater, Self::Owed, Self::Delayed, Self::Prohibited, Self::None];

    pub const fn id(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::GivenLater => "given_after_delay",
            Self::Owed => "owed",
            Self::Delayed => "delayed",
            Self::Prohibited => "prohibited",
            Self::None => "none",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "Given",
            Self::GivenLater => "Given after a delay",
            Self::Owed => "Owed, none recorded",
            Self::Delayed => "Delayed, none recorded yet",
            Self::Prohibited => "Prohibited",
            Self::None => "Not owed",
        }
    }
}

/// Why a demand or a transfer was refused, for a person.
pub(super) const fn why(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Fault => "A rule failed",
        Disposition::UnknownData => "Data or a fact not known",
        Disposition::UnknownRequester => "Requester not known",
        Disposition::Never => "Never: keys, back doors, bulk access",
        Disposition::ConflictOfLaws => "Conflict of laws",
        Disposition::ProhibitedByLaw => "Prohibited by law",
        Disposition::ResidencyCommitment => "The customer's choice of place",
        Disposition::OutOfReach => "Out of the demand's reach",
        Disposition::InsufficientProcess => "Insufficient process",
        Disposition::NoGrant => "Nothing permits it",
        Disposition::Permitted => "Permitted, and withheld",
    }
}

pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
