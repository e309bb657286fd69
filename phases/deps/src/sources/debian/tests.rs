//! A made-up source package, and a recorded `.dsc`.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context as _, Finished, StepError};
use model::Digest;
use model::case::SourceSpec;
use model::plan::{Argument, Command, FetchSource, UnpackSource};
use testkit::FakeContext;

use super::dsc::{Dsc, Format};
use super::upstream_version;
use crate::sources::{fetch, unpack};

/// As bookworm's FFmpeg has it, shortened.
const RECORDED: &str = "-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Format: 3.0 (quilt)
Source: ffmpeg
Binary: ffmpeg, ffmpeg-doc
Version: 7:5.1.6-0+deb12u1
Package-List:
 ffmpeg deb video optional arch=any
Checksums-Sha1:
 8d1dc5f3b7ba0a2d1a2bd0d29e6a5d0bd2aebd6c 10029892 ffmpeg_5.1.6.orig.tar.xz
Checksums-Sha256:
 4F2A1D0B4F2A1D0B4F2A1D0B4F2A1D0B4F2A1D0B4F2A1D0B4F2A1D0B4F2A1D0B 10029892 ffmpeg_5.1.6.orig.tar.xz
 aa00000000000000000000000000000000000000000000000000000000000000 520 ffmpeg_5.1.6.orig.tar.xz.asc
 bb00000000000000000000000000000000000000000000000000000000000000 900 ffmpeg_5.1.6.orig-contrib.tar.gz
 cc00000000000000000000000000000000000000000000000000000000000000 53220 ffmpeg_5.1.6-0+deb12u1.debian.tar.xz
Files:
 d41d8cd98f00b204e9800998ecf8427e 10029892 ffmpeg_5.1.6.orig.tar.xz

-----BEGIN PGP SIGNATURE-----
Version: not a field

iQIzBAEBCgAdFiEE
-----END PGP SIGNATURE-----
";

#[test]
fn a_recorded_dsc_is_read() {
    let dsc = Dsc::parse(RECORDED).unwrap();
    assert_eq!(dsc.version, "7:5.1.6-0+deb12u1");
    assert_eq!(dsc.format, Format::Quilt);
    assert_eq!(dsc.main().unwrap(), "ffmpeg_5.1.6.orig.tar.xz");
    assert_eq!(dsc.components(), [("contrib", "ffmpeg_5.1.6.orig-contrib.tar.gz")]);
    assert_eq!(dsc.packaging().unwrap(), "ffmpeg_5.1.6-0+deb12u1.debian.tar.xz");
    assert!(dsc.files["ffmpeg_5.1.6.orig.tar.xz"].as_str().starts_with("4f2a1d0b"));
    assert_eq!(upstream_version(&dsc.version), "5.1.6");
    assert_eq!(upstream_version("1.0"), "1.0");
    assert!(Dsc::parse(&RECORDED.replace("3.0 (quilt)", "9.0")).unwrap_err().contains("9.0"));
    assert!(Dsc::parse(&RECORDED.replace("ffmpeg_5.1.6.orig.tar.xz\n", "../../x\n")).is_err());
}

fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o664);
        header.set_mtime(1_600_000_000);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Files of a source package `demo`, by name.
fn package() -> Vec<(String, Vec<u8>)> {
    let orig = tar_gz(&[
        ("demo-2.0/main.c", "int main(void) { return 1; }\n"),
        ("demo-2.0/Cargo.toml", "[package]\nname = \"demo\"\nversion = \"2.0.0\"\n"),
        ("demo-2.0/debian/upstream-has-one", ""),
        ("demo-2.0/extra/old", ""),
    ]);
    let extra = tar_gz(&[("extra-1/new", "component\n")]);
    let series = "fix.patch\n# no.patch\nnested/rust.patch\n";
    let fix = "Description: fix\n--- demo.orig/main.c\n+++ demo/main.c\n@@ -1 +1 @@\n-int main(void) { return 1; }\n+int main(void) { return 0; }\n";
    let rust = "--- a/Cargo.toml\n+++ b/Cargo.toml\n@@ -1,3 +1,4 @@\n [package]\n name = \"demo\"\n version = \"2.0.0\"\n+rust-version = \"1.63\"\n";
    let debian = tar_gz(&[
        ("debian/rules", "#!/usr/bin/make -f\n"),
        ("debian/patches/series", series),
        ("debian/patches/fix.patch", fix),
        ("debian/patches/nested/rust.patch", rust),
    ]);
    let mut files = vec![
        ("demo_2.0.orig.tar.gz".to_owned(), orig),
        ("demo_2.0.orig-extra.tar.gz".to_owned(), extra),
        ("demo_2.0-3.debian.tar.gz".to_owned(), debian),
    ];
    let sums: String = files
        .iter()
        .map(|(name, content)| format!(" {} {} {name}\n", Digest::of(content), content.len()))
        .collect();
    let dsc = format!("Format: 3.0 (quilt)\nSource: demo\nVersion: 1:2.0-3\nChecksums-Sha256:\n{sums}");
    files.push(("demo_2.0-3.dsc".to_owned(), dsc.into_bytes()));
    files
}

fn words(command: &Command) -> Vec<&str> {
    command
        .args
        .iter()
        .map(|argument| match argument {
            Argument::Literal(text) => text.as_str(),
            _ => "",
        })
        .collect()
}

