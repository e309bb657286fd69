//! Kind `archive`: a file from one of several URLs, known by its hash.

use camino::Utf8Path;
use engine::files;
use engine::runner::StepError;
use model::Digest;

use super::{CONTENT, Fetched, MANIFESTS, RECORD, RecordedFile, Request};
use crate::archive::ENDINGS;
use crate::http::url::Url;
use crate::http::{Downloaded, Expect};

/// Downloads the archive from the first URL that has it.
pub fn fetch(urls: &[String], sha256: &Digest, request: &Request<'_>) -> Result<Fetched, StepError> {
    let name = urls.first().map(|first| file_name(first, request)).unwrap_or_default();
    let done = first_of(urls, sha256, &name, request)?;
    let version = version_in_name(&name).unwrap_or_else(|| sha256.short().to_owned());
    let file = RecordedFile { sha256: done.sha256, size: done.size };
    Ok(Fetched {
        upstream: version_in_name(&name),
        version,
        main: name.clone(),
        files: [(name, file)].into(),
        stamp: None,
        ..Fetched::default()
    })
}

/// Downloads a file from the first URL that has it with this hash.
pub fn first_of(
    urls: &[String],
    sha256: &Digest,
    name: &str,
    request: &Request<'_>,
) -> Result<Downloaded, StepError> {
    if urls.is_empty() {
        return Err(StepError::new("the source has no URL", "give it one in `urls`"));
    }
    let dest = request.into.join(name);
    let expect = Expect { sha256: Some(sha256.clone()), size: None };
    let mut reasons = Vec::new();
    let mut last = None;
    let mirrors = &request.context.site().archive_mirrors;
    for url in urls {
        let mirrored = model::site::mirrored(url, mirrors);
        let url = mirrored.as_ref().unwrap_or(url);
        let done = match url.strip_prefix("file://") {
            Some(path) => copy(Utf8Path::new(path), &dest, sha256),
            None => request.client.download(url, &dest, &expect, request.context),
        };
        match done {
            Ok(done) => return Ok(done),
            Err(StepError::Cancelled) => return Err(StepError::Cancelled),
            Err(StepError::Failed(failure)) => {
                reasons.push(failure.message.clone());
                last = Some(failure);
            }
        }
    }
    let mut failure = last.unwrap_or_default();
    failure.message = reasons.join("; ");
    Err(StepError::Failed(failure))
}

/// A file of this machine, where it is the one that is meant.
fn copy(from: &Utf8Path, dest: &Utf8Path, sha256: &Digest) -> Result<Downloaded, StepError> {
    let (found, size) = files::sha256_file(from).map_err(|error| StepError::io("read", from, &error))?;
    if found != *sha256 {
        return Err(StepError::new(
            format!("{from} has SHA-256 {found} instead of {sha256}"),
            "put the right file there, or correct the hash in the case",
        ));
    }
    let part = files::file_beside(dest, ".part");
    std::fs::copy(from, &part).map_err(|error| StepError::io("copy", from, &error))?;
    files::rename(&part, dest)?;
    Ok(Downloaded { sha256: found, size, transferred: 0 })
}

/// The name under which it is kept: that in the URL, where that is a plain one.
fn file_name(url: &str, request: &Request<'_>) -> String {
    let name = Url::parse(url).map(|url| url.file_name().to_owned()).unwrap_or_default();
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && ![RECORD, CONTENT, MANIFESTS].contains(&name.as_str())
        && !name.ends_with(".part")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._~".contains(c));
    if plain { name } else { format!("{}.archive", request.source) }
}

/// `ffmpeg-7.1.tar.xz` → `7.1`, `v1.2.3.zip` → `1.2.3`; none when the name has no version.
pub fn version_in_name(name: &str) -> Option<String> {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let start = stem
        .char_indices()
        .find(|(at, c)| {
            let before = stem.get(..*at).and_then(|before| before.chars().last());
            let begins = before.is_none_or(|before| matches!(before, '-' | '_' | 'v' | 'n'));
            c.is_ascii_digit() && begins
        })
        .map(|(at, _)| at)?;
    let version = stem.get(start..)?;
    version.contains('.').then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::version_in_name;

    #[test]
    fn versions_are_read_off_file_names() {
        for (name, version) in [
            ("ffmpeg-7.1.tar.xz", Some("7.1")),
            ("v1.2.3.zip", Some("1.2.3")),
            ("n6.1.tar.gz", Some("6.1")),
            ("x264-master.tar.bz2", None),
            ("opencv_4.6.0+dfsg.orig.tar.xz", Some("4.6.0+dfsg")),
            ("libfoo2-1.0-rc1.tgz", Some("1.0-rc1")),
            ("0123abc.tar.gz", None),
        ] {
            assert_eq!(version_in_name(name).as_deref(), version, "{name}");
        }
    }
}
