//! A small example catalogue, for a first question.

use super::ServeError;
use crate::catalog::{Catalog, Expected};
use crate::domain::EntryKind;
use crate::grpc::words;
use crate::policy::Bundle;

/// The example, as a file for `situs catalog import`.
pub const EXAMPLE: &str = include_str!("../../deploy/example/catalog.toml");

/// Registers the example, if nothing is registered. Says whether it is there.
pub(super) async fn register(catalog: &Catalog, bundle: &Bundle) -> Result<bool, ServeError> {
    if EntryKind::ALL.iter().any(|kind| catalog.count(*kind) > 0) {
        return Ok(false);
    }
    let bad = |error: String| ServeError::Example(error);
    let tables: toml::Table = toml::from_str(EXAMPLE).map_err(|error| bad(error.to_string()))?;
    let mut entries = Vec::new();
    for kind in EntryKind::ALL {
        let rows =
            tables.get(kind.as_str()).and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for row in rows {
            let entry = words::entry(*kind, &words::from_toml(row), &**bundle.facts());
            entries.push((entry.map_err(|error| bad(error.to_string()))?, Expected::Absent));
        }
    }
    catalog.put_many(entries).await.map_err(|error| bad(error.to_string()))?;
    Ok(true)
}
