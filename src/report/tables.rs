//! Makes the tables of a report. Totals are settled first, and are the same in every table: whichever states,
//! instruments or outcomes are too few stand together as others. Then each table hides what is small in it.

mod lines;
mod times;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::lines::{Lines, cross, list};
use super::demand::{Demand, Fate, Location, Notice};
use super::dimension::{By, capital, why};
use super::tally::Tally;
use super::{Drawn, Label, Report, Row, Source, Table};
use crate::domain::{Action, Category};
use crate::law::Facts;

/// The longest table: longer ones nobody reads, and a page could not draw.
const MOST_ROWS: usize = 24;
/// The widest table of transfers, likewise.
const MOST_DESTINATIONS: usize = 12;

/// What may be published of what was counted.
pub(super) fn report(tally: &Tally, made_at: Timestamp, logs: Vec<Source>) -> Report {
    let options = &tally.options;
    let (in_bands, open): (Vec<&Demand>, Vec<&Demand>) =
        tally.demands.iter().partition(|demand| demand.is_bands_only());
    let (preservations, demands): (Vec<&Demand>, Vec<&Demand>) =
        open.into_iter().partition(|demand| demand.action == Action::Preserve);
    let count = demands.len() as u64;
    let made = Maker { tally, facts: &tally.facts, threshold: options.threshold, demands };
    let mut tables = Vec::new();
    if count >= options.threshold.max(1) {
        made.of_demands(&mut tables);
    }
    made.of_preservations(&preservations, &mut tables);
    if options.by.is_empty() {
        made.of_transfers(&mut tables);
    }
    let band = options.band.max(1);
    let lowest = in_bands.len() as u64 / band * band;
    Report {
        title: options.title.clone(),
        from: options.from,
        to: options.to,
        made_at,
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        facts_version: tally.facts.version().to_owned(),
        threshold: options.threshold,
        demands: (count >= options.threshold).then_some(count),
        in_bands: format!("{lowest}-{}", lowest + band - 1),
        median_seconds: times::median(&made.demands, options.threshold),
        tables,
        notes: notes(tally),
        logs,
    }
}

/// What the tables are made from.
struct Maker<'a> {
    tally: &'a Tally,
    facts: &'a Facts,
    threshold: u64,
    /// The demands that are told of one by one.
    demands: Vec<&'a Demand>,
}

// === impl Maker ===

