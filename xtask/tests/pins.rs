//! What a source says to cargo counts: the Rust that it pins, flags, the target.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{with_cargo, write};
use model::exit;

/// A toolchain below the home of rustup that leaves a mark when it compiles, and is the real one otherwise.
fn toolchain(home: &Path, version: &str) {
    let bin = format!(".rustup/toolchains/{version}-x86_64-unknown-linux-gnu/bin");
    let real = Path::new(env!("CARGO")).parent().unwrap();
    for name in ["cargo", "rustc"] {
        let mark = home.join("compiled-with");
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo {name} {version}; exit; fi\n[ \"$1\" = build ] && echo {version} >'{}'\nexec '{}' \"$@\"\n",
            mark.display(),
            real.join(name).display(),
        );
        write(home, &format!("{bin}/{name}"), &script);
        let program = home.join(&bin).join(name);
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn the_rust_that_a_source_pins_compiles_it_or_both_versions_are_told_before_the_first_compile() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    write(home, "one/Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    write(home, "one/Cargo.lock", "version = 3\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n");
    write(home, "one/src/main.rs", "fn main() {}\n");
    write(home, "one/rust-toolchain.toml", "[toolchain]\nchannel = \"1.75\"\ncomponents = [\"clippy\"]\n");
    let case = "schema = 1\n[metadata]\nname = \"mine\"\n[sources.one]\nkind = \"path\"\npath = \"one\"\n[components.one]\ndriver = \"cargo\"\n";
    write(home, "case.toml", case);
    let all = ["all", "--offline"];
    let told = with_cargo(home, &all, exit::PREFLIGHT);
    assert!(told.contains("rust-toolchain.toml asks for Rust 1.75, the machine has Rust 1."), "{told}");
    assert!(told.contains("ignore_pins = true"), "{told}");
    let told = with_cargo(home, &["build"], exit::PREFLIGHT);
    assert!(
        told.contains("rust-toolchain.toml of the source pins Rust 1.75, which is not installed"),
        "{told}"
    );

    toolchain(home, "1.75.0");
    toolchain(home, "1.76.0");
    with_cargo(home, &all, exit::OK);
    let compiled_with = || std::fs::read_to_string(home.join("compiled-with")).unwrap_or_default();
    assert_eq!(compiled_with(), "1.75.0\n");
    let again = with_cargo(home, &all, exit::OK);
    assert!(again.contains("build: nothing to do"), "{again}");
    write(home, "one/rust-toolchain.toml", "[toolchain]\nchannel = \"1.76.0\"\n");
    with_cargo(home, &all, exit::OK);
    assert_eq!(compiled_with(), "1.76.0\n");

    // A pin that nobody can read is no pin that nobody asked for.
    write(home, "one/rust-toolchain.toml", "[toolchain]\nchannel = 1.76\n");
    for command in [&all[..], &["build"]] {
        let told = with_cargo(home, command, exit::PREFLIGHT);
        let why = "rust-toolchain.toml of the source does not tell which Rust it pins: line 2: invalid type";
        assert!(told.contains(why), "{told}");
    }

    // A pin that is older than what the lock file needs is no matter of running `deps` again.
    let lock = "[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n";
    write(home, "one/Cargo.lock", format!("version = 4\n\n{lock}"));
    write(home, "one/rust-toolchain.toml", "[toolchain]\nchannel = \"1.76.0\"\n");
    let told = with_cargo(home, &["build"], exit::PREFLIGHT);
    assert!(
        told.contains("rust-toolchain.toml of the source pins Rust 1.76.0, but its Cargo.lock"),
        "{told}"
    );
    write(home, "one/Cargo.lock", format!("version = 3\n\n{lock}"));

    std::fs::remove_file(home.join("compiled-with")).unwrap();
    write(home, "one/rust-toolchain.toml", "[toolchain]\nchannel = \"1.60.0\"\n");
    write(home, "case.toml", format!("{case}[toolchains.rust]\nignore_pins = true\n"));
    with_cargo(home, &all, exit::OK);
    assert_eq!(compiled_with(), "", "the machine's own compiles it");
}

#[test]
fn flags_and_targets_that_a_source_or_a_case_gives_to_cargo_count() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    write(home, "one/Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    write(home, "one/Cargo.lock", "version = 3\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n");
    write(home, "one/src/main.rs", "fn main() { print!(\"{} {}\", cfg!(aa), cfg!(bb)) }\n");
    let case = |more: &str, contains: &str| {
        let case = format!(
            "schema = 1\n[metadata]\nname = \"mine\"\n[sources.one]\nkind = \"path\"\npath = \"one\"\n[components.one]\ndriver = \"cargo\"\n{more}\n[[components.one.checks]]\nkind = \"run\"\ncommand = [\"{{prefix}}/bin/one\"]\ncontains = \"{contains}\"\n"
        );
        write(home, "case.toml", &case);
        with_cargo(home, &["all", "--offline"], exit::OK);
    };
    write(home, "one/.cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"aa\"]\n");
    case("environment = { CARGO_BUILD_RUSTFLAGS = \"--cfg bb\" }", "true true");
    let arch = std::env::consts::ARCH;
    let config = format!(
        "[build]\ntarget = \"{arch}-unknown-linux-gnu\"\n[target.'cfg(unix)']\nrustflags = [\"--cfg\", \"bb\"]\n"
    );
    write(home, "one/.cargo/config.toml", &config);
    case("", "false true");
}
