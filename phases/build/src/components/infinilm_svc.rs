//! InfiniLM-SVC: three programs built by cargo in `rust/`, and an application root from which its scripts start them.

mod env_set;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanError};
use indexmap::IndexMap;
use model::case::application::Application;
use model::case::{Check, Component, Driver, OptionValue};
use model::plan::{Input, RequiredPath, StagedFile, StagedText, StagedTree};
use model::target::Target;

use super::{Recipe, prints};
use crate::drivers::{Built, Subject};

pub struct InfinilmSvc;

/// The entry point of an image, in the source.
const ENTRY_POINT: &str = "docker/docker_entrypoint_rust.sh";

/// Its names in the application root: its own, and the one that containers were told to start by earlier scripts.
const ENTRY_POINTS: [&str; 2] = ["docker_entrypoint_rust.sh", "docker_entrypoint.sh"];

/// A file, because directories without files are neither recorded nor copied to an image.
const LOGS: &str = "Logs of the services that script/ starts, and the numbers of their processes.\n";

impl Recipe for InfinilmSvc {
    fn name(&self) -> &'static str {
        "infinilm-svc"
    }

    fn driver(&self) -> Driver {
        Driver::Cargo
    }

    fn subdirectory(&self) -> Option<&'static str> {
        Some("rust")
    }

    fn binaries(&self) -> &'static [&'static str] {
        &["infini-registry", "infini-router", "infini-babysitter"]
    }

    fn system(&self, _component: &Component, _target: &Target) -> Vec<&'static str> {
        // TLS is Rust's own (rustls), whose cryptography has parts in C.
        vec!["libc-headers"]
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        IndexMap::new()
    }

    fn has_application(&self) -> bool {
        true
    }

    fn required_paths(
        &self,
        component: &Component,
        source: &Utf8Path,
        known: &Known<'_>,
    ) -> Vec<RequiredPath> {
        let app = application(component);
        if !app.enabled {
            return Vec::new();
        }
        let directory = known.layout.case_dir.join(&app.config);
        let own = ["script", "config", ENTRY_POINT].map(|path| RequiredPath {
            path: source.join(path),
            cure: "give a whole checkout of InfiniLM-SVC, or install the programs alone with `enabled = false` under `app` of the component".to_owned(),
        });
        let babysitters = app.babysitters.iter().map(|file| RequiredPath {
            path: directory.join(file),
            cure: format!(
                "write it, or correct `babysitters` under `app` of the component: they lie in {directory}"
            ),
        });
        own.into_iter().chain(babysitters).collect()
    }

    fn roots(&self, component: &Component, prefix: &Utf8Path, known: &Known<'_>) -> Vec<Utf8PathBuf> {
        let app = application(component);
        let root = root(&app, self.name(), prefix, known);
        if app.enabled && !root.starts_with(prefix) { vec![root] } else { Vec::new() }
    }

    fn amend(&self, built: &mut Built, subject: &Subject<'_>) -> Result<(), PlanError> {
        let app = application(subject.component);
        if !app.enabled {
            return Ok(());
        }
        let root = root(&app, self.name(), &subject.prefix, subject.known);
        let case = &subject.known.case.metadata.name;
        let own = subject.known.layout.case_dir.join(&app.config);
        for name in ENTRY_POINTS {
            built.staged.push(StagedFile {
                from: subject.tree.join(ENTRY_POINT),
                to: root.join(name),
                mode: 0o755,
            });
        }
        built.staged_trees.extend([
            StagedTree { from: subject.tree.join("script"), to: root.join("script"), optional: false },
            StagedTree { from: subject.tree.join("config"), to: root.join("config"), optional: false },
            StagedTree { from: own.clone(), to: root.join("config/cases").join(case), optional: true },
        ]);
        built.staged_texts.extend([
            StagedText { text: LOGS.to_owned(), to: root.join("logs/README"), mode: 0o644 },
            StagedText { text: env_set::text(&app, subject)?, to: root.join("env-set.sh"), mode: 0o644 },
        ]);
        built.stage_inputs.push(Input::MaybeFile { path: own });
        Ok(())
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let named = subject.component.binaries.iter().map(String::as_str);
        let all: Vec<&str> = if named.len() > 0 { named.collect() } else { self.binaries().to_vec() };
        all.iter().map(|name| prints([format!("{{prefix}}/bin/{name}").as_str(), "--help"], name)).collect()
    }

    fn notes_of(&self, subject: &Subject<'_>) -> Vec<String> {
        let app = application(subject.component);
        if app.enabled { env_set::notes(subject) } else { Vec::new() }
    }

    fn weight(&self) -> u32 {
        390
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        900
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        // Link-time optimisation of everything at once.
        1_200
    }
}

fn application(component: &Component) -> Application {
    component.app.clone().unwrap_or_default()
}

/// Where the application lies: `/app` belongs to root.
fn root(app: &Application, component: &str, prefix: &Utf8Path, known: &Known<'_>) -> Utf8PathBuf {
    let usual = || match known.target.root {
        true => Utf8PathBuf::from("/app"),
        false => prefix.join("share").join(component).join("app"),
    };
    app.root.clone().unwrap_or_else(usual)
}
