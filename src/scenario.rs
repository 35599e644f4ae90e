//! Case files: a question at a date, and the answer that Situs must give.
//!
//! A case file reads like a case. Its requests are the wire's own messages in plain words, its expectations
//! are decision and next step exactly, and reasons and regimes as what must be among those given. A file
//! that says `precision = "full"` is held to its obligations, relations and routes too.

mod case;
mod compare;
mod run;

pub use case::{Case, CaseFile, Expectation, RouteExpectation};
pub use compare::{Comparison, compare};
pub use run::{Outcome, answer, read_cases, run_all};
