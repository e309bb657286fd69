//! Says what is left out of a user's source because tools make it again: once, and again when it is something of another name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use camino::Utf8Path;
use engine::files;
use engine::runner::{Context, StepError};
use engine::source_files::{named, size};
use model::Digest;

pub(super) fn tell(source: &Utf8Path, products: &[PathBuf], context: &dyn Context) -> Result<(), StepError> {
    if products.is_empty() {
        return Ok(());
    }
    // Every directory of Python code has one: another place of the same name is no news.
    let names: BTreeSet<&OsStr> = products.iter().filter_map(|path| path.file_name()).collect();
    let mut what = source.as_str().as_bytes().to_vec();
    names.iter().for_each(|name| what.extend([b"\0", name.as_bytes()].concat()));
    let told = Digest::of(what);
    let directory = context.layout().state.join("left-out");
    files::create_dir_all(&directory)?;
    // Copies of one source for several components begin at the same time: the first says it.
    let mark = directory.join(told.short());
    match std::fs::File::create_new(&mark) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(StepError::io("write", &mark, &error)),
    }
    let bytes: u64 = products.iter().map(|path| size(&source.as_std_path().join(path))).sum();
    context.note(&format!(
        "{source}: left out {}, {} MiB that tools make again; `keep = [\"NAME\"]` in the source's section takes one along",
        named(products.iter().map(PathBuf::as_path)),
        bytes.div_ceil(1024 * 1024)
    ));
    Ok(())
}
