//! `extends` with several parents, and fragments.

use super::*;

const BASE: &str = "schema = 1\n[metadata]\nname = 'base'\ndescription = 'of the base'\n\
    [components.ffmpeg]\nneeds = ['x']\noptions = { one = 1, gpu = false }\n\
    [components.x]\ndriver = 'cmake'\n[sources.x]\nkind = 'git'\nurl = 'u'\nrevision = 'r'\n";

const GPU: &str = "schema = 1\n[metadata]\ndescription = 'of the fragment'\nfragment = true\n\
    [components.ffmpeg.options]\ngpu = true\nmany = 2\n";

fn child(extends: &str, text: &str) -> CaseFile {
    toml_file("child.toml", &format!("schema = 1\nextends = {extends}\n{text}"))
}

fn others() -> [CaseFile; 2] {
    [toml_file("base.toml", BASE), toml_file("gpu.toml", GPU)]
}

fn option(loaded: &Loaded, name: &str) -> OptionValue {
    loaded.case.components["ffmpeg"].options[name].clone()
}

#[test]
fn later_parents_stand_over_earlier_ones_and_the_case_over_all() {
    let text = "[components.ffmpeg.options]\nmany = 3\n";
    let loaded =
        load_with(child("['base.toml', 'gpu.toml']", text), &others(), &overrides(&[])).expect("a case");
    assert_eq!(option(&loaded, "one"), OptionValue::Number(1));
    assert_eq!(option(&loaded, "gpu"), OptionValue::Switch(true));
    assert_eq!(option(&loaded, "many"), OptionValue::Number(3));
    let loaded =
        load_with(child("['gpu.toml', 'base.toml']", ""), &others(), &overrides(&[])).expect("a case");
    assert_eq!(option(&loaded, "gpu"), OptionValue::Switch(false), "the order counts");
}

#[test]
fn a_fragment_describes_only_itself() {
    let loaded =
        load_with(child("['base.toml', 'gpu.toml']", ""), &others(), &overrides(&[])).expect("a case");
    assert_eq!(loaded.case.metadata.description, "of the base");
    assert!(!loaded.case.metadata.fragment);
    assert_eq!(loaded.case.metadata.name, "here");
    let origin = loaded.origins.iter().find(|origin| origin.key == "components.ffmpeg.options.gpu").unwrap();
    assert_eq!(origin.from, "gpu.toml:6");
}

#[test]
fn a_fragment_is_no_case() {
    let refused = load_with(toml_file("gpu.toml", GPU), &[], &overrides(&[])).expect_err("a fragment");
    insta::assert_snapshot!(refused.to_string());
}

#[test]
fn two_parents_may_stand_on_the_same_case_and_circles_are_still_refused() {
    let others = [
        toml_file("base.toml", BASE),
        toml_file("one.toml", "schema = 1\nextends = 'base.toml'\n[components.ffmpeg.options]\none = 11\n"),
        toml_file("two.toml", "schema = 1\nextends = ['base.toml']\n[components.ffmpeg.options]\ntwo = 2\n"),
    ];
    let loaded = load_with(child("['one.toml', 'two.toml']", ""), &others, &overrides(&[])).expect("a case");
    // `two` brings the base's values along, and stands over `one` as a whole.
    assert_eq!(option(&loaded, "one"), OptionValue::Number(1));
    assert_eq!(option(&loaded, "two"), OptionValue::Number(2));
    let circle = [
        toml_file("a.toml", "schema = 1\nextends = ['b.toml']\n"),
        toml_file("b.toml", "schema = 1\nextends = ['a.toml']\n"),
    ];
    let refused =
        load_with(child("['a.toml']", ""), &circle, &overrides(&[])).expect_err("a circle").to_string();
    assert!(refused.contains("has a cycle: a.toml"), "{refused}");
}

#[test]
fn what_is_no_name_of_a_case_is_shown() {
    let refused = load_with(child("['base.toml', 7]", ""), &others(), &overrides(&[])).expect_err("a number");
    insta::assert_snapshot!(refused.to_string());
    let refused = load_with(child("['base.toml', 'gone.toml']", ""), &others(), &overrides(&[]));
    assert!(refused.expect_err("nothing there").to_string().contains("cannot extend `gone.toml`"));
}

#[test]
fn a_directory_in_the_place_of_a_source_is_pinned_as_the_source_was() {
    let given = |text: &str| {
        let mut given = overrides(&[]);
        given.sources = vec![("x".to_owned(), "/x".into())];
        let loaded = load_with(toml_file("case.toml", &format!("schema = 1\n{text}")), &[], &given);
        let loaded = loaded.expect("a case");
        let [SourceSpec::Path { path, revision, .. }] = loaded.case.sources["x"].as_slice() else { panic!() };
        assert_eq!(path, "/x");
        revision.clone()
    };
    let pinned = Some("2cec6ce6".to_owned());
    let mounted = "[sources.x]\nkind = 'mounted'\ndescription = 'd'\n";
    assert_eq!(given(&format!("{mounted}revision = '2cec6ce6'\n")), pinned);
    assert_eq!(given(mounted), None);
    assert_eq!(
        given(
            "[sources]\nx = [{ kind = 'path', path = 'a' }, { kind = 'git', url = 'u', revision = '2cec6ce6' }]\n"
        ),
        pinned
    );
    assert_eq!(
        given("[sources.x]\nkind = 'git'\nurl = 'u'\nrevision = 'main'\n"),
        None,
        "a branch is no commit"
    );
    assert_eq!(given(""), None);
    let mut editable = overrides(&[("sources.x.writable", "true"), ("components.y.editable", "true")]);
    editable.sources = vec![("x".to_owned(), "/x".into())];
    let text = format!("schema = 1\n{mounted}[components.y]\ndriver = 'xmake'\nsource = 'x'\n");
    let loaded = load_with(toml_file("case.toml", &text), &[], &editable).expect("a case");
    let sources = loaded.case.sources["x"].as_slice();
    assert!(matches!(sources, [SourceSpec::Path { writable: true, .. }]), "{sources:?}");
    insta::assert_snapshot!(toml_errors(&format!("schema = 1\n{mounted}revision = 'main'\n")));
}