/// Answers as apt would that offers this package.
fn apt(context: &FakeContext, files: Vec<(String, Vec<u8>)>) {
    context.on(move |command| {
        let words = words(command);
        if words.contains(&"update") {
            return Some(Ok(Finished::default()));
        }
        let wanted = words.last()?;
        if *wanted != "demo" && *wanted != "demo=1:2.0-3" {
            let tail = vec![format!("E: Unable to find a source package for {wanted}")];
            return Some(Ok(Finished { status: 100, tail, ..Finished::default() }));
        }
        if words.contains(&"--print-uris") {
            let stdout = files
                .iter()
                .map(|(name, content)| {
                    format!(
                        "'http://m.test/{name}' {name} {} SHA256:{}\n",
                        content.len(),
                        Digest::of(content)
                    )
                })
                .collect();
            return Some(Ok(Finished { stdout, ..Finished::default() }));
        }
        for (name, content) in &files {
            std::fs::write(command.directory.join(name), content).unwrap();
        }
        Some(Ok(Finished::default()))
    });
}

fn action(context: &FakeContext, package: &str, version: Option<&str>) -> FetchSource {
    FetchSource {
        source: "demo".into(),
        alternatives: vec![SourceSpec::Debian {
            package: package.to_owned(),
            version: version.map(str::to_owned),
        }],
        into: context.path("artifacts/sources/demo"),
    }
}

fn read(path: Utf8PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn message(error: StepError) -> String {
    match error {
        StepError::Failed(failure) => format!("{}\n{}", failure.message, failure.cures.join("\n")),
        StepError::Cancelled => "cancelled".to_owned(),
    }
}

/// A context whose target is this machine: its own apt sources are read to find the distribution's archive.
fn here() -> FakeContext {
    testkit::need("debian");
    let mut context = FakeContext::new();
    context.target = crate::target::probe(Utf8Path::new("/"), &std::env::vars().collect());
    context
}

mod needs_debian {
    use super::*;

    #[test]
    fn a_source_package_is_fetched_and_unpacked_with_its_patches() {
        let context = here();
        apt(&context, package());
        let action = action(&context, "demo", None);
        fetch(&action, &context).unwrap();
        let locked = &context.locked().sources["demo"];
        assert_eq!((locked.version.as_str(), locked.files.len()), ("1:2.0-3", 4));
        let record = crate::sources::SourceRecord::read(&action.into).unwrap().unwrap();
        assert_eq!(record.facts.version.as_deref(), Some("2.0"));
        assert_eq!(
            record.facts.minimum_rust.as_deref(),
            Some("1.63"),
            "manifests are those after the patches"
        );

        let into = context.path("cache/sources/demo");
        unpack(
            &UnpackSource {
                source: "demo".into(),
                from: action.into.clone(),
                into: into.clone(),
                lfs_pointers: false,
            },
            &context,
        )
        .unwrap();
        assert_eq!(read(into.join("main.c")), "int main(void) { return 0; }\n");
        assert_eq!(read(into.join("extra/new")), "component\n");
        assert!(!into.join("extra/old").exists(), "a component's directory is replaced");
        assert!(into.join("debian/rules").is_file());
        assert!(
            !into.join("debian/upstream-has-one").exists(),
            "the packaging replaces upstream's debian directory"
        );

        // Once it is there and locked nothing is asked any more.
        let before = context.command_lines().len();
        context.set_offline(true);
        fetch(&action, &context).unwrap();
        std::fs::remove_file(action.into.join("source.json")).unwrap();
        fetch(&action, &context).unwrap();
        assert_eq!(context.command_lines().len(), before);
    }

    #[test]
    fn the_private_apt_leaves_the_systems_alone() {
        let context = here();
        apt(&context, package());
        fetch(&action(&context, "demo", Some("1:2.0-3")), &context).unwrap();
        let configuration = read(context.path("cache/apt/apt.conf"));
        for line in configuration.lines().filter(|line| line.starts_with("Dir::")) {
            let value = line.split('"').nth(1).unwrap();
            assert!(
                value.is_empty() || value == "/dev/null" || value.starts_with(context.root().as_str()),
                "{line}"
            );
        }
        for line in context.command_lines() {
            assert!(
                line.starts_with(&format!("apt-get -c {}", context.path("cache/apt/apt.conf"))),
                "{line}"
            );
        }
        // The lists are young: a second package brings no update.
        let updates = |context: &FakeContext| {
            context.command_lines().iter().filter(|line| line.ends_with(" update")).count()
        };
        assert_eq!(updates(&context), 1);
        let error = message(fetch(&action(&context, "demo", Some("9")), &context).unwrap_err());
        assert!(error.contains("no longer offers version 9 of source package demo, but 2.0-3"), "{error}");
        assert_eq!(updates(&context), 2, "lists are brought again before saying that something is not there");
    }

    #[test]
    fn a_file_that_is_not_what_the_dsc_says_is_not_kept() {
        let context = here();
        let mut files = package();
        files[0].1 = tar_gz(&[("demo-2.0/evil", "")]);
        apt(&context, files);
        let error = message(fetch(&action(&context, "demo", None), &context).unwrap_err());
        assert!(error.contains("demo_2.0.orig.tar.gz has SHA-256"), "{error}");
        assert!(context.locked().sources.is_empty());
    }

    #[test]
    fn offline_names_the_package_and_starts_nothing() {
        let context = here();
        context.set_offline(true);
        let error = message(fetch(&action(&context, "demo", None), &context).unwrap_err());
        assert!(error.contains("--offline forbids downloading source package demo"), "{error}");
        assert!(context.command_lines().is_empty());
        let error = message(fetch(&action(&context, "-o=evil", None), &context).unwrap_err());
        assert!(error.contains("is not the name of a source package"), "{error}");
    }
}
