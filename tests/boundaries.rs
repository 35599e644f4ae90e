//! The law of an instant: every state of every relation, regime and place, on the day before each boundary
//! and on it, held against a slow and obvious model that is computed from the rows as they are written.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::facts::{rows, tables, text, texts};
use common::{bundle, instant};
use jiff::Timestamp;
use situs::law::{Circumstances, Codes, World, parse_instant};
use toml::Table;

/// Keys of a membership, or a grouping, that hold a day on which it changes.
const OF_MEMBERS: &[&str] = &["from", "until"];
/// Keys of other rows that do.
const OF_LAW: &[&str] = &["effective_from", "effective_until", "in_force_from", "in_force_until", "signed"];

fn day(row: &Table, key: &str) -> Option<Timestamp> {
    let zone = Some(text(row, "zone")).filter(|zone| !zone.is_empty());
    let written = Some(text(row, key)).filter(|day| !day.is_empty())?;
    Some(parse_instant(written, zone).unwrap())
}

fn within(at: Timestamp, from: Option<Timestamp>, until: Option<Timestamp>) -> bool {
    from.is_none_or(|from| from <= at) && until.is_none_or(|until| at < until)
}

/// Every day that a row names, by the tables that the law of an instant is made of.
fn days() -> BTreeSet<Timestamp> {
    let mut days = BTreeSet::new();
    let mut take = |row: &Table, keys: &[&str]| days.extend(keys.iter().filter_map(|key| day(row, key)));
    rows("grouping").iter().for_each(|row| take(row, OF_MEMBERS));
    for row in rows("jurisdiction").iter().flat_map(|row| tables(row, "memberships")) {
        if text(&row, "status").is_empty() {
            take(&row, OF_MEMBERS);
        }
    }
    rows("relation").iter().chain(&rows("mechanism")).for_each(|row| take(row, OF_LAW));
    for regime in rows("regime") {
        take(&regime, OF_LAW);
        for mut phase in tables(&regime, "phase") {
            phase.extend(regime.get("zone").map(|zone| ("zone".to_owned(), zone.clone())));
            take(&phase, OF_LAW);
        }
    }
    days
}

/// Just before, at, and well after every day on which something changes.
fn instants() -> Vec<Timestamp> {
    let hour = jiff::SignedDuration::from_hours(1);
    let before = jiff::SignedDuration::from_nanos(1);
    days().into_iter().flat_map(|day| [day - before, day, day + hour]).collect()
}

fn relation_state(row: &Table, at: Timestamp) -> &'static str {
    let (from, until) = (day(row, "effective_from"), day(row, "effective_until"));
    match text(row, "status") {
        "negotiating" | "not_in_force" => "negotiating",
        "none" | "empty" => "none",
        _ if from.is_some_and(|from| at < from) => {
            if day(row, "signed").is_some_and(|signed| at < signed) {
                "future"
            } else {
                "not_yet"
            }
        }
        _ if until.is_some_and(|until| until <= at) => match text(row, "ended_as") {
            "invalidated" => "invalidated",
            "suspended" => "suspended",
            _ => "ended",
        },
        _ => "in_force",
    }
}

#[test]
fn every_relation_has_the_state_of_its_row_around_every_boundary() {
    let rows = rows("relation");
    assert!(!rows.is_empty());
    for at in instants() {
        let world = World::at(bundle().facts(), at);
        let states: BTreeMap<&str, &str> =
            world.relation_states().map(|(id, state)| (id, state.as_str())).collect();
        for row in &rows {
            let id = text(row, "id");
            assert_eq!(states.get(id), Some(&relation_state(row, at)), "`{id}` at {at}");
        }
    }
}

/// A regime's own jurisdictions for which it is in force.
fn in_force(row: &Table, at: Timestamp) -> BTreeSet<String> {
    let own = (day(row, "in_force_from"), day(row, "in_force_until"));
    let phases = tables(row, "phase");
    let is_current = |code: &String| {
        let phase = phases.iter().find(|phase| text(phase, "jurisdiction") == code);
        let from = phase.and_then(|phase| day(phase, "in_force_from")).or(own.0);
        let until = phase.and_then(|phase| day(phase, "in_force_until")).or(own.1);
        within(at, from, until)
    };
    texts(row, "jurisdictions").into_iter().filter(is_current).collect()
}

/// The links that regimes name.
fn links() -> Vec<&'static str> {
    let named: BTreeSet<String> = rows("regime").iter().flat_map(|row| texts(row, "links")).collect();
    named.into_iter().map(|link| &*Box::leak(link.into_boxed_str())).collect()
}

/// What links a holding to everything at once.
fn everywhere(instrument: &str) -> Circumstances {
    let regimes = rows("regime");
    let codes: Vec<String> = regimes.iter().flat_map(|row| texts(row, "jurisdictions")).collect();
    let groups = rows("grouping").iter().map(|row| text(row, "id").to_owned()).collect();
    Circumstances {
        links: links().into_iter().map(|link| (link, codes.clone())).collect(),
        sectors: regimes.iter().flat_map(|row| texts(row, "sector")).collect(),
        place: groups,
        instrument: instrument.to_owned(),
        ..Circumstances::default()
    }
}

#[test]
fn every_regime_governs_just_while_its_row_is_in_force() {
    let rows = rows("regime");
    assert!(!rows.is_empty());
    let circumstances = everywhere("");
    for at in instants() {
        let world = World::at(bundle().facts(), at);
        let governing: BTreeSet<String> =
            world.governing(&circumstances).into_iter().map(|regime| regime.id).collect();
        for row in &rows {
            let id = text(row, "id");
            let current = text(row, "status") != "enacted_not_commenced" && !in_force(row, at).is_empty();
            // Rules of the provider's own come in by the question, not by a link.
            let linked = !texts(row, "links").is_empty() || governing.contains(id) == current;
            assert!(linked && governing.contains(id) == current, "`{id}` at {at}: {current} by its row");
        }
    }
}

