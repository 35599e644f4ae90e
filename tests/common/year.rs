//! A year of a provider's life, as its log has it: demands of authorities, what became of them, and transfers.
//!
//! Each is decided as every question is, so what is counted is what the rules say.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use situs::domain::{Decided, Decision, Outcome, Recorded, Verdict};
use situs::engine::{Known, decide};
use uuid::Uuid;

use super::dice::Dice;
use super::{bundle, instant, question};

/// One thing that the log holds.
pub enum Event {
    Decision(Box<Recorded>),
    Outcome(Outcome),
}

/// A year with so many demands, and as many transfers.
pub fn year(demands: usize, seed: u64) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    let start = instant("2026-01-01T00:00:00Z");
    let mut events = Vec::new();
    for at in 0..demands {
        let now = start + SignedDuration::from_mins(i64::try_from(at * 60 * 24 * 300 / demands).unwrap());
        let words = demand(&mut dice, at, now);
        let recorded = decided(&words, now);
        let outcome = became(&mut dice, &recorded, now);
        events.push(Event::Decision(Box::new(recorded)));
        events.extend(outcome);
        events.push(Event::Decision(Box::new(decided(&transfer(&mut dice), now))));
    }
    events
}

/// A demand, one in so many of a year.
pub fn demand(dice: &mut Dice, at: usize, now: Timestamp) -> Json {
    // Who demands by what, and how often.
    const WHO: &[(&str, &str, &str, &str)] = &[
        ("US", "court", "search_warrant", "court"),
        ("US", "prosecutor", "subpoena", "prosecutor"),
        ("US", "court", "us_2703d_order", "court"),
        ("US", "police", "us_national_security_letter", "intelligence"),
        ("DE", "prosecutor", "production_order", "court"),
        ("DE", "prosecutor", "eu_production_order", "court"),
        ("FR", "court", "production_order", "court"),
        ("FR", "police", "search_warrant", "court"),
        ("GB", "police", "gb_overseas_production_order", "court"),
        ("IE", "police", "search_warrant", "court"),
        ("IN", "police", "production_order", "court"),
        ("BR", "court", "production_order", "court"),
        ("CH", "prosecutor", "mlat_request", "prosecutor"),
        ("FJ", "police", "search_warrant", "court"),
    ];
    const HOW_OFTEN: &[usize] = &[0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 9, 10, 11];
    // The last state demands once or twice in all.
    let who = if at % 997 == 13 { WHO.len() - 1 } else { *dice.one(HOW_OFTEN) };
    let (state, authority, instrument, issuer) = *WHO.get(who).unwrap();
    let stored: &[&[&str]] =
        &[&["IE"], &["IE"], &["US"], &["US"], &["DE"], &["FR"], &["GB"], &["IE", "US"], &["BR"], &["IN"]];
    let categories: &[&[&str]] = &[
        &["subscriber"],
        &["subscriber"],
        &["subscriber", "traffic"],
        &["content"],
        &["content", "traffic"],
    ];
    let gag = [json!(null), json!(null), json!("2027-03-01")];
    let received = now - SignedDuration::from_hours(1 + i64::try_from(dice.roll(60)).unwrap());
    let mut words = json!({
        "data_ref": format!("{}/mail", dice.one(&["contoso", "fabrikam", "tailspin", "woodgrove"])),
        "jurisdiction": state, "action": if dice.now_and_then(12) { "preserve" } else { "disclose" },
        "data_categories": dice.one(categories),
        "requester": { "kind": "authority", "authority_type": authority, "jurisdiction": state },
        "holding": {
            "stored_in": dice.one(stored), "data_categories": ["subscriber", "traffic", "content"],
            "data_kinds": ["personal"], "subject_count": 1, "provider_role": "processor",
            "subject_locations": [state], "subject_citizenships": [state], "persons_of": [state],
            "not_persons_of": if state == "US" { json!([]) } else { json!(["US"]) },
            "provider_established_in": ["US", "IE"], "provider_headquarters": "US", "control_from": ["US", "IE"],
            "addressee_in": "IE", "key_control": "provider", "keys_in": ["US"], "collected_in": [state],
            "offered_in": [state, "US"], "targets": [state],
        },
        "tenant": {
            "id": "", "type": "enterprise", "established_in": ["IE"],
            "is_suspect": dice.now_and_then(2), "redirect_attempted": dice.now_and_then(2),
        },
        "process": {
            "id": format!("process-{at}"), "instrument": instrument, "issuing_jurisdiction": state,
            "issued_by": issuer, "validated_by": "court", "names_accounts": !dice.now_and_then(15), "bulk": dice.now_and_then(40),
            "issued_at": received.to_string(), "received_at": received.to_string(), "expires_at": "2027-12-31",
            "danger_to_life": false, "stayed": false, "offence_max_penalty_years": 5, "counsel_approved": true,
            "nondisclosure": false, "statute": "code", "via_designated_authority": true,
            "processor_justification": true, "enforcing_authority_notified": true, "enforcing_authority_cleared": true,
            "served_in": *dice.one(&["US", "IE"]),
        },
    });
    if state == "GB" {
        super::dice::set(&mut words, "process.invokes_agreement", json!("cloud-us-gb"));
    }
    let until = dice.one(&gag).clone();
    if !until.is_null() {
        super::dice::set(&mut words, "process.nondisclosure", json!(true));
        super::dice::set(&mut words, "process.nondisclosure_until", until);
    }
    super::dice::unset(&mut words, "tenant.id");
    words
}

