//! Wrong cases and the whole of what is printed.

use super::*;

/// Both formats of one wrong case: the snapshots show the same messages at each format's places.
macro_rules! wrong {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            let text = $text;
            insta::assert_snapshot!(concat!(stringify!($name), "_toml"), toml_errors(text));
            insta::assert_snapshot!(concat!(stringify!($name), "_json"), json_errors(&as_json(text)));
        }
    };
}

wrong!(
    unknown_keys,
    "schema = 1\nbase_imag = 'debian:12'\n\n[metadata]\nname = 'x'\ndescripton = 'y'\nzebra = 1\n"
);

wrong!(
    wrong_types,
    "schema = 1\nbase_image = 12\nenvironment = { A = 1 }\n\n[components.ffmpeg]\nneeds = 'zlib'\noptional = 'yes'\noptions = { a = 1.5 }\n"
);

wrong!(
    kinds_report_against_their_own_keys,
    "schema = 1\n[sources.a]\nkind = 'git'\nurl = 'x'\nrevison = 'main'\n[sources.b]\nkind = 'tarball'\n[sources.c]\npath = '.'\n[sources]\nd = 'here'\ne = [{ kind = 'path', path = '.' }, { kind = 'crate', name = 'x' }]\n"
);

wrong!(
    words_that_would_stand_for_nothing,
    "schema = 1\n[image.environment]\nPATH = '{prefix}/bin:$PATH'\nHOME = '{prefx}/home'\nPRICE = '5 $'\n[components.ffmpeg]\nlink_source = true\ndriver = 'cmake'\narguments = ['-DX={biuld}/x', '{print}', '${prefx}']\n"
);

wrong!(
    words_out_of_a_few,
    "schema = 1\n[toolchains]\ncompiler_cache = 'scache'\n[components.x]\ndriver = 'meson'\ngenerator = 3\n"
);

wrong!(
    numbers_have_bounds,
    "schema = 1\n[[components.ffmpeg.checks]]\nkind = 'http'\nserve = ['x']\npath = '/'\nstatus = 70000\n"
);

wrong!(
    required_keys,
    "schema = 1\n[components.x]\ndriver = 'command'\n[components.x.commands]\ncompile = [['make']]\n[[components.x.expect]]\nfile = 'a'\n"
);

wrong!(
    conditions_and_what_is_expected,
    "schema = 1\n[sources.x]\nkind = 'path'\npath = '.'\n[components.x]\ndriver = 'cmake'\nhooks = 'ffmpeg'\n[[components.x.expect]]\nfile = 'a'\n[[components.x.expect]]\nabsent = 'b'\n[[components.x.expect]]\nline = 'a'\nfound = 'b'\n[components.x.when]\n'A and' = { system = ['zlb'] }\n'A = b'.expect = [{ found = 'JPEG:' }]\nB.options = { C = '{source:x}' }\nD.expect = [{ found = 'fine' }]\n"
);

wrong!(
    mounted_sources,
    "schema = 1\n[sources]\nb = { kind = 'mounted', description = ' ' }\nc = [{ kind = 'mounted', description = 'ours' }, { kind = 'crate', name = 'x', version = '1' }]\n"
);

wrong!(
    editable_installs_of_what_nobody_works_in,
    "schema = 1\n[sources]\ninfinicore = { kind = 'mounted', description = 'a checkout' }\ninfinilm = { kind = 'git', url = 'u', revision = 'main' }\n[components]\ninfinicore = { driver = 'xmake', editable = true }\ninfinilm = { driver = 'xmake', editable = true }\n"
);

wrong!(
    options_that_name_other_sources,
    "schema = 1\n[sources]\ncontrib = { kind = 'path', path = '.' }\none = { kind = 'file', urls = ['u'], sha256 = '0000000000000000000000000000000000000000000000000000000000000000' }\n[components.opencv.options]\nEXTRA = '{source:contrb}/modules'\nMODEL = ['{source:contrib}', '{source:one}']\nOPEN = '{source:contrib'\nOWN = '{source:opencv}/x'\n[components.opencv]\narguments = ['-DX={source:contrib}']\nenvironment = { Y = '{source:contrib}' }\n[sources.opencv]\nkind = 'path'\npath = 'o'\n"
);

wrong!(
    directories_out_of_a_source,
    "schema = 1\n[sources]\na = { kind = 'pypi', name = 'x', version = '1', subdirectory = '../y' }\nb = [{ kind = 'crate', name = 'x', version = '1' }, { kind = 'pypi', name = 'x', version = '1', subdirectory = '/y' }]\n"
);

wrong!(
    names_that_are_options_paths_or_too_long,
    "schema = 1\n[metadata]\nname = '-rf'\n[sources]\n'-rf' = { kind = 'path', path = '.' }\n'con:x' = { kind = 'path', path = '.' }\n'视频.源_1+' = { kind = 'path', path = '.' }\n\
     [components]\n'..' = { recipe = 'ffmpeg' }\n'-rf' = { recipe = 'ffmpeg' }\n\"nul\\u0000\" = { recipe = 'ffmpeg' }\n'编码器.v2_a+b' = { recipe = 'ffmpeg' }\n\
     aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = { recipe = 'ffmpeg' }\n\
     [[python.optional]]\nname = '-rf'\n[[system_packages.apt.repositories]]\nname = '-rf'\nuris = ['https://a.example/']\nsuites = ['x']\ncomponents = ['main']\ntrusted = true\n"
);

