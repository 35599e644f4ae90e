//! The transparency report counts what the log says, and gives no small count away.

#![expect(clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::demands::{by_chance, decision, options, refuse, report, said};
use common::dice::Dice;
use common::instant;
use common::year::{Event, outcome};
use jiff::SignedDuration;
use serde_json::Value as Json;
use situs::domain::{Action, Decision, Disposition, Obligation, Verdict};
use situs::report::{By, Options, Report, Table};

fn table<'a>(report: &'a Report, id: &str) -> &'a Table {
    report.tables.iter().find(|table| table.id == id).unwrap_or_else(|| panic!("no table `{id}`"))
}

/// The rows of a table, by their stable names.
fn counts(report: &Report, id: &str) -> BTreeMap<String, u64> {
    table(report, id).rows.iter().map(|row| (row.label.id.clone(), row.count)).collect()
}

fn map(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
    rows.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect()
}

fn duty(decision: &mut Decision, kind: &str) {
    let duty = Obligation { kind: kind.to_owned(), due: None, period: String::new(), detail: String::new() };
    decision.answer.obligations.push(duty);
}

#[test]
fn a_demand_is_counted_once_by_what_became_of_it() {
    let asked_again = said(2, "p1", |_| {});
    let withheld = said(3, "p2", |_| {});
    let refused = said(4, "p3", |decision| refuse(decision, Disposition::OutOfReach));
    let conflict = said(5, "p4", |decision| refuse(decision, Disposition::ConflictOfLaws));
    let redirected = said(6, "p5", |decision| {
        refuse(decision, Disposition::InsufficientProcess);
        decision.answer.next_step = String::from("redirect_to_customer");
    });
    let preserved = said(7, "p6", |decision| decision.action = Action::Preserve);
    let secret = said(8, "p7", |decision| duty(decision, "restricted_log"));
    let other_time = said(9, "p8", |decision| decision.answer.decided_at = instant("2025-12-31T23:59:59Z"));
    let enquiry = said(10, "p9", |decision| decision.answer.hypothetical = true);
    let late = instant("2027-02-01T00:00:00Z");
    let events = vec![
        decision(said(1, "p1", |decision| refuse(decision, Disposition::NoGrant))),
        decision(asked_again),
        Event::Outcome(outcome(&withheld.decided, "withheld", late)),
        decision(withheld.clone()),
        // An outcome counts whenever it was recorded, and not before its decision.
        Event::Outcome(outcome(&withheld.decided, "withheld", late)),
        decision(refused),
        decision(conflict),
        decision(redirected),
        decision(preserved),
        decision(secret),
        decision(other_time),
        decision(enquiry),
    ];
    let report = report(&events, options(1));
    assert_eq!(report.demands, Some(5));
    let outcomes = [("disclosed_in_full", 1), ("refused", 2), ("conflict", 1), ("redirected", 1)];
    assert_eq!(counts(&report, "outcomes"), map(&outcomes));
    assert_eq!(counts(&report, "refusals"), map(&[("out_of_reach", 1), ("permitted", 1)]));
    assert_eq!(counts(&report, "by_jurisdiction"), map(&[("US", 5)]));
    assert_eq!(counts(&report, "by_location"), map(&[("abroad", 5)]));
    assert_eq!(counts(&report, "by_stored"), map(&[("IE", 5)]));
    assert_eq!(counts(&report, "basis"), map(&[("recorded", 1), ("answered", 4)]));
    assert_eq!(counts(&report, "preservations"), map(&[("preserved", 1)]));
    assert_eq!(report.in_bands, "0-499");
}

#[test]
fn a_part_of_the_categories_or_of_the_data_is_a_part() {
    let categories = said(1, "p1", |decision| {
        refuse(decision, Disposition::InsufficientProcess);
        decision.answer.category_verdicts[0].decision = Verdict::Allow;
    });
    let of_two = |id, name: &str, refused: bool| {
        said(id, "p2", |decision| {
            decision.question.data_ref = situs::domain::DataRef::parse(name).unwrap();
            if refused {
                refuse(decision, Disposition::OutOfReach);
            }
        })
    };
    let narrowed = said(4, "p3", |_| {});
    let told = outcome(&narrowed.decided, "narrowed", common::now());
    assert!(
        categories.decision.as_ref().unwrap().answer.category_verdicts.len() > 1,
        "the template is too small"
    );
    let events = vec![
        decision(categories),
        decision(of_two(2, "contoso/mail", false)),
        decision(of_two(3, "contoso/files", true)),
        decision(narrowed),
        Event::Outcome(told),
    ];
    let report = report(&events, options(1));
    assert_eq!(counts(&report, "outcomes"), map(&[("disclosed_in_part", 3)]));
}

