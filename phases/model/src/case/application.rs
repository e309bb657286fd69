//! The application root of InfiniLM-SVC: what its scripts find beside the installed programs, and which services they
//! start.

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A directory with the entry point, the scripts and the configuration of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Whether it is installed; otherwise only the programs are.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where. Default: `/app` as root, for other users `share/<component>/app` below the prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub root: Option<Utf8PathBuf>,
    /// Which services the entry point starts: `all`, `none`, or some of `registry`, `router` and `babysitter`, as a list
    /// or with commas between them. `LAUNCH_COMPONENTS` of the container overrides it, like the other variables below.
    #[serde(default)]
    pub launch: Launch,
    /// The port of the registry: `REGISTRY_PORT`.
    #[serde(default = "registry_port")]
    pub registry_port: u16,
    /// The port of the router: `ROUTER_PORT`.
    #[serde(default = "router_port")]
    pub router_port: u16,
    /// Files of `config` that babysitters are started with: `BABYSITTER_CONFIGS`.
    #[serde(default)]
    pub babysitters: Vec<String>,
    /// The directory with the configuration of the deployment, relative to the case. What is in it is installed as
    /// `config/cases/<case>`.
    #[serde(default = "config")]
    #[schemars(with = "String")]
    pub config: Utf8PathBuf,
    /// Further variables for the services, over those of the case.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl Default for Application {
    fn default() -> Self {
        Self {
            enabled: yes(),
            root: None,
            launch: Launch::default(),
            registry_port: registry_port(),
            router_port: router_port(),
            babysitters: Vec::new(),
            config: config(),
            environment: BTreeMap::new(),
        }
    }
}

/// Which services are started, as the case writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Launch {
    /// `all`, `none`, or names with commas between them.
    Text(String),
    /// Names.
    List(Vec<String>),
}

impl Default for Launch {
    fn default() -> Self {
        Self::Text(ALL.to_owned())
    }
}

const ALL: &str = "all";
const NONE: &str = "none";

/// The services that there are.
pub const SERVICES: [&str; 3] = ["registry", "router", "babysitter"];

/// All words that `launch` may have.
pub const LAUNCH_WORDS: [&str; 5] = [ALL, NONE, SERVICES[0], SERVICES[1], SERVICES[2]];

impl Launch {
    fn words(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => text.split(',').map(str::trim).collect(),
            Self::List(names) => names.iter().map(|name| name.trim()).collect(),
        }
    }

    /// The services that are started, each once.
    ///
    /// # Errors
    /// The word that is none of [`LAUNCH_WORDS`], or that stands beside others and may not.
    pub fn services(&self) -> Result<Vec<&'static str>, String> {
        match self.words().as_slice() {
            [ALL] => return Ok(SERVICES.to_vec()),
            [NONE] | [] => return Ok(Vec::new()),
            words => {
                if let Some(wrong) = words.iter().find(|word| !SERVICES.contains(word)) {
                    return Err((*wrong).to_owned());
                }
            }
        }
        let words = self.words();
        Ok(SERVICES.into_iter().filter(|service| words.contains(service)).collect())
    }

    /// As the entry point reads it.
    pub fn variable(&self) -> String {
        match self.services().as_deref() {
            Ok([]) => NONE.to_owned(),
            Ok(all) if all == SERVICES => ALL.to_owned(),
            Ok(some) => some.join(","),
            Err(word) => word.to_owned(),
        }
    }
}

/// Whether this is a path below some directory: relative, and without `..`.
pub fn is_below(path: &Utf8Path) -> bool {
    !path.as_str().is_empty()
        && path.components().all(|part| matches!(part, Utf8Component::Normal(_) | Utf8Component::CurDir))
}

fn yes() -> bool {
    true
}

/// What the services take for granted of one another (`docker_entrypoint_rust.sh` of InfiniLM-SVC).
fn registry_port() -> u16 {
    18000
}

fn router_port() -> u16 {
    8000
}

fn config() -> Utf8PathBuf {
    "config".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_launched_is_all_none_or_some_in_one_order() {
        let text = |text: &str| Launch::Text(text.to_owned());
        assert_eq!(Launch::default().services().unwrap(), SERVICES);
        assert_eq!(text("none").services().unwrap(), [""; 0]);
        assert_eq!(text("router, registry").variable(), "registry,router");
        assert_eq!(text("babysitter,router,registry").variable(), "all");
        assert_eq!(Launch::List(vec!["router".to_owned(), "router".to_owned()]).variable(), "router");
        assert_eq!(Launch::List(Vec::new()).variable(), "none");
        for (wrong, word) in [("all,router", "all"), ("routr", "routr"), ("registry,,router", ""), ("", "")] {
            assert_eq!(text(wrong).services(), Err(word.to_owned()), "{wrong}");
        }
    }
}
