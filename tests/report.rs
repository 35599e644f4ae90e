//! The transparency report: it counts what the log says, gives no small count away, and its page can be looked at.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;

use common::year::{Event, year};
use common::{bundle, instant};
use situs::report::{Options, Report, Tally};

fn options(threshold: u64) -> Options {
    Options {
        title: String::from("Example Cloud"),
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

#[test]
fn a_page() {
    let count = std::env::var("COUNT").map_or(300, |count| count.parse().unwrap());
    let report = report(&year(count, 7), options(std::env::var("T").map_or(10, |t| t.parse().unwrap())));
    std::fs::write("/tmp/report-demo/page.html", report.to_html().unwrap()).unwrap();
    std::fs::write("/tmp/report-demo/page.json", report.to_json().unwrap()).unwrap();
    std::fs::write("/tmp/report-demo/page.csv", report.to_csv()).unwrap();
}
