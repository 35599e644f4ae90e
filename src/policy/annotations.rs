//! The words that a policy carries beside its condition: what they may be, and how they are read.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp, tz::TimeZone};

use crate::domain::{Disposition, did_you_mean, near};
use crate::law::{Facts, IdSet, RelationState};

/// Every annotation that a policy may carry.
pub(super) const KNOWN: &[&str] = &[
    "id",
    "reason",
    "citation",
    "regime",
    "disposition",
    "next_step",
    "compels",
    "blocks",
    "obligations",
    "routes",
    "relations",
    "advice",
    "audience",
];

/// A fact that a duty runs from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the fact of the same name")]
pub enum Base {
    IssuedAt,
    ReceivedAt,
    ExpiresAt,
    NondisclosureUntil,
    EnforcingAuthorityNotifiedAt,
    ApprovalUntil,
    DecidedAt,
}

impl Base {
    /// Every base, with the word that an annotation uses.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::IssuedAt, "process.issued_at"),
        (Self::ReceivedAt, "process.received_at"),
        (Self::ExpiresAt, "process.expires_at"),
        (Self::NondisclosureUntil, "process.nondisclosure_until"),
        (Self::EnforcingAuthorityNotifiedAt, "process.enforcing_authority_notified_at"),
        (Self::ApprovalUntil, "tenant.approval.until"),
        (Self::DecidedAt, "decided_at"),
    ];

    /// The word that an annotation uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(base, _)| *base == self).map_or("", |(_, word)| word)
    }
}

/// A duty of a policy: `kind`, `kind:detail`, `kind@base`, or `kind@base+P10D`.
#[derive(Clone, Debug)]
pub struct DueRule {
    /// A declared obligation.
    pub kind: String,
    /// What more there is to say.
    pub detail: String,
    /// What its time runs from.
    pub base: Option<Base>,
    /// The ISO 8601 period, as written; empty: none.
    pub period: String,
    span: Span,
}

impl DueRule {
    /// When the duty falls due, given the instant that it runs from.
    #[must_use]
    pub fn due(&self, base: Timestamp) -> Option<Timestamp> {
        base.to_zoned(TimeZone::UTC).checked_add(self.span).ok().map(|zoned| zoned.timestamp())
    }
}

/// Relations that a policy turns on: `kind`, or `kind:state` (`kind:state|state`); or `mechanisms`, those
/// that are stated, with `mechanisms:id|id` those that it asks for too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationFilter {
    /// A declared relation kind, or `mechanisms`.
    pub kind: String,
    /// Their states; empty: any.
    pub states: Vec<RelationState>,
    /// Mechanisms that it turns on whether or not they are stated: those that it asks for.
    pub asked: Vec<String>,
}

/// The annotations of a policy, read.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    pub id: String,
    pub reason: String,
    pub citation: String,
    pub regime: String,
    pub disposition: Option<Disposition>,
    pub next_step: String,
    pub compels: bool,
    pub blocks: bool,
    pub advice: bool,
    pub obligations: Vec<DueRule>,
    pub routes: Vec<String>,
    pub relations: Vec<RelationFilter>,
}