#[test]
fn notices_and_times_are_told_as_far_as_they_are_recorded() {
    let at = |hours| instant("2026-03-01T00:00:00Z") + SignedDuration::from_hours(hours);
    let with = |id, kind: &str| {
        let process = format!("p{id}");
        said(id, &process, |decision| duty(decision, kind))
    };
    let (told, later, owed) =
        (with(1, "notify_customer"), with(2, "delay_notice_until"), with(3, "notify_customer"));
    let (delayed, never) = (with(4, "notify_customer_after_gag"), with(5, "confidentiality_no_user_notice"));
    let outcomes = [
        outcome(&told.decided, "notice_given", at(30)),
        outcome(&told.decided, "disclosed", at(13)),
        outcome(&later.decided, "notice_given", at(900)),
        outcome(&later.decided, "disclosed", at(100)),
    ];
    let mut events: Vec<Event> = [told, later, owed, delayed, never].into_iter().map(decision).collect();
    events.extend(outcomes.map(Event::Outcome));
    let report = report(&events, options(1));
    let notices = [("given", 1), ("given_after_delay", 1), ("owed", 1), ("delayed", 1), ("prohibited", 1)];
    assert_eq!(counts(&report, "notices"), map(&notices));
    let times = counts(&report, "time_to_answer");
    assert_eq!(times.get("8h..24h"), Some(&1), "{times:?}");
    assert_eq!(times.get("72h..240h"), Some(&1), "{times:?}");
    assert_eq!(times.get("not_recorded"), Some(&3), "{times:?}");
    assert_eq!(report.median_seconds, Some(13 * 60 * 60));
}

#[test]
fn keys_can_be_combined_and_then_stand_alone() {
    let events: Vec<Event> = (1..=4)
        .map(|id| {
            decision(said(id, &format!("p{id}"), |decision| {
                let process = Arc::make_mut(decision.process.as_mut().unwrap());
                process.issuing_jurisdiction = String::from(if id > 2 { "DE" } else { "US" });
            }))
        })
        .collect();
    let by = vec![By::Jurisdiction, By::Instrument];
    let report = report(&events, Options { by, ..options(1) });
    assert_eq!(
        counts(&report, "by_jurisdiction_instrument"),
        map(&[("DE/search_warrant", 2), ("US/search_warrant", 2)])
    );
    assert!(
        report
            .tables
            .iter()
            .all(|table| ["outcomes", "by_jurisdiction_instrument"].contains(&table.id.as_str()))
    );
}

#[test]
fn no_count_below_the_threshold_is_told_or_follows_from_a_total() {
    const THRESHOLD: u64 = 5;
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let count = dice.roll(150);
        let report = report(&by_chance(&mut dice, count), options(THRESHOLD));
        assert_eq!(report.demands.is_some(), count as u64 >= THRESHOLD);
        let outcomes: BTreeMap<String, u64> = report
            .tables
            .iter()
            .filter(|table| table.id == "outcomes")
            .flat_map(|table| table.rows.iter().map(|row| (row.label.id.clone(), row.count)))
            .collect();
        for table in &report.tables {
            let place = format!("seed {seed}, table {}", table.id);
            for row in &table.rows {
                assert!(row.count >= THRESHOLD, "{place}: {row:?}");
                assert!(row.cells.iter().flatten().all(|count| *count >= THRESHOLD), "{place}: {row:?}");
                if !table.columns.is_empty() {
                    rest(row.count, &row.cells, THRESHOLD, &format!("{place}: {row:?}"));
                }
            }
            // Each total of an outcome is told in its own table: no column may give more away.
            for (at, column) in table.columns.iter().enumerate() {
                let cells: Vec<Option<u64>> = table.rows.iter().map(|row| row.cells[at]).collect();
                if let Some(total) = outcomes.get(&column.id).filter(|_| column.id != "others") {
                    rest(*total, &cells, THRESHOLD, &format!("{place}: column {}", column.id));
                }
            }
        }
        let text = report.to_csv();
        assert!(text.lines().skip(1).all(|line| line.ends_with(',')
            || line.rsplit(',').next().unwrap().parse::<u64>().unwrap() >= THRESHOLD));
    }
}

/// What the shown cells leave of a total: nothing, or so much that no hidden cell must be small.
fn rest(total: u64, cells: &[Option<u64>], threshold: u64, place: &str) {
    let rest = total - cells.iter().flatten().sum::<u64>();
    assert!(rest == 0 || rest >= threshold, "{place} leaves {rest}");
    let hidden = cells.iter().filter(|cell| cell.is_none()).count();
    assert!(rest == 0 || hidden > 1, "{place} hides one cell alone");
}

#[test]
fn json_and_csv_have_stable_names_and_say_what_is_not_told() {
    let mut dice = Dice::new(11);
    let report = report(&by_chance(&mut dice, 120), options(10));
    let json: Json = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["threshold"], 10);
    assert_eq!(json["from"], "2026-01-01T00:00:00Z");
    let tables = json["tables"].as_array().unwrap();
    let by = tables.iter().find(|table| table["id"] == "by_jurisdiction").unwrap();
    let rows = by["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["id"].is_string() && row["count"].is_u64()));
    assert!(rows.iter().any(|row| row["cells"].as_array().unwrap().contains(&Json::Null)));
    let csv = report.to_csv();
    assert!(csv.starts_with("table,row,row_name,column,count\r\nall,,,,120\r\n"), "{csv}");
    assert!(csv.contains("by_jurisdiction,US,United States,,"), "{csv}");
}
