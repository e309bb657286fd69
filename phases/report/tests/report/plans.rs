//! `plan` and `explain` as text.

use std::collections::BTreeMap;

use camino::Utf8Path;
use model::case::{AptRepository, Check, SourceSpec};
use model::fingerprint::Difference;
use model::plan::{
    Action, Argument, Claims, Command, DeclaredRepository, EnsurePackages, Exec, FetchSource, Freshness,
    Input, Jobs, Keep, Need, Network, PLAN_SCHEMA, Phase, Plan, Privilege, Probe, Scratch, Step, Verify,
};
use model::verify_level::VerifyLevel;
use model::{ComponentName, StepId};
use report::{PackageCost, PlanOptions, PlanRow, RowState, Style, explain_text, plan_text};

fn step(id: &str, title: &str, component: Option<&str>, needs: &[&str], action: Action) -> Step {
    Step {
        id: StepId::from(id),
        phase: if id.starts_with("build") { Phase::Build } else { Phase::Deps },
        component: component.map(ComponentName::from),
        serves: Vec::new(),
        title: title.to_owned(),
        needs: needs.iter().map(|need| StepId::from(*need)).collect(),
        after: Vec::new(),
        proven: Vec::new(),
        action,
        freshness: Freshness::Fingerprinted,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        filled: None,
        claims: Claims::default(),
        network: Network::Denied,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: false,
        weight: 1,
    }
}

fn make(args: &[&str]) -> Action {
    Action::Exec(Exec {
        logs: Vec::new(),
        commands: vec![Command {
            program: "make".to_owned(),
            args: args
                .iter()
                .map(|arg| Argument::from(*arg))
                .chain([Argument::Jobs { jobs: "-j".to_owned() }])
                .collect(),
            environment: BTreeMap::from([("CFLAGS".to_owned(), "-O2 -g".to_owned())]),
            directory: "/var/cache/installer/quickstart/build/ffmpeg".into(),
        }],
    })
}

fn deps() -> Plan {
    let packages = EnsurePackages {
        repositories: vec![DeclaredRepository {
            case: "quickstart".to_owned(),
            file: "installer-quickstart-codecs".to_owned(),
            key_file: None,
            repository: AptRepository {
                name: "codecs".to_owned(),
                uris: vec!["https://packages.example.org/debian".to_owned()],
                ..AptRepository::default()
            },
        }],
        manager: "apt".to_owned(),
        needs: vec![
            Need {
                name: "nasm".to_owned(),
                probe: Some(Probe::Tool { names: vec!["nasm".to_owned()], minimum: Some("2.13".to_owned()) }),
                packages: vec!["nasm".to_owned()],
                wanted_by: vec!["ffmpeg".to_owned()],
                optional: false,
            },
            Need {
                name: "zlib".to_owned(),
                probe: Some(Probe::Header { name: "zlib.h".to_owned() }),
                packages: vec!["zlib1g-dev".to_owned()],
                wanted_by: vec!["ffmpeg".to_owned(), "case".to_owned()],
                optional: true,
            },
        ],
    };
    let mut install =
        step("deps/packages", "install system packages", None, &[], Action::EnsurePackages(packages));
    install.freshness = Freshness::Observed;
    install.network = Network::Allowed;
    install.privilege = Privilege::Root;
    install.claims.locks = vec!["packages".to_owned()];
    let mut fetch = step(
        "source/ffmpeg/fetch",
        "fetch the source of ffmpeg",
        None,
        &[],
        Action::FetchSource(FetchSource {
            source: "ffmpeg".into(),
            alternatives: vec![SourceSpec::path("../ffmpeg")],
            into: "/srv/artifacts/sources/ffmpeg".into(),
        }),
    );
    fetch.network = Network::Allowed;
    Plan {
        schema: PLAN_SCHEMA,
        case: "quickstart".to_owned(),
        phase: Phase::Deps,
        target: "debian-12-x86_64".to_owned(),
        steps: vec![install, fetch],
        notes: Vec::new(),
        warnings: Vec::new(),
        leak_grace_seconds: None,
        asked: Vec::new(),
    }
}

fn build() -> Plan {
    let mut compile = step(
        "build/ffmpeg/compile",
        "compile ffmpeg 5.1.9 with make",
        Some("ffmpeg"),
        &[],
        make(&["it's", "V=1"]),
    );
    compile.needs = vec!["build/ffmpeg/configure".into()];
    compile.inputs =
        vec![Input::Tree { path: "/src/ffmpeg".into(), exclude: vec!["doc".to_owned()], keep: Vec::new() }];
    compile.outputs = vec!["/var/cache/installer/quickstart/build/ffmpeg/ffmpeg".into()];
    compile.scratch = vec![Scratch {
        path: "/var/cache/installer/quickstart/build/ffmpeg".into(),
        keep: Keep::UnlessKilled,
    }];
    compile.claims = Claims { jobs: Jobs::Jobserver, memory_mib: 400, locks: vec!["big-link".to_owned()] };
    compile.timeout_seconds = Some(3600);
    let verify = Action::Verify(Verify {
        component: "ffmpeg".into(),
        prefix: "/usr/local".into(),
        checks: vec![Check::Run {
            command: vec!["ffmpeg".to_owned(), "-version".to_owned()],
            contains: Some("ffmpeg version 5.1".to_owned()),
            level: VerifyLevel::Import,
        }],
        environment: BTreeMap::new(),
        directory: "/var/cache/installer/quickstart/checks".into(),
        level: VerifyLevel::Import,
        wheels: false,
        requirements: Vec::new(),
        python: None,
    });
    let mut extra = step("build/extra/compile", "compile extra", Some("extra"), &[], make(&[]));
    extra.optional = true;
    Plan {
        schema: PLAN_SCHEMA,
        case: "quickstart".to_owned(),
        phase: Phase::Build,
        target: "debian-12-x86_64".to_owned(),
        steps: vec![
            step("build/ffmpeg/configure", "configure ffmpeg 5.1.9", Some("ffmpeg"), &[], make(&["config"])),
            compile,
            step("build/ffmpeg/verify", "verify ffmpeg", Some("ffmpeg"), &["build/ffmpeg/compile"], verify),
            step("build/service/compile", "compile service", Some("service"), &[], make(&[])),
            extra,
        ],
        notes: vec!["ffmpeg is built with --enable-gpl: the result is under the GPL".to_owned()],
        warnings: Vec::new(),
        leak_grace_seconds: None,
        asked: Vec::new(),
    }
}

