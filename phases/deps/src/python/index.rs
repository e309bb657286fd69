//! A project's page in a package index: the Simple repository API, JSON or HTML
//! (<https://packaging.python.org/en/latest/specifications/simple-repository-api/>).

use engine::runner::{Context, StepError};
use model::Digest;
use serde::Deserialize;

use super::wheel::normalise;
use crate::http::Client;
use crate::http::url::{Url, redact};

/// The public index; `PIP_INDEX_URL` replaces it.
const PUBLIC: &str = "https://pypi.org/simple";

/// What is asked for, best first.
const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// One file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFile {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its hash, where the index tells it.
    pub sha256: Option<Digest>,
    /// Whether it was taken back.
    pub yanked: bool,
}

/// The files that the site's index offers of a project, in the index's order.
///
/// # Errors
/// When the index cannot be reached, does not know the project, or answers something else.
pub fn files(project: &str, client: &Client, context: &dyn Context) -> Result<Vec<IndexFile>, StepError> {
    let index = context.site().network_environment.get("PIP_INDEX_URL").map_or(PUBLIC, String::as_str);
    let url = format!("{}/{}/", index.trim_end_matches('/'), normalise(project));
    let page = client.get_page(&url, ACCEPT, context)?;
    let found = if page.content_type.ends_with("json") {
        from_json(&page.text).map_err(|error| {
            StepError::new(
                format!("what {} answers is no index page: {error}", redact(&url)),
                "check PIP_INDEX_URL: it has to end in /simple or the like",
            )
        })?
    } else {
        from_html(&page.text)
    };
    found
        .into_iter()
        .map(|file| {
            let url = page
                .url
                .join(&file.url)
                .map_err(|error| StepError::new(error, "check the index that PIP_INDEX_URL names"))?;
            Ok(IndexFile { url: without_fragment(url), ..file })
        })
        .collect()
}

fn without_fragment(url: Url) -> String {
    let text = url.to_string();
    text.split('#').next().unwrap_or(&text).to_owned()
}

fn from_json(text: &str) -> Result<Vec<IndexFile>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
        #[serde(default)]
        hashes: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        yanked: serde_json::Value,
    }
    let page: Page = serde_json::from_str(text)?;
    let files = page.files.into_iter().map(|file| IndexFile {
        name: file.filename,
        url: file.url,
        sha256: file.hashes.get("sha256").map(|hash| Digest::new(hash.to_ascii_lowercase())),
        // `false`, `true`, or the reason as text.
        yanked: !matches!(file.yanked, serde_json::Value::Null | serde_json::Value::Bool(false)),
    });
    Ok(files.collect())
}

/// The anchors of an HTML page; the hash stands in the link's fragment.
fn from_html(text: &str) -> Vec<IndexFile> {
    text.split("<a ")
        .skip(1)
        .filter_map(|anchor| {
            let (attributes, rest) = anchor.split_once('>')?;
            let name = rest.split("</a>").next()?.trim();
            let link = attributes.split_once("href=")?.1;
            let quote = link.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let link = link.get(1..)?.split(quote).next()?.replace("&amp;", "&");
            let (url, fragment) =
                link.split_once('#').map_or((link.as_str(), ""), |(url, fragment)| (url, fragment));
            Some(IndexFile {
                name: name.to_owned(),
                url: url.to_owned(),
                sha256: fragment.strip_prefix("sha256=").map(|hash| Digest::new(hash.to_ascii_lowercase())),
                yanked: attributes.contains("data-yanked"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, url: &str, yanked: bool) -> IndexFile {
        IndexFile { name: name.to_owned(), url: url.to_owned(), sha256: Some(Digest::new("ab12")), yanked }
    }

    #[test]
    fn both_forms_of_a_page_tell_the_same() {
        let json = r#"{"meta":{"api-version":"1.0"},"name":"ninja","files":[
            {"filename":"ninja-1.13.0-py3-none-any.whl","url":"../../p/ninja.whl","hashes":{"sha256":"AB12"},"yanked":false},
            {"filename":"ninja-1.12.0.tar.gz","url":"https://x.example/n.tgz","hashes":{"sha256":"ab12"},"yanked":"broken"}]}"#;
        let html = r#"<html><body><h1>Links</h1>
            <a href="../../p/ninja.whl#sha256=ab12" data-requires-python="&gt;=3.7" >ninja-1.13.0-py3-none-any.whl</a><br>
            <a data-yanked="broken" href='https://x.example/n.tgz#sha256=ab12'>ninja-1.12.0.tar.gz</a></body></html>"#;
        let expected = [
            file("ninja-1.13.0-py3-none-any.whl", "../../p/ninja.whl", false),
            file("ninja-1.12.0.tar.gz", "https://x.example/n.tgz", true),
        ];
        assert_eq!(from_json(json).unwrap(), expected);
        assert_eq!(from_html(html), expected);
    }
}
