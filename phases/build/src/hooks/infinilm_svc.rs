//! InfiniLM-SVC: an application root beside its programs, from which its scripts start them.

mod env_set;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::{Known, PlanError};
use model::case::application::Application;
use model::case::{Check, Component};
use model::plan::{Input, RequiredPath, StagedFile, StagedText, StagedTree};

use super::checks::prints;
use super::interface::Hooks;
use crate::built::Additions;
use crate::subject::Subject;

pub struct InfinilmSvc;

/// What its share of a prefix is called.
const NAME: &str = "infinilm-svc";

/// The entry point of an image, in the source.
const ENTRY_POINT: &str = "docker/docker_entrypoint_rust.sh";

/// Its names in the application root: its own, and the one that containers were told to start by earlier scripts.
const ENTRY_POINTS: [&str; 2] = ["docker_entrypoint_rust.sh", "docker_entrypoint.sh"];

/// A file, because directories without files are neither recorded nor copied to an image.
const LOGS: &str = "Logs of the services that script/ starts, and their process ids.\n";

impl Hooks for InfinilmSvc {
    fn additions(&self, subject: &Subject<'_>) -> Result<Additions, PlanError> {
        let app = application(&subject.component);
        if !app.enabled {
            return Ok(Additions::default());
        }
        let root = root(&app, NAME, &subject.prefix, subject.known);
        let case = &subject.known.case.metadata.name;
        let own = subject.known.layout.case_dir.join(&app.config);
        let entry =
            |name| StagedFile { from: subject.tree.join(ENTRY_POINT), to: root.join(name), mode: 0o755 };
        Ok(Additions {
            staged: ENTRY_POINTS.map(entry).into(),
            staged_trees: vec![
                StagedTree { from: subject.tree.join("script"), to: root.join("script"), optional: false },
                StagedTree { from: subject.tree.join("config"), to: root.join("config"), optional: false },
                StagedTree { from: own.clone(), to: root.join("config/cases").join(case), optional: true },
            ],
            staged_texts: vec![
                StagedText { text: LOGS.to_owned(), to: root.join("logs/README"), mode: 0o644 },
                StagedText { text: env_set::text(&app, subject)?, to: root.join("env-set.sh"), mode: 0o644 },
            ],
            required: required(&app, &own, subject),
            stage_inputs: vec![Input::MaybeFile { path: own }],
            roots: if root.starts_with(&subject.prefix) { Vec::new() } else { vec![root] },
            ..Additions::default()
        })
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let binaries = subject.component.binaries.iter();
        binaries.map(|name| prints([format!("{{prefix}}/bin/{name}").as_str(), "--help"], name)).collect()
    }

    fn notes(&self, subject: &Subject<'_>) -> Vec<String> {
        let app = application(&subject.component);
        if app.enabled { env_set::notes(subject) } else { Vec::new() }
    }
}

/// What must be there of the source, as far as it can be told before it is unpacked, and of the deployment's own files.
fn required(app: &Application, own: &Utf8Path, subject: &Subject<'_>) -> Vec<RequiredPath> {
    let of_source = subject.users_directory().into_iter().flat_map(|source| {
        ["script", "config", ENTRY_POINT].map(|path| RequiredPath {
            path: source.join(path),
            cure: "give a whole checkout of InfiniLM-SVC, or install only the programs with `enabled = \
                   false` under `app` of the component"
                .to_owned(),
        })
    });
    let babysitters = app.babysitters.iter().map(|file| RequiredPath {
        path: own.join(file),
        cure: format!("write it, or correct `babysitters` under `app` of the component: they are in {own}"),
    });
    of_source.chain(babysitters).filter(|required| required.path.is_absolute()).collect()
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
