//! Tables over time: when demands came, and how long answers took.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::lines::{Lines, cross, fixed, list};
use super::{Maker, label};
use crate::report::demand::{Demand, Fate};
use crate::report::protect::stretches;
use crate::report::{Drawn, Label, Table};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
/// Where one stretch of time to answer ends and the next begins, in seconds: the usual deadlines.
const BOUNDS: [i64; 6] = [8 * HOUR, DAY, 3 * DAY, 10 * DAY, 30 * DAY, 90 * DAY];
/// The most months that are told apart: ten years.
const MOST_MONTHS: usize = 120;

/// Demands by month; months that are too few are told together with their neighbours.
pub(super) fn by_month(maker: &Maker<'_>, fates: &Lines<Fate>) -> Option<Table> {
    let options = &maker.tally.options;
    let months = months(options.from, options.to);
    let place = |demand: &Demand| {
        let month = month(demand.asked_at);
        months.iter().position(|known| *known == month).unwrap_or(months.len().saturating_sub(1))
    };
    let mut counts = vec![0; months.len()];
    for demand in &maker.demands {
        counts.get_mut(place(demand)).into_iter().for_each(|count| *count += 1);
    }
    let found = stretches(&counts, maker.threshold);
    let rows = found.iter().enumerate().map(|(at, stretch)| (at, month_label(&months, stretch)));
    let rows = fixed(rows.collect());
    let of = |demand: &Demand| found.iter().position(|stretch| stretch.contains(&place(demand))).unwrap_or(0);
    let head = Table {
        drawn: Drawn::Columns,
        ..maker.head(
            "by_month",
            "Over time",
            "Demands by the month in which they were first asked about.",
            "Month",
        )
    };
    let pairs = maker.demands.iter().map(|demand| (of(demand), demand.fate()));
    cross(head, pairs, &rows, fates, maker.threshold)
}

/// Demands by the time from receipt to what became of them.
pub(super) fn to_answer(maker: &Maker<'_>) -> Option<Table> {
    let took = maker.demands.iter().map(|demand| demand.seconds_to_answer());
    let place = |seconds: i64| BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
    let mut counts = vec![0; BOUNDS.len() + 1];
    let (mut recorded, mut unrecorded) = (0, 0);
    for seconds in took {
        match seconds.and_then(|seconds| counts.get_mut(place(seconds))) {
            Some(count) => {
                *count += 1;
                recorded += 1;
            }
            None => unrecorded += 1,
        }
    }
    let few = |count: u64| count > 0 && count < maker.threshold;
    // The one would give the other away.
    if recorded == 0 || few(recorded) || few(unrecorded) {
        return None;
    }
    let mut rows: Vec<(Label, u64)> = stretches(&counts, maker.threshold)
        .into_iter()
        .map(|stretch| (stretch_label(&stretch), counts.get(stretch).unwrap_or_default().iter().sum()))
        .collect();
    if unrecorded > 0 {
        rows.push((label("not_recorded", "No outcome recorded"), unrecorded));
    }
    let counted = rows.iter().enumerate().map(|(at, (_, count))| (at, *count)).collect();
    let lines = fixed(rows.into_iter().enumerate().map(|(at, (label, _))| (at, label)).collect());
    let about =
        "Demands by the time from receipt to what became of them, and those of which that is not recorded.";
    list(maker.head("time_to_answer", "Time to answer", about, "Time"), counted, &lines)
}

/// What half of the demands took at most, to the minute; absent where too few are concluded.
pub(super) fn median(demands: &[&Demand], threshold: u64) -> Option<i64> {
    let mut took: Vec<i64> = demands.iter().filter_map(|demand| demand.seconds_to_answer()).collect();
    took.sort_unstable();
    let enough = took.len() as u64 >= threshold.max(1);
    let middle = took.get(took.len().saturating_sub(1) / 2).filter(|_| enough)?;
    Some(middle / 60 * 60)
}

fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// The first days of the months of a period; the last of [`MOST_MONTHS`] stands for all after it.
fn months(from: Timestamp, to: Timestamp) -> Vec<Date> {
    let next = |month: &Date| month.checked_add(1.month()).ok();
    // The period ends before `to`.
    let last = month(Timestamp::from_nanosecond(to.as_nanosecond() - 1).unwrap_or(to));
    let all = std::iter::successors(Some(month(from)), next).take_while(|month| *month <= last);
    all.take(MOST_MONTHS).collect()
}

fn month_label(months: &[Date], stretch: &Range<usize>) -> Label {
    let first = months.get(stretch.start).copied().unwrap_or_default();
    let last = months.get(stretch.end.saturating_sub(1)).copied().unwrap_or_default();
    let id = |month: Date| month.strftime("%Y-%m").to_string();
    match (first == last, first.year() == last.year()) {
        (true, _) => label(&id(first), &first.strftime("%b %Y").to_string()),
        (_, same_year) => {
            let from = first.strftime(if same_year { "%b" } else { "%b %Y" });
            label(
                &format!("{}/{}", id(first), id(last)),
                &format!("{from} \u{2013} {}", last.strftime("%b %Y")),
            )
        }
    }
}

fn stretch_label(stretch: &Range<usize>) -> Label {
    let from = stretch.start.checked_sub(1).and_then(|at| BOUNDS.get(at));
    let to = stretch.end.checked_sub(1).and_then(|at| BOUNDS.get(at));
    let id = |bound: Option<&i64>| bound.map_or_else(String::new, |bound| format!("{}h", bound / HOUR));
    let name = match (from, to) {
        (None, None) => String::from("Any time"),
        (None, Some(to)) => format!("Within {}", span(*to)),
        (Some(from), None) => format!("Longer than {}", span(*from)),
        (Some(from), Some(to)) => format!("{} to {}", span(*from), span(*to)),
    };
    label(&format!("{}..{}", id(from), id(to)), &name)
}

/// A span of time in words: hours up to a day, then days.
fn span(seconds: i64) -> String {
    match seconds {
        DAY => String::from("1 day"),
        ..DAY => format!("{} hours", seconds / HOUR),
        _ => format!("{} days", seconds / DAY),
    }
}
