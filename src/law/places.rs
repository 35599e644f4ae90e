//! Places: a code with all that it lies in, at an instant.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::facts::Facts;
use super::rows::Level;
use super::world::World;

/// A set of jurisdiction codes.
pub type Codes = BTreeSet<String>;

impl Facts {
    /// The jurisdiction whose law a code's own law stands under: its parent where it is a subdivision.
    pub(super) fn parent(&self, code: &str) -> Option<String> {
        match self.jurisdictions.get(code) {
            Some(jurisdiction) if jurisdiction.level == Level::Subdivision => jurisdiction.parent.clone(),
            Some(_) => None,
            None if self.groupings.contains_key(code) => None,
            None => code
                .split_once('-')
                .map(|(country, _)| country.to_owned())
                .filter(|_| super::vocabulary::is_iso(code)),
        }
    }

    /// The state that a code belongs to: itself, but for a subdivision.
    #[must_use]
    pub fn state_of(&self, code: &str) -> String {
        self.parent(code).unwrap_or_else(|| code.to_owned())
    }

    /// Whether the facts speak of a code or of what it lies in.
    #[must_use]
    pub fn is_recorded(&self, code: &str) -> bool {
        let known = |code: &str| self.jurisdictions.contains_key(code) || self.groupings.contains_key(code);
        known(code) || self.parent(code).is_some_and(|parent| known(&parent))
    }

    /// The groupings of courts that a process belongs to by its circuit.
    #[must_use]
    pub fn circuits(&self, circuit: &str) -> Codes {
        let same = |known: &Option<String>| known.as_deref() == Some(circuit);
        self.groupings
            .iter()
            .filter(|(_, grouping)| same(&grouping.circuit))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Whether a code is a grouping of courts.
    #[must_use]
    pub fn is_circuit(&self, code: &str) -> bool {
        self.groupings.get(code).is_some_and(|grouping| grouping.circuit.is_some())
    }
}

impl World {
    /// A code with everything that it lies in now: `IE` with `EU`, `EEA`, ...
    #[must_use]
    pub fn closure(&self, code: &str) -> Codes {
        self.known_closure(code).into_owned()
    }

    fn known_closure(&self, code: &str) -> Cow<'_, Codes> {
        if let Some(known) = self.epoch.closures.get(code) {
            return Cow::Borrowed(known);
        }
        let mut closure = Codes::from([code.to_owned()]);
        if let Some(parent) = self.facts.parent(code) {
            closure.extend(self.known_closure(&parent).iter().cloned());
        }
        Cow::Owned(closure)
    }

    /// Whether a place lies in one of several, or is a grouping that one of them lies in whole.
    #[must_use]
    pub fn is_among(&self, code: &str, places: &Codes) -> bool {
        !self.closure(code).is_disjoint(places)
            || places.iter().any(|place| self.closure(place).contains(code))
    }

    /// What any of several places lies in.
    pub fn closure_any<'a>(&self, codes: impl IntoIterator<Item = &'a String>) -> Codes {
        // The same places are often stated several times over, by way of presumptions.
        let distinct: BTreeSet<&String> = codes.into_iter().collect();
        let mut closures = distinct.into_iter().map(|code| self.known_closure(code));
        let mut all = closures.next().map(Cow::into_owned).unwrap_or_default();
        for closure in closures {
            for code in closure.iter().filter(|code| !all.contains(*code)).cloned().collect::<Vec<_>>() {
                all.insert(code);
            }
        }
        all
    }

    /// What every one of several places lies in; nothing where there is no place.
    pub fn closure_all<'a>(&self, codes: impl IntoIterator<Item = &'a String>) -> Codes {
        let mut closures = codes.into_iter().map(|code| self.known_closure(code));
        let first = closures.next().map(Cow::into_owned).unwrap_or_default();
        closures.fold(first, |mut common, closure| {
            common.retain(|code| closure.contains(code));
            common
        })
    }
}
