//! Kind `pypi`: the source distribution's file, as the index offers it. pip is not asked: it would run the project's
//! own build system for its metadata.

use std::collections::BTreeMap;

use engine::runner::{Context, StepError};
use model::Digest;
use model::event::Failure;
use serde::Deserialize;

use super::{Fetched, RecordedFile, Request};
use crate::http::url::{Url, redact};
use crate::http::{Client, Expect, Page};

/// The public index.
const PUBLIC_INDEX: &str = "https://pypi.org/simple";

/// JSON first (PEP 691), HTML where the index knows nothing else (PEP 503).
const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// Endings of source distributions, as they are preferred.
const ENDINGS: &[&str] = &[".tar.gz", ".tar.xz", ".tar.bz2", ".zip", ".tgz"];

/// A file that an index offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// `numpy-2.1.3.tar.gz`.
    pub name: String,
    /// Where it is; absolute.
    pub url: String,
    /// SHA-256, where the index says it.
    pub sha256: Option<Digest>,
    /// Whether its authors took it back.
    pub yanked: bool,
}

/// Downloads the source distribution from the first index that has it.
pub(super) fn fetch(name: &str, version: &str, request: &Request<'_>) -> Result<Fetched, StepError> {
    let missing = format!("source distribution of {name} {version}");
    let file = find(name, &missing, request.client, request.context, |offered| {
        choose(offered, name, version).cloned()
    })?;
    if file.yanked {
        request
            .context
            .warn(&format!("{} was yanked by its authors: choose another version when you can", file.name));
    }
    download(&file, version, request)
}

/// What `pick` takes of the files of a project, from the first of the site's indexes that has it; `missing` says what
/// it is, for the error.
///
/// # Errors
/// When no index has it, each with its reason; when the run is offline or being cancelled.
pub(crate) fn find(
    project: &str,
    missing: &str,
    client: &Client,
    context: &dyn Context,
    pick: impl Fn(&[Offered]) -> Option<Offered>,
) -> Result<Offered, StepError> {
    let mut reasons = Vec::new();
    for index in indexes(&context.network_environment()) {
        let url = format!("{}/{}/", index.trim_end_matches('/'), normalised(project));
        let page = match client.get_page(&url, ACCEPT, context) {
            Ok(page) => page,
            Err(StepError::Failed(failure)) => {
                reasons.push(failure);
                continue;
            }
            Err(StepError::Cancelled) => return Err(StepError::Cancelled),
        };
        if let Some(file) = pick(&offers(&page)?) {
            return Ok(file);
        }
        let mut failure =
            Failure { message: format!("{} has no {missing}", redact(&url)), ..Failure::default() };
        failure.cures.push("correct the version in the case, or use another kind of source".to_owned());
        reasons.push(failure);
    }
    let mut failure = reasons.first().cloned().unwrap_or_default();
    failure.message = reasons.into_iter().map(|one| one.message).collect::<Vec<_>>().join("; ");
    Err(StepError::Failed(failure))
}

fn download(file: &Offered, version: &str, request: &Request<'_>) -> Result<Fetched, StepError> {
    let locked = request.locked.and_then(|locked| locked.files.get(&file.name)).cloned();
    // The lock's own hash goes first: an index that offers another file is found out before it is taken.
    let sha256 = locked.or_else(|| file.sha256.clone());
    if sha256.is_none() {
        request.context.warn(&format!(
            "the index has no SHA-256 for {}: this download is trusted, and pinned in the lock",
            file.name
        ));
    }
    let expect = Expect { sha256, size: None };
    let done =
        request.client.download(&file.url, &request.into.join(&file.name), &expect, request.context)?;
    Ok(Fetched {
        version: version.to_owned(),
        upstream: Some(version.to_owned()),
        main: file.name.clone(),
        files: [(file.name.clone(), RecordedFile { sha256: done.sha256, size: done.size })].into(),
        stamp: None,
        ..Fetched::default()
    })
}

