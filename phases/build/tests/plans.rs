//! The plans of every case that is built in, for every recorded target: what a change of planning changes for users
//! shows here.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;

use engine::planning::{Known, PlanCx};
use model::case::{Alternatives, CaseFile, Format, Overrides, SourceSpec};
use model::lock::Lock;
use model::plan::{Action, Argument, Command, Phase, Plan, Step};
use model::source_facts::SourceFacts;
use model::target::Target;
use testkit::FakeContext;
use testkit::context::{debian_12, debian_13};

#[test]
fn every_case_has_the_plans_that_were_reviewed() {
    let root = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases");
    let mut names: Vec<String> = root
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .filter(|name| root.join(name).join("case.toml").is_file())
        .collect();
    names.sort();
    assert!(names.contains(&"quickstart".to_owned()), "{names:?}");
    for name in names {
        let text = std::fs::read_to_string(root.join(&name).join("case.toml")).unwrap();
        if model::case::is_fragment(&text) {
            continue;
        }
        for (target, label) in [(debian_12(), "debian-12"), (debian_13(), "debian-13")] {
            insta::assert_snapshot!(format!("{name}-{label}"), plans(&root, &name, &text, target));
        }
    }
}

/// Both phases as text, without what differs from one run of this test to the next.
fn plans(root: &camino::Utf8Path, name: &str, text: &str, target: Target) -> String {
    let mut context = FakeContext::new();
    context.target = target;
    let file = CaseFile {
        name: format!("cases/{name}/case.toml"),
        text: text.to_owned(),
        format: Format::Toml,
        directory: None,
        artifacts: None,
    };
    let overrides = Overrides { default_name: name.to_owned(), ..Overrides::default() };
    let mut parent = |wanted: &str, _: &str| {
        let path = root.join(wanted).join("case.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        Ok(CaseFile { name: path.to_string(), text, format: Format::Toml, directory: None, artifacts: None })
    };
    let mut case = model::case::load(file, &mut parent, &overrides, build::recipes::built_in()).unwrap().case;
    // A user names the directories of mounted sources; here each lies below /mnt.
    for (name, alternatives) in &mut case.sources {
        if let [SourceSpec::Mounted { revision, writable, lfs, .. }] = alternatives.as_slice() {
            let path = format!("/mnt/{name}").into();
            let (revision, writable, lfs) = (revision.clone(), *writable, *lfs);
            *alternatives = Alternatives::One(SourceSpec::Path { path, revision, writable, lfs });
        }
    }
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known).unwrap();
    let mut written = String::new();
    for phase in [Phase::Deps, Phase::Build] {
        let mut cx = PlanCx::new(known, phase);
        match phase {
            Phase::Deps => deps::plan(&mut cx, &requirements).unwrap(),
            Phase::Build => {
                deps::plan_sources::plan(&mut cx, &requirements.sources).unwrap();
                build::plan(&mut cx).unwrap();
            }
        }
        write(&cx.finish().unwrap(), &mut written);
    }
    let root = context.path("");
    written
        .replace(root.as_str().trim_end_matches('/'), "/machine")
        .replace(build::rpath::RPATH_PLACEHOLDER, "{rpath}")
}

fn write(plan: &Plan, out: &mut String) {
    for note in &plan.notes {
        writeln!(out, "note: {note}").unwrap();
    }
    for step in &plan.steps {
        let kind = serde_json::to_value(&step.action).unwrap()["kind"].as_str().unwrap().to_owned();
        writeln!(out, "{} ({kind}): {}", step.id, step.title).unwrap();
        for (label, ids) in [("needs", &step.needs), ("after", &step.after)] {
            if !ids.is_empty() {
                let ids: Vec<&str> = ids.iter().map(model::StepId::as_str).collect();
                writeln!(out, "  {label} {}", ids.join(" ")).unwrap();
            }
        }
        details(step, out);
    }
}

fn details(step: &Step, out: &mut String) {
    match &step.action {
        Action::EnsurePackages(action) => {
            for need in &action.needs {
                let packages = need.packages.join(" ");
                writeln!(out, "  {}: {packages} (for {})", need.name, need.wanted_by.join(", ")).unwrap();
            }
        }
        Action::Exec(action) => action.commands.iter().for_each(|one| command(one, out)),
        Action::ExpectEnabled(action) => {
            for expectation in &action.expectations {
                writeln!(out, "  expects {}", expectation.asked).unwrap();
            }
        }
        _ => {}
    }
}

fn command(command: &Command, out: &mut String) {
    let mut words = vec![command.program.clone()];
    words.extend(command.args.iter().map(|argument| match argument {
        Argument::Literal(text) => text.clone(),
        Argument::Jobs { jobs } => format!("{jobs}{{jobs}}"),
    }));
    writeln!(out, "  in {}", command.directory).unwrap();
    for (name, value) in &command.environment {
        writeln!(out, "    {name}={value}").unwrap();
    }
    writeln!(out, "    $ {}", words.join(" ")).unwrap();
}