fn row<'a>(plan: &'a Plan, id: &str, state: RowState, why: &str) -> PlanRow<'a> {
    let step = plan.step(&StepId::from(id)).unwrap();
    PlanRow { step, state, why: why.to_owned(), differences: Vec::new(), cost: None, warnings: Vec::new() }
}

fn cost() -> PackageCost {
    PackageCost {
        missing: vec!["nasm".to_owned(), "zlib1g-dev".to_owned()],
        packages: Some(3),
        download_bytes: Some(1_500_000),
        installed_bytes: Some(4_700_000),
    }
}

fn build_rows(plan: &Plan) -> Vec<PlanRow<'_>> {
    let change = |what: &str, before: Option<&str>, after: Option<&str>| Difference {
        what: what.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        files: Vec::new(),
    };
    let mut compile =
        row(plan, "build/ffmpeg/compile", RowState::WillRun, "option --enable-decoder=png added");
    compile.differences = vec![
        change("action.args.3", None, Some("--enable-decoder=png")),
        change("action.environment.CFLAGS", Some("-O2"), Some("-O2 -g")),
        change("input /src/gone", Some("0123456789ab"), None),
        change("need build/x264/commit", Some("0123456789ab"), Some("ba9876543210")),
    ];
    vec![
        row(plan, "build/ffmpeg/configure", RowState::Fresh, ""),
        compile,
        row(plan, "build/ffmpeg/verify", RowState::MayRun, "build/ffmpeg/compile will run"),
        row(plan, "build/service/compile", RowState::Fresh, ""),
        row(plan, "build/extra/compile", RowState::NotSelected, ""),
    ]
}

#[test]
fn a_plan_of_deps_tells_packages_and_what_they_cost() {
    let plan = deps();
    let mut packages = row(&plan, "deps/packages", RowState::WillRun, "nasm is not installed");
    let fetch = row(&plan, "source/ffmpeg/fetch", RowState::WillRun, "never ran");
    insta::assert_snapshot!(
        "plan-without-cost",
        plan_text(&plan, &[packages.clone(), fetch.clone()], PlanOptions::default())
    );
    packages.cost = Some(cost());
    insta::assert_snapshot!("plan-with-cost", plan_text(&plan, &[packages, fetch], PlanOptions::default()));
}

#[test]
fn a_plan_of_build_tells_what_would_run_and_why() {
    let plan = build();
    insta::assert_snapshot!("plan-build", plan_text(&plan, &build_rows(&plan), PlanOptions::default()));
    let verbose = PlanOptions { style: Style::Plain, verbose: true };
    insta::assert_snapshot!("plan-build-verbose", plan_text(&plan, &build_rows(&plan), verbose));
}

#[test]
fn a_plan_with_nothing_to_do_says_so() {
    let plan = build();
    let rows: Vec<_> =
        plan.steps.iter().map(|step| row(&plan, step.id.as_str(), RowState::Fresh, "")).collect();
    let text = plan_text(&plan, &rows, PlanOptions::default());
    assert!(text.ends_with("\nnothing to do, 5 fresh\n"), "{text}");
    assert!(text.contains("ffmpeg: fresh (3 steps)\n"), "{text}");
}

#[test]
fn what_steps_warn_of_is_told_once_below_the_plan() {
    let mut plan = build();
    plan.warnings.push("of the plan".to_owned());
    let told = ["of the plan", "of a step"].map(str::to_owned).to_vec();
    let rows: Vec<_> = plan
        .steps
        .iter()
        .map(|step| PlanRow { warnings: told.clone(), ..row(&plan, step.id.as_str(), RowState::WillRun, "") })
        .collect();
    let text = plan_text(&plan, &rows, PlanOptions::default());
    let warnings: Vec<&str> = text.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings, ["warning: of the plan", "warning: of a step"]);
}

#[test]
fn explain_tells_what_a_step_does_and_needs_and_what_changed() {
    let plan = build();
    let rows = build_rows(&plan);
    let log = Utf8Path::new("/var/lib/installer/quickstart/logs/build.ffmpeg.compile.log");
    let text = explain_text(&plan, &rows[1], Some(log), PlanOptions::default());
    insta::assert_snapshot!("explain-compile", text);
    insta::assert_snapshot!("explain-verify", explain_text(&plan, &rows[2], None, PlanOptions::default()));
    let plan = deps();
    let mut packages = row(&plan, "deps/packages", RowState::WillRun, "nasm is not installed");
    packages.cost = Some(cost());
    insta::assert_snapshot!("explain-packages", explain_text(&plan, &packages, None, PlanOptions::default()));
    let fetch = row(&plan, "source/ffmpeg/fetch", RowState::Fresh, "");
    insta::assert_snapshot!("explain-fetch", explain_text(&plan, &fetch, None, PlanOptions::default()));
}
