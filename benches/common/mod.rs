//! What the benchmarks share: the default bundle, the example catalogue, and the questions that are asked of them.

mod questions;

use std::sync::Arc;

use situs::catalog::{Catalog, Codec, Fixed, Limits};
use situs::domain::{Entry, EntryKind, Question};
use situs::grpc::{decode_entry, encode_entry, words};
use situs::policy::{Bundle, default_files};

pub use questions::QUESTIONS;

/// The example catalogue, as a new user has it.
const EXAMPLE: &str = include_str!("../../deploy/example/catalog.toml");

/// The instant of every benchmark.
pub const NOW: &str = "2026-11-22T12:00:00Z";

/// The default bundle.
pub fn bundle() -> Bundle {
    Bundle::load(&default_files()).unwrap().0
}

/// The example catalogue, in memory.
pub fn catalog(bundle: &Bundle) -> Catalog {
    let tables: toml::Table = toml::from_str(EXAMPLE).unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    for kind in EntryKind::ALL {
        let rows = tables.get(kind.as_str()).and_then(toml::Value::as_array);
        for row in rows.into_iter().flatten() {
            entries.push(words::entry(*kind, &words::from_toml(row), &**bundle.facts()).unwrap());
        }
    }
    let codec = Codec { encode: encode_entry, decode: decode_entry };
    Catalog::open(Arc::new(Fixed::new(entries, codec).unwrap()), codec, Limits::default()).unwrap()
}

/// A question by its name in [`QUESTIONS`].
pub fn question(bundle: &Bundle, words: &str) -> Question {
    words::question(&serde_json::from_str(words).unwrap(), &**bundle.facts()).unwrap()
}
