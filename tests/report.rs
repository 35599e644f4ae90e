//! The transparency report: it counts what the log says, gives no small count away, and its page can be looked at.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and one that cannot run says so"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};

use common::dice::Dice;
use common::place::{Place, small};
use common::year::{Event, decided, demand, outcome, transfer, year};
use common::{bundle, instant, question};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use situs::domain::{Action, Decision, Disposition, Obligation, Recorded, Verdict};
use situs::grpc::convert;
use situs::grpc::proto::RecordOutcomeRequest;
use situs::grpc::proto::audit_service_client::AuditServiceClient;
use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::report::{By, Options, Report, Table, Tally};
use uuid::Uuid;

fn options(threshold: u64) -> Options {
    Options {
        title: String::from("Example <Cloud>"),
        from: instant("2026-01-01T00:00:00Z"),
        to: instant("2027-01-01T00:00:00Z"),
        threshold,
        band: 500,
        by: Vec::new(),
    }
}

fn report(events: &[Event], options: Options) -> Report {
    let mut tally = Tally::new(Arc::clone(bundle().facts()), options);
    for event in events {
        match event {
            Event::Decision(recorded) => tally.decision(recorded),
            Event::Outcome(outcome) => tally.outcome(outcome),
        }
    }
    tally.report(common::now(), Vec::new())
}

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

