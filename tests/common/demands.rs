//! Demands as a test wants them, and the report of them.

use std::sync::{Arc, LazyLock};

use jiff::SignedDuration;
use serde_json::json;
use situs::domain::{Action, Decision, Disposition, Recorded, Verdict};
use situs::report::{Options, Report, Tally};
use uuid::Uuid;

use super::dice::{self, Dice};
use super::year::{self, Event, decided, demand, outcome};
use super::{bundle, instant, now};

/// The usual options for that year.
pub fn options(threshold: u64) -> Options {
    Options {
        title: String::from("Example <Cloud>"),
        from: instant("2026-01-01T00:00:00Z"),
        to: instant("2027-01-01T00:00:00Z"),
        threshold,
        band: 500,
        by: Vec::new(),
    }
}

/// The report of some events.
pub fn report(events: &[Event], options: Options) -> Report {
    let mut tally = Tally::new(Arc::clone(bundle().facts()), options);
    for event in events {
        match event {
            Event::Decision(recorded) => tally.decision(recorded),
            Event::Outcome(outcome) => tally.outcome(outcome),
        }
    }
    tally.report(now(), Vec::new())
}

/// A decision about a demand, said as a test wants it.
pub fn said(id: u128, process: &str, change: impl FnOnce(&mut Decision)) -> Recorded {
    static TEMPLATE: LazyLock<Recorded> = LazyLock::new(|| {
        let now = instant("2026-03-01T12:00:00Z");
        let mut words = demand(&mut Dice::new(3), 1, now);
        dice::set(&mut words, "data_categories", json!(["subscriber", "content"]));
        decided(&words, now)
    });
    let mut recorded = TEMPLATE.clone();
    let decision = recorded.decision.as_mut().unwrap();
    decision.action = Action::Disclose;
    decision.answer.decision_id = Uuid::from_u128(id);
    decision.answer.obligations.clear();
    decision.answer.next_step = String::from("comply");
    decision.answer.decision = Verdict::Allow;
    decision.answer.disposition = Disposition::Permitted;
    for verdict in &mut decision.answer.category_verdicts {
        verdict.decision = Verdict::Allow;
        verdict.disposition = Disposition::Permitted;
    }
    let known = Arc::make_mut(decision.process.as_mut().unwrap());
    known.id = process.to_owned();
    known.issuing_jurisdiction = String::from("US-NY");
    known.instrument = String::from("search_warrant");
    known.received_at = Some(instant("2026-03-01T00:00:00Z"));
    Arc::make_mut(decision.holding.as_mut().unwrap()).stored_in = vec![String::from("IE")];
    change(decision);
    year::recorded(decision.clone())
}

/// Turns a decision into a denial.
pub fn refuse(decision: &mut Decision, disposition: Disposition) {
    decision.answer.decision = Verdict::Deny;
    decision.answer.disposition = disposition;
    for verdict in &mut decision.answer.category_verdicts {
        verdict.decision = Verdict::Deny;
    }
}

/// A decision as an event.
pub fn decision(recorded: Recorded) -> Event {
    Event::Decision(Box::new(recorded))
}

/// A log in which states, instruments, places and outcomes meet by chance.
pub fn by_chance(dice: &mut Dice, demands: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for id in 0..demands {
        let fate = dice.roll(7);
        let recorded = said(id as u128 + 1, &format!("p{id}"), |decision| {
            let process = Arc::make_mut(decision.process.as_mut().unwrap());
            process.issuing_jurisdiction =
                (*dice.one(&["US", "US", "US", "DE", "DE", "FR", "BR", "FJ"])).to_owned();
            process.instrument =
                (*dice.one(&["search_warrant", "search_warrant", "subpoena", "court_order"])).to_owned();
            let holding = Arc::make_mut(decision.holding.as_mut().unwrap());
            holding.stored_in = vec![(*dice.one(&["IE", "IE", "US", "DE", "JP"])).to_owned()];
            let hours = i64::try_from(dice.roll(24 * 300)).unwrap();
            decision.answer.decided_at = instant("2026-01-10T00:00:00Z") + SignedDuration::from_hours(hours);
            match fate {
                0 => refuse(decision, Disposition::ConflictOfLaws),
                1..=3 => refuse(decision, Disposition::OutOfReach),
                _ => {}
            }
        });
        let of = recorded.decided.clone();
        events.push(decision(recorded));
        if fate > 4 {
            let kind = *dice.one(&["disclosed", "narrowed", "no_data"]);
            events.push(Event::Outcome(outcome(&of, kind, of.decided_at + SignedDuration::from_hours(30))));
        }
    }
    events
}
