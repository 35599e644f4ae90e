//! The `situs` program.

fn main() {}
