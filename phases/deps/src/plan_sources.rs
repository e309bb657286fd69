//! Planning of sources: `source/<name>/fetch` in `deps`, `source/<name>/unpack` in both phases.

use std::collections::BTreeMap;

use engine::planning::{PlanCx, PlanError, Users};
use model::case::SourceSpec;
use model::plan::{
    Action, Claims, FetchSource, Freshness, Input, Jobs, Network, Phase, Privilege, Step, UnpackSource,
};
use model::{SourceName, StepId};

use crate::sources::{CONTENT, RECORD};

/// The lock of the private apt: one apt at a time.
const PRIVATE_APT: &str = "private-apt";

/// Adds the steps of these sources to the plan; sources that are only mounted need none. The unpack step is the same in
/// both phases, so that what `deps` unpacked is fresh in `build`.
///
/// # Errors
/// When the case does not declare a source, or declares it without any alternative.
pub fn plan(cx: &mut PlanCx<'_>, sources: &BTreeMap<SourceName, Users>) -> Result<(), PlanError> {
    for (source, users) in sources {
        let Some(alternatives) = cx.known.case.sources.get(source) else {
            return Err(PlanError::new(
                format!("sources.{source}"),
                format!("source `{source}` is needed, but the case does not declare it"),
                format!("add [sources.{source}], or give it with --source {source}=PATH"),
            ));
        };
        let alternatives = alternatives.as_slice();
        if alternatives.is_empty() {
            return Err(PlanError::new(
                format!("sources.{source}"),
                format!("source `{source}` has no alternative"),
                "give it at least one, such as { kind = \"archive\", urls = [\"…\"], sha256 = \"…\" }",
            ));
        }
        match alternatives {
            [SourceSpec::Path { .. }] => continue,
            [SourceSpec::Mounted { description, .. }] => {
                if cx.phase == Phase::Deps {
                    cx.note(format!(
                        "source {source} ({description}) is mounted: give it to `build` with --source \
                         {source}=PATH"
                    ));
                }
                continue;
            }
            _ => {}
        }
        let fetch = (cx.phase == Phase::Deps).then(|| fetch(cx, source, users, alternatives));
        if alternatives.iter().any(|spec| matches!(spec, SourceSpec::File { .. })) {
            continue;
        }
        unpack(cx, source, users, fetch);
    }
    Ok(())
}

/// Id of the step that brings a source.
pub fn fetch_id(source: &SourceName) -> StepId {
    StepId::new(format!("source/{source}/fetch"))
}

/// Id of the step that unpacks it.
pub fn unpack_id(source: &SourceName) -> StepId {
    StepId::new(format!("source/{source}/unpack"))
}

fn fetch(cx: &mut PlanCx<'_>, source: &SourceName, users: &Users, alternatives: &[SourceSpec]) -> StepId {
    let into = cx.known.layout.source_artifacts(source);
    let any = |kind: &str| alternatives.iter().any(|spec| spec.kind() == kind);
    let kinds: Vec<&str> = alternatives.iter().map(SourceSpec::kind).collect();
    // git may have to be installed first.
    let packages = StepId::new("deps/packages");
    let after = if any("git") && cx.has(&packages) { vec![packages] } else { Vec::new() };
    let locks = if any("debian") { vec![PRIVATE_APT.to_owned()] } else { Vec::new() };
    cx.add(Step {
        id: fetch_id(source),
        phase: Phase::Deps,
        component: None,
        serves: users.components.clone(),
        title: format!("download {source} ({})", kinds.join(", else ")),
        needs: Vec::new(),
        after,
        proven: Vec::new(),
        outputs: vec![into.join(RECORD)],
        action: Action::FetchSource(FetchSource {
            source: source.clone(),
            alternatives: alternatives.to_vec(),
            into,
        }),
        // Observed, so that a lock that was changed by hand or by a pull is obeyed, and files that vanished are brought.
        freshness: Freshness::Observed,
        inputs: Vec::new(),
        scratch: Vec::new(),
        filled: None,
        claims: Claims { jobs: Jobs::None, memory_mib: 0, locks },
        network: Network::Allowed,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: !users.required,
        weight: 20,
    })
}

