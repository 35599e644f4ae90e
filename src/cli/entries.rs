//! Files of catalogue entries: TOML tables `[[tenant]]`, `[[holding]]`, `[[party]]` and `[[process]]`, or JSON
//! lines, `{"tenant": {...}}` one a line. Gives entries in words with the line that each stands at; what the
//! words mean is not asked here.

use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::domain::{EntryKind, Fault, did_you_mean, line_of, near};
use crate::grpc::words;

/// Most bytes of a TOML file, which is read whole: some 100,000 entries. More come as JSON lines.
pub(super) const MAX_TOML: u64 = 64 << 20;
/// Most bytes of a line of JSON: an entry has at most some 200 KB.
const MAX_LINE: u64 = 1 << 20;

/// An entry, as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Its kind.
    pub kind: EntryKind,
    /// The line that it stands at, from 1.
    pub line: usize,
    /// Its fields, in words.
    pub words: Value,
}

impl Row {
    /// Its key, as far as the words have one.
    pub fn key(&self) -> &str {
        let field = if self.kind == EntryKind::Holding { "data_ref" } else { "id" };
        self.words.get(field).unwrap_or(&self.words).as_str().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Tables {
    tenant: Vec<Spanned<toml::Table>>,
    holding: Vec<Spanned<toml::Table>>,
    party: Vec<Spanned<toml::Table>>,
    process: Vec<Spanned<toml::Table>>,
}

/// Reads the tables of a TOML text, tenants first: an entry comes after what it needs.
///
/// # Errors
/// What is no TOML, or a table of another name, with its line.
pub(super) fn of_toml(path: &str, text: &str) -> Result<Vec<Row>, Fault> {
    let tables: Tables = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        Fault::at(path, text, offset, error.message().to_owned())
    })?;
    let kinds = [
        (EntryKind::Tenant, tables.tenant),
        (EntryKind::Holding, tables.holding),
        (EntryKind::Party, tables.party),
        (EntryKind::Process, tables.process),
    ];
    let rows = kinds.into_iter().flat_map(|(kind, rows)| {
        rows.into_iter().map(move |row| {
            let line = line_of(text, row.span().start);
            Row { kind, line, words: words::from_toml(&toml::Value::Table(row.into_inner())) }
        })
    });
    Ok(rows.collect())
}

/// Whether a text is JSON lines, by how it begins: no TOML begins with a brace.
pub(super) fn is_json(beginning: &[u8]) -> bool {
    beginning.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Reads entries of JSON lines. Gives each, or the fault of its line; after an error of the reader, nothing.
pub(super) struct JsonLines<R> {
    path: String,
    reader: R,
    line: usize,
}

impl<R: BufRead> JsonLines<R> {
    pub fn new(path: &str, reader: R) -> Self {
        Self { path: path.to_owned(), reader, line: 0 }
    }

    /// The bytes of the next line, at most [`MAX_LINE`] of them; the rest of a longer one is skipped.
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE + 1;
        if self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.len() as u64 == limit && bytes.last() != Some(&b'\n') {
            self.reader.skip_until(b'\n')?;
        }
        Ok(Some(bytes))
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let bytes = match self.next_line() {
                Ok(bytes) => bytes?,
                Err(error) => {
                    self.line += 1;
                    let message = format!("failed to read: {error}");
                    return Some(Err(Fault { line: self.line, ..Fault::of_file(&self.path, message) }));
                }
            };
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let row = if bytes.len() as u64 > MAX_LINE {
                Err(format!("the line has more than {MAX_LINE} bytes"))
            } else {
                of_json(&bytes)
            };
            let line = self.line;
            return Some(match row {
                Ok((kind, words)) => Ok(Row { kind, line, words }),
                Err(message) => Err(Fault { line, ..Fault::of_file(&self.path, message) }),
            });
        }
    }
}