/// The index of the site and those beside it, in pip's variables.
pub(crate) fn indexes(environment: &BTreeMap<String, String>) -> Vec<String> {
    let own = environment.get("PIP_INDEX_URL").map_or(PUBLIC_INDEX, String::as_str);
    let extra = environment.get("PIP_EXTRA_INDEX_URL").map_or("", String::as_str);
    std::iter::once(own).chain(extra.split_whitespace()).map(str::to_owned).collect()
}

/// PEP 503: runs of `-`, `_` and `.` are one `-`, letters are lower case.
pub fn normalised(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.extend(c.to_lowercase());
        }
    }
    normal
}

/// The files on a project's page.
///
/// # Errors
/// When a page that says that it is JSON is not.
fn offers(page: &Page) -> Result<Vec<Offered>, StepError> {
    if page.content_type.ends_with("json") { from_json(page) } else { Ok(from_html(page)) }
}

fn from_json(page: &Page) -> Result<Vec<Offered>, StepError> {
    #[derive(Deserialize)]
    struct Project {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
        #[serde(default)]
        yanked: Yanked,
    }
    // Either a switch or the reason.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Yanked {
        Switch(bool),
        Reason(String),
    }
    impl Default for Yanked {
        fn default() -> Self {
            Self::Switch(false)
        }
    }
    let project: Project = serde_json::from_str(&page.text).map_err(|error| {
        StepError::new(
            format!(
                "{} answers something other than the JSON of PEP 691: {error}",
                redact(&page.url.to_string())
            ),
            "check PIP_INDEX_URL",
        )
    })?;
    let files = project.files.into_iter().filter_map(|file| {
        Some(Offered {
            url: page.url.join(&file.url).ok()?.to_string(),
            sha256: file.hashes.get("sha256").map(|sha256| Digest::from(sha256.to_ascii_lowercase())),
            yanked: match &file.yanked {
                Yanked::Switch(yanked) => *yanked,
                Yanked::Reason(reason) => !reason.is_empty(),
            },
            name: file.filename,
        })
    });
    Ok(files.collect())
}

/// The anchors of a page. Indexes write them plainly, one file each; the text of an anchor is the file's name.
fn from_html(page: &Page) -> Vec<Offered> {
    let mut found = Vec::new();
    let mut base: Url = page.url.clone();
    let mut rest = page.text.as_str();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find('>') else { break };
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let name = tag.split(char::is_whitespace).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("base") {
            if let Some(url) = attribute(tag, "href").and_then(|href| base.join(&href).ok()) {
                base = url;
            }
        }
        if !name.eq_ignore_ascii_case("a") {
            continue;
        }
        let Some(href) = attribute(tag, "href") else { continue };
        let Ok(url) = base.join(&href) else { continue };
        let text = unescaped(after.split('<').next().unwrap_or_default().trim());
        let sha256 = href
            .split_once('#')
            .and_then(|(_, fragment)| fragment.split('&').find_map(|part| part.strip_prefix("sha256=")));
        found.push(Offered {
            name: if text.is_empty() { url.file_name().to_owned() } else { text },
            url: url.to_string(),
            sha256: sha256.map(|sha256| Digest::from(sha256.to_ascii_lowercase())),
            yanked: attribute(tag, "data-yanked").is_some(),
        });
    }
    found
}

