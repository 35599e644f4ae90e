//! Situs, a data-residency policy engine: may this data go there, or be handed to them?
//!
//! The modules are listed from the words of the product up to the server that speaks them.

pub mod audit;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod grpc;
pub mod law;
pub mod policy;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod server;
pub mod telemetry;
