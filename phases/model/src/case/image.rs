//! What the runtime image of a case is, beside its files.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SystemPackages;

/// How the runtime image starts and what it offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The program that a container starts, with its first arguments.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// Further arguments, which those of `docker run` replace; without an entry point, what is started.
    #[serde(default)]
    pub command: Vec<String>,
    /// The user that it runs as: a name, which is created (as 10001) if the image does not have it, or `uid` or
    /// `uid:gid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The directory where it starts; created if it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub working_directory: Option<Utf8PathBuf>,
    /// Ports that it listens on: `8080`, or `"53/udp"`.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Environment variables of what runs in it; those of the case are only for building.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How an engine checks that it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Packages of the distribution beyond those that the installed files name in their ELF headers: libraries loaded
    /// at run time, certificates, fonts. A list, or a list by package manager.
    #[serde(default)]
    pub packages: SystemPackages,
}

/// A port, by its number or with its protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Port {
    /// A TCP port.
    Number(u16),
    /// `53/udp`.
    Text(String),
}

impl Port {
    /// As Dockerfiles write it; none when it is no port.
    pub fn checked(&self) -> Option<String> {
        let text = match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        };
        let (number, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        let known = ["tcp", "udp", "sctp"].contains(&protocol);
        (known && number.parse::<u16>().is_ok_and(|number| number > 0)).then_some(text)
    }
}

/// How an engine sees that a container works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Run in the container; exit status 0 means that it works.
    pub command: Vec<String>,
    /// Seconds between two of them.
    #[serde(default = "thirty")]
    pub interval_seconds: u32,
    /// Seconds after which one has failed.
    #[serde(default = "thirty")]
    pub timeout_seconds: u32,
    /// Seconds at the start in which failures do not count.
    #[serde(default)]
    pub start_period_seconds: u32,
    /// Failures in a row that make it unhealthy.
    #[serde(default = "three")]
    pub retries: u32,
}

fn thirty() -> u32 {
    30
}

fn three() -> u32 {
    3
}
