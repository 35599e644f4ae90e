//! Cedar policies: a bundle is loaded whole or not at all, held in memory, and asked.
//!
//! This is the only module that knows Cedar. It takes a question as plain [`Ask`] values and gives back
//! which permits, forbids and advices hold. What the circumstances are is the engine's business; what the
//! rules say is the bundle's.

mod annotations;
mod ask;
mod bundle;
mod check;
mod complete;
mod evaluate;
mod form;
mod granted;
mod index;
mod links;
mod load;
mod rule;
mod schema;
mod shape;
mod shared;
mod source;
mod store;

pub use annotations::{Base, DueRule, RelationFilter};
pub use ask::{Ask, AskError, EntityValue, Uid, Value};
pub use bundle::Bundle;
pub use evaluate::{Judgement, Prepared};
pub use load::{LoadError, Report};
pub use rule::Rule;
pub use shared::Shared;
pub use source::{SourceError, default_files, read_folder, write_folder};
pub use store::{Failure, Reader, Status, Writer};
