//! The facts of a question, expanded: cloud regions to jurisdictions, missing facts to what their absence
//! means (`facts/absences.toml`).

use std::collections::BTreeSet;

use super::resolve::Resolved;
use crate::domain::{Category, KeyControl, LegalProcess, ProviderRole, Question, TenantType};
use crate::law::{Codes, Facts, IdSet, RequestFacts, World};

/// The expanded facts. Lists hold codes as stated; [`Picture::closed`] closes them upward.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub stored_in: Vec<String>,
    pub collected_in: Vec<String>,
    pub offered_in: Vec<String>,
    pub targets: Vec<String>,
    pub residency: Vec<String>,
    pub access_boundary: Vec<String>,
    pub subject_locations: Vec<String>,
    /// Whether the places of the people were stated, not presumed.
    pub subjects_stated: bool,
    /// Those places as stated, with the states that they are parts of.
    pub subjects_seen_in: Vec<String>,
    pub subject_citizenships: Vec<String>,
    pub persons_of: Vec<String>,
    pub not_persons_of: Vec<String>,
    pub provider_established_in: Vec<String>,
    pub provider_headquarters: Vec<String>,
    pub control_from: Vec<String>,
    pub addressee_in: Vec<String>,
    pub keys_in: Vec<String>,
    pub tenant_established_in: Vec<String>,
    pub public_body: bool,
    pub controller: bool,
    pub processor: bool,
    pub customer_keys: bool,
    pub categories: BTreeSet<Category>,
    /// Closed by what they imply; empty: any kind.
    pub kinds: BTreeSet<String>,
    pub sectors: BTreeSet<String>,
    pub subject_count: u64,
    pub safeguards: BTreeSet<String>,
    pub purpose: String,
    pub mode: String,
}

/// The categories that data may have where none is stated: all but keys, which are never part of data.
pub(super) const ALL_DATA: &[Category] =
    &[Category::Subscriber, Category::Identification, Category::Traffic, Category::Content];

impl Picture {
    pub fn of(question: &Question, resolved: &Resolved, world: &World) -> Self {
        let facts = world.facts();
        let holding = &resolved.holding;
        let expand = |codes: &[String]| expand(facts, codes);
        let stored_in = expand(&holding.stored_in);
        let stated = expand(&holding.subject_locations);
        let collected = expand(&holding.collected_in);
        let subjects_stated = !stated.is_empty();
        let subject_locations = first_of([&stated, &collected, &stored_in]);
        let provider_established_in = expand(&holding.provider_established_in);
        let addressee_in = expand(std::slice::from_ref(&holding.addressee_in));
        let mut offered_in = first_of([&expand(&holding.offered_in), &subject_locations]);
        offered_in.extend(provider_established_in.iter().chain(&addressee_in).cloned());
        let kinds = world.kinds_closed(&holding.data_kinds);
        let tenant = resolved.tenant.as_ref();
        let transfer = question.transfer.clone().unwrap_or_default();
        let certified = resolved.requester.certifications.iter();
        let certified = certified.chain(resolved.recipient.iter().flat_map(|party| &party.certifications));
        let role = holding.provider_role;
        Self {
            collected_in: first_of([&collected, &subject_locations]),
            offered_in,
            targets: first_of([&expand(&holding.targets), &subject_locations]),
            residency: expand(&holding.residency),
            access_boundary: expand(&holding.access_boundary),
            subject_locations,
            subjects_stated,
            subjects_seen_in: stated.iter().flat_map(|code| [code.clone(), facts.state_of(code)]).collect(),
            subject_citizenships: expand(&holding.subject_citizenships),
            persons_of: expand(&holding.persons_of),
            not_persons_of: expand(&holding.not_persons_of),
            provider_headquarters: expand(std::slice::from_ref(&holding.provider_headquarters)),
            control_from: first_of([&expand(&holding.control_from), &provider_established_in]),
            provider_established_in,
            addressee_in,
            keys_in: expand(&holding.keys_in),
            tenant_established_in: tenant.map(|tenant| expand(&tenant.established_in)).unwrap_or_default(),
            // A type that is not known may be a public body.
            public_body: tenant
                .is_some_and(|tenant| tenant.kind.is_none_or(|kind| kind == TenantType::PublicBody)),
            controller: role.is_none_or(|role| role == ProviderRole::Controller),
            processor: role.is_none_or(|role| role == ProviderRole::Processor),
            customer_keys: holding.key_control == Some(KeyControl::Customer),
            categories: match holding.data_categories.as_slice() {
                [] => ALL_DATA.iter().copied().collect(),
                stated => stated.iter().copied().collect(),
            },
            sectors: match kinds.is_empty() {
                // Data of any kind may be among it, and so data that stands for a sector.
                true => world.sectors_closed(&holding.sectors, facts.ids(IdSet::DataKind)),
                false => world.sectors_closed(&holding.sectors, &kinds),
            },
            kinds,
            subject_count: holding.subject_count.unwrap_or(u64::MAX),
            safeguards: world.safeguards_closed(transfer.safeguards.iter().chain(certified)),
            purpose: transfer.purpose,
            mode: if transfer.mode.is_empty() { facts.presumed_mode() } else { transfer.mode },
            stored_in,
        }
    }