fn unpack(cx: &mut PlanCx<'_>, source: &SourceName, users: &Users, fetch: Option<StepId>) {
    let from = cx.known.layout.source_artifacts(source);
    let into = cx.known.layout.source_tree(source);
    cx.add(Step {
        id: unpack_id(source),
        // The phase that is planned: what the step is does not depend on it.
        phase: cx.phase,
        component: None,
        serves: users.components.clone(),
        title: format!("unpack {source}"),
        needs: Vec::new(),
        after: fetch.into_iter().collect(),
        proven: Vec::new(),
        inputs: vec![Input::File { path: from.join(CONTENT) }],
        outputs: vec![into.clone()],
        action: Action::UnpackSource(UnpackSource {
            source: source.clone(),
            from,
            into,
            lfs_pointers: cx.known.lfs_pointers(source),
        }),
        freshness: Freshness::Fingerprinted,
        // The action unpacks beside the tree and renames: what a killed attempt left is never the tree.
        scratch: Vec::new(),
        filled: None,
        claims: Claims { jobs: Jobs::None, ..Claims::default() },
        network: Network::Denied,
        privilege: Privilege::User,
        timeout_seconds: None,
        optional: !users.required,
        weight: 5,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::planning::Known;
    use model::case::{Alternatives, Case};
    use model::lock::Lock;
    use model::plan::Plan;
    use model::source_facts::SourceFacts;
    use testkit::FakeContext;

    fn debian(package: &str) -> SourceSpec {
        SourceSpec::Debian { package: package.to_owned(), version: None }
    }

    fn planned(phase: Phase, sources: &[&str]) -> Result<Plan, PlanError> {
        let context = FakeContext::new();
        let mut case = Case::default();
        let mounted = SourceSpec::path("src");
        case.sources.insert("ffmpeg".into(), Alternatives::One(debian("ffmpeg")));
        case.sources.insert("app".into(), Alternatives::One(mounted.clone()));
        case.sources.insert("either".into(), Alternatives::Many(vec![mounted, debian("either")]));
        case.sources.insert("none".into(), Alternatives::Many(Vec::new()));
        let (facts, lock) = (SourceFacts::new(), Lock::default());
        let known = Known {
            case: &case,
            target: &context.target,
            facts: &facts,
            lock: &lock,
            layout: &context.layout,
        };
        let mut cx = PlanCx::new(known, phase);
        let users = || Users { components: vec!["one".into()], required: true };
        let sources = sources.iter().map(|name| (SourceName::from(*name), users())).collect();
        plan(&mut cx, &sources)?;
        cx.finish()
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.id.as_str()).collect()
    }

    #[test]
    fn deps_fetches_and_unpacks_and_build_only_unpacks() {
        let deps = planned(Phase::Deps, &["ffmpeg", "app"]).unwrap();
        assert_eq!(ids(&deps), ["source/ffmpeg/fetch", "source/ffmpeg/unpack"]);
        assert_eq!(deps.steps[1].after, [StepId::new("source/ffmpeg/fetch")]);
        assert_eq!(deps.steps[1].network, Network::Denied);
        let build = planned(Phase::Build, &["ffmpeg", "app"]).unwrap();
        assert_eq!(ids(&build), ["source/ffmpeg/unpack"]);
    }

    #[test]
    fn a_mounted_directory_among_alternatives_is_planned_like_the_others() {
        assert_eq!(
            ids(&planned(Phase::Deps, &["either"]).unwrap()),
            ["source/either/fetch", "source/either/unpack"]
        );
    }

    #[test]
    fn what_is_not_declared_is_an_error_with_its_key() {
        let error = planned(Phase::Deps, &["ffmpg"]).unwrap_err();
        assert_eq!(error.key, "sources.ffmpg");
        assert!(planned(Phase::Deps, &["none"]).unwrap_err().message.contains("no alternative"));
    }
}
