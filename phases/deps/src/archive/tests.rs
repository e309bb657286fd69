//! Archives of every kind, and hostile ones.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use camino::Utf8PathBuf;
use engine::runner::StepError;
use engine::source_files::Counting;
use tar::{Builder, EntryType, Header};
use testkit::FakeContext;

use super::{metadata_stamp, pack, read_files, single_directory, unpack};

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(1_700_000_000);
    header
}

/// A well-behaved tree with everything that sources have.
fn plain_tar() -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    tar.append_data(&mut header(EntryType::Directory, 0o775, 0), "x-1.0/", &b""[..]).unwrap();
    tar.append_data(&mut header(EntryType::Regular, 0o775, 4), "x-1.0/run", &b"#!sh"[..]).unwrap();
    tar.append_data(&mut header(EntryType::Regular, 0o4444, 2), "./x-1.0/sub/ro", &b"ro"[..]).unwrap();
    tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), "x-1.0/link", "sub/../run").unwrap();
    tar.append_link(&mut header(EntryType::Link, 0o644, 0), "x-1.0/hard", "x-1.0/sub/ro").unwrap();
    let long = format!("x-1.0/{}/file", "long".repeat(50));
    tar.append_data(&mut header(EntryType::Regular, 0o644, 1), long, &b"l"[..]).unwrap();
    tar.into_inner().unwrap()
}

