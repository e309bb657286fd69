//! The Rust that sources pin (<https://rust-lang.github.io/rustup/overrides.html#the-toolchain-file>).

use camino::{Utf8Path, Utf8PathBuf};
use model::source_facts::PinnedRust;
use serde::Deserialize;

/// Where a file names no channel, rustup takes the one that is set up as its default.
const DEFAULT_CHANNEL: &str = "stable";

#[derive(Deserialize)]
struct File {
    toolchain: Toolchain,
}

#[derive(Deserialize)]
struct Toolchain {
    channel: Option<String>,
    path: Option<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    targets: Vec<String>,
}

/// The Rust that a tree pins, at its top and in the directories below it that have a project of cargo's.
pub(super) fn of(tree: &Utf8Path) -> Vec<PinnedRust> {
    let entries = tree.read_dir_utf8().into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
    let below = below.map(|entry| Utf8PathBuf::from(entry.file_name()));
    let mut directories: Vec<Utf8PathBuf> = below.chain([Utf8PathBuf::new()]).collect();
    directories.sort();
    directories.iter().filter_map(|directory| in_directory(tree, directory)).collect()
}

/// What the file of a directory pins; the older of its two names counts first, as for rustup.
fn in_directory(tree: &Utf8Path, directory: &Utf8Path) -> Option<PinnedRust> {
    let names = ["rust-toolchain", "rust-toolchain.toml"].map(|name| directory.join(name));
    let file = names.into_iter().find(|name| tree.join(name).is_file())?;
    let cargo = tree.join(directory).join("Cargo.toml").is_file();
    let read = std::fs::read_to_string(tree.join(&file)).map_err(|error| error.to_string());
    let pin = read.and_then(|text| parse(&text, file.extension().is_none()));
    let pin = pin.unwrap_or_else(|unclear| PinnedRust { unclear: Some(unclear), ..PinnedRust::default() });
    Some(PinnedRust { file, cargo, ..pin })
}

/// What such a file says; a file of the older name may also be the name of a channel alone.
fn parse(text: &str, older: bool) -> Result<PinnedRust, String> {
    let alone = text.trim();
    if older && !alone.is_empty() && alone.lines().count() == 1 && !alone.contains(['=', '[']) {
        return Ok(PinnedRust { channel: alone.to_owned(), ..PinnedRust::default() });
    }
    let File { toolchain } = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{line}{}", error.message().trim().replace('\n', ", "))
    })?;
    let Toolchain { channel, path, components, targets } = toolchain;
    if let Some(path) = path {
        return Err(format!("it names the directory {path} of a toolchain, which only its author has"));
    }
    let channel = channel.unwrap_or_else(|| DEFAULT_CHANNEL.to_owned());
    if channel.trim().is_empty() {
        return Err("its channel is empty".to_owned());
    }
    Ok(PinnedRust { channel, components, targets, ..PinnedRust::default() })
}

#[cfg(test)]
mod tests {
    use super::super::of_tree;
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn pins_of_rust_are_read_in_both_forms_and_the_nearest_counts() {
        let (_guard, root) = tree(&[
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.75\"\ncomponents = [\"rust-src\"]\n"),
            ("Cargo.toml", "[package]\nname=\"x\"\nversion=\"0.1.0\"\n"),
            ("old/rust-toolchain", "1.70.0\n"),
            ("old/Cargo.toml", "[package]\nname=\"y\"\nversion=\"0.1.0\"\n"),
        ]);
        let facts = of_tree(&root);
        let pin = |directory: &str| facts.pin_for(Some(Utf8Path::new(directory))).unwrap();
        assert_eq!(
            (pin("").channel.as_str(), pin("").components.as_slice()),
            ("1.75", &["rust-src".to_owned()][..])
        );
        assert_eq!((pin("old/deep").channel.as_str(), pin("other").channel.as_str()), ("1.70.0", "1.75"));
        assert!(pin("").is_met_by("1.75.3") && pin("").is_met_by("1.75") && !pin("").is_met_by("1.7"));
        assert!(
            pin("").is_toolchain("1.75.0-x86_64-unknown-linux-gnu") && !pin("").is_toolchain("1.750.0-x")
        );
        let nightly = PinnedRust { channel: "nightly".to_owned(), ..PinnedRust::default() };
        assert!(nightly.is_toolchain("nightly-x86_64-unknown-linux-gnu"));
        assert!(!nightly.is_toolchain("nightly-2024-01-01-x86_64-unknown-linux-gnu"));
        assert!(!nightly.is_met_by("1.97.0"));
    }

    #[test]
    fn what_cannot_be_read_is_told_and_not_taken_for_no_pin() {
        let unclear = |text: &str, older: bool| parse(text, older).unwrap_err();
        let missing = unclear("[toolchain\nchannel = \"1.75\"\n", false);
        assert!(missing.starts_with("line 1: "), "{missing}");
        let typed = unclear("[toolchain]\n\nchannel = 1.75\n", false);
        assert!(
            typed.starts_with("line 3: invalid type: floating point `1.75`, expected a string"),
            "{typed}"
        );
        assert!(unclear("[tool]\nchannel = \"1.75\"\n", false).contains("missing field `toolchain`"));
        assert!(
            unclear("1.75\n", false).starts_with("line 1: "),
            "rustup reads the newer name as TOML alone"
        );
        assert!(unclear("", true).contains("missing field `toolchain`"));
        assert!(unclear("[toolchain]\npath = \"/opt/mine\"\n", false).contains("/opt/mine"));
        assert_eq!(parse("[toolchain]\ncomponents = [\"rust-src\"]\n", false).unwrap().channel, "stable");
        let (_guard, root) = tree(&[("Cargo.toml", "")]);
        std::fs::write(root.join("rust-toolchain.toml"), b"\xff").unwrap();
        assert!(of_tree(&root).rust_pins[0].unclear.is_some());
    }
}
