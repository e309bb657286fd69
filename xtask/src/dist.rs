//! `dist`: makes the binary that is given to others, for distributions as old as their glibc is.
//!
//! Zig's linker brings the symbols of every version of glibc, so that a program can be linked against an older one than
//! that of this machine. The standard library that rustup installs is itself built for glibc 2.17.
#![expect(
    clippy::disallowed_methods,
    reason = "a development command: it runs cargo in a checkout, outside of any run"
)]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use model::{Digest, exit};
use xshell::{Shell, cmd};

use crate::args::Architecture;
use crate::error::{Error, Result};
use crate::{checkout, out};

/// The oldest glibc that it has to run with: that of CentOS 7, and the oldest that Rust supports.
const GLIBC: (u32, u32) = (2, 17);

/// What is installed, from the Python package index, to link against it.
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.23.4", "ziglang==0.15.2"];

/// Writes `dist/installer-<version>-<architecture>-linux` and its SHA-256.
pub fn run(architecture: Architecture) -> Result<i32> {
    let checkout = checkout::root()?;
    let shell = Shell::new().map_err(failed)?;
    shell.change_dir(&checkout);
    let triple = format!("{}-unknown-linux-gnu", architecture.as_str());
    has_standard_library(&shell, &triple)?;
    let work = checkout.join("target/dist");
    let tools = tools(&shell, &work)?;
    let built = build(&shell, &checkout, &work, &tools, &triple)?;
    let bytes = engine::files::read(&built)?;
    runs_on_old_ones(&bytes)?;
    let name = format!("installer-{}-{}-linux", env!("CARGO_PKG_VERSION"), architecture.as_str());
    let directory = checkout.join("dist");
    let place = directory.join(&name);
    put(&place, &bytes)?;
    let sum = format!("{}  {name}\n", Digest::of(&bytes));
    engine::files::atomic_write(&directory.join(format!("{name}.sha256")), sum.as_bytes())?;
    if architecture.as_str() == std::env::consts::ARCH {
        // One name whatever the version, for Dockerfiles of this checkout.
        put(&directory.join("installer"), &bytes)?;
    }
    out::print(&format!("{place}\n"))?;
    Ok(exit::OK)
}

fn failed(error: xshell::Error) -> Error {
    Error::internal(error.to_string())
}

fn has_standard_library(shell: &Shell, triple: &str) -> Result<()> {
    let libraries = cmd!(shell, "rustc --print target-libdir --target {triple}")
        .quiet()
        .read()
        .map_err(|error| Error::new(exit::PREFLIGHT, format!("failed to ask rustc: {error}")))?;
    let there = Utf8Path::new(libraries.trim())
        .read_dir_utf8()
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().starts_with("libstd-")));
    if there {
        return Ok(());
    }
    Err(Error::new(
        exit::PREFLIGHT,
        format!("the standard library for {triple} is not installed: {} has no libstd", libraries.trim()),
    )
    .with_help(format!("`rustup target add {triple}`, or install your distribution's package of it")))
}

/// Installs the linker and its driver below `target/`, once; the directory of their programs.
fn tools(shell: &Shell, work: &Utf8Path) -> Result<Utf8PathBuf> {
    let environment = work.join("tools");
    let programs = environment.join("bin");
    let stamp = environment.join("installed");
    let wanted = TOOLS.join("\n");
    if engine::files::read_if_there(&stamp)?.as_ref() != Some(&wanted) {
        engine::files::fresh_dir(&environment)?;
        let python = programs.join("python");
        let packages = TOOLS;
        cmd!(shell, "python3 -m venv {environment}").run().map_err(failed)?;
        cmd!(shell, "{python} -m pip install --quiet --disable-pip-version-check {packages...}")
            .run()
            .map_err(failed)?;
        engine::files::atomic_write(&stamp, wanted.as_bytes())?;
    }
    Ok(programs)
}

/// Compiles, and says where the program lies.
fn build(
    shell: &Shell,
    checkout: &Utf8Path,
    work: &Utf8Path,
    tools: &Utf8Path,
    triple: &str,
) -> Result<Utf8PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    // Whose directories it was built in is nobody's business, and would make another binary of the same commit.
    let remap = format!("--remap-path-prefix={home}=/cargo --remap-path-prefix={checkout}=/installer");
    let (major, minor) = GLIBC;
    let target = format!("{triple}.{major}.{minor}");
    cmd!(
        shell,
        "cargo-zigbuild zigbuild --release --locked --package xtask --bin installer --target {target} --target-dir {work}"
    )
    .env("PATH", format!("{tools}:{path}"))
    .env("RUSTFLAGS", remap)
    .run()
    .map_err(failed)?;
    Ok(work.join(triple).join("release/installer"))
}

/// Refuses what would not start where it is meant to.
fn runs_on_old_ones(bytes: &[u8]) -> Result<()> {
    let demands = image::elf::demands(bytes)
        .map_err(Error::internal)?
        .ok_or_else(|| Error::internal("cargo built something that is not an ELF file"))?;
    if demands.glibc > Some(GLIBC) {
        let (major, minor) = demands.glibc.unwrap_or_default();
        return Err(Error::internal(format!(
            "the binary needs glibc {major}.{minor}, but at most {}.{} is allowed: \
             a distribution's own Rust is built for its glibc",
            GLIBC.0, GLIBC.1
        ))
        .with_help("use Rust from rustup"));
    }
    let of_glibc = ["libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libgcc_s.so", "ld-linux"];
    let strange: Vec<&String> =
        demands.needed.iter().filter(|name| !of_glibc.iter().any(|known| name.starts_with(known))).collect();
    if strange.is_empty() {
        Ok(())
    } else {
        Err(Error::internal(format!("the binary needs unexpected libraries: {strange:?}")))
    }
}

/// Writes an executable file; one that is running keeps its own.
fn put(place: &Utf8Path, bytes: &[u8]) -> Result<()> {
    engine::files::atomic_write(place, bytes)?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::internal(format!("{place} vanished")),
        _ => Error::internal(format!("failed to make {place} executable: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_newer_glibc_is_refused_by_name() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = image::elf::demands(&own).unwrap().unwrap().glibc;
        // The tests are linked against the glibc of this machine.
        let said = runs_on_old_ones(&own).map_err(|error| error.message);
        assert_eq!(said.is_err(), needs > Some(GLIBC), "{said:?}");
        assert!(runs_on_old_ones(b"#!/bin/sh\n").is_err());
    }
}