/// Reads the annotations of a policy; every fault found is a sentence.
pub(super) fn read<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    facts: &Facts,
) -> (Annotations, BTreeMap<String, String>, Vec<String>) {
    let mut read = Annotations::default();
    let mut faults = Vec::new();
    let mut all = BTreeMap::new();
    for (key, value) in pairs {
        all.insert(key.to_owned(), value.to_owned());
        let mut unknown = Vec::new();
        let mut known = |set: IdSet, word: &str| {
            if let Err(error) = facts.identifier(set, word) {
                unknown.push(error.to_string());
            }
        };
        match key {
            "id" => read.id = value.to_owned(),
            "reason" => {
                known(IdSet::Reason, value);
                read.reason = value.to_owned();
            }
            "citation" => read.citation = value.to_owned(),
            "regime" => {
                known(IdSet::Regime, value);
                read.regime = value.to_owned();
            }
            "next_step" => {
                known(IdSet::NextStep, value);
                read.next_step = value.to_owned();
            }
            "disposition" => match value.parse() {
                // The others are what the engine finds, never what a rule says.
                Ok(Disposition::Fault | Disposition::ConflictOfLaws | Disposition::Permitted) => {
                    faults.push(format!("@disposition: `{value}` is not for a rule to say"));
                }
                Ok(disposition) => read.disposition = Some(disposition),
                Err(error) => faults.push(format!("@disposition: {error}")),
            },
            "compels" => read.compels = true,
            "blocks" => read.blocks = true,
            "advice" => read.advice = true,
            "audience" => {}
            "routes" => {
                read.routes = items(value).map(str::to_owned).collect();
                items(value).for_each(|word| known(IdSet::Route, word));
            }
            "obligations" => {
                for item in items(value) {
                    match obligation(item) {
                        Ok(rule) => {
                            known(IdSet::Obligation, &rule.kind);
                            read.obligations.push(rule);
                        }
                        Err(error) => faults.push(format!("@obligations: {error}")),
                    }
                }
            }
            "relations" => {
                for item in items(value) {
                    let (kind, states) = item.split_once(':').unwrap_or((item, ""));
                    let mut filter =
                        RelationFilter { kind: kind.to_owned(), states: Vec::new(), asked: Vec::new() };
                    if kind == "mechanisms" {
                        filter.asked = list(states).map(str::to_owned).collect();
                        list(states).for_each(|id| known(IdSet::Mechanism, id));
                        read.relations.push(filter);
                        continue;
                    }
                    known(IdSet::RelationKind, kind);
                    for word in list(states) {
                        match RelationState::ALL.iter().find(|state| state.as_str() == word) {
                            Some(state) => filter.states.push(*state),
                            None => faults.push(format!("@relations: `{word}` is no state of a relation")),
                        }
                    }
                    read.relations.push(filter);
                }
            }
            other => {
                let hint = did_you_mean(&near(other, KNOWN.iter().copied()));
                faults.push(format!("`@{other}` is no annotation that Situs knows{hint}"));
            }
        }
        faults.append(&mut unknown);
    }
    (read, all, faults)
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split('|').map(str::trim).filter(|word| !word.is_empty())
}

fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').map(str::trim).filter(|item| !item.is_empty())
}

fn obligation(item: &str) -> Result<DueRule, String> {
    let Some((kind, rest)) = item.split_once('@') else {
        let (kind, detail) = item.split_once(':').unwrap_or((item, ""));
        let (kind, detail) = (kind.trim().to_owned(), detail.trim().to_owned());
        return Ok(DueRule { kind, detail, base: None, period: String::new(), span: Span::new() });
    };
    let (base, period) = rest.split_once('+').unwrap_or((rest, ""));
    let found = Base::ALL.iter().find(|(_, word)| *word == base.trim()).map(|(base, _)| *base);
    let base = found.ok_or_else(|| {
        let known: Vec<&str> = Base::ALL.iter().map(|(_, word)| *word).collect();
        format!("`{}` is no fact that a duty can run from; one of {}", base.trim(), known.join(", "))
    })?;
    let span: Span = match period.trim() {
        "" => Span::new(),
        text => {
            // Only the standard's own form: a rule is read in every country.
            let span = text.strip_prefix('P').and_then(|_| text.parse().ok());
            span.ok_or_else(|| format!("`{text}` is not an ISO 8601 duration such as P10D or PT8H"))?
        }
    };
    Ok(DueRule {
        kind: kind.trim().to_owned(),
        detail: String::new(),
        base: Some(base),
        period: period.trim().to_owned(),
        span,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_runs_from_its_base() {
        let rule = obligation("deliver_within@process.received_at+P10D").unwrap();
        assert_eq!(
            (rule.kind.as_str(), rule.base, rule.period.as_str()),
            ("deliver_within", Some(Base::ReceivedAt), "P10D")
        );
        let due = rule.due("2026-08-31T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(due.to_string(), "2026-09-10T12:00:00Z");
        assert_eq!(
            obligation("reply_with_required_instrument:search_warrant").unwrap().detail,
            "search_warrant"
        );
        assert!(obligation("deliver_within@process.served_at+P10D").is_err());
        assert!(obligation("deliver_within@process.received_at+10 days").is_err());
    }
}
