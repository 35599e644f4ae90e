//! Generates the wire types from `proto/`, embeds their description for reflection, and puts the default
//! policy bundle into the binary.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Files that have a message or a service of this product.
const PROTOS: &[&str] = &[
    "situs/v1/names.proto",
    "situs/v1/entry.proto",
    "situs/v1/authorization.proto",
    "situs/v1/catalog.proto",
    "situs/v1/policy.proto",
    "situs/v1/record.proto",
    "situs/v1/audit.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    default_bundle(&root.join("policies"), &out.join("default_bundle.rs"))?;
    wire_types(&out.join("situs.v1.bin"))
}

/// Generates the messages and services, and writes their description to `target`.
fn wire_types(target: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/google/rpc/status.proto");
    for proto in PROTOS {
        println!("cargo::rerun-if-changed=proto/{proto}");
    }
    // Imports come along, so that a client can build every message from reflection alone; so do the
    // comments, which a client's tools can show.
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(PROTOS)?;
    fs::write(target, compiler.encode_file_descriptor_set())?;

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

/// Writes `DEFAULT_BUNDLE`: the path and text of every file of the bundle, in order.
fn default_bundle(folder: &Path, target: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "cedar" || e == "cedarschema" || e == "toml") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut code = String::from("const DEFAULT_BUNDLE: &[(&str, &str)] = &[\n");
    for path in files {
        let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
    }
    code.push_str("];\n");
    fs::write(target, code)?;
    Ok(())
}
