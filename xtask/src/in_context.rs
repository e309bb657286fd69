//! How a case is called from inside an image build, whose context is the directory that the Dockerfile is rendered in.

use camino::{Utf8Path, Utf8PathBuf};
use image::dockerfile::Called;
use model::case::Loaded;
use model::layout::plain;

use crate::cases;
use crate::error::{Error, Result};

/// Directories of the context that the first phase always sees.
const SEEN: [&str; 2] = ["cases", "recipes"];

/// What a rendered Dockerfile has to say of a case so that the build finds it.
///
/// # Errors
/// When it does not lie in the context.
pub fn called(wanted: &str, loaded: &Loaded) -> Result<Called> {
    let found = cases::find(wanted)?;
    let Some(place) = found.place else { return Ok(Called { case: wanted.to_owned(), ..Called::default() }) };
    let context = camino::absolute_utf8(".")
        .map(|context| plain(&context))
        .map_err(|error| Error::internal(format!("failed to find the current directory: {error}")))?;
    let file = inside(&context, &place.file).ok_or_else(|| {
        Error::usage(format!(
            "the case {wanted} lies in {}, outside of the build context, which is the current directory",
            place.directory
        ))
        .with_help(
            "run this in the project's directory with the case below it: `cases` is looked into by name",
        )
    })?;
    // By its name it is found there below `cases` alone.
    let by_name = !Utf8Path::new(wanted).exists() && file.starts_with("cases");
    let case = if by_name { wanted.to_owned() } else { file.to_string() };
    let artifacts = found.file.artifacts.and_then(|artifacts| inside(&context, &artifacts.directory));
    let directory = file.parent().map(Utf8Path::to_owned).unwrap_or_default();
    let mut called = Called { case, ..Called::default() };
    for needed in std::iter::once(directory).chain(artifacts) {
        see(&mut called, needed);
    }
    // What it extends may lie elsewhere.
    for origin in &loaded.origins {
        let extended = origin.from.rsplit_once(':').map_or("", |(file, _)| file);
        if let Some(file) = camino::absolute_utf8(extended).ok().filter(|file| file.is_file()) {
            if let Some(above) = inside(&context, &file).as_deref().and_then(Utf8Path::parent) {
                see(&mut called, above.to_owned());
            }
        }
    }
    Ok(called)
}

fn see(called: &mut Called, directory: Utf8PathBuf) {
    if directory.as_str().is_empty() {
        called.sees_all = true;
    }
    let seen = SEEN.iter().any(|seen| directory.starts_with(seen))
        || called.sees.iter().any(|seen| directory.starts_with(seen));
    if !seen && !called.sees_all {
        called.sees.push(directory);
    }
}

/// A path relative to the context; none outside of it.
fn inside(context: &Utf8Path, path: &Utf8Path) -> Option<Utf8PathBuf> {
    plain(path).strip_prefix(context).ok().map(Utf8Path::to_owned)
}
