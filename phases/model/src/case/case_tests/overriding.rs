//! `extends`, `--set`, `--source`, and where values come from.

use super::*;

const PARENT: &str = "schema = 1\nbase_image = 'debian:12'\n[metadata]\nname = 'parent'\ndescription = 'd'\n\
    [components.ffmpeg]\nneeds = ['x']\narguments = ['--a', '--b']\noptions = { one = 1, two = true }\n\
    [components.x]\ndriver = 'cmake'\n[sources.x]\nkind = 'git'\nurl = 'u'\nrevision = 'r'\n";

fn child(text: &str) -> CaseFile {
    toml_file("child.toml", &format!("schema = 1\nextends = 'parent.toml'\n{text}"))
}

fn parent() -> [CaseFile; 1] {
    [toml_file("parent.toml", PARENT)]
}

fn from<'a>(loaded: &'a Loaded, key: &str) -> (&'a str, &'a str) {
    let origin = loaded.origins.iter().find(|origin| origin.key == key).expect(key);
    (&origin.value, &origin.from)
}

#[test]
fn tables_are_merged_and_lists_replaced() {
    let text = "[components.ffmpeg]\narguments = ['--c']\noptions = { two = false }\n[components.opencv]\n";
    let loaded = load_with(child(text), &parent(), &overrides(&[])).expect("a case");
    let ffmpeg = &loaded.case.components["ffmpeg"];
    assert_eq!(ffmpeg.arguments, ["--c"]);
    assert_eq!(ffmpeg.options["one"], OptionValue::Number(1));
    assert_eq!(ffmpeg.options["two"], OptionValue::Switch(false));
    assert_eq!(loaded.case.base_image.as_deref(), Some("debian:12"));
    assert_eq!(loaded.case.metadata.name, "here", "a name is not inherited");
    assert_eq!(loaded.case.metadata.description, "d");
    let names: Vec<&str> = loaded.case.components.keys().map(ComponentName::as_str).collect();
    assert_eq!(names, ["ffmpeg", "x", "opencv"], "the parent's order, then what is new");
    assert_eq!(from(&loaded, "components.ffmpeg.options.one"), ("1", "parent.toml:9"));
    assert_eq!(from(&loaded, "components.ffmpeg.options.two"), ("false", "child.toml:5"));
    assert_eq!(from(&loaded, "metadata.name"), ("\"here\"", "default"));
    assert_eq!(from(&loaded, "components.x.optional"), ("false", "default"));
}

#[test]
fn a_source_of_another_kind_replaces_the_whole_source() {
    let loaded = load_with(child("[sources.x]\nkind = 'path'\npath = '.'\n"), &parent(), &overrides(&[]))
        .expect("a case");
    assert_eq!(loaded.case.sources["x"], Alternatives::One(SourceSpec::path(".")));
    let loaded =
        load_with(child("[sources.x]\nrevision = 'other'\n"), &parent(), &overrides(&[])).expect("a case");
    let [SourceSpec::Git { url, revision, .. }] = loaded.case.sources["x"].as_slice() else {
        panic!("a git source")
    };
    assert_eq!((url.as_str(), revision.as_str()), ("u", "other"));
}

