use crate::case::Case;
use crate::compatibility::{Certainty, Finding, Stack, check};
use crate::source_facts::{FactsOfSource, SourceFacts};
use crate::target::Target;

const CORE: &str = "2cec6ce6b27a789bf47818b370defa47a271dcc4";
const LM: &str = "65909f8593d64f8dcce09de71b05da095dd66214";
const NEWER_LM: &str = "df1a1fd949ac9044c853275c901d248fd6221b13";

/// A case whose sources pin these commits, and are checkouts of those.
fn found(pinned: &[(&str, &str)], here: &[(&str, &str)]) -> Vec<Finding> {
    let mut text = "schema = 1\nmetadata = { name = 'x' }\n".to_owned();
    for (name, commit) in pinned {
        let revision = if commit.is_empty() { String::new() } else { format!("revision = '{commit}'\n") };
        text += &format!(
            "[components.{name}]\n[sources.{name}]\nkind = 'mounted'\ndescription = 'd'\n{revision}"
        );
    }
    let case: Case = toml::from_str(&text).unwrap();
    let at = |commit: &str| FactsOfSource { commit: Some(commit.to_owned()), ..FactsOfSource::default() };
    let facts: SourceFacts = here.iter().map(|(name, commit)| ((*name).into(), at(commit))).collect();
    let target = Target::default();
    check(&Stack { case: &case, requirements: &[], facts: &facts, target: &target })
}

#[test]
fn the_set_that_was_built_together_is_fine_whether_pinned_or_found() {
    assert_eq!(found(&[("infinicore", CORE), ("infinilm", LM)], &[]), []);
    assert_eq!(found(&[("infinicore", ""), ("infinilm", "")], &[("infinicore", CORE), ("infinilm", LM)]), []);
    assert_eq!(
        found(&[("infinicore", "2cec6ce6"), ("infinilm", "65909f85"), ("infinilm-svc", "2a3f570")], &[]),
        []
    );
    assert_eq!(found(&[("infinicore", "1234567")], &[]), [], "one alone goes with itself");
    assert_eq!(found(&[("infinicore", ""), ("infinilm", LM)], &[]), [], "nothing is known of one of them");
    assert_eq!(found(&[("ffmpeg", "1234567"), ("x264", "7654321")], &[]), [], "no family");
}

#[test]
fn what_the_cases_of_this_project_pin_was_built_together() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases");
    let pins = |case: &str| -> Vec<(&'static str, String)> {
        let case: toml::Table =
            std::fs::read_to_string(format!("{cases}/{case}/case.toml")).unwrap().parse().unwrap();
        let pin =
            |name| case["sources"].get(name)?.get("revision")?.as_str().map(|pin| (name, pin.to_owned()));
        ["infinicore", "infinilm", "infinilm-svc"].into_iter().filter_map(pin).collect()
    };
    for case in ["infinilm-cpu", "infinilm-metax"] {
        let all: Vec<_> = [pins("infinilm-svc"), pins(case)].concat();
        assert_eq!(all.len(), 3, "{all:?}");
        let all: Vec<_> = all.iter().map(|(name, pin)| (*name, pin.as_str())).collect();
        assert_eq!(found(&all, &[]), [], "{case}");
    }
}

#[test]
fn a_pair_that_does_not_compile_is_refused_with_one_that_does() {
    let found = found(&[("infinicore", CORE), ("infinilm", LM)], &[("infinilm", NEWER_LM)]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].verdict, Certainty::Wrong);
    insta::assert_snapshot!(format!("{}: {}\nhelp: {}", found[0].key, found[0].message, found[0].help));
}

#[test]
fn a_pair_of_which_nothing_is_known_is_a_warning() {
    let pinned = [("infinicore", CORE), ("infinilm", LM), ("infinilm-svc", "2a3f570")];
    let found = found(&pinned, &[("infinicore", "850fb3f71bc4fa59de529ca9a0e4aa6ebd7acbee")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].verdict, Certainty::Unknown);
    insta::assert_snapshot!(format!("{}: {}\nhelp: {}", found[0].key, found[0].message, found[0].help));
}

#[test]
fn a_component_is_known_by_its_recipe_and_its_source_by_its_name() {
    let text = format!(
        "schema = 1\nmetadata = {{ name = 'x' }}\n[components.core]\nrecipe = 'infinicore'\nsource = 'mine'\n\
         [components.infinilm]\n[sources.mine]\nkind = 'path'\npath = '/c'\nrevision = '{CORE}'\n\
         [sources.infinilm]\nkind = 'git'\nurl = 'u'\nrevision = '{NEWER_LM}'\n"
    );
    let case: Case = toml::from_str(&text).unwrap();
    let (facts, target) = (SourceFacts::new(), Target::default());
    let found = check(&Stack { case: &case, requirements: &[], facts: &facts, target: &target });
    assert_eq!(found.iter().map(|one| one.verdict).collect::<Vec<_>>(), [Certainty::Wrong]);
}
