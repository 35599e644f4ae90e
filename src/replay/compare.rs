//! Two answers beside each other: which fields differ, and which rules made the difference.

use crate::domain::{Answer, Effect, Reason, Verdict};
use crate::policy::Bundle;

/// What may differ since it was changed on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loose {
    /// The versions of policies and facts.
    pub versions: bool,
    /// The revision of the catalogue.
    pub catalog: bool,
}

/// A rule by which an answer differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleChange {
    /// The policy's id; a reason's code in parentheses where no policy gave it.
    pub rule: String,
    /// What it does.
    pub effect: Effect,
    /// What its part in the difference is.
    pub part: Part,
    /// What became of its text.
    pub edit: Edit,
}

/// The part of a rule in a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The new answer has it as a reason, the recorded one has not.
    New,
    /// The recorded answer has it as a reason, the new one has not.
    Gone,
    /// Both have it, and it says something else.
    Otherwise,
}

/// What became of a rule from one bundle to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its text was edited.
    Edited,
    /// It is as it was: what it turns on has changed.
    Unchanged,
    /// The recorded bundle is not at hand, or no policy gave the reason.
    Unknown,
}

/// The fields of an answer that differ, by their names on the wire. Its id, its instant and its receipt are
/// those of the record, not of the decision.
pub(super) fn differing(before: &Answer, after: &Answer, loose: Loose) -> Vec<&'static str> {
    let mut fields = Vec::new();
    macro_rules! compare {
        ($($field:ident $(unless $expected:expr)?),*; but $($ignored:ident),*) => {
            // Names every field, so that a new one is compared, or left out here on purpose.
            let Answer { $($field: _,)* $($ignored: _,)* } = before;
            $(if before.$field != after.$field $(&& !$expected)? {
                fields.push(stringify!($field));
            })*
        };
    }
    compare!(
        decision, disposition, next_step, reasons, category_verdicts, obligations, routes, regimes,
        policy_version unless loose.versions,
        facts_version unless loose.versions,
        catalog_revision unless loose.catalog,
        as_of, hypothetical, valid_until, request_id;
        but decided_at, receipt, decision_id
    );
    fields
}

/// The rules that made the difference.
///
/// Where a permission became a denial these are the forbids that came, or else the permits that went; the other
/// way round, the forbids that went, or else the permits that came. Where the decision is the same, they are all
/// the rules that one answer has and the other has not, and those that say something else.
pub(super) fn responsible(before: &Answer, after: &Answer) -> Vec<RuleChange> {
    let new = only(&after.reasons, &before.reasons, Part::New);
    let gone = only(&before.reasons, &after.reasons, Part::Gone);
    let of = |rules: &[RuleChange], effect: Effect| -> Vec<RuleChange> {
        rules.iter().filter(|rule| rule.effect == effect).cloned().collect()
    };
    let first = |lists: [Vec<RuleChange>; 2]| lists.into_iter().find(|list| !list.is_empty());
    let decisive = match (before.decision, after.decision) {
        (Verdict::Allow, Verdict::Deny) => first([of(&new, Effect::Forbid), of(&gone, Effect::Permit)]),
        (Verdict::Deny, Verdict::Allow) => first([of(&gone, Effect::Forbid), of(&new, Effect::Permit)]),
        _ => None,
    };
    decisive.unwrap_or_else(|| {
        let otherwise = before.reasons.iter().filter(|reason| {
            let now = |other: &&Reason| name(other) == name(reason);
            after.reasons.iter().any(|other| now(&other)) && !after.reasons.contains(reason)
        });
        let otherwise = otherwise.map(|reason| change(reason, Part::Otherwise));
        let mut all: Vec<RuleChange> = new.into_iter().chain(gone).chain(otherwise).collect();
        all.sort();
        all.dedup();
        all
    })
}

/// The rules of one list that are not in the other.
fn only(of: &[Reason], other: &[Reason], part: Part) -> Vec<RuleChange> {
    let there = |reason: &Reason| other.iter().any(|other| name(other) == name(reason));
    let mut rules: Vec<RuleChange> =
        of.iter().filter(|reason| !there(reason)).map(|reason| change(reason, part)).collect();
    rules.sort();
    rules.dedup();
    rules
}

fn change(reason: &Reason, part: Part) -> RuleChange {
    RuleChange { rule: name(reason), effect: reason.effect, part, edit: Edit::Unknown }
}

fn name(reason: &Reason) -> String {
    if reason.policy_id.is_empty() { format!("({})", reason.code) } else { reason.policy_id.clone() }
}

impl RuleChange {
    /// With what became of its text between two bundles.
    pub(super) fn edited(self, before: Option<&std::sync::Arc<Bundle>>, after: &Bundle) -> Self {
        let Some(before) = before else { return self };
        let edit = match (before.rule(&self.rule), after.rule(&self.rule)) {
            (None, None) => Edit::Unknown,
            (None, Some(_)) => Edit::Added,
            (Some(_), None) => Edit::Removed,
            (Some(old), Some(new)) if old.source == new.source => Edit::Unchanged,
            (Some(_), Some(_)) => Edit::Edited,
        };
        Self { edit, ..self }
    }
}

impl Part {
    /// The word that the command line uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Otherwise => "otherwise",
        }
    }
}

impl Edit {
    /// The word that the command line uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Edited => "edited",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown",
        }
    }
}
