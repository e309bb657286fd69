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
fn set_is_a_text_where_the_case_wants_one() {
    let set = [
        ("python.version", "3.10"),
        ("toolchains.cmake.minimum", "3.20"),
        ("cuda.version", "12"),
        ("cuda.arch", "8.0"),
        ("pytorch.torch_version", "2.10"),
        ("base_image", "true"),
        ("environment.PORT", "0x10"),
        ("environment.ON", "true"),
        ("environment.LIST", "[1, 2]"),
        ("components.ffmpeg.environment.LEVEL", "1e3"),
        ("sources.other.kind", "crate"),
        ("sources.other.version", "1.20"),
        ("sources.other.name", "other"),
        ("components.ffmpeg.optional", "true"),
        ("components.ffmpeg.options.count", "1"),
        ("components.ffmpeg.options.level", "3.10"),
        ("components.ffmpeg.options.gpl", "true"),
        ("components.ffmpeg.options.list", "[3.10, 'b']"),
    ];
    let loaded = load_with(child(""), &parent(), &overrides(&set)).expect("a case");
    let case = &loaded.case;
    assert_eq!(case.python.as_ref().and_then(|python| python.version.as_deref()), Some("3.10"));
    assert_eq!(case.toolchains.cmake.minimum.as_deref(), Some("3.20"));
    assert_eq!(case.cuda.as_ref().and_then(|cuda| cuda.version.as_deref()), Some("12"));
    assert_eq!(case.pytorch.as_ref().and_then(|torch| torch.torch_version.as_deref()), Some("2.10"));
    assert_eq!(case.base_image.as_deref(), Some("true"));
    let environment = [("PORT", "0x10"), ("ON", "true"), ("LIST", "[1, 2]")];
    assert!(environment.iter().all(|(name, value)| case.environment[*name] == *value), "{case:?}");
    let ffmpeg = &case.components["ffmpeg"];
    assert_eq!(ffmpeg.environment["LEVEL"], "1e3");
    assert!(ffmpeg.optional);
    assert_eq!(from(&loaded, "components.ffmpeg.options.count").0, "1");
    assert_eq!(from(&loaded, "components.ffmpeg.options.level").0, "\"3.10\"");
    assert_eq!(from(&loaded, "components.ffmpeg.options.gpl").0, "true");
    assert_eq!(from(&loaded, "components.ffmpeg.options.list").0, "[\"3.10\",\"b\"]");
    assert_eq!(from(&loaded, "sources.other.version").0, "\"1.20\"");
    let more = [("components.ffmpeg.arguments", "['--a', 3.10, true]")];
    let loaded = load_with(child(""), &parent(), &overrides(&more)).expect("a case");
    assert_eq!(loaded.case.components["ffmpeg"].arguments, ["--a", "3.10", "true"]);
    let more = [("sources.ffmpeg", "{version = 7.10, kind = 'pypi', name = 'x'}")];
    let loaded = load_with(child(""), &parent(), &overrides(&more)).expect("a case");
    assert_eq!(from(&loaded, "sources.ffmpeg.version").0, "\"7.10\"");
}

/// Every key that the schema has, with the types that it takes; `*` in the place of a name.
fn keys_of<'a>(
    root: &'a serde_json::Value,
    schema: &'a serde_json::Value,
    path: &str,
    found: &mut Vec<(String, Vec<&'a str>)>,
) {
    let schema = crate::case::validate::resolve(root, schema);
    let mut types = Vec::new();
    crate::case::validate::types_of(root, schema, &mut types);
    if path.split('.').count() > 7 {
        return;
    }
    found.push((path.trim_start_matches('.').to_owned(), types));
    for branch in ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        let branch = crate::case::validate::resolve(root, branch);
        for (name, below) in branch.get("properties").and_then(|it| it.as_object()).into_iter().flatten() {
            keys_of(root, below, &format!("{path}.{name}"), found);
        }
    }
    for (name, below) in schema.get("properties").and_then(|it| it.as_object()).into_iter().flatten() {
        keys_of(root, below, &format!("{path}.{name}"), found);
    }
    if let Some(below) = schema.get("additionalProperties").filter(|below| below.is_object()) {
        keys_of(root, below, &format!("{path}.any"), found);
    }
}

#[test]
fn every_key_that_takes_a_text_and_no_number_keeps_what_is_written() {
    let schema = crate::case::schema::schema();
    let mut keys = Vec::new();
    keys_of(&schema, &schema, "", &mut keys);
    keys.retain(|(key, _)| !key.is_empty());
    let (mut texts, mut numbers) = (0, 0);
    for (key, types) in &keys {
        let read = |value: &str| {
            let node = crate::case::merge::set_value(key, value).expect("a key");
            node.to_json()
        };
        let text = types.contains(&"string");
        if text && !types.contains(&"integer") {
            texts += 1;
            for value in ["3.10", "3.11", "12", "08", "1e3", "2024-05-01"] {
                assert_eq!(read(value), serde_json::json!(value), "{key} takes {types:?}");
            }
        }
        if text && !types.contains(&"boolean") {
            assert_eq!(read("true"), serde_json::json!("true"), "{key} takes {types:?}");
        }
        if types.contains(&"integer") {
            numbers += 1;
            assert_eq!(read("12"), serde_json::json!(12), "{key} takes {types:?}");
        }
        if types.contains(&"boolean") {
            assert_eq!(read("true"), serde_json::json!(true), "{key} takes {types:?}");
        }
    }
    assert!(texts >= 50 && numbers >= 5, "{texts} texts, {numbers} numbers");
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
