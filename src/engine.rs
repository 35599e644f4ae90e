//! From a question to an answer: resolve what is known, take the law of the instant, ask the policies, and
//! explain. [`decide`] is synchronous and pure; [`Engine::answer`] reads the catalogue, looks in its [`Memory`] for
//! the same question, and awaits the record.
//!
//! What law says is in the facts and the policies. This module knows only how a question is put together:
//! which facts there are, what stands in for one that is missing, and how several verdicts make one answer.

mod access;
mod answer;
mod ask;
mod compile;
mod decide;
mod memory;
mod parties;
mod picture;
mod point;
mod resolve;
mod ruling;
mod service;

pub use decide::decide;
pub use memory::Memory;
pub use resolve::Known;
pub use service::{AnswerError, Clock, Engine, SystemClock, enquire, new_id};
