//! Puts the default policy bundle into the binary.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    default_bundle(&root.join("policies"), &out.join("default_bundle.rs"))
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
