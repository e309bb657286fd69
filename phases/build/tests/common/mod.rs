//! What tests of plans have in common.

use engine::planning::{Known, PlanCx, PlanError, Requirements};
use model::StepId;
use model::case::Case;
use model::lock::Lock;
use model::plan::{Action, Argument, Phase, Plan, Step};
use model::source_facts::SourceFacts;
use testkit::FakeContext;

/// Plans a case; sources are mounted, so that no step has to bring them.
pub fn planned(case: &str) -> Result<(Plan, Requirements), PlanError> {
    let context = FakeContext::new();
    let mut case: Case = toml::from_str(case).unwrap();
    build::recipes::built_in().settle(&mut case);
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known)?;
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx)?;
    Ok((cx.finish()?, requirements))
}

/// A case with this body.
pub fn case(body: &str) -> String {
    format!("schema = 1\n[metadata]\nname = \"test\"\n{body}")
}

/// A source of a name.
pub fn source(name: &str) -> String {
    format!("[sources.{name}]\nkind = \"path\"\npath = \"/src/{name}\"\n")
}

/// A step of a plan.
pub fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.step(&StepId::new(id)).unwrap_or_else(|| panic!("no step {id}"))
}

/// The words of all commands of a step.
pub fn words(step: &Step) -> Vec<String> {
    let Action::Exec(exec) = &step.action else { panic!("{} runs no commands", step.id) };
    let argument = |argument: &Argument| match argument {
        Argument::Literal(text) => text.clone(),
        other => format!("{other:?}"),
    };
    exec.commands
        .iter()
        .flat_map(|command| std::iter::once(command.program.clone()).chain(command.args.iter().map(argument)))
        .collect()
}