impl Maker<'_> {
    fn of_demands(&self, tables: &mut Vec<Table>) {
        let fates = self.lines_of(Demand::fate, Fate::ALL, |fate| label(fate.id(), fate.name()));
        tables.extend(list(
            self.head(
                "outcomes",
                "What became of them",
                "Demands by what became of them, as recorded, else as answered.",
                "Outcome",
            ),
            self.count(Demand::fate),
            &fates,
        ));
        let refused = self.demands.iter().filter(|demand| demand.fate() == Fate::Refused);
        if fates.has(&Fate::Refused) {
            let counts = lines::count(refused.map(|demand| demand.why_refused()));
            let reasons = Lines::largest(&counts, self.threshold, MOST_ROWS, |reason| {
                label(reason.as_str(), why(*reason))
            });
            tables.extend(list(
                self.head(
                    "refusals",
                    "Why they were refused",
                    "Refused demands by the strongest reason.",
                    "Reason",
                ),
                counts,
                &reasons,
            ));
        }
        if !self.tally.options.by.is_empty() {
            tables.extend(self.by(&self.tally.options.by, &fates));
            return;
        }
        tables.extend(times::by_month(self, &fates));
        tables.extend(self.by(&[By::Jurisdiction], &fates));
        tables.extend(self.by(&[By::Instrument], &fates));
        tables.extend(self.by_category());
        tables.extend(self.across_borders(&fates));
        tables.extend(self.by(&[By::Stored], &fates));
        let notices = self.lines_of(Demand::notice, Notice::ALL, |notice| label(notice.id(), notice.name()));
        tables.extend(list(
            self.head(
                "notices",
                "What the customer was told",
                "Demands by notice to the customer.",
                "Notice",
            ),
            self.count(Demand::notice),
            &notices,
        ));
        tables.extend(times::to_answer(self));
        let bases = self.lines_of(Demand::is_concluded, &[true, false], |recorded| match recorded {
            true => label("recorded", "What was done is recorded"),
            false => label("answered", "Only the answer is recorded"),
        });
        tables.extend(list(
            self.head(
                "basis",
                "What these counts rest on",
                "Demands by whether what was done is recorded, or only what was answered.",
                "Basis",
            ),
            self.count(Demand::is_concluded),
            &bases,
        ));
    }

    /// Demands by each combination of some keys, and by what became of them.
    fn by(&self, keys: &[By], fates: &Lines<Fate>) -> Option<Table> {
        let of = |demand: &Demand| keys.iter().map(|key| key.of(demand)).collect::<Vec<String>>();
        let name = |values: &Vec<String>| {
            let labels: Vec<Label> =
                keys.iter().zip(values).map(|(key, id)| key.label(id, self.facts)).collect();
            let join = |part: fn(&Label) -> &str, by| labels.iter().map(part).collect::<Vec<_>>().join(by);
            Label { id: join(|label| &label.id, "/"), name: join(|label| &label.name, " · ") }
        };
        let rows = Lines::largest(&self.count(of), self.threshold, MOST_ROWS, name);
        let nouns: Vec<&str> = keys.iter().map(|key| key.noun()).collect();
        let noun = nouns.join(", ");
        let id: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
        let (id, title) = (format!("by_{}", id.join("_")), format!("By {}", noun.to_lowercase()));
        let about = match keys {
            [By::Stored] => "Demands by the state that holds the data, and by what became of them.",
            _ => "Demands, and what became of them.",
        };
        let pairs = self.demands.iter().map(|demand| (of(demand), demand.fate()));
        cross(self.head(&id, &title, about, &noun), pairs, &rows, fates, self.threshold)
    }

    /// Each demand counts for every category that it wants.
    fn by_category(&self) -> Option<Table> {
        let rows = Category::ALL.iter().filter_map(|category| {
            let wanting =
                self.demands.iter().filter(|demand| demand.wanted().iter().any(|wanted| wanted == *category));
            let (mut count, mut given) = (0, 0);
            for demand in wanting {
                count += 1;
                given += u64::from(demand.given().iter().any(|known| known == *category));
            }
            (count >= self.threshold.max(1)).then(|| {
                let counts = vec![vec![given, count - given]];
                let hidden = super::protect::hide(&counts, self.threshold, false);
                Row {
                    label: label(category.as_str(), &capital(category.as_str())),
                    count,
                    cells: lines::shown(&counts, &hidden).pop().unwrap_or_default(),
                }
            })
        });
        let rows: Vec<Row> = rows.collect();
        let columns = vec![label("disclosed", "Disclosed"), label("not_disclosed", "Not disclosed")];
        let about = "Demands that want each category of data: one that wants several counts for each.";
        (!rows.is_empty()).then(|| Table {
            columns,
            rows,
            ..self.head("by_category", "By category of data", about, "Category")
        })
    }

    /// Where the data was, as seen from the demanding state: by what became of the demand, and by that state.
    fn across_borders(&self, fates: &Lines<Fate>) -> Vec<Table> {
        let locations = self.lines_of(Demand::location, Location::ALL, |at| label(at.id(), at.name()));
        let by_fate = cross(
            self.head(
                "by_location",
                "Across borders",
                "Demands by where the data was, as seen from the demanding state.",
                "Place of the data",
            ),
            self.demands.iter().map(|demand| (demand.location(), demand.fate())),
            &locations,
            fates,
            self.threshold,
        );
        let state = |demand: &Demand| By::Jurisdiction.of(demand);
        let states = Lines::largest(&self.count(state), self.threshold, MOST_ROWS, |id| {
            By::Jurisdiction.label(id, self.facts)
        });
        let by_state = cross(
            self.head("jurisdiction_by_location", "Who reaches abroad", "Demands of each state, by where the data was: abroad alone, it is an extraterritorial demand.", "Demanding state"),
            self.demands.iter().map(|demand| (state(demand), demand.location())),
            &states,
            &locations,
            self.threshold,
        );
        by_fate.into_iter().chain(by_state).collect()
    }

    fn of_preservations(&self, preservations: &[&Demand], tables: &mut Vec<Table>) {
        if preservations.is_empty() || !self.tally.options.by.is_empty() {
            return;
        }
        let counts = lines::count(preservations.iter().map(|demand| demand.fate()));
        let fates = Lines::largest(&counts, self.threshold, MOST_ROWS, |fate| match fate {
            Fate::Full => label("preserved", "Preserved"),
            Fate::Part => label("preserved_in_part", "Preserved in part"),
            other => label(other.id(), other.name()),
        });
        let about =
            "Demands to keep data from deletion, which hand nothing over: they are in no other count.";
        tables.extend(list(
            self.head("preservations", "Demands to preserve", about, "Outcome"),
            counts,
            &fates,
        ));
    }

    fn of_transfers(&self, tables: &mut Vec<Table>) {
        let transfers = &self.tally.transfers;
        let place = |id: &String| By::Stored.label(id, self.facts);
        let (mut origins, mut destinations) = (BTreeMap::new(), BTreeMap::new());
        for ((origin, destination), count) in &transfers.permitted {
            *origins.entry(origin.clone()).or_default() += count;
            *destinations.entry(destination.clone()).or_default() += count;
        }
        let rows = Lines::largest(&origins, self.threshold, MOST_ROWS, place);
        let columns = Lines::largest(&destinations, self.threshold, MOST_DESTINATIONS, place);
        let about = "Questions about a transfer that was permitted, by where the data was and where it would be; data in several places counts for each.";
        let head =
            Table { drawn: Drawn::Streams, ..self.head("transfers", "Transfers permitted", about, "From") };
        tables.extend(lines::table(
            head,
            lines::grid(&transfers.permitted, &rows, &columns),
            &rows,
            &columns,
            self.threshold,
            false,
        ));
        let places = Lines::largest(&transfers.refused, self.threshold, MOST_ROWS, place);
        let about = "Questions about a transfer that was refused, by where the data would be.";
        tables.extend(list(
            self.head("transfers_refused", "Transfers refused", about, "To"),
            transfers.refused.clone(),
            &places,
        ));
        let reasons = Lines::largest(&transfers.why_refused, self.threshold, MOST_ROWS, |reason| {
            label(reason.as_str(), why(*reason))
        });
        let about = "Questions about a transfer that was refused, by the strongest reason.";
        tables.extend(list(
            self.head("transfer_refusals", "Why transfers were refused", about, "Reason"),
            transfers.why_refused.clone(),
            &reasons,
        ));
    }

    /// A table that has nothing in it yet.
    fn head(&self, id: &str, title: &str, about: &str, rows_are: &str) -> Table {
        Table {
            id: id.to_owned(),
            title: title.to_owned(),
            about: about.to_owned(),
            rows_are: rows_are.to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
            drawn: Drawn::Bars,
        }
    }

    fn count<K: Ord>(&self, of: impl Fn(&Demand) -> K) -> BTreeMap<K, u64> {
        lines::count(self.demands.iter().map(|demand| of(demand)))
    }

    /// Lines of a closed set of values, in its order.
    fn lines_of<K: Ord + Copy>(
        &self,
        of: impl Fn(&Demand) -> K,
        all: &[K],
        name: impl Fn(&K) -> Label,
    ) -> Lines<K> {
        Lines::largest(&self.count(of), self.threshold, all.len(), name).in_order_of(all)
    }
}

