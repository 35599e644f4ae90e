//! The transparency report as a person has it: a page that a browser shows, and the command that makes it.

#![expect(
    clippy::string_slice,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and one that cannot run says so"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::demands::{by_chance, decision, options, report};
use common::dice::Dice;
use common::place::Place;
use common::year::{decided, demand, transfer, year};
use common::{instant, question};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use situs::grpc::convert;
use situs::grpc::proto::RecordOutcomeRequest;
use situs::grpc::proto::audit_service_client::AuditServiceClient;
use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;

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
    // Without its cases a debug build loads it in a moment.
    let files = common::files().into_iter().filter(|(path, _)| !path.starts_with("scenarios/")).collect();
    let place = Place::with(&files);
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
        common::dice::set(&mut words, "process.instrument", Json::from("search_warrant"));
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
