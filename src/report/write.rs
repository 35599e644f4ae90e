//! A report as JSON and as CSV.

use jiff::Timestamp;
use serde::Serializer;

use super::Report;

impl Report {
    /// As JSON, with stable names; what may not be told is null.
    ///
    /// # Errors
    /// None that its caller could mend: every part of a report can be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// As CSV (RFC 4180): a line a count, with the stable names; what may not be told is empty.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from("table,row,row_name,column,count\r\n");
        let mut line = |fields: [&str; 4], count: Option<u64>| {
            fields.iter().for_each(|field| {
                text.push_str(&csv(field));
                text.push(',');
            });
            text.push_str(&count.map_or_else(String::new, |count| count.to_string()));
            text.push_str("\r\n");
        };
        line(["all", "", "", ""], self.demands);
        for table in &self.tables {
            for row in &table.rows {
                line([&table.id, &row.label.id, &row.label.name, ""], Some(row.count));
                for (column, count) in table.columns.iter().zip(&row.cells) {
                    line([&table.id, &row.label.id, &row.label.name, &column.id], *count);
                }
            }
        }
        text
    }
}

/// A field of CSV. One that a spreadsheet would take for a formula is made a text.
fn csv(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

/// An instant in RFC 3339.
pub(super) fn instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
