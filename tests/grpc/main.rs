//! The gRPC services over a real socket, with fakes for what stands behind them.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod admin;
mod audit;
mod authorization;
mod bytes;
mod fakes;
mod reflection;
mod stream;
