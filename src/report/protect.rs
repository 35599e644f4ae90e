//! Keeps small counts out of what is published: small rows are put together, small cells are hidden, and more
//! cells with them, so that no total gives them away.
//!
//! It counts nothing and knows nothing of demands. A cell below the threshold is hidden, none included: that a
//! cell is empty tells as much as that it is small. What is then shown must leave it open whether a small cell
//! is not in truth as large as the threshold: for each there is another table, with the same totals and the same
//! cells shown, in which it is.

use std::collections::BTreeMap;
use std::ops::Range;

/// Which cells are hidden, by row and column.
pub(super) type Hidden = Vec<Vec<bool>>;

/// The keys that may have a line of their own, the largest count first; the others are put together.
///
/// `most` bounds them. Where the others sum to less than the threshold, the smallest line goes to them. No key at
/// all: even the total may not be shown.
pub(super) fn fold<K: Ord + Clone>(counts: &BTreeMap<K, u64>, threshold: u64, most: usize) -> Vec<K> {
    let mut lines: Vec<(&K, u64)> = counts.iter().map(|(key, count)| (key, *count)).collect();
    // Stable: among equals the order of the keys stays.
    lines.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let large = lines.iter().take(most).take_while(|(_, count)| *count >= threshold.max(1)).count();
    let mut others: u64 = lines.iter().skip(large).map(|(_, count)| count).sum();
    let mut kept = lines.get(..large).unwrap_or_default().to_vec();
    while others > 0
        && others < threshold
        && let Some((_, count)) = kept.pop()
    {
        others += count;
    }
    kept.into_iter().map(|(key, _)| key.clone()).collect()
}

/// Stretches of neighbouring counts that each reach the threshold; none where all of them together do not.
pub(super) fn stretches(counts: &[u64], threshold: u64) -> Vec<Range<usize>> {
    let (mut found, mut start, mut sum) = (Vec::<Range<usize>>::new(), 0, 0);
    for (at, count) in counts.iter().enumerate() {
        sum += count;
        if sum >= threshold || threshold <= 1 {
            found.push(start..at + 1);
            (start, sum) = (at + 1, 0);
        }
    }
    // What is left is too small for a stretch of its own.
    if let Some(last) = found.last_mut() {
        last.end = counts.len();
    }
    found
}

/// What of a table must be hidden, when the totals of its rows are known, and those of its columns too.
///
/// INVARIANT: every known total reaches the threshold; so there is always enough to hide a small cell behind.
pub(super) fn hide(counts: &[Vec<u64>], threshold: u64, columns_known: bool) -> Hidden {
    let small = |count: u64| threshold > 1 && count < threshold;
    let mut table = Table {
        counts,
        hidden: counts.iter().map(|row| row.iter().map(|count| small(*count)).collect()).collect(),
    };
    for (row, cells) in counts.iter().enumerate() {
        for (column, count) in cells.iter().enumerate().filter(|(_, count)| **count > 0 && small(**count)) {
            table.cover(row, column, threshold - count, columns_known);
        }
    }
    table.hidden
}

struct Table<'a> {
    counts: &'a [Vec<u64>],
    hidden: Hidden,
}

// === impl Table ===

impl Table<'_> {
    fn count(&self, row: usize, column: usize) -> u64 {
        self.counts.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or(0)
    }

    fn is_hidden(&self, row: usize, column: usize) -> bool {
        self.hidden.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or(true)
    }

    fn hide(&mut self, row: usize, column: usize) {
        if let Some(cell) = self.hidden.get_mut(row).and_then(|cells| cells.get_mut(column)) {
            *cell = true;
        }
    }

    /// What it costs to hide a cell: what the reader then no longer sees.
    fn cost(&self, row: usize, column: usize) -> u64 {
        if self.is_hidden(row, column) { 0 } else { self.count(row, column) }
    }

    /// Hides what makes it possible that the cell is larger by `need`: others of its row and of its column would
    /// be smaller, and where these cross, larger.
    fn cover(&mut self, row: usize, column: usize, need: u64, columns_known: bool) {
        let width = self.counts.get(row).map_or(0, Vec::len);
        let beside = (0..width).filter(|other| *other != column);
        let beside: Vec<Donor> =
            beside.map(|at| Donor { at, count: self.count(row, at), cost: self.cost(row, at) }).collect();
        if !columns_known {
            donors(beside, need).iter().for_each(|(at, _)| self.hide(row, *at));
            return;
        }
        let below = (0..self.counts.len()).filter(|other| *other != row);
        let below: Vec<Donor> = below
            .map(|at| Donor { at, count: self.count(at, column), cost: self.cost(at, column) })
            .collect();
        // One cell of the row and one of the column, where they are large enough, with the least hidden.
        let able = |donor: &&Donor| donor.count >= need;
        let pairs =
            beside.iter().filter(able).flat_map(|one| below.iter().filter(able).map(move |two| (one, two)));
        let pair = pairs.min_by_key(|(one, two)| one.cost + two.cost + self.cost(two.at, one.at));
        let (mut in_row, mut in_column) = match pair {
            Some((one, two)) => (vec![(one.at, need)], vec![(two.at, need)]),
            None => (donors(beside, need), donors(below, need)),
        };
        in_row.iter().for_each(|(at, _)| self.hide(row, *at));
        in_column.iter().for_each(|(at, _)| self.hide(*at, column));
        // What the one gives up the other takes: the cells where they cross.
        while let (Some(one), Some(two)) = (in_row.last_mut(), in_column.last_mut()) {
            self.hide(two.0, one.0);
            let moved = one.1.min(two.1);
            one.1 -= moved;
            two.1 -= moved;
            in_row.pop_if(|one| one.1 == 0);
            in_column.pop_if(|two| two.1 == 0);
        }
    }
}

/// A cell of the same line, from which the cell that is covered could have its count.
struct Donor {
    at: usize,
    count: u64,
    cost: u64,
}

/// Cells that together could give so much, each with what it gives: the hidden ones first, then the smallest
/// that is enough by itself, else the largest.
fn donors(mut cells: Vec<Donor>, need: u64) -> Vec<(usize, u64)> {
    cells.sort_by_key(|cell| (cell.cost > 0, std::cmp::Reverse(cell.count)));
    let (mut given, mut left) = (Vec::new(), need);
    for (index, cell) in cells.iter().enumerate() {
        if left == 0 {
            break;
        }
        let rest = cells.get(index..).unwrap_or_default();
        let enough =
            rest.iter().filter(|other| other.cost > 0 && other.count >= left).min_by_key(|other| other.count);
        let cell = if cell.cost == 0 { cell } else { enough.unwrap_or(cell) };
        let gives = cell.count.min(left);
        if gives > 0 {
            given.push((cell.at, gives));
            left -= gives;
        }
    }
    given
}

#[cfg(test)]
mod tests;
