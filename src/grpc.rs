//! grpc
pub mod convert;
pub mod proto;
pub mod wire;
