//! The variables of the scripts, by name, and what each of them means.

use super::projects::{INFINICORE, INFINILM, SERVICE};
use crate::import::is_proxy;

/// What a variable means.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// Whether a component is built.
    Component,
    Revision(&'static str),
    Checkout(&'static str),
    BuildCommand,
    /// A key of the service's `app`, as text.
    Text(&'static str),
    Port(&'static str),
    Babysitters,
    SetupAppRoot,
    /// Nothing of a case, and why.
    Told(&'static str),
    /// The same, where the value is this.
    ToldIf(&'static str, &'static str),
    /// Of a place: the section of `site.toml`.
    Site(&'static str),
    /// Directories with colons between them.
    Directories,
    /// The directories in which programs are looked for.
    Programs,
}

const NOT_COMPILED_AGAIN: &str =
    "unchanged code is not compiled again, and changed code always is: there is no key for it";

/// Variables by name. What is not here and exported is the case's environment.
const VARIABLES: &[(&str, Meaning)] = &[
    ("APP_ROOT", Meaning::Text("root")),
    ("BABYSITTER_CONFIGS", Meaning::Babysitters),
    ("CARGO_HOME", Meaning::Told("installer keeps crates in its own directory (--data-dir)")),
    ("CMAKE_PREFIX_PATH", Meaning::Directories),
    ("CPATH", Meaning::Directories),
    ("CPLUS_INCLUDE_PATH", Meaning::Directories),
    ("CURL_CA_BUNDLE", Meaning::Site("certificates")),
    ("C_INCLUDE_PATH", Meaning::Directories),
    ("DEPLOYMENT_CASE", Meaning::Told("the case has the name of its directory")),
    ("GIT_SSL_CAINFO", Meaning::Site("certificates")),
    ("INFINICORE_BRANCH", Meaning::Revision(INFINICORE)),
    ("INFINICORE_BUILD_CMD", Meaning::BuildCommand),
    ("INFINICORE_BUILD_CPP", Meaning::Told(NOT_COMPILED_AGAIN)),
    ("INFINICORE_BUILD_PYTHON", Meaning::Told(NOT_COMPILED_AGAIN)),
    ("INFINICORE_SRC", Meaning::Checkout(INFINICORE)),
    ("INFINILM_BRANCH", Meaning::Revision(INFINILM)),
    ("INFINILM_RUST_BRANCH", Meaning::Told("the scripts built nothing of InfiniLM-Rust")),
    ("INFINILM_RUST_SRC", Meaning::Told("the scripts built nothing of InfiniLM-Rust")),
    ("INFINILM_SRC", Meaning::Checkout(INFINILM)),
    ("INFINILM_SVC_SRC", Meaning::Checkout(SERVICE)),
    ("INFINI_ROOT", Meaning::Told("installed files are in the prefix (--prefix) and find each other there")),
    ("INSTALL_INFINICORE", Meaning::Component),
    ("INSTALL_INFINILM", Meaning::Component),
    ("INSTALL_PATH", Meaning::Told("programs are installed into `bin` of the prefix: set it with --prefix")),
    ("INSTALL_PHASE", Meaning::Told("the phase is the command: installer deps, build or all")),
    (
        "INSTALL_PYTHON_DEPS",
        Meaning::ToldIf(
            "true",
            "it installed the service's own requirements.txt: write what this deployment needs of it under \
             `python.packages`",
        ),
    ),
    ("INSTALL_XTASK", Meaning::ToldIf("true", "the scripts built nothing of InfiniLM-Rust")),
    ("LAUNCH_COMPONENTS", Meaning::Text("launch")),
    ("LD_LIBRARY_PATH", Meaning::Directories),
    ("LIBRARY_PATH", Meaning::Directories),
    ("PATH", Meaning::Programs),
    ("PIP_CERT", Meaning::Site("certificates")),
    ("PIP_EXTRA_INDEX_URL", Meaning::Site("pip")),
    ("PIP_INDEX_URL", Meaning::Site("pip")),
    ("PIP_TRUSTED_HOST", Meaning::Site("pip")),
    ("PKG_CONFIG_PATH", Meaning::Directories),
    ("PYTHONPATH", Meaning::Directories),
    ("REGISTRY_PORT", Meaning::Port("registry_port")),
    ("REQUESTS_CA_BUNDLE", Meaning::Site("certificates")),
    ("ROUTER_PORT", Meaning::Port("router_port")),
    ("RUSTUP_DIST_SERVER", Meaning::Site("rustup")),
    ("RUSTUP_UPDATE_ROOT", Meaning::Site("rustup")),
    ("SETUP_APP_ROOT", Meaning::SetupAppRoot),
    ("SSL_CERT_FILE", Meaning::Site("certificates")),
    ("VERIFY_INSTALL", Meaning::ToldIf("false", "every build verifies; --verify-level says how far")),
    ("XMAKE_MAIN_REPO", Meaning::Site("xmake")),
    ("XMAKE_ROOT", Meaning::Told("the driver xmake sets it")),
];

/// What a variable means, where the scripts knew it.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    if is_proxy(name) {
        return Some(Meaning::Site("proxies"));
    }
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}
