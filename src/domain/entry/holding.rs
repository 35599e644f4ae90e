//! Holdings: registered prefixes of references, and the facts of the data below them.

use crate::domain::{Category, DataRef, KeyControl, ProviderRole};

/// A registered prefix of references and the facts of the data below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Holding {
    /// The prefix. Absent where the facts are given inline.
    pub data_ref: Option<DataRef>,
    /// Where any copy is: jurisdiction codes or cloud regions.
    pub stored_in: Vec<String>,
    /// Whether the provider moves shards by itself, so that the place is not fixed.
    pub location_dynamic: Option<bool>,
    /// Where it was collected.
    pub collected_in: Vec<String>,
    /// Where the service is offered.
    pub offered_in: Vec<String>,
    /// Markets aimed at.
    pub targets: Vec<String>,
    /// Where the customer lets it be. Empty: no promise was made.
    pub residency: Vec<String>,
    /// From where it may be reached.
    pub access_boundary: Vec<String>,
    /// What parts it has.
    pub data_categories: Vec<Category>,
    /// What kinds of data: declared kinds.
    pub data_kinds: Vec<String>,
    /// What regulated sectors it belongs to: declared sectors.
    pub sectors: Vec<String>,
    /// Where the people are.
    pub subject_locations: Vec<String>,
    /// What citizens they are.
    pub subject_citizenships: Vec<String>,
    /// Whose protected persons they are known to be.
    pub persons_of: Vec<String>,
    /// Whose protected persons they are known not to be.
    pub not_persons_of: Vec<String>,
    /// How many people.
    pub subject_count: Option<u64>,
    /// In which role the provider holds it.
    pub provider_role: Option<ProviderRole>,
    /// Where the provider is established.
    pub provider_established_in: Vec<String>,
    /// Where the provider has its headquarters; empty: not stated.
    pub provider_headquarters: String,
    /// From where the data can be produced.
    pub control_from: Vec<String>,
    /// Where the designated establishment or legal representative is; empty: none.
    pub addressee_in: String,
    /// Who controls the keys.
    pub key_control: Option<KeyControl>,
    /// Where the keys are.
    pub keys_in: Vec<String>,
    /// The team's own labels.
    pub labels: Vec<(String, String)>,
    /// Inherited lists that this holding says are none.
    pub cleared: Vec<HoldingField>,
}

/// A list of a [`Holding`] that a child can clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the field of the same name")]
pub enum HoldingField {
    CollectedIn,
    OfferedIn,
    Targets,
    Residency,
    AccessBoundary,
    Sectors,
    SubjectLocations,
    SubjectCitizenships,
    PersonsOf,
    NotPersonsOf,
    KeysIn,
    Labels,
}

impl HoldingField {
    /// Every list that can be cleared, with its name on the wire.
    ///
    /// `stored_in`, `data_kinds`, `data_categories` and the provider's facts are not among them: data is
    /// always somewhere, of some kind, and held by someone.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::CollectedIn, "collected_in"),
        (Self::OfferedIn, "offered_in"),
        (Self::Targets, "targets"),
        (Self::Residency, "residency"),
        (Self::AccessBoundary, "access_boundary"),
        (Self::Sectors, "sectors"),
        (Self::SubjectLocations, "subject_locations"),
        (Self::SubjectCitizenships, "subject_citizenships"),
        (Self::PersonsOf, "persons_of"),
        (Self::NotPersonsOf, "not_persons_of"),
        (Self::KeysIn, "keys_in"),
        (Self::Labels, "labels"),
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(field, _)| *field == self).map_or("", |(_, name)| name)
    }
}

impl Holding {
    /// Takes from `base` what this holding does not state, but for the lists that it cleared.
    pub fn inherit(&mut self, base: &Self) {
        let cleared = self.cleared.clone();
        let over = self;
        fill!(over, base;
            scalars location_dynamic, subject_count, provider_role, key_control;
            lists stored_in, data_categories, data_kinds, provider_established_in, control_from;
            texts provider_headquarters, addressee_in);
        macro_rules! inherit {
            ($($field:ident = $variant:ident),*) => {
                $(if over.$field.is_empty() && !cleared.contains(&HoldingField::$variant) {
                    over.$field.clone_from(&base.$field);
                })*
            };
        }
        inherit!(
            collected_in = CollectedIn,
            offered_in = OfferedIn,
            targets = Targets,
            residency = Residency,
            access_boundary = AccessBoundary,
            sectors = Sectors,
            subject_locations = SubjectLocations,
            subject_citizenships = SubjectCitizenships,
            persons_of = PersonsOf,
            not_persons_of = NotPersonsOf,
            keys_in = KeysIn
        );
        for (key, value) in &base.labels {
            if !cleared.contains(&HoldingField::Labels) && !over.labels.iter().any(|(own, _)| own == key) {
                over.labels.push((key.clone(), value.clone()));
            }
        }
        // A list that an ancestor cleared stays cleared below it.
        for field in &base.cleared {
            if !over.cleared.contains(field) {
                over.cleared.push(*field);
            }
        }
    }

    /// The names of the fields that it states.
    #[must_use]
    pub fn stated_fields(&self) -> Vec<&'static str> {
        let of = self;
        stated!(of;
            scalars data_ref, location_dynamic, subject_count, provider_role, key_control;
            lists stored_in, collected_in, offered_in, targets, residency, access_boundary, data_categories,
                data_kinds, sectors, subject_locations, subject_citizenships, persons_of, not_persons_of,
                provider_established_in, control_from, keys_in, labels, cleared;
            texts provider_headquarters, addressee_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(codes: &[&str]) -> Vec<String> {
        codes.iter().map(|code| (*code).to_owned()).collect()
    }

    #[test]
    fn a_child_inherits_what_it_does_not_state_and_can_clear_a_list() {
        let parent = Holding {
            stored_in: places(&["IE"]),
            residency: places(&["IE"]),
            sectors: places(&["bank"]),
            ..Holding::default()
        };
        let mut child = Holding {
            stored_in: places(&["DE"]),
            cleared: vec![HoldingField::Residency],
            ..Holding::default()
        };
        child.inherit(&parent);
        assert_eq!(child.stored_in, ["DE"]);
        assert_eq!(child.sectors, ["bank"]);
        assert!(child.residency.is_empty());

        let mut grandchild = Holding::default();
        grandchild.inherit(&child);
        grandchild.inherit(&parent);
        assert!(grandchild.residency.is_empty(), "cleared by the child, so not taken from the parent");
    }
}