fn of_json(bytes: &[u8]) -> Result<(EntryKind, Value), String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Value::Object(fields) = value else { return Err(String::from("it is no object")) };
    let mut fields = fields.into_iter();
    match (fields.next(), fields.next()) {
        (Some((name, words)), None) => Ok((kind(&name)?, words)),
        _ => Err(String::from("give one entry a line, such as {\"tenant\": {\"id\": \"acme\"}}")),
    }
}

/// The kind of that name.
///
/// # Errors
/// A sentence with near names.
pub(super) fn kind(name: &str) -> Result<EntryKind, String> {
    let known = EntryKind::ALL.iter().copied();
    known.clone().find(|kind| kind.as_str() == name).ok_or_else(|| {
        let near = near(name, known.map(EntryKind::as_str));
        let hint = did_you_mean(&near);
        format!("`{name}` is not one of tenant, holding, party, process{hint}")
    })
}

/// An entry as a TOML table; absent where a number is beyond the range of TOML.
pub(super) fn to_toml(kind: EntryKind, words: &Value) -> Option<String> {
    let mut text = format!("[[{}]]\n", kind.as_str());
    let fields = words.as_object()?;
    let is_key = |name: &str| ["id", "data_ref"].contains(&name);
    let first = fields.iter().filter(|(name, _)| is_key(name));
    for (name, value) in first.chain(fields.iter().filter(|(name, _)| !is_key(name))) {
        text.push_str(&format!("{name} = {}\n", words::to_toml(value)?));
    }
    Some(text)
}

/// An entry as a line of JSON, without its end.
pub(super) fn to_json(kind: EntryKind, words: &Value) -> String {
    Value::Object([(kind.as_str().to_owned(), words.clone())].into_iter().collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_comes_tenants_first_with_its_lines() {
        let text = "[[party]]\nid = \"p\"\n\n[[tenant]]\nid = \"acme\"\n";
        let rows = of_toml("x.toml", text).unwrap();
        let places: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.key(), row.line)).collect();
        assert_eq!(places, [("tenant", "acme", 4), ("party", "p", 1)]);
        let fault = of_toml("x.toml", "[[tenant]]\nid = 'a'\n[[holdng]]\n").unwrap_err();
        assert_eq!(fault.line, 3, "{fault}");
        assert!(fault.message.contains("holdng"), "{fault}");
    }

    #[test]
    fn json_lines_go_on_after_a_fault() {
        let long = "x".repeat(2 << 20);
        let text =
            format!("\n{{\"tenant\": {{\"id\": \"a\"}}}}\n{long}\n{{\"prty\": {{}}}}\n{{\"party\": \"p\"}}");
        assert!(is_json(text.as_bytes()) && !is_json(b"# x\n[[tenant]]"));
        let rows: Vec<_> = JsonLines::new("x.jsonl", text.as_bytes()).collect();
        let [Ok(tenant), Err(long), Err(misspelt), Ok(party)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((tenant.line, tenant.key()), (2, "a"));
        assert_eq!((long.line, misspelt.line), (3, 4));
        assert!(misspelt.message.contains("did you mean `party`?"), "{misspelt}");
        assert_eq!((party.line, party.key()), (5, "p"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let words = serde_json::json!({
            "data_ref": "acme/mail", "stored_in": ["IE"], "subject_count": 7, "labels": {"a.b": "x \"y\"\n"},
        });
        let text = to_toml(EntryKind::Holding, &words).unwrap();
        assert!(text.starts_with("[[holding]]\ndata_ref = \"acme/mail\"\n"), "{text}");
        assert_eq!(of_toml("x", &text).unwrap().first().unwrap().words, words);
        let line = to_json(EntryKind::Holding, &words);
        let row = JsonLines::new("x", line.as_bytes()).next().unwrap().unwrap();
        assert_eq!((row.kind, row.words), (EntryKind::Holding, words));
        let large = serde_json::json!({"data_ref": "a/b", "subject_count": u64::MAX});
        assert_eq!(to_toml(EntryKind::Holding, &large), None);
    }
}
