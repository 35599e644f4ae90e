//! The facts that decisions rest on: jurisdictions, relations, regimes, mechanisms, cloud regions and
//! the declared vocabularies, all dated and cited, read from a bundle's `facts/*.toml`.
//!
//! [`Facts::load`] is the one door: behind it every id is declared, every interval makes sense and nothing
//! dangles. [`Facts::world`] gives the law of an instant. Worlds change only at boundaries, so there are
//! few, and each is built once. What a rule makes of a world is the policies' business, not this module's.

mod calendar;
mod check;
mod condition;
mod current;
mod dictionary;
mod facts;
mod governs;
mod index;
mod meaning;
mod places;
mod rows;
mod standing;
mod vocabulary;
mod world;

pub use calendar::{Interval, parse_instant};
pub use condition::RequestFacts;
pub use facts::{Facts, InstrumentFact, Reviewed};
pub use governs::{Circumstances, Governing};
pub use places::Codes;
pub use rows::{
    Absence, AbsenceMeaning, Between, CountsAs, Mechanism, NotARule, Regime, RegimeStatus, Relation,
    RouteKind,
};
pub use standing::{RelationState, Standing};
pub use vocabulary::{IdSet, Unknown};
pub use world::World;
