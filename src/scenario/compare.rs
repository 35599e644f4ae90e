//! An answer held against an expectation.

use std::collections::BTreeSet;

use super::case::{Expectation, RouteExpectation};
use crate::domain::{Answer, Effect, Obligation};

/// How an answer differs from what was expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What is wrong; empty: the case holds.
    pub faults: Vec<String>,
    /// Reason codes given beyond those expected.
    pub more_reasons: Vec<String>,
    /// The rules that decided, as `policy (code)`.
    pub decided: Vec<String>,
    /// The advices that held.
    pub advised: Vec<String>,
}

impl Comparison {
    /// Whether the case holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Compares: decision and next step exactly, reasons and regimes as what must be there; with full precision
/// the relations, mechanisms, obligations and routes too.
#[must_use]
pub fn compare(expect: &Expectation, answer: &Answer) -> Comparison {
    let mut faults = Vec::new();
    if expect.decision() != Some(answer.decision) {
        faults.push(format!("decision is {}, expected {}", answer.decision, expect.decision_word()));
    }
    exact(&mut faults, "next step", expect.next_step.as_deref(), &answer.next_step);
    exact(&mut faults, "disposition", expect.disposition.as_deref(), answer.disposition.as_str());
    let given: BTreeSet<&str> = answer.reasons.iter().map(|reason| reason.code.as_str()).collect();
    missing(&mut faults, "reason", &expect.reasons, |code| given.contains(code));
    for code in expect.reasons_absent.iter().filter(|code| given.contains(code.as_str())) {
        faults.push(format!("reason `{code}` is given, and must not be"));
    }
    missing(&mut faults, "regime", &expect.regimes, |id| answer.regimes.iter().any(|regime| regime == id));
    if expect.full {
        let turned = |id: &str| {
            answer.reasons.iter().any(|reason| reason.relations.iter().any(|relation| relation == id))
        };
        missing(&mut faults, "relation", &expect.relations, turned);
        missing(&mut faults, "mechanism", &expect.mechanisms, turned);
        missing(&mut faults, "obligation", &expect.obligations, |duty| has_duty(duty, &answer.obligations));
        for RouteExpectation { kind, relation } in &expect.routes {
            let found = answer
                .routes
                .iter()
                .any(|route| route.kind == *kind && (relation.is_empty() || route.relation == *relation));
            if !found {
                faults.push(format!("route `{kind}` {relation} is not given"));
            }
        }
    }
    let expected: BTreeSet<&str> = expect.reasons.iter().map(String::as_str).collect();
    let named = |effect: fn(Effect) -> bool| {
        let rules =
            answer.reasons.iter().filter(|reason| effect(reason.effect) && !reason.policy_id.is_empty());
        rules.map(|reason| format!("{} ({})", reason.policy_id, reason.code)).collect()
    };
    Comparison {
        faults,
        more_reasons: given.difference(&expected).map(|code| (*code).to_owned()).collect(),
        decided: named(|effect| effect != Effect::Advice),
        advised: named(|effect| effect == Effect::Advice),
    }
}

fn exact(faults: &mut Vec<String>, what: &str, expected: Option<&str>, given: &str) {
    if let Some(expected) = expected.filter(|expected| *expected != given) {
        faults.push(format!("{what} is {given}, expected {expected}"));
    }
}

fn missing(faults: &mut Vec<String>, what: &str, expected: &[String], has: impl Fn(&str) -> bool) {
    for id in expected.iter().filter(|id| !has(id)) {
        faults.push(format!("{what} `{id}` is not given"));
    }
}

/// Whether a duty is among those given: `kind`, `kind:2026-05-01` (its day), `kind:10d` or `kind:8h` (its
/// period), or `kind:detail`.
fn has_duty(wanted: &str, given: &[Obligation]) -> bool {
    let (kind, rest) = wanted.split_once(':').unwrap_or((wanted, ""));
    let period = match (rest.strip_suffix('d'), rest.strip_suffix('h')) {
        (Some(days), _) if days.parse::<u32>().is_ok() => format!("P{days}D"),
        (_, Some(hours)) if hours.parse::<u32>().is_ok() => format!("PT{hours}H"),
        _ => String::new(),
    };
    given.iter().filter(|duty| duty.kind == kind).any(|duty| {
        rest.is_empty()
            || (!period.is_empty() && duty.period == period)
            || duty.due.is_some_and(|due| due.to_string().starts_with(rest))
            || duty.detail == rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duty(kind: &str, due: Option<&str>, period: &str, detail: &str) -> Obligation {
        Obligation {
            kind: kind.to_owned(),
            due: due.map(|due| due.parse().unwrap()),
            period: period.to_owned(),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn a_duty_is_known_by_its_day_its_period_or_its_detail() {
        let given = [
            duty("deliver_within", None, "P10D", ""),
            duty("delay_notice_until", Some("2026-05-01T12:00:00Z"), "", ""),
            duty("reply_with_required_instrument", None, "", "search_warrant"),
        ];
        for wanted in [
            "deliver_within",
            "deliver_within:10d",
            "delay_notice_until:2026-05-01",
            "reply_with_required_instrument:search_warrant",
        ] {
            assert!(has_duty(wanted, &given), "{wanted}");
        }
        for wanted in ["deliver_within:8h", "delay_notice_until:2026-05-02", "preserve"] {
            assert!(!has_duty(wanted, &given), "{wanted}");
        }
    }
}