fn label(id: &str, name: &str) -> Label {
    Label { id: id.to_owned(), name: name.to_owned() }
}

/// How it was counted.
fn notes(tally: &Tally) -> Vec<String> {
    let threshold = tally.options.threshold;
    let mut notes = vec![
        String::from(
            "A demand is one legal process: whoever asks again about the same data is counted once, and the last \
             answer stands. What became of it is taken from recorded outcomes, whenever they were recorded, else from \
             the answer.",
        ),
        String::from(
            "Demands for data are in every count but those of demands to preserve. Enquiries, which license nothing, \
             and questions about remote access are in none.",
        ),
        String::from(
            "Demands that the law lets be counted in wide bands only are told as one band, and are in no other count. \
             The band is told whether or not there are any.",
        ),
        String::from(
            "Time to answer runs from the receipt that the process names, else from the first question, to the \
             outcome that concludes the last part. Where no outcome is recorded, that is told apart.",
        ),
    ];
    if threshold > 1 {
        notes.push(format!(
            "No count below {threshold} is told, none included: a demand that must be kept secret could be recognised in \
             it. What is too few stands together as others, and more is hidden where a total would otherwise give \
             it away. Reports of periods that overlap, or of other keys, can be compared to undo this: publish one."
        ));
    }
    if tally.unnamed {
        notes.push(String::from(
            "Some questions name no registered process, or its id is hidden: each counts as a demand of its own.",
        ));
    }
    if tally.pruned >= threshold.max(1) {
        notes.push(format!(
            "Of {} decisions about demands the log no longer keeps what was asked: they are in no count.",
            tally.pruned
        ));
    } else if tally.pruned > 0 {
        notes.push(String::from(
            "Of some decisions about demands the log no longer keeps what was asked: they are in no count.",
        ));
    }
    notes
}
