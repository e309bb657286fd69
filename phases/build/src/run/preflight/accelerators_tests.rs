use engine::planning::{Known, PlanCx};
use model::StepId;
use model::accelerators::{Accelerator, table};
use model::case::{Case, OptionValue};
use model::lock::Lock;
use model::plan::{Action, Phase};
use model::source_facts::SourceFacts;
use model::target::Tool;
use testkit::FakeContext;

use super::*;

/// What preflight looks for where this row's option is on, with these variables in installer's own environment.
fn required(row: &Accelerator, more: &str, context: &FakeContext) -> Vec<RequiredAccelerator> {
    let text = format!(
        "schema = 1\nmetadata = {{ name = 'x' }}\n[sources.infinicore]\nkind = 'path'\npath = '/src'\n\
         [python]\npackages = ['jinja2']\n[components.infinicore]\ndriver = 'command'\n\
         [components.infinicore.commands]\ninstall = [['true']]\n[components.infinicore.options]\n{} = true\n{more}",
        row.option
    );
    let mut case: Case = toml::from_str(&text).unwrap();
    crate::recipes::built_in().settle(&mut case);
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let mut cx = PlanCx::new(known, Phase::Build);
    crate::plan(&mut cx).unwrap();
    let plan = cx.finish().unwrap();
    let step = plan.step(&StepId::new("build/infinicore/preflight")).unwrap();
    let Action::Preflight(preflight) = &step.action else { panic!() };
    preflight.accelerators.clone()
}

fn looked(required: &[RequiredAccelerator], container: bool) -> Observation {
    let mut observation = Observation::default();
    required.iter().for_each(|one| look(one, container, &mut observation));
    observation
}

fn told(observation: &Observation, context: &FakeContext) -> String {
    let root = context.layout.prefix.parent().unwrap().as_str();
    let lines = observation.findings.iter().map(|one| format!("{}\n  help: {}\n", one.what, one.cure));
    let warnings = observation.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    lines.chain(warnings).collect::<String>().replace(root, "[ROOT]")
}

fn row(name: &str) -> &'static Accelerator {
    table().accelerator.iter().find(|row| row.name == name).unwrap()
}

/// An SDK that holds what the row asks for, named by its first variable.
fn with_sdk(row: &Accelerator, options: &[&str]) -> FakeContext {
    let mut context = FakeContext::new();
    let root = context.path("sdk");
    let options = options.iter().map(|name| ((*name).to_owned(), OptionValue::Switch(true))).collect();
    let nothing = std::collections::BTreeMap::new();
    let variables = model::accelerators::Variables { component: &nothing, case: &nothing, process: &nothing };
    for any in row.holds(&options, &variables) {
        program(&root.join(any.last().unwrap()));
    }
    for tool in &row.tools {
        let path = context.path("tools").join(tool);
        program(&path);
        context.target.tools.insert(tool.clone(), Tool { path: path.to_string(), version: None });
    }
    if let Some(name) = row.sdk.as_ref().and_then(|sdk| sdk.variables.first()) {
        context.target.sdk_variables.insert(name.clone(), root.to_string());
    }
    std::fs::create_dir_all(root).unwrap();
    context
}

fn program(path: &Utf8Path) {
    use std::os::unix::fs::PermissionsExt as _;
    engine::files::atomic_write(path, b"").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_machine_that_has_nothing_is_told_what_each_row_needs() {
    let context = FakeContext::new();
    let mut shown = String::new();
    for row in &table().accelerator {
        let mut required = required(row, "", &context);
        // The machine of this test may have some of it.
        for one in &mut required {
            one.path.clear();
            for root in one.sdk.iter_mut().filter_map(|sdk| sdk.root.as_mut()) {
                *root = format!("/nonexistent{root}").into();
            }
        }
        let text = told(&looked(&required, true), &context).replace("/nonexistent", "");
        shown += &format!("== {}\n{text}", row.name);
        assert_eq!(text.is_empty(), row.name == "cpu", "{}", row.name);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn each_row_is_content_with_its_sdk_and_an_architecture() {
    for row in &table().accelerator {
        let context = with_sdk(row, &[]);
        let architecture = row.architecture.as_ref().filter(|one| one.asks_device);
        let named = architecture.map_or_else(String::new, |one| format!("{} = 86\n", one.option));
        let observation = looked(&required(row, &named, &context), true);
        assert_eq!(told(&observation, &context), "", "{}", row.name);
        let told_where = observation.found.contains_key(&format!("sdk {}", row.name));
        let named = row.sdk.as_ref().is_some_and(|sdk| !sdk.variables.is_empty());
        assert!(told_where || !named, "{}: where the SDK is counts for what is built", row.name);
    }
}

#[test]
fn an_sdk_that_lacks_its_compiler_or_is_named_wrongly_is_told_with_the_variable() {
    let context = with_sdk(row("moore"), &[]);
    std::fs::remove_file(context.path("sdk/bin/mcc")).unwrap();
    let mut shown = told(&looked(&required(row("moore"), "", &context), false), &context);
    for value in ["relative/sdk", "/nonexistent/sdk"] {
        let more = format!("[components.infinicore.environment]\nMUSA_HOME = '{value}'\n");
        shown += &told(&looked(&required(row("moore"), &more, &context), false), &context);
    }
    let metax = with_sdk(row("metax"), &["metax-gpu"]);
    assert_eq!(told(&looked(&required(row("metax"), "", &metax), false), &metax), "");
    shown += &told(&looked(&required(row("metax"), "use-mc = true\n", &metax), false), &metax);
    insta::assert_snapshot!(shown);
}

#[test]
fn an_architecture_is_asked_of_a_device_only_where_one_is() {
    let context = with_sdk(row("nvidia"), &[]);
    let mut required = required(row("nvidia"), "", &context);
    let device = context.path("dev/nvidiactl");
    required[0].asks_device.as_mut().unwrap().devices = vec![device.clone()];
    let told_without = told(&looked(&required, false), &context);
    assert!(told_without.contains("this machine has no device"), "{told_without}");
    assert!(told_without.contains("`arch` of [cuda]"), "{told_without}");
    engine::files::atomic_write(&device, b"").unwrap();
    let here = looked(&required, false);
    assert!(here.holds() && here.warnings[0].contains("only for this machine's device"), "{here:?}");
    assert!(!looked(&required, true).holds(), "an image must not depend on the machine that builds it");
}

#[test]
fn what_cuda_says_is_enough() {
    let context = with_sdk(row("nvidia"), &[]);
    let found = required(row("nvidia"), "[cuda]\narch = '8.9'\n", &context);
    assert!(found.iter().all(|one| one.asks_device.is_none()), "{found:?}");
}

#[test]
fn hygon_takes_a_cuda_of_its_own() {
    let mut context = with_sdk(row("hygon"), &[]);
    std::fs::remove_dir_all(context.path("sdk/cuda")).unwrap();
    assert!(!looked(&required(row("hygon"), "", &context), false).holds());
    context.target.sdk_variables.insert("HYGON_CUDA_HOME".to_owned(), "/elsewhere".to_owned());
    assert!(looked(&required(row("hygon"), "", &context), false).holds());
}
