//! Generates the wire types from `proto/`, and embeds their description for reflection.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

/// Files that have a message or a service of this product.
const PROTOS: &[&str] = &[
    "situs/v1/names.proto",
    "situs/v1/entry.proto",
    "situs/v1/authorization.proto",
    "situs/v1/catalog.proto",
    "situs/v1/policy.proto",
    "situs/v1/record.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo tracks a folder by the time it changed, which misses an edit inside; so each file is named.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto/google/rpc/status.proto");
    for proto in PROTOS {
        println!("cargo::rerun-if-changed=proto/{proto}");
    }

    // Imports come along, so that a client can build every message from reflection alone; so do the
    // comments, which a client's tools can show.
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(PROTOS)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("situs.v1.bin"), compiler.encode_file_descriptor_set())?;

    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        // Maps in the order of their keys: the same message always has the same bytes.
        .btree_map(".")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .codec_path("crate::grpc::wire::Codec")
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
