//! A replay for a person: the outcome first, then what it comes of, where, and the first differences.

use super::Basis;
use crate::cli::output::line;
use crate::replay::{After, Change, Counts, Difference, Edit, Part, RuleChange, Ruling, Summary};

/// Rows of a table; the rest is counted, and JSON has it.
const ROWS: usize = 20;

pub(super) fn print(basis: &Basis, summary: &Summary) {
    let under = match &basis.policy_version {
        Some(version) => format!("under bundle {}", short(version)),
        None => String::from("under the recorded versions"),
    };
    let by = basis.catalog_revision.map(|revision| format!(", by the catalogue at revision {revision}"));
    let by = by.unwrap_or_default();
    line(format!("{} of {} records decided again {under}{by}", summary.replayed(), summary.records));
    let mut rows = vec![(summary.same, String::from("the same answer"))];
    rows.push((summary.differ, String::from("another answer")));
    for (version, count) in summary.not_kept.sorted() {
        rows.push((count, format!("not decided: bundle {} is not kept", short(version))));
    }
    for (version, count) in summary.not_loaded.sorted() {
        rows.push((count, format!("not decided: bundle {} does not load in this program", short(version))));
    }
    rows.push((summary.erased, String::from("not decided: fields were erased")));
    rows.push((summary.pruned, String::from("not decided: contents were pruned")));
    rows.retain(|(count, _)| *count > 0);
    print_rows(&rows);
    if summary.differ == 0 {
        return;
    }
    table("What changes", &summary.changes, |change| change.as_str().to_owned());
    table("In which fields", &summary.fields, |field| (*field).to_owned());
    table("What it comes of", &summary.causes, |cause| cause.as_str().to_owned());
    table("Which rules made the difference", &summary.rules, rule);
    table("In which flows", &summary.flows, |(flow, change)| format!("{flow}: {}", change.as_str()));
    table("Of which tenants", &summary.tenants, |(tenant, change)| format!("{tenant}: {}", change.as_str()));
    if summary.first.is_empty() {
        return;
    }
    line(String::new());
    line(match summary.first.len() as u64 {
        shown if shown < summary.differ => format!("The first {shown} of {}", summary.differ),
        _ => String::from("Each"),
    });
    summary.first.iter().for_each(one);
}

fn table<K: Ord + Clone>(title: &str, counts: &Counts<K>, name: impl Fn(&K) -> String) {
    let sorted = counts.sorted();
    if sorted.is_empty() {
        return;
    }
    line(String::new());
    line(title);
    let mut rows: Vec<(u64, String)> =
        sorted.iter().take(ROWS).map(|(key, count)| (*count, name(key))).collect();
    let rest = counts.others + sorted.iter().skip(ROWS).map(|(_, count)| count).sum::<u64>();
    if rest > 0 {
        rows.push((rest, String::from("others")));
    }
    print_rows(&rows);
}

fn print_rows(rows: &[(u64, String)]) {
    let width = rows.iter().map(|(count, _)| count.to_string().len()).max().unwrap_or(0);
    rows.iter().for_each(|(count, what)| line(format!("  {count:>width$}  {what}")));
}

fn rule(change: &RuleChange) -> String {
    let RuleChange { rule, effect, part, edit } = change;
    let part = match part {
        Part::New => "decides now",
        Part::Gone => "decided, and does no more",
        Part::Otherwise => "says something else",
    };
    let edit = match edit {
        Edit::Added => "; it was added",
        Edit::Removed => "; it was removed",
        Edit::Edited => "; it was edited",
        Edit::Unchanged => "; it is as it was, what it turns on is not",
        Edit::Unknown => "",
    };
    format!("{} {rule} {part}{edit}", effect.as_str())
}

fn one(difference: &Difference) {
    let Difference { decision_id, decided_at, engine_version, data_ref, flow, before, .. } = difference;
    line(format!("  {decision_id}  {decided_at}  {data_ref}  {flow}"));
    let fields = difference.fields.join(", ");
    line(match &difference.after {
        After::Refused(why) => format!("    {} -> no valid question: {why}", ruling(before)),
        After::Answer(after) if before != after => format!("    {} -> {}", ruling(before), ruling(after)),
        After::Answer(after) => format!("    {}, with other {fields}", ruling(after)),
    });
    let causes: Vec<&str> = difference.causes.iter().map(|cause| cause.as_str()).collect();
    let version = match engine_version.as_str() {
        env!("CARGO_PKG_VERSION") => String::new(),
        version => format!("; decided by version {version}"),
    };
    line(format!("    comes of: {}{version}", causes.join(", ")));
    // Where the decision is the same, the rules are those whose words changed: often many.
    let most = if difference.change() == Change::Otherwise { 3 } else { usize::MAX };
    difference.rules.iter().take(most).for_each(|change| line(format!("    {}", rule(change))));
}

fn ruling(ruling: &Ruling) -> String {
    format!("{} ({}, {})", ruling.decision, ruling.disposition, ruling.next_step)
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}
