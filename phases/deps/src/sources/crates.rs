//! Kind `crate`: as published, from the registry's sparse index (the cargo book, "Registry Index").

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::Digest;
use serde::Deserialize;

use super::{Fetched, RecordedFile, Request};
use crate::http::Expect;

/// The public registry's sparse index.
const PUBLIC_INDEX: &str = "https://index.crates.io/";

/// Names another sparse index, with or without cargo's `sparse+` before it.
const INDEX_VARIABLE: &str = "INSTALLER_CRATES_INDEX";

#[derive(Deserialize)]
struct Configuration {
    dl: String,
}

/// One line of an index file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Published {
    vers: String,
    cksum: String,
    #[serde(default)]
    yanked: bool,
}

/// Downloads the crate.
pub fn fetch(name: &str, version: &str, request: &Request<'_>) -> Result<Fetched, StepError> {
    let index = index(request.context)?;
    let configuration: Configuration =
        request.client.get_json(&format!("{index}config.json"), request.context)?;
    let lines = request.client.get_text(&format!("{index}{}", index_path(name)), request.context)?;
    let published = find(&lines, version).ok_or_else(|| {
        StepError::new(
            format!(
                "crate {name} has no version {version} (the newest is {})",
                newest(&lines).unwrap_or_default()
            ),
            "correct the version in the case",
        )
    })?;
    if published.yanked {
        request.context.warn(&format!(
            "crate {name} {version} was yanked by its authors: choose another version when you can"
        ));
    }
    let file = format!("{name}-{version}.crate");
    let url = download_url(&configuration.dl, name, version, &published.cksum);
    let expect = Expect { sha256: Some(Digest::from(published.cksum)), size: None };
    let done = request.client.download(&url, &request.into.join(&file), &expect, request.context)?;
    Ok(Fetched {
        version: version.to_owned(),
        upstream: Some(version.to_owned()),
        main: file.clone(),
        files: [(file, RecordedFile { sha256: done.sha256, size: done.size })].into(),
        stamp: None,
        ..Fetched::default()
    })
}

/// The variable, else the mirror of cargo's own configuration, else the public index.
fn index(context: &dyn Context) -> Result<String, StepError> {
    let environment = context.network_environment();
    let index = match environment.get(INDEX_VARIABLE) {
        Some(index) => Some(index.clone()),
        None => configured_mirror(&environment)?,
    };
    let index = index.unwrap_or_else(|| PUBLIC_INDEX.to_owned());
    let index = index.strip_prefix("sparse+").unwrap_or(&index);
    Ok(if index.ends_with('/') { index.to_owned() } else { format!("{index}/") })
}

fn configured_mirror(environment: &BTreeMap<String, String>) -> Result<Option<String>, StepError> {
    let home = environment
        .get("CARGO_HOME")
        .map(Utf8PathBuf::from)
        .or_else(|| environment.get("HOME").map(|home| Utf8Path::new(home).join(".cargo")));
    let Some(home) = home else { return Ok(None) };
    for name in ["config.toml", "config"] {
        if let Some(text) = engine::files::read_if_there(&home.join(name))? {
            return Ok(mirror(&text));
        }
    }
    Ok(None)
}

/// The sparse index that replaces the public one (the cargo book, "Source Replacement").
fn mirror(configuration: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(configuration).ok()?;
    let text = |section: &str, name: &str, key: &str| {
        table.get(section)?.get(name)?.get(key)?.as_str().map(str::to_owned)
    };
    let mut name = "crates-io".to_owned();
    // More replacements in a row than this go in a circle.
    for _ in 0..8 {
        match text("source", &name, "replace-with") {
            Some(next) => name = next,
            None => break,
        }
    }
    let index = text("source", &name, "registry").or_else(|| text("registries", &name, "index"))?;
    index.starts_with("sparse+").then_some(index)
}

/// Where a crate's file lies in the index.
fn index_path(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", name.get(..1).unwrap_or_default()),
        _ => format!("{}/{}/{name}", name.get(..2).unwrap_or_default(), name.get(2..4).unwrap_or_default()),
    }
}

fn find(lines: &str, version: &str) -> Option<Published> {
    // Lines of a newer form are for newer clients.
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Published>(line).ok())
        .find(|one| one.vers == version)
}

fn newest(lines: &str) -> Option<String> {
    let mut all = lines.lines().filter_map(|line| serde_json::from_str::<Published>(line).ok());
    all.rfind(|one| !one.yanked).map(|one| one.vers)
}

fn download_url(template: &str, name: &str, version: &str, checksum: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let prefix = |path: String| path.rsplit_once('/').map_or(String::new(), |(prefix, _)| prefix.to_owned());
    let mut url = template.to_owned();
    let markers = [
        ("{crate}", name.to_owned()),
        ("{version}", version.to_owned()),
        ("{sha256-checksum}", checksum.to_owned()),
        ("{lowerprefix}", prefix(index_path(&lower))),
        ("{prefix}", prefix(index_path(name))),
    ];
    for (marker, value) in &markers {
        url = url.replace(marker, value);
    }
    if url == template { format!("{template}/{name}/{version}/download") } else { url }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_read_as_cargo_reads_it() {
        assert_eq!(index_path("a"), "1/a");
        assert_eq!(index_path("Ab"), "2/ab");
        assert_eq!(index_path("syn"), "3/s/syn");
        assert_eq!(index_path("miniserve"), "mi/ni/miniserve");
        let lines = concat!(
            r#"{"name":"x","vers":"0.1.0","deps":[],"cksum":"aa","features":{},"yanked":true}"#,
            "\n",
            r#"{"name":"x","vers":"0.2.0","deps":[],"cksum":"bb","features":{},"yanked":false,"v":2}"#,
            "\n"
        );
        assert!(find(lines, "0.1.0").unwrap().yanked);
        assert_eq!(find(lines, "0.2.0").unwrap().cksum, "bb");
        assert_eq!(find(lines, "0.3.0"), None);
        assert_eq!(newest(lines).as_deref(), Some("0.2.0"));
    }

    #[test]
    fn a_mirror_of_cargo_is_ours_too() {
        let text = "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\nregistry = \"sparse+https://near.test/i/\"\n";
        assert_eq!(mirror(text).as_deref(), Some("sparse+https://near.test/i/"));
        let by_name =
            "[source.crates-io]\nreplace-with = \"r\"\n[registries.r]\nindex = \"sparse+https://r.test/\"\n";
        assert_eq!(mirror(by_name).as_deref(), Some("sparse+https://r.test/"));
        assert_eq!(mirror("[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"v\"\n"), None);
    }

    #[test]
    fn download_urls_take_markers_or_the_default_form() {
        assert_eq!(
            download_url("https://r.test/api", "x", "1.0.0", "aa"),
            "https://r.test/api/x/1.0.0/download"
        );
        assert_eq!(
            download_url("https://r.test/{prefix}/{crate}-{version}.crate", "serde", "1.0.0", "aa"),
            "https://r.test/se/rd/serde-1.0.0.crate"
        );
    }
}