    /// The codes of every link by which a regime can govern.
    pub fn links(&self, forum: &Codes) -> Vec<(&'static str, Vec<String>)> {
        let mut controller = self.tenant_established_in.clone();
        if self.controller {
            controller.extend(self.provider_established_in.iter().cloned());
        }
        let subject_to: Vec<String> = self
            .provider_established_in
            .iter()
            .chain(&self.provider_headquarters)
            .chain(&self.control_from)
            .cloned()
            .collect();
        let when = |holds: bool, codes: &[String]| if holds { codes.to_vec() } else { Vec::new() };
        vec![
            ("stored_in", self.stored_in.clone()),
            ("collected_in", self.collected_in.clone()),
            ("subject_located_in", self.subject_locations.clone()),
            ("subject_citizen_of", self.subject_citizenships.clone()),
            ("controller_established_in", controller),
            ("processor_established_in", when(self.processor, &self.provider_established_in)),
            ("provider_subject_to_jurisdiction", subject_to),
            ("offers_service_in", self.offered_in.clone()),
            ("targets_market", self.targets.clone()),
            ("customer_public_body", when(self.public_body, &self.tenant_established_in)),
            ("forum", forum.iter().cloned().collect()),
        ]
    }

    /// Where the provider can be reached by a state's courts.
    pub fn provider_places(&self) -> impl Iterator<Item = &String> {
        self.provider_established_in.iter().chain(&self.provider_headquarters).chain(&self.control_from)
    }
}

/// The jurisdictions that places stand for; an empty text is no place.
pub(super) fn expand(facts: &Facts, codes: &[String]) -> Vec<String> {
    codes.iter().filter(|code| !code.is_empty()).flat_map(|code| facts.jurisdictions_of(code)).collect()
}

fn first_of<const N: usize>(lists: [&Vec<String>; N]) -> Vec<String> {
    lists.into_iter().find(|list| !list.is_empty()).cloned().unwrap_or_default()
}

/// The facts that conditions of relations ask about.
pub(super) struct Conditions<'a> {
    pub picture: &'a Picture,
    pub process: Option<&'a LegalProcess>,
}

impl RequestFacts for Conditions<'_> {
    fn list(&self, fact: &str) -> Option<Vec<String>> {
        let process = self.process;
        match fact {
            "transfer.safeguards" => Some(self.picture.safeguards.iter().cloned().collect()),
            "transfer.purpose" => {
                Some(vec![self.picture.purpose.clone()]).filter(|_| !self.picture.purpose.is_empty())
            }
            "process.flags" => process.map(|process| process.flags.clone()),
            "process.authorities" => {
                process.map(|process| vec![process.issued_by.clone(), process.validated_by.clone()])
            }
            "holding.addressee_in" => Some(self.picture.addressee_in.clone()),
            "holding.subject_locations" => Some(self.picture.subjects_seen_in.clone()),
            "holding.not_persons_of" => Some(self.picture.not_persons_of.clone()),
            _ => None,
        }
    }

    fn truth(&self, fact: &str) -> Option<bool> {
        let process = self.process?;
        match fact {
            "process.names_accounts" => process.names_accounts,
            "process.bulk" => process.bulk,
            "process.via_designated_authority" => process.via_designated_authority,
            _ => None,
        }
    }

    fn number(&self, fact: &str) -> Option<u64> {
        match fact {
            "process.offence_max_penalty_years" => self.process?.offence_max_penalty_years.map(u64::from),
            _ => None,
        }
    }
}