/// A decision about a demand, said as a test wants it.
fn said(id: u128, process: &str, change: impl FnOnce(&mut Decision)) -> Recorded {
    static TEMPLATE: LazyLock<Recorded> = LazyLock::new(|| {
        let now = instant("2026-03-01T12:00:00Z");
        decided(&demand(&mut Dice::new(3), 1, now), now)
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
    known.instrument = String::from("warrant");
    known.received_at = Some(instant("2026-03-01T00:00:00Z"));
    Arc::make_mut(decision.holding.as_mut().unwrap()).stored_in = vec![String::from("IE")];
    change(decision);
    common::year::recorded(decision.clone())
}

fn refuse(decision: &mut Decision, disposition: Disposition) {
    decision.answer.decision = Verdict::Deny;
    decision.answer.disposition = disposition;
    for verdict in &mut decision.answer.category_verdicts {
        verdict.decision = Verdict::Deny;
    }
}

fn duty(decision: &mut Decision, kind: &str) {
    let duty = Obligation { kind: kind.to_owned(), due: None, period: String::new(), detail: String::new() };
    decision.answer.obligations.push(duty);
}

fn decision(recorded: Recorded) -> Event {
    Event::Decision(Box::new(recorded))
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
    assert_eq!(counts(&report, "by_jurisdiction_instrument"), map(&[("DE/warrant", 2), ("US/warrant", 2)]));
    assert!(
        report
            .tables
            .iter()
            .all(|table| ["outcomes", "by_jurisdiction_instrument"].contains(&table.id.as_str()))
    );
}

/// A log in which states, instruments, places and outcomes meet by chance.
fn by_chance(dice: &mut Dice, demands: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for id in 0..demands {
        let fate = dice.roll(7);
        let recorded = said(id as u128 + 1, &format!("p{id}"), |decision| {
            let process = Arc::make_mut(decision.process.as_mut().unwrap());
            process.issuing_jurisdiction =
                (*dice.one(&["US", "US", "US", "DE", "DE", "FR", "BR", "FJ"])).to_owned();
            process.instrument =
                (*dice.one(&["warrant", "warrant", "subpoena", "search_warrant"])).to_owned();
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
    assert!(
        by["rows"][0]["id"].is_string() && by["rows"][0]["cells"].as_array().unwrap().contains(&Json::Null)
    );
    let csv = report.to_csv();
    assert!(csv.starts_with("table,row,row_name,column,count\r\nall,,,,120\r\n"), "{csv}");
    assert!(csv.contains("by_jurisdiction,US,United States,,"), "{csv}");
}

/// A page with something of everything.
fn page() -> String {
    let mut events = by_chance(&mut Dice::new(5), 200);
    let now = instant("2026-05-05T00:00:00Z");
    events.extend((0..60).map(|seed| decision(decided(&transfer(&mut Dice::new(seed)), now))));
    report(&events, options(3)).to_html().unwrap()
}

#[test]
fn the_page_needs_nothing_else_and_has_its_colours_in_the_dark() {
    let page = page();
    assert!(page.contains("Example &lt;Cloud&gt;") && !page.contains("<Cloud>"));
    for outside in ["<script", "<link", "<img", "url(", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses = page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(addresses, page.matches("http-equiv").count());
    // Every colour of a picture is one that the style sheet has another for on a dark page.
    for attribute in ["fill", "stroke"] {
        for (at, _) in page.match_indices(&format!("{attribute}=\"#")) {
            let named = page[at..].split('"').nth(1).unwrap();
            let rule = format!("svg [{attribute}=\"{named}\"] {{");
            assert!(page.contains(&rule), "nothing says what `{attribute}` {named} is in the dark");
        }
    }
    // Every figure has its picture and its numbers.
    let figures = page.matches("<figure ").count();
    assert!(figures > 10, "{figures}");
    assert_eq!(page.matches("<table ").count(), figures);
    assert_eq!(page.matches("<div class=\"picture\">").count(), figures);
}

/// A browser without a window, where there is one.
fn browser() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let named = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].iter().find_map(named)
}

fn browse(browser: &Path, folder: &Path, more: &[&str]) -> Vec<u8> {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(more)
        .arg(format!("file://{}", folder.join("page.html").display()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn a_browser_shows_the_page() {
    let Some(browser) = browser() else {
        eprintln!("NOT RUN: there is no Chromium; on Debian: apt-get install -y chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = page();
    std::fs::write(folder.path().join("page.html"), &page).unwrap();
    // As it is understood: what a fault of the markup would move or drop.
    let dom = String::from_utf8(browse(&browser, folder.path(), &["--dump-dom"])).unwrap();
    for what in ["<figure ", "<table ", "<svg ", "<rect ", "<polygon ", "<tr>", "<section"] {
        assert_eq!(dom.matches(what).count(), page.matches(what).count(), "{what}");
    }
    // As it is seen: light and dark differ, and neither is one empty sheet.
    let shoot = |name: &str, scheme: &str| {
        let file = folder.path().join(name);
        let (shot, scheme) = (
            format!("--screenshot={}", file.display()),
            format!("--blink-settings=preferredColorScheme={scheme}"),
        );
        browse(&browser, folder.path(), &[&shot, &scheme, "--window-size=1280,2000"]);
        std::fs::read(file).unwrap()
    };
    let (light, dark) = (shoot("light.png", "1"), shoot("dark.png", "0"));
    assert!(light.starts_with(b"\x89PNG") && light.len() > 50_000 && dark.len() > 50_000);
    assert_ne!(light, dark);
}

#[tokio::test]
async fn the_command_reports_from_a_log() {
    let place = Place::with(&small());
    let server = place.start().ready();
    let channel = server.connect().await;
    let mut authorization = AuthorizationServiceClient::new(channel.clone());
    let mut audit = AuditServiceClient::new(channel);
    let mut dice = Dice::new(9);
    let mut demands = 0;
    for at in 0..8 {
        let mut words =
            demand(&mut dice, at, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 20_000));
        common::dice::set(&mut words, "action", Json::from("disclose"));
        // Those that are counted in bands are tested elsewhere.
        common::dice::set(&mut words, "process.instrument", Json::from("warrant"));
        let asked = convert::to_request(&question(&words).unwrap());
        let answer = authorization.authorize(asked).await.unwrap().into_inner();
        demands += 1;
        if at == 0 {
            let kind = String::from("withheld");
            let asked = RecordOutcomeRequest {
                decision_id: answer.decision_id,
                kind,
                ..RecordOutcomeRequest::default()
            };
            audit.record_outcome(asked).await.unwrap();
        }
    }
    assert!(server.stop().success());
    let situs = |format: &str, more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_situs"))
            .args(["report", "--from", "2020-01-01", "--to", "2100-01-01", "--format", format, "--data-dir"])
            .arg(&place.data)
            .args(more)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), errors)
    };
    let (code, json, errors) = situs("json", &["--threshold", "1"]);
    assert_eq!(code, Some(0), "{errors}");
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["demands"], demands);
    let basis = json["tables"].as_array().unwrap().iter().find(|table| table["id"] == "basis").unwrap();
    assert_eq!(basis["rows"][0]["count"], 1, "{basis}");
    assert!(json["logs"][0]["checkpoint"].as_str().unwrap().contains(' '), "{}", json["logs"]);

    let (code, html, _) = situs("html", &[]);
    assert_eq!(code, Some(0));
    assert!(html.contains("fewer than 10") && !html.contains("<figure id=\"outcomes\""), "{html}");
    let (code, _, errors) = situs("csv", &["--by", "colour"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("`colour` is not one of"), "{errors}");
    let twice = place.data.to_str().unwrap();
    let (code, _, errors) = situs("csv", &["--data-dir", twice]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("the same log"), "{errors}");
}

#[test]
#[ignore = "writes a page for a person to look at, into the folder that SITUS_REPORT_DIR names"]
fn a_year_to_look_at() {
    let folder = PathBuf::from(std::env::var_os("SITUS_REPORT_DIR").unwrap());
    let report = report(&year(1_500, 7), options(10));
    std::fs::write(folder.join("page.html"), report.to_html().unwrap()).unwrap();
    std::fs::write(folder.join("page.json"), report.to_json().unwrap()).unwrap();
    std::fs::write(folder.join("page.csv"), report.to_csv()).unwrap();
}