wrong!(
    paths_that_leave_their_directory,
    "schema = 1\n[sources.ffmpeg]\nkind = 'archive'\nurls = ['u']\nsha256 = '0000000000000000000000000000000000000000000000000000000000000000'\nsubdirectory = '../b'\n\
     [components.ffmpeg]\nsubdirectory = '../b'\npython_modules = '/usr/lib'\nmark = { project = 'P', file = '../f', says = 'x' }\n\
     vendored = [{ directory = '/x', rows = ['zlib'] }]\nexpect = [{ file = '../../etc/passwd', line = 'x' }]\n\
     [components.ffmpeg.when.A]\npython_modules = 'a/../..'\n[components.opencv]\nsubdirectory = '/abs'\nsource = 'ffmpeg'\n[components.fine]\nrecipe = 'opencv'\nsubdirectory = './模块/a.b+c'\nsource = 'ffmpeg'\n"
);

wrong!(
    types_of_an_application,
    "schema = 1\n[components.ffmpeg.app]\nrouter_port = 70000\nregistry_port = '18000'\nlaunch = true\nport = 1\n"
);

wrong!(
    values_of_an_application,
    "schema = 1\n[components.opencv.app]\nrouter_port = 18000\n[components.ffmpeg.app]\nlaunch = 'router'\nrouter_port = 18000\nregistry_port = 0\nroot = '/app/../etc'\n\
     babysitters = ['a.toml', '../b.toml', 'c d.toml']\n[components.ffmpeg.app.environment]\nhttps_PROXY = 'http://proxy.example'\nA-B = 'x'\nROUTER_PORT = '9'\n\
     [components.x]\nrecipe = 'ffmpeg'\n[components.x.app]\nroot = 'app'\nlaunch = 'registry,routr'\n\
     [components.y]\nrecipe = 'ffmpeg'\n[components.y.app]\nlaunch = ['all', 'router']\n"
);

wrong!(
    values_of_an_image,
    "schema = 1\n[image]\nuser = 'a b'\nworking_directory = 'srv'\nports = [80, 0, '53/tls', '8080/tcp']\nentrypont = ['x']\n\
     [image.environment]\nHTTP_proxy = 'http://proxy.example'\n1ST = 'x'\nTWO = \"a\\nb\"\n[image.health_check]\ncommand = []\nretries = 0\n"
);

wrong!(
    values_of_an_image_beyond_its_keys,
    "schema = 1\n[image]\nuser = '1000:app'\nworking_directory = 'srv'\nports = [80, 0, '53/tls', '8080/tcp']\npackages = ['netbase', '-o']\n\
     [image.environment]\nHTTP_proxy = 'http://proxy.example'\n1ST = 'x'\nTWO = \"a\\nb\"\n[image.health_check]\ncommand = []\nretries = 0\n"
);

wrong!(a_newer_format, "schema = 2\nfancy = true\n");

wrong!(
    needs_of_unknown_components,
    "schema = 1\n[components.opencv]\nneeds = ['ffmpg', 'gstreamer']\n[components.ffmpeg]\n"
);

wrong!(
    needs_in_a_circle,
    "schema = 1\n[components.opencv]\nneeds = ['ffmpeg']\n[components.ffmpeg]\nneeds = ['opencv', 'ffmpeg']\n"
);

wrong!(
    recipes_and_drivers,
    "schema = 1\n[components.ffmpge]\n[components.two]\nrecipe = 'opencvv'\n[components.three]\ndriver = 'command'\n[components.four]\ndriver = 'cargo'\nsource = 'one'\ngenerator = 'ninja'\n[components.five]\ndriver = 'cmake'\n[sources.on]\nkind = 'path'\npath = '.'\n"
);

wrong!(
    sources_that_cannot_be_had,
    "schema = 1\n[sources]\ng = { kind = 'git', url = 'x', revision = '' }\na = { kind = 'archive', urls = [], sha256 = 'abc' }\nnone = []\nup = { kind = 'archive', urls = ['u'], sha256 = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }\n"
);

wrong!(
    sources_beside_the_one_that_is_built,
    "schema = 1\n[sources]\none = { kind = 'file', urls = ['u'], sha256 = '0000000000000000000000000000000000000000000000000000000000000000' }\n\
     tree = { kind = 'path', path = '.' }\n[components.one]\ndriver = 'cmake'\n\
     fetch_content = { A = 'tre', B = 'one' }\nfiles = { 'a/b' = 'tree', '../c' = 'one', 'd' = 'one' }\n\
     [components.tree]\ndriver = 'meson'\nfetch_content = { C = 'tree' }\n"
);

