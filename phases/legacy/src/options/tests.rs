//! Old command lines in, those of today out. The guides' commands stand here one by one.

use std::collections::BTreeMap;

use model::case::SourceSpec;

use super::given;
use super::head::Head;
use super::refused::{Refused, Result};
use super::table::{Meaning, OPTIONS, Script};
use super::translate::{CaseFacts, Translated, World, case_name, translate};
use super::unknown::refuse_unknown;

/// A place to call a script from.
#[derive(Clone, Default)]
struct Scene {
    container: bool,
    /// Whether the script lies in a checkout of the service.
    project: bool,
    environment: BTreeMap<String, String>,
}

impl Scene {
    fn container() -> Self {
        Self { container: true, project: true, ..Self::default() }
    }

    fn host() -> Self {
        Self { project: true, ..Self::default() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn translated(&self, script: Script, line: &str) -> Result<Translated> {
        let words: Vec<String> = split(line);
        let given = given::read(script, &words, &self.environment)?;
        let beside = if self.project {
            BTreeMap::from([("infinilm-svc", "/app".to_owned())])
        } else {
            BTreeMap::new()
        };
        let world = World {
            container: self.container,
            beside,
            is_directory: &|path| !path.contains("missing"),
            head: &|checkout, reference| match (checkout, reference) {
                (_, "main") => Head::There,
                ("/no-history", _) => Head::Unknown,
                _ => Head::Elsewhere("2cec6ce6b27a".to_owned()),
            },
        };
        let translated = case_name(script, &given, self.container)
            .and_then(|case| facts(&case).map(|facts| (case, facts)))
            .and_then(|(case, facts)| translate(script, &given, &world, case, facts));
        refuse_unknown(&given, translated.as_ref().ok())?;
        translated
    }

    /// What is printed: commands, then notes; or the error.
    fn says(&self, script: Script, line: &str) -> String {
        match self.translated(script, line) {
            Ok(Translated { commands, notes }) => {
                let lines = commands.iter().map(|words| super::line(words));
                let notes = notes.iter().map(|note| format!("note: {note}"));
                lines.chain(notes).collect::<Vec<_>>().join("\n")
            }
            Err(Refused { message, help }) => {
                let help = help.map_or_else(String::new, |help| format!("\n  help: {help}"));
                format!("error 2: {message}{help}")
            }
        }
    }
}

/// Words with single quotes around those with blanks.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn mounted(revision: Option<&str>) -> Vec<SourceSpec> {
    vec![SourceSpec::Mounted {
        description: "a checkout".to_owned(),
        revision: revision.map(str::to_owned),
        writable: false,
        keep: Vec::new(),
        lfs: Default::default(),
    }]
}

fn facts(name: &str) -> Result<CaseFacts> {
    let git = |name: &str| {
        vec![SourceSpec::Git {
            url: format!("https://example.com/{name}.git"),
            revision: "main".to_owned(),
            submodules: true,
            lfs: Default::default(),
        }]
    };
    let all = |core: Vec<SourceSpec>, lm: Vec<SourceSpec>| CaseFacts {
        components: ["infinicore", "infinilm", "infinilm-svc"].map(str::to_owned).to_vec(),
        sources: BTreeMap::from([
            ("infinicore".to_owned(), core),
            ("infinilm".to_owned(), lm),
            ("infinilm-svc".to_owned(), mounted(None)),
        ]),
    };
    match name {
        "infinilm-cpu" | "my-case" => {
            Ok(all(mounted(Some("2cec6ce6b27a789bf47818b370defa47a271dcc4")), mounted(None)))
        }
        "of-git" => Ok(all(git("core"), git("lm"))),
        "infinilm-svc" => Ok(CaseFacts {
            components: vec!["infinilm-svc".to_owned()],
            sources: BTreeMap::from([("infinilm-svc".to_owned(), mounted(None))]),
        }),
        _ => Err(Refused { message: format!("there is no case `{name}`"), help: None }),
    }
}

use Script::{Install, InstallBuild, InstallDeps};

/// Calls with what they come to, for a snapshot.
fn shown(calls: &[(&Scene, Script, &str)]) -> String {
    let one = |(place, script, line): &(&Scene, Script, &str)| {
        format!("$ {}.sh {line}\n{}\n", script.word(), place.says(*script, line))
    };
    calls.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_commands_of_the_phased_build_guide() {
    let (host, inside) = (Scene::host(), Scene::container());
    insta::assert_snapshot!(shown(&[
        // Phase 1 and phase 2 by hand.
        (&host, InstallDeps, ""),
        (&host, InstallDeps, "--deployment-case my-case"),
        (&host, InstallDeps, "--skip-rust-install --deployment-case my-case"),
        (
            &host,
            InstallBuild,
            "--deployment-case my-case --infinicore-src /workspace/InfiniCore --infinilm-src /workspace/InfiniLM"
        ),
        (&host, InstallBuild, "--infinicore-src /path/to/InfiniCore"),
        (&host, InstallBuild, "--skip-build --install-path /usr/local/bin --deployment-case my-case"),
        (
            &host,
            InstallBuild,
            "--build-only --install-infinicore auto --install-infinilm true --deployment-case my-case"
        ),
        // With --phase.
        (&host, Install, "--phase=deps"),
        (
            &host,
            Install,
            "--phase=build --infinicore-src /workspace/InfiniCore --infinilm-src /workspace/InfiniLM"
        ),
        (&host, Install, "--phase=all"),
        // In RUN lines.
        (&inside, Install, "--phase=deps"),
        (
            &inside,
            Install,
            "--phase=build --infinicore-src /workspace/InfiniCore --infinilm-src /workspace/InfiniLM"
        ),
    ]));
}

#[test]
fn the_run_lines_of_dockerfiles() {
    let inside = Scene::container();
    // What `${NAME:+--option ${NAME}}` comes to, and what ARG puts into the environment beside it.
    let arguments = inside
        .clone()
        .with("DEPLOYMENT_CASE", "my-case")
        .with("INFINICORE_SRC", "/workspace/InfiniCore")
        .with("INFINILM_SRC", "")
        .with("INFINICORE_BRANCH", "main");
    insta::assert_snapshot!(shown(&[
        (&inside, InstallDeps, ""),
        (&arguments, InstallDeps, "--deployment-case my-case"),
        (
            &arguments,
            InstallBuild,
            "--install-path /usr/local/bin --deployment-case my-case --infinicore-src /workspace/InfiniCore --infinicore-branch main"
        ),
        (&inside, Install, "--install-path /usr/local/bin"),
        (
            &inside,
            Install,
            "--install-path /usr/local/bin --deployment-case my-case --install-infinicore true --install-infinilm true --infinicore-src /missing/InfiniCore --infinilm-src /missing/InfiniLM"
        ),
        (
            &inside,
            Install,
            "--install-path /usr/local/bin --deployment-case my-case --install-infinicore false --install-infinilm false --infinicore-src /workspace/InfiniCore --infinilm-src /workspace/InfiniLM"
        ),
    ]));
}

#[test]
fn the_commands_of_the_build_guide() {
    let host = Scene::host();
    insta::assert_snapshot!(shown(&[
        (&host, Install, ""),
        (&host, Install, "--build-only"),
        (&host, Install, "--skip-rust-install"),
        (&host, Install, "--install-path /home/me/.local/bin"),
        (&host, Install, "--skip-build"),
    ]));
}

#[test]
fn every_option_is_taken_with_a_blank_with_an_equals_sign_and_from_the_environment() {
    let value = |meaning: Meaning| match meaning {
        Meaning::Phase => "build",
        Meaning::Case => "of-git",
        Meaning::BinDirectory => "/opt/bin",
        Meaning::Source(_) | Meaning::AppRoot => "/work/it",
        Meaning::Revision(_) => "main",
        Meaning::BuildCommand(_) => "python3 scripts/install.py --metax-gpu=y",
        _ => "true",
    };
    let mut table = String::new();
    for option in OPTIONS.iter().filter(|option| option.meaning != Meaning::Help) {
        let value = value(option.meaning);
        let words = |attached: bool| match (option.value, attached) {
            (Some(_), true) => format!("'{}={value}'", option.name),
            (Some(_), false) => format!("{} '{value}'", option.name),
            (None, true) => format!("{}=true", option.name),
            (None, false) => option.name.to_owned(),
        };
        let case = if option.meaning == Meaning::Case { "" } else { " --deployment-case=of-git" };
        let place = Scene::container();
        let blank = place.says(Install, &(words(false) + case));
        assert_eq!(blank, place.says(Install, &(words(true) + case)), "{}", option.name);
        let twin = place.with(&option.variable(), value).says(Install, case);
        assert_eq!(blank, twin.replace(&option.variable(), option.name), "{}", option.name);
        assert!(!blank.starts_with("error"), "{}: {blank}", option.name);
        table.push_str(&format!("{} {value}\n{blank}\n\n", option.name));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn modes_that_say_no_or_leave_it_open() {
    let inside = Scene::container();
    let mut table = String::new();
    for option in OPTIONS.iter().filter(|option| option.value == Some("auto|true|false")) {
        for mode in ["auto", "false"] {
            let line = format!("{}={mode} --deployment-case of-git", option.name);
            table.push_str(&shown(&[(&inside, Install, line.as_str())]));
            table.push('\n');
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn without_a_case_there_is_one_and_both_phases_take_the_same() {
    let (inside, host) = (Scene::container(), Scene::host());
    let today = Scene::container().with("INSTALLER_CASE", "of-git");
    let away = Scene::default();
    insta::assert_snapshot!(shown(&[
        (&inside, InstallDeps, "--install-infinicore false --install-infinilm false"),
        (&inside, InstallBuild, "--install-infinicore false --install-infinilm false"),
        (&inside, InstallBuild, ""),
        (&host, InstallBuild, ""),
        (&host, InstallBuild, "--install-infinicore true"),
        (&away, InstallBuild, "--infinilm-svc-src /work/svc"),
        (&today, InstallBuild, ""),
    ]));
}

#[test]
fn what_cannot_be_done_is_refused_with_what_to_do() {
    let inside = Scene::container();
    insta::assert_snapshot!(shown(&[
        (&inside, Install, "--phase=biuld"),
        (&inside, InstallDeps, "--phase build"),
        (&inside, Install, "--install-path /opt/tools"),
        (&inside, Install, "--install-infinicore maybe"),
        (&inside, Install, "--deployment-case infinilm-svc --install-infinicore true"),
        (
            &inside,
            Install,
            "--deployment-case my-case --infinicore-src /work/core --infinicore-branch issue/951"
        ),
        (&inside, Install, "--deployment-case my-case --infinicore-build-cmd 'make -j8'"),
        (&inside, Install, "--deployment-case my-case --skip-build --build-only"),
        (&inside, Install, "--deployment-case nowhere"),
        (&inside, Install, "--deployment-case"),
        (&inside, Install, "--infinicore-src --infinilm-src /x"),
        (&inside, Install, "--infinicore-scr /work/core --phase=deps"),
        (&inside, Install, "--jobs 4"),
        (&inside, Install, "deps"),
    ]));
}

#[test]
fn references_are_fetched_and_checkouts_left_where_they_are() {
    let inside = Scene::container();
    insta::assert_snapshot!(shown(&[
        (&inside, InstallDeps, "--deployment-case my-case --infinicore-branch issue/951"),
        (&inside, InstallDeps, "--deployment-case of-git --infinicore-branch issue/951"),
        (&inside, InstallDeps, "--deployment-case of-git --infinicore-branch 2cec6ce6"),
        (
            &inside,
            InstallDeps,
            "--deployment-case my-case --infinicore-src /no-history --infinicore-branch issue/951"
        ),
        (
            &inside,
            InstallDeps,
            "--deployment-case my-case --infinicore-src /work/core --infinicore-branch main"
        ),
        (&inside, InstallDeps, "--deployment-case my-case --infinicore-src /missing/core"),
        (&inside, InstallBuild, "--deployment-case my-case --infinicore-src /missing/core"),
        (&inside, Install, "--phase=build --deployment-case my-case"),
        (&inside, Install, "--phase=all --deployment-case my-case"),
        (
            &inside,
            Install,
            "--deployment-case infinilm-svc --infinicore-src /work/core --infinicore-branch main"
        ),
    ]));
}

#[test]
fn passwords_of_an_old_command_line_are_not_printed() {
    let inside = Scene::container();
    let said = inside.says(
        Install,
        "--deployment-case my-case --infinicore-build-cmd 'python3 scripts/install.py --url=https://joe:s3cret@example.com/x'",
    );
    assert!(said.contains("components.infinicore.options.url=") && !said.contains("s3cret"), "{said}");
}

#[test]
fn the_page_for_those_who_migrate_has_every_option() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/migrating.md")).unwrap();
    for option in OPTIONS.iter().filter(|option| option.meaning != Meaning::Help) {
        let left =
            option.value.map_or_else(|| option.name.to_owned(), |value| format!("{} {value}", option.name));
        let left = left.replace('|', "\\|");
        let row = format!("| `{left}` | `{}` | {} |", option.variable(), option.now);
        assert!(page.contains(&row), "docs/migrating.md lacks\n{row}");
    }
}
