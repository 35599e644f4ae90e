//! How load time, memory and the cost of a decision grow with the policies of tenants and with the holdings:
//! `cargo bench --bench growth`. It prints a table, and draws docs/growth.svg. Numbers as arguments say how far it
//! goes: the most tenant policies, then the most holdings.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on ends")]

#[path = "growth/grown.rs"]
mod grown;
#[path = "growth/plot.rs"]
mod plot;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use grown::{Grown, bundle_files};
use jiff::Timestamp;
use plot::Curve;
use situs::catalog::{Catalog, Limits};
use situs::domain::Question;
use situs::engine::{Known, Memory, decide};
use situs::policy::Bundle;
use uuid::Uuid;

/// Questions of a measurement.
const QUESTIONS: usize = 2000;

/// What one size costs.
struct Cost {
    /// Microseconds of CPU.
    new: f64,
    repeated: f64,
}

fn main() {
    let mut most = std::env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let (policies, holdings) = (most.next().unwrap_or(100_000), most.next().unwrap_or(1_000_000));
    let sizes = |from: usize, most: usize| {
        std::iter::successors(Some(from), |size| size.checked_mul(10)).take_while(move |size| *size <= most)
    };
    let (mut new, mut repeated) = (Vec::new(), Vec::new());
    println!("{:>16} {:>9} {:>10} {:>8} {:>12}", "tenant policies", "load s", "MiB", "new us", "repeated us");
    for size in sizes(10, policies) {
        let (before, began) = (memory_kib(), Instant::now());
        let bundle = Arc::new(Bundle::load(&bundle_files(size)).unwrap().0);
        let (took, grew) = (began.elapsed().as_secs_f64(), memory_kib() - before);
        let cost = cost(&bundle, 1000.min(size));
        println!("{size:>16} {took:>9.2} {:>10.1} {:>8.1} {:>12.2}", grew / 1024.0, cost.new, cost.repeated);
        new.push((size, cost.new));
        repeated.push((size, cost.repeated));
    }
    let by_policies = [Curve::new("new", new), Curve::new("repeated", repeated)];
    let (mut new, mut repeated) = (Vec::new(), Vec::new());
    let bundle = Arc::new(Bundle::load(&bundle_files(10)).unwrap().0);
    println!("{:>16} {:>9} {:>10} {:>8} {:>12}", "holdings", "open s", "bytes each", "new us", "repeated us");
    for size in sizes(1000, holdings) {
        let (before, began) = (memory_kib(), Instant::now());
        let catalog = Catalog::open(Arc::new(Grown(size)), grown::codec(), Limits::default()).unwrap();
        let (took, grew) = (began.elapsed().as_secs_f64(), memory_kib() - before);
        let cost = cost_in(&bundle, &catalog, size);
        let each = grew * 1024.0 / size as f64;
        println!("{size:>16} {took:>9.2} {each:>10.0} {:>8.1} {:>12.2}", cost.new, cost.repeated);
        new.push((size, cost.new));
        repeated.push((size, cost.repeated));
    }
    let by_holdings = [Curve::new("new", new), Curve::new("repeated", repeated)];
    plot::draw("docs/growth.svg", &[("tenant policies", &by_policies), ("holdings", &by_holdings)]);
}

fn cost(bundle: &Arc<Bundle>, holdings: usize) -> Cost {
    let catalog = Catalog::open(Arc::new(Grown(holdings)), grown::codec(), Limits::default()).unwrap();
    cost_in(bundle, &catalog, holdings)
}

fn cost_in(bundle: &Arc<Bundle>, catalog: &Catalog, holdings: usize) -> Cost {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let memory = Memory::new(Arc::clone(bundle));
    // All over the catalogue; a prime step comes to each.
    let questions: Vec<Question> =
        (0..QUESTIONS).map(|number| grown::question(bundle, number * 7919 % holdings)).collect();
    let known: Vec<Known> = questions.iter().map(|question| Known::of(catalog, question)).collect();
    let run = |each: &dyn Fn(&Question, &Known)| {
        let began = cpu_micros();
        questions.iter().zip(&known).for_each(|(question, known)| each(question, known));
        (cpu_micros() - began) / QUESTIONS as f64
    };
    let new = |question: &Question, known: &Known| {
        black_box(decide(bundle, question, known, now, Uuid::nil()));
    };
    let repeated = |question: &Question, _: &Known| {
        let known = Known::of(catalog, question);
        black_box(memory.decide(question.clone(), &known, now, Uuid::nil()));
    };
    run(&new);
    run(&repeated);
    // The least busy of three rounds counts.
    let least = |each: &dyn Fn(&Question, &Known)| (0..3).map(|_| run(each)).fold(f64::INFINITY, f64::min);
    Cost { new: least(&new), repeated: least(&repeated) }
}

/// The memory that this process holds.
fn memory_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The time that this thread was on a CPU.
fn cpu_micros() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1000.0
}