/// A transfer from somewhere to somewhere.
pub fn transfer(dice: &mut Dice) -> Json {
    const PLACES: &[&str] = &["IE", "IE", "DE", "US", "US", "GB", "FR", "JP", "CH", "IN", "BR"];
    json!({
        "data_ref": "contoso/files", "action": "transfer", "jurisdiction": *dice.one(PLACES),
        "requester": { "kind": "workload", "jurisdiction": "IE" },
        "holding": {
            "stored_in": [*dice.one(PLACES)], "data_categories": ["content"], "data_kinds": ["non_personal"],
            "subject_count": 0, "provider_role": "processor", "provider_established_in": ["IE"],
            "provider_headquarters": "IE", "residency": if dice.now_and_then(3) { json!(["EU"]) } else { json!([]) },
        },
        "transfer": { "mode": "replication", "purpose": "resilience" },
    })
}

/// The record of a decision, as it comes out of the log.
pub fn decided(words: &Json, now: Timestamp) -> Recorded {
    let question = question(words).unwrap();
    let millis = u64::try_from(now.as_millisecond()).unwrap();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random(words)).into_uuid();
    let decision = decide(bundle(), &question, &Known::default(), now, id);
    recorded(decision)
}

/// A decision as its record.
pub fn recorded(decision: Decision) -> Recorded {
    let answer = &decision.answer;
    let decided = Decided {
        id: answer.decision_id,
        decided_at: answer.decided_at,
        hypothetical: answer.hypothetical,
        caller: String::from("desk"),
        trace_id: String::new(),
        request_id: String::new(),
        engine_version: String::from("0.0.0"),
        policy_version: answer.policy_version.clone(),
        facts_version: answer.facts_version.clone(),
        catalog_revision: 0,
        as_of: answer.as_of,
        valid_until: answer.valid_until,
        tenant: decision.question.data_ref.tenant().to_owned(),
        data_ref: decision.question.data_ref.to_string(),
        jurisdiction: decision.question.jurisdiction.clone(),
        action: decision.action,
        decision: answer.decision,
        disposition: answer.disposition,
        question: [0; 32],
        facts: [0; 32],
        answer: [0; 32],
        hidden: situs::domain::Hidden::default(),
        contents: Vec::new(),
    };
    Recorded { decided, decision: Some(decision), withheld: Vec::new() }
}

fn random(words: &Json) -> [u8; 10] {
    // The words themselves: two questions alike at one instant are the same decision.
    let text = words.to_string();
    let mut bytes = [0_u8; 10];
    for part in text.as_bytes().chunks(bytes.len()) {
        for (slot, byte) in bytes.iter_mut().zip(part) {
            *slot = slot.rotate_left(3) ^ byte;
        }
    }
    bytes
}

/// What became of a demand, where somebody wrote it down.
fn became(dice: &mut Dice, recorded: &Recorded, now: Timestamp) -> Vec<Event> {
    if dice.now_and_then(4) {
        return Vec::new();
    }
    let allowed = recorded.decided.decision == Verdict::Allow;
    let kind = match (allowed, dice.roll(12)) {
        (true, 0) => "narrowed",
        (true, 1) => "no_data",
        (true, 2) => "withdrawn",
        (true, _) => "disclosed",
        (false, 0) => "withdrawn",
        (false, 1 | 2) => "redirected",
        (false, _) => "withheld",
    };
    let hours = *dice.one(&[3, 7, 12, 20, 40, 60, 100, 200, 400, 900]);
    let mut outcomes = vec![outcome(&recorded.decided, kind, now + SignedDuration::from_hours(hours))];
    if allowed && dice.now_and_then(2) {
        outcomes.push(outcome(&recorded.decided, "notice_given", now + SignedDuration::from_hours(hours)));
    }
    outcomes.into_iter().map(Event::Outcome).collect()
}

/// The record of an outcome.
pub fn outcome(of: &Decided, kind: &str, at: Timestamp) -> Outcome {
    Outcome {
        id: Uuid::nil(),
        decision_id: of.id,
        tenant: of.tenant.clone(),
        kind: kind.to_owned(),
        at,
        recorded_at: at,
        caller: String::from("desk"),
        categories: Vec::new(),
        detail: String::new(),
    }
}
