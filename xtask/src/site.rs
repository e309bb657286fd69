//! Which site files there are, and what they say.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use exec::Redactor;
use model::exit;
use model::layout::Layout;
use model::site::{LoadedSite, Site, SiteText};

use crate::args::Common;
use crate::error::{Error, Result};
use crate::layout::absolute;
use crate::texts::{self, NotRead};

/// What every user of the machine gets.
const SYSTEM: &str = "/etc/installer/site.toml";

/// The site files of a run.
#[derive(Debug, Default)]
pub struct SiteFiles {
    /// Where they are looked for, and whether they are there, in the order in which they are merged.
    pub places: Vec<(Utf8PathBuf, bool)>,
    /// What they say together.
    pub loaded: LoadedSite,
}

/// Reads them: the system's, the user's, and the one that is named.
pub fn read(common: &Common, environment: &BTreeMap<String, String>) -> Result<SiteFiles> {
    let configuration = environment
        .get("XDG_CONFIG_HOME")
        .filter(|value| value.starts_with('/'))
        .map(Utf8PathBuf::from)
        .or_else(|| {
            environment
                .get("HOME")
                .filter(|home| !home.is_empty())
                .map(|home| Utf8Path::new(home).join(".config"))
        });
    let mut files = SiteFiles::default();
    let mut texts = Vec::new();
    let usual = std::iter::once(Utf8PathBuf::from(SYSTEM))
        .chain(configuration.map(|at| at.join("installer/site.toml")));
    for (path, named) in
        usual.map(|path| (path, false)).chain(common.site.iter().map(|path| (path.clone(), true)))
    {
        match texts::read(&path) {
            Ok(text) => {
                let directory = absolute(&path)?.parent().map_or_else(|| "/".into(), Utf8Path::to_owned);
                texts.push(SiteText { name: path.to_string(), text, directory });
                files.places.push((path, true));
            }
            Err(NotRead::Io(error))
                if !named && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                files.places.push((path, false));
            }
            Err(NotRead::Text(why)) => {
                let message = format!("failed to read the site file {path}: it {why}");
                return Err(Error::new(exit::BAD_CASE, message).with_help(why.help()));
            }
            Err(error) if named => {
                return Err(Error::usage(format!("failed to read --site {path}: {error}"))
                    .with_help("name a TOML file with the keys of docs/reference/site.md"));
            }
            Err(error) => {
                return Err(Error::new(
                    exit::BAD_CASE,
                    format!("failed to read the site file {path}: {error}"),
                )
                .with_help(
                    "make it readable for everyone who runs installer here (chgrp, chmod g+r), or remove it",
                ));
            }
        }
    }
    // The line that is shown may hold a password.
    files.loaded = model::site::load(&texts).map_err(|mut wrong| {
        for diagnostic in &mut wrong.0 {
            diagnostic.message = redacted(&diagnostic.message, &Redactor::default());
            if let Some(place) = &mut diagnostic.place {
                place.text = redacted(&place.text, &Redactor::default());
            }
        }
        Error::of_case(exit::BAD_CASE, wrong)
    })?;
    Ok(files)
}

/// What the files say, with the environment of this process over them.
pub fn site(files: &SiteFiles, environment: BTreeMap<String, String>, layout: &Layout, root: bool) -> Site {
    let system = deps::http::authorities::system_bundle();
    let bundle = layout.cache.join("site/authorities.pem");
    Site::new(&files.loaded.file, environment, &bundle, system.as_deref(), root)
}

/// Brings to the disk what children are told of.
pub fn write_out(site: &Site) -> Result<()> {
    let Some(authorities) = &site.authorities else { return Ok(()) };
    deps::http::authorities::write(authorities).map_err(|why| {
        let message = format!("failed to use the certificate authorities of the site: {why}");
        let help =
            "correct certificates.authorities in the site file; `installer doctor` shows in which file it is";
        Error::new(exit::PREFLIGHT, message).with_help(help)
    })
}

/// Text without secrets.
pub fn redacted(text: &str, redactor: &Redactor) -> String {
    text.lines().map(|line| redactor.redact(line).into_owned()).collect::<Vec<_>>().join("\n")
}
