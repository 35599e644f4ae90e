//! A rule of a bundle: a policy with what it carries.

use std::collections::BTreeMap;

use super::annotations::{DueRule, RelationFilter};
use crate::domain::{Disposition, Effect};

/// A rule, as answers name it and as `PolicyService` shows it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What it does.
    pub effect: Effect,
    /// A declared reason code; empty on a rule of access.
    pub reason: String,
    /// Where the law stands.
    pub citation: String,
    /// The regime it belongs to; empty for none.
    pub regime: String,
    /// What a denial by it is.
    pub disposition: Disposition,
    /// What the caller does next; empty: it does not say.
    pub next_step: String,
    /// It is a rule of a law that compels.
    pub compels: bool,
    /// It is a rule of a law that blocks foreign demands.
    pub blocks: bool,
    /// The duties that it lays on the caller.
    pub obligations: Vec<DueRule>,
    /// The lawful ways on that it names.
    pub routes: Vec<String>,
    /// The relations that it turns on.
    pub relations: Vec<RelationFilter>,
    /// Every annotation, as written.
    pub annotations: BTreeMap<String, String>,
    /// Its text.
    pub source: String,
    /// The file that it stands in.
    pub file: String,
    /// The line there, from 1.
    pub line: usize,
    /// The actions that its scope names; empty: every one.
    pub actions: Vec<String>,
    /// The regime that its scope names.
    pub scope_regime: Option<String>,
}
