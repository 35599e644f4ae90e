//! Nothing that is published gives a small count away, whatever the counts.

use proptest::prelude::*;

use super::*;

const THRESHOLD: u64 = 3;

/// A table whose totals reach the threshold, as its rows and columns come out of [`fold`].
fn tables() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let counts = prop_oneof![3 => Just(0_u64), 3 => 1..THRESHOLD, 2 => THRESHOLD..7];
    let tables = (1_usize..4, 1_usize..4).prop_flat_map(move |(rows, columns)| {
        prop::collection::vec(prop::collection::vec(counts.clone(), columns), rows)
    });
    tables.prop_filter("a total is too small", |table| {
        let columns = totals_of_columns(table);
        table.iter().all(|row| row.iter().sum::<u64>() >= THRESHOLD)
            && columns.iter().all(|sum| *sum >= THRESHOLD)
    })
}

fn totals_of_columns(table: &[Vec<u64>]) -> Vec<u64> {
    (0..table[0].len()).map(|column| table.iter().map(|row| row[column]).sum()).collect()
}

/// Whether a table can be filled in, with the same cells shown and the same totals, such that one cell has this
/// count. Tries everything.
fn possible(
    table: &[Vec<u64>],
    hidden: &Hidden,
    columns_known: bool,
    at: (usize, usize),
    count: u64,
) -> bool {
    let mut open = Vec::new();
    let mut rows: Vec<u64> = table.iter().map(|row| row.iter().sum()).collect();
    let mut columns = totals_of_columns(table);
    for (row, cells) in table.iter().enumerate() {
        for (column, shown) in cells.iter().enumerate() {
            let fixed =
                if (row, column) == at { Some(count) } else { (!hidden[row][column]).then_some(*shown) };
            match fixed {
                None => open.push((row, column)),
                Some(count) if count > rows[row] || (columns_known && count > columns[column]) => {
                    return false;
                }
                Some(count) => {
                    rows[row] -= count;
                    columns[column] = columns[column].saturating_sub(count);
                }
            }
        }
    }
    fill(&open, &mut rows, &mut columns, columns_known)
}

fn fill(open: &[(usize, usize)], rows: &mut [u64], columns: &mut [u64], columns_known: bool) -> bool {
    let Some(((row, column), rest)) = open.split_first() else {
        return rows.iter().all(|left| *left == 0)
            && (!columns_known || columns.iter().all(|left| *left == 0));
    };
    let most = if columns_known { rows[*row].min(columns[*column]) } else { rows[*row] };
    (0..=most).any(|count| {
        rows[*row] -= count;
        columns[*column] = columns[*column].wrapping_sub(count);
        let filled = fill(rest, rows, columns, columns_known);
        rows[*row] += count;
        columns[*column] = columns[*column].wrapping_add(count);
        filled
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_small_count_could_as_well_be_the_threshold(table in tables(), columns_known: bool) {
        let hidden = hide(&table, THRESHOLD, columns_known);
        for (row, cells) in table.iter().enumerate() {
            for (column, count) in cells.iter().enumerate().filter(|(_, count)| **count < THRESHOLD) {
                prop_assert!(hidden[row][column]);
                let could_be = possible(&table, &hidden, columns_known, (row, column), THRESHOLD);
                prop_assert!(*count == 0 || could_be, "{table:?} {hidden:?} at {row}, {column}");
            }
        }
    }

    #[test]
    fn lines_that_stand_alone_reach_the_threshold_and_so_do_the_others(
        counts in prop::collection::btree_map(0_u32..12, 0_u64..9, 0..10), most in 1_usize..8,
    ) {
        let kept = fold(&counts, THRESHOLD, most);
        let others: u64 = counts.iter().filter(|(key, _)| !kept.contains(key)).map(|(_, count)| count).sum();
        let total: u64 = counts.values().sum();
        prop_assert!(kept.len() <= most && kept.iter().all(|key| counts[key] >= THRESHOLD));
        prop_assert!(others == 0 || others >= THRESHOLD || others == total);
    }

    #[test]
    fn stretches_cover_all_and_reach_the_threshold(counts in prop::collection::vec(0_u64..5, 0..20)) {
        let found = stretches(&counts, THRESHOLD);
        if counts.iter().sum::<u64>() < THRESHOLD {
            prop_assert!(found.is_empty());
        } else {
            prop_assert_eq!((found[0].start, found[found.len() - 1].end), (0, counts.len()));
            prop_assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start));
            prop_assert!(found.into_iter().all(|stretch| counts[stretch].iter().sum::<u64>() >= THRESHOLD));
        }
    }
}

#[test]
fn what_is_large_stays_when_nothing_small_is_beside_it() {
    let table = [vec![98, 2, 40], vec![50, 0, 60], vec![40, 10, 80]];
    let hidden = hide(&table, 5, true);
    // The 2, the 0 and the least that covers the 2: the 10 below it, and a column in which both can move.
    assert_eq!(hidden, [[false, true, true], [false, true, false], [false, true, true]]);
    assert_eq!(hide(&[vec![7, 9], vec![6, 5]], 5, true), [[false, false], [false, false]]);
    assert_eq!(hide(&[vec![7, 1], vec![0, 5]], 1, true), [[false, false], [false, false]], "1 shows all");
}

#[test]
fn the_check_by_trying_everything_finds_a_leak() {
    // The row's total gives the 1 away: nothing else of it is hidden.
    let hidden = vec![vec![true, false], vec![false, false]];
    assert!(!possible(&[vec![1, 9], vec![9, 9]], &hidden, true, (0, 0), THRESHOLD));
    assert!(possible(&[vec![1, 9], vec![9, 9]], &hidden, true, (0, 0), 1));
}