#[test]
fn relative_paths_are_relative_to_the_file_that_says_them() {
    let mut base = toml_file(
        "parent.toml",
        "schema = 1\n[python]\nrequirements = ['a.txt', '/b.txt']\n[sources]\n\
         one = { kind = 'path', path = 'src' }\nmany = [{ kind = 'path', path = '../m' }]\n\
         mine = { kind = 'path', path = 'p' }\n",
    );
    base.directory = Some("/etc/base".into());
    let loaded =
        load_with(child("[sources.mine]\npath = 'own'\n"), &[base], &overrides(&[])).expect("a case");
    let path = |name: &str| match loaded.case.sources[name].as_slice() {
        [SourceSpec::Path { path, .. }] => path.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!((path("one").as_str(), path("many").as_str()), ("/etc/base/src", "/etc/base/../m"));
    assert_eq!(path("mine"), "own");
    let python = loaded.case.python.expect("a python section");
    assert_eq!(python.requirements, ["/etc/base/a.txt", "/b.txt"]);
}

#[test]
fn a_variable_of_the_name_kind_is_a_variable() {
    let others = [toml_file("parent.toml", "schema = 1\nenvironment = { kind = 'a', other = 'b' }\n")];
    let loaded =
        load_with(child("environment = { kind = 'c' }\n"), &others, &overrides(&[])).expect("a case");
    assert_eq!(loaded.case.environment.len(), 2, "{:?}", loaded.case.environment);
    assert_eq!(loaded.case.environment["kind"], "c");
}

#[test]
fn extends_in_a_circle_or_of_nothing_is_refused() {
    let own = toml_file("parent.toml", "schema = 1\nextends = 'child.toml'\n");
    let others = [own, child("")];
    insta::assert_snapshot!(
        load_with(child(""), &others, &overrides(&[])).expect_err("a circle").to_string()
    );
    insta::assert_snapshot!(
        load_with(child(""), &[], &overrides(&[])).expect_err("nothing there").to_string()
    );
}

#[test]
fn an_error_in_a_parent_is_shown_in_the_parent() {
    let others = [toml_file("parent.toml", "schema = 1\n[metadata]\nnmae = 'x'\n")];
    insta::assert_snapshot!(load_with(child(""), &others, &overrides(&[])).expect_err("refused").to_string());
}

#[test]
fn a_json_case_extends_a_toml_one() {
    let root = json_file("child.json", "{\"schema\": 1, \"extends\": \"parent.toml\", \"base_image\": null}");
    let loaded = load_with(root, &parent(), &overrides(&[])).expect("a case");
    assert_eq!(loaded.case.base_image, None, "null takes the parent's value away");
    assert!(loaded.case.components.contains_key("ffmpeg"));
}

#[test]
fn set_takes_toml_values_or_text_and_the_last_wins() {
    let set = [
        ("components.ffmpeg.arguments", "['--z']"),
        ("components.ffmpeg.optional", "true"),
        ("base_image", "fedora:40"),
        ("environment.\"a.b\"", "1 # 2"),
        ("metadata.name", "first"),
        ("metadata.name", "second"),
        ("metadata.created", "2024-05-01"),
    ];
    let loaded = load_with(child(""), &parent(), &overrides(&set)).expect("a case");
    assert_eq!(loaded.case.components["ffmpeg"].arguments, ["--z"]);
    assert!(loaded.case.components["ffmpeg"].optional);
    assert_eq!(loaded.case.base_image.as_deref(), Some("fedora:40"));
    assert_eq!(loaded.case.environment["a.b"], "1 # 2");
    assert_eq!(loaded.case.metadata.name, "second");
    assert_eq!(loaded.case.metadata.created.as_deref(), Some("2024-05-01"));
    assert_eq!(from(&loaded, "environment.\"a.b\""), ("\"1 # 2\"", "--set"));
}

#[test]
fn set_that_is_wrong_is_shown_as_it_was_given() {
    let set = |key, value| {
        load_with(child(""), &parent(), &overrides(&[(key, value)])).expect_err("must be refused").to_string()
    };
    insta::assert_snapshot!(set("components.ffmpeg.optonal", "true"));
    insta::assert_snapshot!(set("components.ffmpeg.optional", "maybe"));
    insta::assert_snapshot!(set("components..x", "1"));
    insta::assert_snapshot!(set("a\nb", "1"));
    insta::assert_snapshot!(set("components.x.needs", "['fmpeg']"));
}

#[test]
fn source_replaces_a_source_or_adds_one() {
    let mut given = overrides(&[]);
    given.sources = vec![("x".to_owned(), "../x".into()), ("new".to_owned(), "/n".into())];
    let loaded = load_with(child(""), &parent(), &given).expect("a case");
    assert_eq!(loaded.case.sources["x"], Alternatives::One(SourceSpec::path("../x")));
    assert_eq!(loaded.case.sources["new"], Alternatives::One(SourceSpec::path("/n")));
    assert_eq!(from(&loaded, "sources.x.path"), ("\"../x\"", "--source"));
}

#[test]
fn at_key_finds_the_key_or_what_stands_above_it() {
    let loaded = load_with(child(""), &parent(), &overrides(&[])).expect("a case");
    insta::assert_snapshot!(loaded.at_key("components.ffmpeg.needs.0", "no", "do that").to_string());
    insta::assert_snapshot!(loaded.at_key("components.ffmpeg.prefix", "no", "").to_string());
    insta::assert_snapshot!(loaded.at_key("python.packages", "no", "do that").to_string());
}
