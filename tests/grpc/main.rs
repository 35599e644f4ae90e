//! The gRPC services over a real socket, with fakes for what stands behind them.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test"
)]

mod admin;
mod authorization;
mod bytes;
mod fakes;
mod reflection;
mod stream;