wrong!(
    system_needs_and_names,
    "schema = 1\n[toolchains.rust]\nminimum = 'new'\n[system_packages]\npacman = ['x']\n[components.ffmpeg]\nsystem = ['cmak', 'libfoo-dev', 'atp:x', 'apt:', 'apt:fine']\n[components.'a/b']\nrecipe = 'opencv'\n[components.'']\nrecipe = 'opencv'\n"
);

wrong!(
    names_of_packages,
    "schema = 1\n[package_names.yum]\nzlib = ['zlib-devel']\n[package_names.dnf]\nzlibb = ['zlib-devel']\nnasm = ['-y']\nninja = []\n"
);

wrong!(
    python_keys_that_do_not_fit,
    "schema = 1\n[python]\nenvironment = 'conda'\ninterpreter = 'python3'\nbreak_system_packages = true\n"
);

wrong!(
    conda_keys_elsewhere,
    "schema = 1\n[python]\nenvironment = 'venv-system-site'\nprefix = '/opt/env'\nlock = 'environment.txt'\nbreak_system_packages = true\n"
);

#[test]
fn syntax() {
    insta::assert_snapshot!(toml_errors("schema = 1\n[metadata\nname = 'x'\n"));
    insta::assert_snapshot!(toml_errors("schema = 1\nextends = 'a'\nextends = 'b'\n"));
    insta::assert_snapshot!(json_errors("{\n  \"schema\": 1,\n  // why\n  \"metadata\": {},\n}\n"));
    insta::assert_snapshot!(json_errors(
        "{\n  \"schema\": 1,\n  \"extends\": \"a\",\n  \"extends\": \"b\"\n}\n"
    ));
    insta::assert_snapshot!(json_errors(""));
    insta::assert_snapshot!(json_errors("[]"));
}

#[test]
fn files_without_a_format() {
    insta::assert_snapshot!(toml_errors("[metadata]\nname = 'x'\n"));
    insta::assert_snapshot!(json_errors("{\n  \"name\": \"old\",\n  \"ffmpeg\": {}\n}\n"));
}

#[test]
fn carets_count_characters_and_tabs() {
    insta::assert_snapshot!(toml_errors("schema = 1\n[metadata]\n\tdescription = 'für', \n"));
    insta::assert_snapshot!(toml_errors("schema = 1\nenvironment = { 'für' = 'ä', B = [\n1] }\n"));
    insta::assert_snapshot!(toml_errors("schema = 1\r\n[metadata]\r\n\tnme = 'x'\r\n"));
}

#[test]
fn carets_stand_below_wide_characters_and_combining_marks() {
    // The line that is shown and the one below it, in columns of a terminal.
    let caret = |line: &str| {
        let text = toml_errors(&format!("schema = 1\n[metadata]\n{line}\n"));
        let below = text.lines().find(|line| line.contains('^')).unwrap_or_default().to_owned();
        let behind = below.split_once("| ").map_or("", |(_, behind)| behind);
        (behind.len() - behind.trim_start().len(), behind.matches('^').count())
    };
    assert_eq!(caret("description = 1"), (14, 1));
    assert_eq!(caret("\"ab\" = 1"), (0, 4));
    assert_eq!(caret("\"\u{6f22}\u{5b57}\" = 1"), (0, 6));
    assert_eq!(caret("\"e\u{301}\" = 1"), (0, 3));
    assert_eq!(caret("\"\u{1f600}\" = 1"), (0, 4));
    let inner = |name: &str| caret(&format!("name = {{ {name} = 1 }}"));
    assert_eq!(inner("\"\u{d55c}\u{ad6d}\""), inner("\"abcd\""));
}

/// An editor saves half a file; whatever it holds, there is an answer and no panic.
#[test]
fn a_case_that_is_cut_off_anywhere_has_an_answer() {
    let text = "schema = 1\nextends = 'ä'\n[metadata]\nname = 'für'\n[sources]\na = { kind = 'git', url = 'u', revision = 'r' }\n\
        [[components.ffmpeg.checks]]\nkind = 'run'\ncommand = ['x']\n[components.'a.b']\ndriver = 'cmake'\nsource = 'a'\n";
    let other = [toml_file("ä", "schema = 1\n")];
    let json = as_json(text);
    for (end, _) in text.char_indices() {
        if let Err(errors) = load_with(toml_file("case.toml", &text[..end]), &other, &overrides(&[])) {
            assert!(errors.to_string().contains("case.toml:"), "without a place: {errors}");
        }
    }
    for (end, _) in json.char_indices() {
        let errors = load_with(json_file("case.json", &json[..end]), &other, &overrides(&[]))
            .expect_err("JSON that is cut off is no JSON");
        assert!(errors.to_string().contains("case.json:"), "without a place: {errors}");
    }
    load_with(toml_file("case.toml", text), &other, &overrides(&[])).expect("the whole is a case");
    load_with(json_file("case.json", &json), &other, &overrides(&[])).expect("the whole is a case");
}
