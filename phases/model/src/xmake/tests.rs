use super::*;

fn scanned(files: &[(&str, &str)]) -> XmakeFacts {
    let mut read = |path: &Utf8Path| {
        files.iter().find(|(name, _)| *name == path.as_str()).map(|(_, text)| (*text).to_owned())
    };
    scan(&mut read).unwrap()
}

fn names(facts: &XmakeFacts, options: &[(&str, bool)]) -> Vec<String> {
    let options = options.iter().map(|(name, on)| ((*name).to_owned(), OptionValue::Switch(*on))).collect();
    facts
        .wanted(&options)
        .iter()
        .map(|requirement| format!("{} {}", requirement.name, requirement.at))
        .collect()
}

const PROJECT: &str = r#"
-- add_requires("in a comment")
--[[ add_requires("in a long
comment") ]]
set_xmakever("2.9.1")
add_requires("boost", {configs = {stacktrace = true}})
add_requires("fmt >=10", 'vcpkg::zlib~debug')
option("omp")
    set_default(true)
    set_description("OpenMP, or not")
option_end()
option("gpu", {default = false, showmenu = true})
option("arch") set_values("a", "b") option_end()
if has_config("gpu") then
    includes("xmake/gpu.lua")
elseif has_config("omp") then
    add_requires("openmp", {optional = true})
else
    add_requires("neither")
end
if is_plat("windows") then add_requires("winonly") end
if not has_config("omp") then add_requires("serial") end
if is_mode("debug") and has_config("omp") then add_requires("who-knows") end
target("one")
    set_default(false)
    add_rules("python.module", {soabi = true})
    on_load(function (target)
        if target:has_x() then print("add_requires('no')") end
        target:add_requires("method")
    end)
target_end()
add_requires("last")
"#;

#[test]
fn packages_are_found_with_their_lines_and_conditions() {
    let facts = scanned(&[
        ("xmake.lua", PROJECT),
        ("xmake/gpu.lua", "includes('sub')\nadd_requires(\"cuda\")\n"),
        ("xmake/sub/xmake.lua", "target 'kernels'\n"),
    ]);
    let always = ["boost xmake.lua:6", "fmt xmake.lua:7", "zlib xmake.lua:7"];
    let with = |more: &[&str]| {
        always
            .iter()
            .chain(more)
            .chain(&["last xmake.lua:32"])
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&facts, &[]), with(&["openmp xmake.lua:17"]));
    assert_eq!(names(&facts, &[("gpu", true)]), with(&["cuda xmake/gpu.lua:2"]));
    assert_eq!(names(&facts, &[("omp", false)]), with(&["neither xmake.lua:19", "serial xmake.lua:22"]));
    assert!(facts.requires.iter().any(|one| one.name == "openmp" && one.optional));
    assert!(facts.requires.iter().any(|one| one.name == "who-knows" && one.when == [Condition::Unknown]));
    assert!(!facts.requires.iter().any(|one| one.name == "method" || one.name == "no"));
    assert_eq!(facts.requires[1].text, "fmt >=10");
}

#[test]
fn options_targets_and_versions_are_found() {
    let facts = scanned(&[("xmake.lua", PROJECT), ("xmake/gpu.lua", "")]);
    let options: Vec<(&str, Option<bool>)> =
        facts.options.iter().map(|(name, default)| (name.as_str(), *default)).collect();
    assert_eq!(options, [("arch", None), ("gpu", Some(false)), ("omp", Some(true))]);
    assert_eq!(facts.targets, ["one"]);
    assert_eq!(facts.minimum.as_deref(), Some("2.9.1"));
    assert_eq!(facts.python_module.as_ref().unwrap().to_string(), "xmake.lua:26");
    assert!(!facts.incomplete);
}

#[test]
fn what_is_computed_makes_the_facts_incomplete() {
    for text in [
        "for _, name in ipairs({\"a\"}) do add_requires(name) end",
        "includes(\"lost.lua\")",
        "includes(\"../outside.lua\")",
        "includes(path.join(\"a\", \"b\"))",
        "add_requires(\"a\" .. b)",
        "option(name)",
    ] {
        assert!(scanned(&[("xmake.lua", text)]).incomplete, "{text}");
    }
    assert!(
        !scanned(&[("xmake.lua", "includes(\"@builtin/check\")\nadd_requires(\"a\", {system = f(x)})")])
            .incomplete
    );
}

#[test]
fn a_file_that_is_no_lua_at_all_is_read_to_its_end() {
    for text in
        ["", "((((", "\"open", "[[open", "--[==[ open", "if if if", "end end", "add_requires(", "ö\"ä'\\"]
    {
        scanned(&[("xmake.lua", text)]);
    }
    assert!(scan(&mut |_| None).is_none());
}

#[test]
fn files_that_include_each_other_end() {
    let facts = scanned(&[
        ("xmake.lua", "includes('a.lua')"),
        ("a.lua", "includes('xmake.lua', 'a.lua')\nadd_requires('x')"),
    ]);
    assert_eq!(facts.requires.len(), 1);
}
