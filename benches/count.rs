//! How often a decision allocates, and what it was: `cargo bench --bench count`. With a number as its argument it
//! only decides that often each, for a profiler: under `valgrind --tool=callgrind`, or `perf stat`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on ends")]

mod common;

use std::hint::black_box;
use std::sync::Arc;

use allocation_counter::measure;
use common::{NOW, QUESTIONS, bundle, catalog, question};
use jiff::Timestamp;
use situs::engine::{Known, Memory, enquire};
use uuid::Uuid;

fn main() {
    let memory = Memory::new(Arc::new(bundle()));
    let bundle = memory.bundle();
    let catalog = catalog(bundle);
    let now: Timestamp = NOW.parse().unwrap();
    let repeat = std::env::args().find_map(|argument| argument.parse::<u32>().ok());
    let only = std::env::var("ONLY").unwrap_or_default();
    println!("{:<32} {:>22} {:>8} {:>12} {:>12}", "question", "answer", "reasons", "new", "repeated");
    for (name, words) in QUESTIONS.iter().filter(|(name, _)| only.is_empty() || *name == only) {
        let asked = question(bundle, words);
        let new = || drop(black_box(enquire(bundle, &catalog, &asked, now).unwrap()));
        let repeated = || {
            let known = Known::of(&catalog, &asked);
            drop(black_box(memory.decide(asked.clone(), &known, now, Uuid::nil())));
        };
        if let Some(times) = repeat {
            (0..times).for_each(|_| new());
            continue;
        }
        // What is built once is built before.
        new();
        repeated();
        let answer = enquire(bundle, &catalog, &asked, now).unwrap().answer;
        let (new, repeated) = (measure(new), measure(repeated));
        println!(
            "{name:<32} {:>22} {:>8} {:>12} {:>12}",
            answer.disposition.as_str(),
            answer.reasons.len(),
            new.count_total,
            repeated.count_total
        );
    }
}
