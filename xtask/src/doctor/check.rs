//! What is looked at, and how one thing of it is.

use model::case::Case;
use model::layout::Layout;
use model::site::Site;
use model::target::Target;
use serde::Serialize;

use crate::args::Common;
use crate::error::Result;
use crate::site::SiteFiles;
use crate::{invocation, layout, load, site};

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Ok,
    Warning,
    Failure,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub area: &'static str,
    pub state: State,
    pub what: String,
    /// What to do, unless it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Check {
    pub fn new(area: &'static str, state: State, what: impl Into<String>, cure: Option<String>) -> Self {
        Self { area, state, what: what.into(), cure, details: Vec::new() }
    }

    pub fn ok(area: &'static str, what: impl Into<String>) -> Self {
        Self::new(area, State::Ok, what, None)
    }

    pub fn warning(area: &'static str, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(area, State::Warning, what, Some(cure.into()))
    }

    pub fn failure(area: &'static str, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(area, State::Failure, what, Some(cure.into()))
    }
}

/// What is looked at.
pub struct Patient {
    pub files: SiteFiles,
    pub site: Site,
    pub target: Target,
    pub layout: Layout,
    /// How the user named the case, if one is named.
    pub wanted: Option<String>,
    /// That case.
    pub case: Option<Case>,
}

impl Patient {
    pub fn gather(common: &Common) -> Result<Self> {
        let environment = invocation::environment(common);
        let files = site::read(common, &environment)?;
        let target = load::probe(common, &files, &environment);
        let named = common
            .case
            .clone()
            .or_else(|| environment.get("DEPLOYMENT_CASE").filter(|name| !name.is_empty()).cloned());
        let (case, place) = match &named {
            Some(wanted) => {
                let (loaded, place) = load::load_case(common, wanted)?;
                (Some(loaded.case), place)
            }
            None => (None, None),
        };
        let name = case.as_ref().map_or("", |case| case.metadata.name.as_str());
        let layout = layout::resolve(common, name, place.as_ref(), &target, &environment)?;
        let site = site::site(&files, environment, &layout, target.root);
        Ok(Self { files, site, target, layout, wanted: named, case })
    }
}
