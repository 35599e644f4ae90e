//! The rows of the bundle's facts as they are written, read without the product's own reader.

use std::sync::LazyLock;

use toml::{Table, Value};

use super::{bundle, files};

/// Every row of a table, such as `relation`, of every file of facts.
pub fn rows(table: &str) -> Vec<Table> {
    static FILES: LazyLock<Vec<Table>> = LazyLock::new(|| {
        let facts = files().into_iter().filter(|(path, _)| path.starts_with("facts/"));
        facts
            .map(|(path, text)| toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
            .collect()
    });
    let rows = FILES.iter().filter_map(|file| file.get(table)).filter_map(Value::as_array).flatten();
    rows.filter_map(Value::as_table).cloned().collect()
}

/// A text of a row; empty where it is not there.
pub fn text<'a>(row: &'a Table, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list of a row.
pub fn texts(row: &Table, key: &str) -> Vec<String> {
    let list = row.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The rows of a list of a row.
pub fn tables(row: &Table, key: &str) -> Vec<Table> {
    let list = row.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_table).cloned().collect()
}

/// The code of every declared jurisdiction.
pub fn jurisdictions() -> &'static [String] {
    static CODES: LazyLock<Vec<String>> = LazyLock::new(|| of("jurisdiction", "code"));
    &CODES
}

/// The id of every declared cloud region.
pub fn regions() -> &'static [String] {
    static IDS: LazyLock<Vec<String>> = LazyLock::new(|| of("region", "id"));
    &IDS
}

fn of(table: &str, key: &str) -> Vec<String> {
    rows(table).iter().map(|row| text(row, key).to_owned()).collect()
}

/// Every optional fact of a question whose absence is declared, as `message.field`, and the certifications of
/// the requester.
pub fn optional() -> Vec<String> {
    let declared = bundle().facts().absences().iter().map(|absence| absence.fact.clone());
    declared.chain([String::from("requester.certifications")]).collect()
}

/// Those of them that no default is presumed for.
pub fn not_presumed() -> Vec<String> {
    let presumed = |fact: &String| {
        let row = bundle().facts().absences().iter().find(|absence| absence.fact == *fact);
        row.is_some_and(|row| row.absence == situs::law::AbsenceMeaning::Presumed)
    };
    optional().into_iter().filter(|fact| !presumed(fact)).collect()
}
