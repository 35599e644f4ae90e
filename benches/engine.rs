//! What a decision costs, without the wire and without the record: `cargo bench --bench engine`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

mod common;

use std::hint::black_box;

use common::{QUESTIONS, bundle, catalog, question};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use situs::engine::enquire;

fn decisions(criterion: &mut Criterion) {
    let bundle = bundle();
    let catalog = catalog(&bundle);
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let mut group = criterion.benchmark_group("a new question");
    for (name, words) in QUESTIONS {
        let question = question(&bundle, words);
        let decision = enquire(&bundle, &catalog, &question, now).unwrap();
        println!("{name}: {:?} {:?}, {} reasons", decision.answer.decision, decision.answer.disposition, decision.answer.reasons.len());
        group.bench_function(*name, |bencher| {
            bencher.iter(|| enquire(&bundle, &catalog, black_box(&question), now).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