/// The value of an attribute, quoted or not; empty for one without a value.
fn attribute(tag: &str, wanted: &str) -> Option<String> {
    let mut rest = tag.split_once(char::is_whitespace)?.1;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(value) => match value.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let value = &value[1..];
                    let end = value.find(quote).unwrap_or(value.len());
                    (&value[..end], value.get(end + 1..).unwrap_or_default())
                }
                _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
            },
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(unescaped(value));
        }
        // A stray `=` would otherwise be looked at for ever.
        rest = if after.len() == rest.len() { after.get(1..).unwrap_or_default() } else { after };
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The source distribution of this version, best ending first.
fn choose<'a>(offered: &'a [Offered], name: &str, version: &str) -> Option<&'a Offered> {
    ENDINGS.iter().find_map(|ending| {
        offered.iter().find(|file| {
            let Some(stem) = file.name.strip_suffix(ending) else { return false };
            let stems = stem.rsplit_once('-');
            stems.is_some_and(|(project, of)| {
                normalised(project) == normalised(name) && same_version(of, version)
            })
        })
    })
}

/// PEP 440 as far as file names go: letter case, `v` before and `.0` at the end do not count.
fn same_version(one: &str, other: &str) -> bool {
    let plain = |version: &str| {
        let lower = version.to_ascii_lowercase();
        let mut version = lower.strip_prefix('v').unwrap_or(&lower);
        while let Some(shorter) = version.strip_suffix(".0") {
            version = shorter;
        }
        version.replace(['_', '-'], ".")
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, content_type: &str) -> Page {
        Page {
            text: text.to_owned(),
            content_type: content_type.to_owned(),
            url: Url::parse("https://u:p@index.test/simple/opencv-python-headless/").unwrap(),
        }
    }

    #[test]
    fn json_pages_are_read() {
        let text = r#"{"meta":{"api-version":"1.1"},"name":"opencv-python-headless","files":[
            {"filename":"opencv_python_headless-4.10.0.84-cp37-abi3-manylinux_2_17_x86_64.whl","url":"w","hashes":{"sha256":"AB"},"yanked":false},
            {"filename":"opencv-python-headless-4.10.0.84.tar.gz","url":"../../p/o.tar.gz","hashes":{"sha256":"CD"},"yanked":"broken"}]}"#;
        let offered = offers(&page(text, "application/vnd.pypi.simple.v1+json")).unwrap();
        let file = choose(&offered, "opencv_python.headless", "4.10.0.84").unwrap();
        assert_eq!(file.url, "https://u:p@index.test/p/o.tar.gz");
        assert_eq!(file.sha256, Some(Digest::from("cd")));
        assert!(file.yanked);
        assert_eq!(choose(&offered, "opencv-python-headless", "4.10"), None);
    }

    #[test]
    fn html_pages_are_read() {
        let text = r#"<!DOCTYPE html><html><body><h1>Links</h1>
            <a href="/f/x-1.0.tar.gz#sha256=Aa&amp;egg=x" data-requires-python="&gt;=3.8" >x-1.0.tar.gz</a><br/>
            <A data-yanked href='https://files.test/x-1.1.zip'>x-1.1.zip</A>
            <a rel=nofollow href=x-2.0.tar.gz>x-2.0.tar.gz</a></body>"#;
        let offered = offers(&page(text, "text/html")).unwrap();
        assert_eq!(offered.len(), 3);
        assert_eq!(offered[0].sha256, Some(Digest::from("aa")));
        assert_eq!(offered[0].url, "https://u:p@index.test/f/x-1.0.tar.gz");
        assert_eq!(offered[1].url, "https://files.test/x-1.1.zip");
        assert!(offered[1].yanked && !offered[0].yanked);
        assert_eq!(offered[2].url, "https://u:p@index.test/simple/opencv-python-headless/x-2.0.tar.gz");
        assert_eq!(choose(&offered, "X", "1.1").unwrap().name, "x-1.1.zip");
        assert_eq!(choose(&offered, "X", "v2").unwrap().name, "x-2.0.tar.gz");
    }

    #[test]
    fn broken_tags_end() {
        for text in ["<a = = href", "<a href=>", "<a =x href='>", "<", "<a href=\"x"] {
            let _ = offers(&page(text, "text/html")).unwrap();
        }
        assert_eq!(attribute("a =x href=y", "href").as_deref(), Some("y"));
    }
}
