//! What a decision costs, without the wire and without the record: `cargo bench --bench engine`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on ends")]

mod common;

use std::hint::black_box;
use std::sync::Arc;

use common::{NOW, QUESTIONS, bundle, catalog, question};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use situs::engine::{Known, Memory, enquire};
use situs::law::World;
use uuid::Uuid;

fn decisions(criterion: &mut Criterion) {
    let memory = Memory::new(Arc::new(bundle()));
    let bundle = memory.bundle();
    let catalog = catalog(bundle);
    let now: Timestamp = NOW.parse().unwrap();
    let mut group = criterion.benchmark_group("new");
    for (name, words) in QUESTIONS {
        let question = question(bundle, words);
        group.bench_function(*name, |bencher| {
            bencher.iter(|| enquire(bundle, &catalog, black_box(&question), now).unwrap());
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("repeated");
    for (name, words) in QUESTIONS {
        let question = question(bundle, words);
        group.bench_function(*name, |bencher| {
            bencher.iter_batched(
                || question.clone(),
                |question| {
                    let known = Known::of(&catalog, &question);
                    memory.decide(question, &known, now, Uuid::nil())
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// The parts that a decision stands on.
fn parts(criterion: &mut Criterion) {
    let bundle = bundle();
    let facts = bundle.facts();
    let catalog = catalog(&bundle);
    let question = question(&bundle, QUESTIONS[1].1);
    let boundaries = facts.boundaries();
    let mut group = criterion.benchmark_group("part");
    group.bench_function("catalogue", |bencher| bencher.iter(|| Known::of(&catalog, black_box(&question))));
    group.bench_function("world of an instant", |bencher| {
        let mut instants = boundaries.iter().cycle();
        bencher.iter(|| World::at(facts, *instants.next().unwrap()));
    });
    group.finish();
}

criterion_group!(benches, decisions, parts);
criterion_main!(benches);
