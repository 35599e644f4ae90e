//! Lines, rows or columns, that may stand by themselves, and tables made of them.

use std::collections::BTreeMap;

use crate::report::protect::{Hidden, fold, hide};
use crate::report::{Label, Row, Table};

/// Values that have a line of their own, and a last line for the others where there are any.
pub(super) struct Lines<K> {
    keys: Vec<K>,
    labels: Vec<Label>,
}

// === impl Lines ===

impl<K: Ord + Clone> Lines<K> {
    /// The largest, largest first.
    pub fn largest(
        counts: &BTreeMap<K, u64>,
        threshold: u64,
        most: usize,
        name: impl Fn(&K) -> Label,
    ) -> Self {
        let keys = fold(counts, threshold, most);
        let mut labels: Vec<Label> = keys.iter().map(name).collect();
        if counts.iter().any(|(key, count)| *count > 0 && !keys.contains(key)) {
            labels.push(others_label());
        }
        Self { keys, labels }
    }

    /// The same, in the order of a list that has them all.
    pub fn in_order_of(mut self, all: &[K]) -> Self {
        let place = |key: &K| all.iter().position(|known| known == key);
        let others = self.labels.split_off(self.keys.len());
        let mut lines: Vec<(K, Label)> = self.keys.drain(..).zip(self.labels).collect();
        lines.sort_by_key(|(key, _)| place(key));
        let (keys, mut labels): (Vec<K>, Vec<Label>) = lines.into_iter().unzip();
        labels.extend(others);
        Self { keys, labels }
    }

    /// Whether a value has a line of its own.
    pub fn has(&self, key: &K) -> bool {
        self.keys.contains(key)
    }

    /// Those with so large a count; the rest stand together, and with those that did before.
    fn at_least(&self, counts: &BTreeMap<K, u64>, least: u64) -> Self {
        let large = |key: &K| counts.get(key).is_some_and(|count| *count >= least);
        let (own, others) = self.labels.split_at_checked(self.keys.len()).unwrap_or_default();
        let named = self.keys.iter().zip(own);
        let (kept, small): (Vec<_>, Vec<_>) = named.clone().partition(|(key, _)| large(key));
        // One alone stands as well by its own name; and some column there must be.
        let as_it_was = kept.is_empty() || (small.len() == 1 && others.is_empty());
        let kept = if as_it_was { named.collect() } else { kept };
        let are_others = kept.len() < self.keys.len() || !others.is_empty();
        let labels = kept.iter().map(|(_, label)| (*label).clone()).chain(are_others.then(others_label));
        Self { labels: labels.collect(), keys: kept.into_iter().map(|(key, _)| key.clone()).collect() }
    }

    fn place(&self, key: &K) -> usize {
        self.keys.iter().position(|known| known == key).unwrap_or(self.keys.len())
    }
}

fn others_label() -> Label {
    Label { id: String::from("others"), name: String::from("Others, too few each") }
}

/// How often each value is there.
pub(super) fn count<K: Ord>(values: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    values.fold(BTreeMap::new(), |mut counts, value| {
        *counts.entry(value).or_default() += 1;
        counts
    })
}

/// The counts of pairs, by lines.
pub(super) fn grid<R: Ord + Clone, C: Ord + Clone>(
    pairs: &BTreeMap<(R, C), u64>,
    rows: &Lines<R>,
    columns: &Lines<C>,
) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; columns.labels.len()]; rows.labels.len()];
    for ((row, column), count) in pairs {
        let cell = counts.get_mut(rows.place(row)).and_then(|cells| cells.get_mut(columns.place(column)));
        cell.into_iter().for_each(|cell| *cell += count);
    }
    counts
}

/// A table of rows alone. None where no row could stand by itself.
pub(super) fn list<K: Ord + Clone>(head: Table, counts: BTreeMap<K, u64>, lines: &Lines<K>) -> Option<Table> {
    let pairs = counts.into_iter().map(|(key, count)| ((key, ()), count)).collect();
    let whole = Lines { keys: vec![()], labels: vec![Label { id: String::new(), name: String::new() }] };
    let rows = lines.labels.iter().zip(grid(&pairs, lines, &whole)).map(|(label, cells)| Row {
        label: label.clone(),
        count: cells.iter().sum(),
        cells: Vec::new(),
    });
    (!lines.keys.is_empty()).then(|| Table { rows: rows.collect(), ..head })
}

/// A table of what is counted by two things, of which each total is told somewhere. Columns that would be too few
/// in most rows stand together, so that what is hidden in them hides nothing else.
pub(super) fn cross<R: Ord + Clone, C: Ord + Clone>(
    head: Table,
    pairs: impl Iterator<Item = (R, C)>,
    rows: &Lines<R>,
    columns: &Lines<C>,
    threshold: u64,
) -> Option<Table> {
    let counts = count(pairs);
    let mut totals = BTreeMap::new();
    for ((_, column), count) in &counts {
        *totals.entry(column.clone()).or_default() += count;
    }
    let columns = columns.at_least(&totals, threshold.saturating_mul(rows.labels.len() as u64) / 2);
    table(head, grid(&counts, rows, &columns), rows, &columns, threshold, true)
}

/// A table of these counts. None where no row or no column could stand by itself.
pub(super) fn table<R, C>(
    head: Table,
    counts: Vec<Vec<u64>>,
    rows: &Lines<R>,
    columns: &Lines<C>,
    threshold: u64,
    columns_known: bool,
) -> Option<Table> {
    if rows.keys.is_empty() || columns.keys.is_empty() {
        return None;
    }
    let hidden = hide(&counts, threshold, columns_known);
    let cells = shown(&counts, &hidden);
    let rows = rows.labels.iter().zip(&counts).zip(cells).map(|((label, counts), cells)| Row {
        label: label.clone(),
        count: counts.iter().sum(),
        cells,
    });
    Some(Table { columns: columns.labels.clone(), rows: rows.collect(), ..head })
}

/// The counts that are not hidden.
pub(super) fn shown(counts: &[Vec<u64>], hidden: &Hidden) -> Vec<Vec<Option<u64>>> {
    let row = |(counts, hidden): (&Vec<u64>, &Vec<bool>)| {
        counts.iter().zip(hidden).map(|(count, hidden)| (!hidden).then_some(*count)).collect()
    };
    counts.iter().zip(hidden).map(row).collect()
}

/// Lines of these keys, in this order, whatever their counts.
pub(super) fn fixed<K>(lines: Vec<(K, Label)>) -> Lines<K> {
    let (keys, labels) = lines.into_iter().unzip();
    Lines { keys, labels }
}
