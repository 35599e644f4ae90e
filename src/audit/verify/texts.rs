//! Plain texts of masked fields, held against what their entries commit to.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Inspect;
use super::fault::{Faults, Problem};
use crate::domain::{Digest, LogEntry, Masked};

/// What was found of plain texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Masked fields whose plain text is kept, and is what the entry commits to.
    pub kept: u64,
    /// Masked fields whose plain text is gone.
    pub gone: u64,
}

/// The masked fields of an entry.
pub(super) fn masked(entry: &LogEntry) -> &[Masked] {
    match entry {
        LogEntry::Decision(decided) => &decided.hidden.masked,
        LogEntry::Outcome(_, hidden) => &hidden.masked,
        LogEntry::Content(_) => &[],
    }
}

impl Texts {
    /// Checks the texts beside some entries.
    pub(super) fn check(
        &mut self,
        path: &Path,
        entries: &BTreeMap<u64, Vec<Masked>>,
        texts: &BTreeMap<u64, Vec<u8>>,
        inspect: &Inspect,
        faults: &mut Faults,
    ) {
        for (index, text) in texts {
            let index = *index;
            let Some(masked) = entries.get(&index) else {
                faults.add(index, path, Problem::Stray { entry: index });
                continue;
            };
            let Some(plain) = (inspect.texts)(text) else {
                let cause = "its plain texts are no message of that kind".to_owned();
                faults.add(index, path, Problem::Entry { entry: index, cause });
                continue;
            };
            for text in &plain {
                let commitment: Digest =
                    Sha256::new().chain_update(&text.salt).chain_update(&text.text).finalize().into();
                if masked.iter().any(|field| field.name == text.name && field.commitment == commitment) {
                    self.kept += 1;
                } else {
                    let problem = Problem::Text { entry: index, name: text.name.clone() };
                    faults.add(index, path, problem);
                }
            }
            self.gone += (masked.len() as u64).saturating_sub(plain.len() as u64);
        }
        let without = entries.iter().filter(|(index, _)| !texts.contains_key(index));
        self.gone += without.map(|(_, masked)| masked.len() as u64).sum::<u64>();
    }
}
