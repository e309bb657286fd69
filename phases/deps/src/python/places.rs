//! Where packages come from in a step: the routes of the case's indexes and of its directories of wheels.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::plan::FetchWheels;

use super::router::{Router, Routes};
use super::wheel;
use super::{command, pip_environment};
use crate::http::url::redact;
use crate::sources::pypi::normalised;

/// Asks pip what it would take by itself, from its configuration and environment.
const ASK: &str = "from pip._internal.commands import create_command as c; \
    o = c('download').parse_args([])[0]; print(o.index_url); print(' '.join(o.extra_index_urls or [])); \
    print(chr(10).join(o.find_links or []))";

/// Words that tell pip where to look, and what has to live while it runs.
#[derive(Debug, Default)]
pub struct Places {
    /// `--index-url …`, `--find-links …`.
    pub words: Vec<String>,
    /// The environment with which pip is started.
    pub environment: BTreeMap<String, String>,
    _router: Option<Router>,
}

/// Which of the case's own wheels count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnWheels {
    /// They alone, for the projects of which there are any.
    First,
    /// Beside what the indexes offer.
    Among,
    /// They and nothing else: there is no network.
    Only,
}

impl Places {
    /// The places of an action.
    ///
    /// # Errors
    /// When pip cannot say which index it uses, or one of its own making would undo the routes.
    pub fn new(
        action: &FetchWheels,
        pip: &Utf8Path,
        own: OwnWheels,
        context: &dyn Context,
    ) -> Result<Self, StepError> {
        let mut places = Self { environment: pip_environment(context), ..Self::default() };
        // Wheels that are there already need not come again; --find-links adds to the index and does not replace it.
        let mut directories = vec![&action.into];
        directories.extend(&action.also);
        if own != OwnWheels::First {
            directories.extend(&action.find_links);
        }
        for directory in directories {
            places.words.extend(["--find-links".to_owned(), directory.to_string()]);
        }
        if own == OwnWheels::Only {
            places.words.push("--no-index".to_owned());
            return Ok(places);
        }
        let files = if own == OwnWheels::First { own_wheels(&action.find_links)? } else { BTreeMap::new() };
        if action.indexes.is_empty() && files.is_empty() {
            return Ok(places);
        }
        let main = main_index(action, pip, &places.environment, context)?;
        let mut indexes = BTreeMap::new();
        for index in &action.indexes {
            indexes.extend(index.packages.iter().map(|project| (normalised(project), index.url.clone())));
        }
        let router = Router::start(Routes { main, indexes, files })?;
        places.words.extend(["--index-url".to_owned(), router.url()]);
        for name in ["NO_PROXY", "no_proxy"] {
            let said = places.environment.entry(name.to_owned()).or_default();
            let comma = if said.is_empty() { "" } else { "," };
            said.push_str(comma);
            said.push_str("127.0.0.1");
        }
        places._router = Some(router);
        Ok(places)
    }
}

/// The index that pip would use.
fn main_index(
    action: &FetchWheels,
    pip: &Utf8Path,
    environment: &BTreeMap<String, String>,
    context: &dyn Context,
) -> Result<String, StepError> {
    let asked = context.capture(&command(pip, ["-c", ASK], environment.clone()))?;
    let mut lines = asked.stdout.lines();
    let main = lines.next().unwrap_or_default().trim().to_owned();
    if asked.status != 0 || main.is_empty() {
        return Err(StepError::new(
            format!("pip of {pip} does not say which index it uses: {}", asked.tail.join(" ")),
            "leave python.indexes and python.find_links out of the case, or use an interpreter with another \
             pip",
        ));
    }
    let authority = main.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(StepError::new(
            "the address of pip's index contains a user or a password, which pip cannot get for only some \
             packages",
            "put them into ~/.netrc, where pip looks for them",
        ));
    }
    let beside = lines.next().unwrap_or_default().trim();
    if !beside.is_empty() && !action.indexes.is_empty() {
        return Err(StepError::new(
            "pip uses extra indexes for every package (extra-index-url), so the packages of python.indexes \
             would not come only from their own",
            "unset PIP_EXTRA_INDEX_URL and extra-index-url of pip's configuration, and list what comes from them as [[python.indexes]]",
        ));
    }
    let routed: BTreeSet<String> =
        action.indexes.iter().flat_map(|index| &index.packages).map(|name| normalised(name)).collect();
    for place in lines.filter(|_| !routed.is_empty()) {
        let directory = Utf8PathBuf::from(place.strip_prefix("file://").unwrap_or(place));
        // Pages elsewhere cannot be looked into here; wheels of other projects do no harm.
        let offered =
            if directory.is_dir() { own_wheels(&[directory])?.into_keys().collect() } else { Vec::new() };
        let harm = offered.iter().find(|project| routed.contains(*project));
        if place.contains("://") && !place.starts_with("file://") || harm.is_some() {
            let what = harm.map_or("packages", String::as_str);
            return Err(StepError::new(
                format!(
                    "pip also looks for {what} in {} (find-links), so the packages of python.indexes would \
                     not come only from their own",
                    redact(place)
                ),
                "unset PIP_FIND_LINKS and find-links of pip's configuration, and name the directory in python.find_links",
            ));
        }
    }
    Ok(main)
}

/// The wheels of the case's directories, by project.
pub fn own_wheels(directories: &[Utf8PathBuf]) -> Result<BTreeMap<String, Vec<Utf8PathBuf>>, StepError> {
    let mut found: BTreeMap<String, Vec<Utf8PathBuf>> = BTreeMap::new();
    for directory in directories {
        let entries = directory.read_dir_utf8().map_err(|error| {
            StepError::new(
                format!("failed to read the wheels of {directory}: {error}"),
                "correct python.find_links in the case",
            )
        })?;
        for entry in entries {
            let entry = entry.map_err(|error| StepError::io("read", directory, &error))?;
            if let Some((project, _)) = wheel::parse_file_name(entry.file_name()) {
                found.entry(project).or_default().push(entry.path().to_owned());
            }
        }
    }
    found.values_mut().for_each(|files| files.sort());
    Ok(found)
}