fn written(context: &FakeContext, bytes: &[u8]) -> Utf8PathBuf {
    let path = context.path("archive");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn check_plain(context: &FakeContext, bytes: &[u8], what: &str) {
    let into = context.path("tree");
    if into.exists() {
        std::fs::remove_dir_all(&into).unwrap();
    }
    unpack(&written(context, bytes), &into, context).unwrap();
    let top = single_directory(&into).unwrap();
    assert_eq!(top, into.join("x-1.0"), "{what}");
    let run = std::fs::metadata(top.join("run")).unwrap();
    assert_eq!(run.mode() & 0o7777, 0o755, "{what}");
    assert_eq!(run.mtime(), 1_700_000_000, "{what}");
    assert_eq!(std::fs::metadata(top.join("sub/ro")).unwrap().permissions().mode() & 0o7777, 0o644, "{what}");
    assert_eq!(std::fs::read_link(top.join("link")).unwrap().to_str(), Some("sub/../run"), "{what}");
    assert_eq!(
        std::fs::metadata(top.join("hard")).unwrap().ino(),
        std::fs::metadata(top.join("sub/ro")).unwrap().ino(),
        "{what}"
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn every_compression_is_told_by_its_first_bytes() {
    let context = FakeContext::new();
    let tar = plain_tar();
    check_plain(&context, &tar, "tar");
    // Members one after the other are one file: pigz, pbzip2 and pzstd write such.
    let (one, other) = tar.split_at(tar.len() / 2);
    check_plain(&context, &[gzip(one), gzip(other)].concat(), "gzip");
    let zstd =
        |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    check_plain(&context, &[&zstd(one)[..], &skippable, &zstd(other)].concat(), "zstd");
    let bzip2 = |bytes: &[u8]| {
        let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    check_plain(&context, &[bzip2(one), bzip2(other)].concat(), "bzip2");
    // Recorded, because the encoder is not compiled in.
    let xz = include_bytes!("sample.tar.xz");
    check_plain(&context, xz, "xz");
}

#[test]
fn zip_files_keep_modes_and_links() {
    use zip::write::SimpleFileOptions;
    let context = FakeContext::new();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .last_modified_time(zip::DateTime::from_date_and_time(2023, 11, 14, 22, 13, 20).unwrap());
    zip.add_directory("x-1.0/", options).unwrap();
    zip.start_file("x-1.0/run", options.unix_permissions(0o755)).unwrap();
    zip.write_all(b"#!sh").unwrap();
    zip.add_symlink("x-1.0/link", "run", options).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let into = context.path("tree");
    unpack(&written(&context, &bytes), &into, &context).unwrap();
    let run = std::fs::metadata(into.join("x-1.0/run")).unwrap();
    assert_eq!((run.mode() & 0o777, run.mtime()), (0o755, 1_700_000_000));
    assert_eq!(std::fs::read_link(into.join("x-1.0/link")).unwrap().to_str(), Some("run"));
}

/// Names that the tar crate itself refuses to write.
fn raw_name(header: &mut Header, name: &[u8]) {
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
}

fn refusal(bytes: &[u8]) -> (FakeContext, String) {
    let context = FakeContext::new();
    let archive = written(&context, bytes);
    match unpack(&archive, &context.path("tree"), &context) {
        Err(StepError::Failed(failure)) => (context, failure.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_written_out_of_the_tree() {
    for name in ["../evil", "x/../../evil", "/evil"] {
        let mut tar = Builder::new(Vec::new());
        let mut head = header(EntryType::Regular, 0o644, 1);
        raw_name(&mut head, name.as_bytes());
        tar.append(&head, &b"x"[..]).unwrap();
        let (context, message) = refusal(&tar.into_inner().unwrap());
        assert!(message.contains("leads out of the tree"), "{name}: {message}");
        assert!(!context.path("evil").exists());
    }

    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("../evil", zip::write::SimpleFileOptions::default()).unwrap();
    let (context, message) = refusal(&zip.finish().unwrap().into_inner());
    assert!(message.contains("leads out of the tree"), "{message}");
    assert!(!context.path("evil").exists());
}

#[test]
fn nothing_is_written_through_a_link() {
    let mut tar = Builder::new(Vec::new());
    tar.append_data(&mut header(EntryType::Directory, 0o755, 0), "real", &b""[..]).unwrap();
    tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), "door", "real").unwrap();
    tar.append_data(&mut header(EntryType::Regular, 0o644, 1), "door/file", &b"x"[..]).unwrap();
    let (context, message) = refusal(&tar.into_inner().unwrap());
    assert!(message.contains("door/file leads through a symbolic link"), "{message}");
    assert!(!context.path("tree/real/file").exists());

    let mut tar = Builder::new(Vec::new());
    tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), "door", "real").unwrap();
    tar.append_link(&mut header(EntryType::Link, 0o644, 0), "hard", "door").unwrap();
    assert!(refusal(&tar.into_inner().unwrap()).1.contains("hard link to or through"));
}

#[test]
fn links_out_of_the_tree_are_left_out_with_a_warning() {
    let context = FakeContext::new();
    let mut tar = Builder::new(Vec::new());
    for (name, target) in
        [("abs", "/etc/passwd"), ("d/up", "../../up"), ("d/fine", "../x"), ("d/back", "../d/../..")]
    {
        tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), name, target).unwrap();
    }
    let into = context.path("tree");
    unpack(&written(&context, &tar.into_inner().unwrap()), &into, &context).unwrap();
    assert!(into.join("d/fine").is_symlink());
    for name in ["abs", "d/up", "d/back"] {
        assert!(!into.join(name).is_symlink(), "{name}");
        assert!(context.record().warnings.iter().any(|warning| warning.contains(name)), "{name}");
    }
}

#[test]
fn devices_pages_and_damage_are_refused() {
    let mut tar = Builder::new(Vec::new());
    tar.append_data(&mut header(EntryType::Char, 0o644, 0), "null", &b""[..]).unwrap();
    assert!(refusal(&tar.into_inner().unwrap()).1.contains("device"));
    assert!(refusal(b"<!DOCTYPE html><html>not here").1.contains("neither a tar archive"));
    assert!(refusal(b"").1.contains("neither a tar archive"));
    let whole = gzip(&plain_tar());
    assert!(refusal(&whole[..whole.len() / 2]).1.contains("damaged"));
}

#[test]
fn a_cancelled_run_stops_unpacking() {
    let context = FakeContext::new();
    let archive = written(&context, &plain_tar());
    context.cancel();
    assert!(matches!(unpack(&archive, &context.path("tree"), &context), Err(StepError::Cancelled)));
}

#[test]
fn files_are_read_without_the_directory_at_the_top() {
    let context = FakeContext::new();
    let archive = written(&context, &gzip(&plain_tar()));
    let found = read_files(&archive, &|path| path.file_name() == Some("run"), &context).unwrap();
    assert_eq!(found, [(Utf8PathBuf::from("run"), b"#!sh".to_vec())]);

    let mut tar = Builder::new(Vec::new());
    tar.append_data(&mut header(EntryType::Regular, 0o644, 1), "a/run", &b"1"[..]).unwrap();
    tar.append_data(&mut header(EntryType::Regular, 0o644, 1), "top", &b"2"[..]).unwrap();
    let archive = written(&context, &tar.into_inner().unwrap());
    let found = read_files(&archive, &|_| true, &context).unwrap();
    assert_eq!(found[0].0, "a/run");
}

#[test]
fn the_same_tree_is_packed_to_the_same_bytes() {
    let context = FakeContext::new();
    let tree = context.path("from");
    std::fs::create_dir_all(tree.join("b/.git")).unwrap();
    std::fs::write(tree.join("b/x"), "1").unwrap();
    std::fs::write(tree.join("a"), "2").unwrap();
    std::fs::set_permissions(tree.join("a"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink("b/x", tree.join("l")).unwrap();
    let packed = |name: &str| {
        let to = context.path(name);
        pack(&tree, &to, 5, Counting::all(), &context).unwrap();
        std::fs::read(to).unwrap()
    };
    let (first, stamp) = (packed("one.tar"), metadata_stamp(&tree, Counting::all(), &context).unwrap());
    std::fs::set_permissions(tree.join("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(packed("two.tar"), first, "neither times nor what only the owner may do counts");
    std::fs::write(tree.join("b/x"), "other").unwrap();
    assert_ne!(packed("three.tar"), first);
    assert_ne!(metadata_stamp(&tree, Counting::all(), &context).unwrap(), stamp);

    std::fs::write(context.path("archive"), &first).unwrap();
    unpack(&context.path("archive"), &context.path("tree"), &context).unwrap();
    assert_eq!(std::fs::read_to_string(context.path("tree/b/x")).unwrap(), "1");
    assert!(!context.path("tree/b/.git").exists());
}
