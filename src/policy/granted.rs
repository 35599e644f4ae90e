//! Who may call what, remembered: callers are few, and ask the same of the access policies at every question.

use quick_cache::sync::Cache;

use super::ask::{Ask, AskError};
use super::bundle::Bundle;

/// Grants that are kept, at some 1 KiB each: a few rights of each caller towards each tenant that is asked about often.
const GRANTS: usize = 16_384;

/// What was asked of the access policies of a bundle, and whether they granted it.
pub(super) struct Granted(Cache<Ask, bool>);

impl Default for Granted {
    fn default() -> Self {
        Self(Cache::new(GRANTS))
    }
}

impl Bundle {
    /// Whether there is a clean permit: one holds, no forbid does, and nothing errs.
    ///
    /// The same question has the same answer as long as there is this bundle, for it is all that Cedar sees.
    ///
    /// # Errors
    /// [`AskError`]: it could not be asked, which is a refusal.
    pub fn grants(&self, ask: Ask) -> Result<bool, AskError> {
        if let Some(known) = self.granted.0.get(&ask) {
            return Ok(known);
        }
        let prepared = self.prepare(ask)?;
        let judgement = prepared.judge()?;
        let granted =
            judgement.errors.is_empty() && judgement.forbids.is_empty() && !judgement.permits.is_empty();
        // An error may pass; it is not remembered.
        if judgement.errors.is_empty() {
            self.granted.0.insert(prepared.into_ask(), granted);
        }
        Ok(granted)
    }
}