#[test]
fn a_regime_that_lapsed_governs_the_use_of_its_own_instruments_and_says_so() {
    for row in rows("regime").iter().filter(|row| text(row, "status") == "lapsed_residual") {
        let end = day(row, "in_force_until").unwrap();
        for instrument in texts(row, "instruments") {
            let found = |at: Timestamp| {
                let governing = World::at(bundle().facts(), at).governing(&everywhere(&instrument));
                governing.into_iter().find(|regime| regime.id == text(row, "id"))
            };
            let before = end - jiff::SignedDuration::from_nanos(1);
            assert!(!found(before).unwrap().lapsed, "`{}` before its end", text(row, "id"));
            assert!(found(end).unwrap().lapsed, "`{}` at its end", text(row, "id"));
        }
    }
}

/// What every place lies in: itself, the groupings that it is a member of, and for a subdivision its state's.
fn closures(at: Timestamp) -> BTreeMap<String, Codes> {
    let standing: BTreeSet<String> = rows("grouping")
        .iter()
        .filter(|row| within(at, day(row, "from"), day(row, "until")))
        .map(|row| text(row, "id").to_owned())
        .collect();
    let jurisdictions: BTreeMap<String, Table> =
        rows("jurisdiction").into_iter().map(|row| (text(&row, "code").to_owned(), row)).collect();
    let groups = |row: &Table| -> Vec<String> {
        let members = tables(row, "memberships").into_iter();
        let members = members.filter(|row| text(row, "status").is_empty());
        let members = members.filter(|row| within(at, day(row, "from"), day(row, "until")));
        members.map(|row| text(&row, "group").to_owned()).filter(|group| standing.contains(group)).collect()
    };
    let closure = |code: &String| -> Codes {
        let row = jurisdictions.get(code).unwrap();
        let mut closure: Codes = groups(row).into_iter().chain([code.clone()]).collect();
        if text(row, "level") == "subdivision" {
            let parent = text(row, "parent");
            closure.insert(parent.to_owned());
            closure.extend(groups(jurisdictions.get(parent).unwrap()));
        }
        closure
    };
    jurisdictions.keys().map(|code| (code.clone(), closure(code))).collect()
}

#[test]
fn every_place_lies_in_what_its_memberships_say_around_every_boundary() {
    for at in instants() {
        let world = World::at(bundle().facts(), at);
        let model = closures(at);
        for (code, closure) in &model {
            assert_eq!(&world.closure(code), closure, "`{code}` at {at}");
        }
        for row in rows("grouping") {
            let group = text(&row, "id");
            let members: Vec<&Codes> = model.values().filter(|closure| closure.contains(group)).collect();
            for other in world.closure(group).iter().filter(|other| *other != group) {
                let all = !members.is_empty() && members.iter().all(|closure| closure.contains(other));
                assert!(all, "`{group}` lies in `{other}` at {at}, and a member of it does not");
            }
        }
    }
}

#[test]
fn a_state_that_left_is_out_on_its_first_day_out_and_one_that_joined_is_in_on_its_first_day_in() {
    let lies_in = |code: &str, group: &str, at: &str| {
        World::at(bundle().facts(), instant(at)).closure(code).contains(group)
    };
    for (code, group, last, first, joins) in [
        ("GB", "EU", "2020-01-31T23:59:59Z", "2020-02-01T00:00:00Z", false),
        ("GB", "EEA", "2020-01-31T23:59:59Z", "2020-02-01T00:00:00Z", false),
        ("GB", "EU-TRANSITION", "2020-01-31T23:59:59Z", "2020-02-01T00:00:00Z", true),
        ("GB", "EU-TRANSITION", "2020-12-31T23:59:59Z", "2021-01-01T00:00:00Z", false),
        ("HR", "EU", "2013-06-30T23:59:59Z", "2013-07-01T00:00:00Z", true),
        ("HR", "EEA", "2014-04-11T23:59:59Z", "2014-04-12T00:00:00Z", true),
    ] {
        assert_eq!(lies_in(code, group, last), !joins, "`{code}` in `{group}` at {last}");
        assert_eq!(lies_in(code, group, first), joins, "`{code}` in `{group}` at {first}");
    }
    // A subdivision goes with its state; a territory with a code of its own does not.
    assert!(lies_in("US-NY", "US", "2016-07-14T00:00:00Z"));
    assert!(!lies_in("IM", "GB", "2016-07-14T00:00:00Z") && !lies_in("IM", "EU", "2016-07-14T00:00:00Z"));
}

#[test]
fn worlds_change_at_the_days_of_rows_and_nowhere_else() {
    let boundaries = bundle().facts().boundaries();
    assert!(boundaries.is_sorted());
    let known: BTreeSet<Timestamp> = boundaries.iter().copied().collect();
    let missing: Vec<_> = days().difference(&known).copied().collect();
    assert!(missing.is_empty(), "no boundary at {missing:?}");
    for pair in boundaries.windows(2) {
        let [from, until] = pair else { continue };
        let last = *until - jiff::SignedDuration::from_nanos(1);
        let (first, last) = (World::at(bundle().facts(), *from), World::at(bundle().facts(), last));
        assert_eq!((first.from(), first.until()), (*from, Some(*until)));
        assert_eq!((last.from(), last.until()), (*from, Some(*until)));
        assert!(first.relation_states().eq(last.relation_states()));
    }
    assert!(World::at(bundle().facts(), Timestamp::MAX).until().is_none());
}
