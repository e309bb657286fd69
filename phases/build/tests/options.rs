//! An option is the same option wherever and however it is written.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use common::{case, planned, source, step, words};
use model::plan::{Action, Expectation, Plan, Shows};

fn of(name: &str, more: &str) -> Plan {
    let python = "[python]\npackages = [\"numpy\"]\n";
    planned(&case(&format!("{python}{}[components.{name}]\n{more}\n", source(name)))).unwrap().0
}

fn expected(plan: &Plan, name: &str) -> Vec<Expectation> {
    match &step(plan, &format!("build/{name}/expect")).action {
        Action::ExpectEnabled(expect) => expect.expectations.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_switch_is_on_however_that_is_written() {
    let key = "BUILD_opencv_python3";
    for written in [
        format!("options = {{ {key} = true }}"),
        format!("options = {{ {key} = \"ON\" }}"),
        format!("options = {{ {key} = \"YES\" }}"),
        format!("options = {{ {key} = \"TRUE\" }}"),
        format!("options = {{ {key} = \"on\" }}"),
        format!("options = {{ {key} = \"y\" }}"),
        format!("options = {{ {key} = \"1\" }}"),
        format!("options = {{ {key} = 1 }}"),
        format!("options = {{ \"{key}:BOOL\" = true }}"),
        format!("arguments = [\"-D{key}=ON\"]"),
        format!("arguments = [\"-D{key}:BOOL=yes\"]"),
        format!("arguments = [\"-D\", \"{key}=1\"]"),
    ] {
        let plan = of("opencv", &written);
        let Action::Preflight(preflight) = &step(&plan, "build/opencv/preflight").action else { panic!() };
        let python = preflight.python.as_ref().unwrap_or_else(|| panic!("{written}"));
        assert!(python.compiles && preflight.wheels.is_some(), "{written}: {preflight:?}");
        assert!(
            preflight.needs.iter().any(|need| need.name == "python3-dev"),
            "{written}: {:?}",
            preflight.needs
        );
        let configure = words(step(&plan, "build/opencv/configure"));
        assert!(configure.iter().any(|word| word.starts_with("-DPYTHON3_EXECUTABLE=")), "{written}");
        let shows = Shows::Word { label: "To be built:".to_owned(), word: "python3".to_owned() };
        assert!(expected(&plan, "opencv").iter().any(|one| one.shows == shows), "{written}");
    }
    for written in
        [format!("options = {{ {key} = \"off\" }}"), format!("arguments = [\"-D\", \"{key}:BOOL=OFF\"]")]
    {
        let plan = of("opencv", &written);
        let Action::Preflight(preflight) = &step(&plan, "build/opencv/preflight").action else { panic!() };
        assert!(preflight.python.is_none(), "{written}: {preflight:?}");
    }
}

#[test]
fn variables_among_the_arguments_are_held_against_the_cache_like_options() {
    for written in [
        "options = { WITH_GSTREAMER = true }",
        "arguments = [\"-D\", \"WITH_GSTREAMER=ON\"]",
        "arguments = [\"-DWITH_GSTREAMER:BOOL=ON\"]",
    ] {
        let found = expected(&of("opencv", written), "opencv");
        let of_it = |one: &&Expectation| match &one.shows {
            Shows::CacheEntry { name, .. } => name == "WITH_GSTREAMER",
            _ => false,
        };
        let entries: Vec<&Expectation> = found.iter().filter(of_it).collect();
        let entry = Shows::CacheEntry { name: "WITH_GSTREAMER".to_owned(), value: "ON".to_owned() };
        assert_eq!(entries.iter().map(|one| &one.shows).collect::<Vec<_>>(), [&entry], "{written}");
        let summary = Shows::NotNo { label: "GStreamer:".to_owned() };
        assert!(found.iter().any(|one| one.shows == summary), "{written}");
        let unused = Shows::NoLine("WITH_GSTREAMER".to_owned());
        assert!(found.iter().any(|one| one.shows == unused), "{written}");
    }
}

#[test]
fn what_follows_from_options_does_not_overrule_one_that_is_written_with_a_type() {
    let plan = of("opencv", "options = { \"WITH_ADE:BOOL\" = true, \"OPENCV_DOWNLOAD_PATH:PATH\" = \"/d\" }");
    let configure = words(step(&plan, "build/opencv/configure"));
    for key in ["WITH_ADE", "OPENCV_DOWNLOAD_PATH"] {
        let given: Vec<&String> =
            configure.iter().filter(|word| word.starts_with(&format!("-D{key}"))).collect();
        assert!(given.len() == 1 && given[0].starts_with(&format!("-D{key}:")), "{given:?}");
    }
}

#[test]
fn conditions_hold_by_arguments_of_every_driver() {
    for (driver, condition, arguments) in [
        ("cmake", "X", "\"-D\", \"X:BOOL=ON\""),
        ("cmake", "X = v", "\"-DX=v\""),
        ("meson", "x", "\"-D\", \"x=true\""),
        ("meson", "x", "\"-Dx=enabled\""),
        ("meson", "x = off", "\"-Dx=disabled\""),
        ("meson", "default_library = static", "\"--default_library\", \"static\""),
        ("autotools", "enable-x", "\"--enable-x\""),
        ("autotools", "enable-x", "\"--enable-x=yes\""),
        ("autotools", "enable-x = off", "\"--enable-x=no\""),
        ("autotools", "with-x = *", "\"--with-x=/opt/x\""),
        ("autotools", "host = x", "\"--host\", \"x\""),
        ("xmake", "x", "\"--x=y\""),
        ("xmake", "mode = debug", "\"-m\", \"debug\""),
        ("cargo", "x", "\"--features\", \"w,x\""),
        ("cargo", "x", "\"--features=w,x\""),
        ("cargo", "x", "\"-F\", \"x\""),
    ] {
        let plan = of(
            "app",
            &format!(
                "driver = \"{driver}\"\narguments = [{arguments}]\n[components.app.when.\"{condition}\"]\nnotes = [\"holds\"]"
            ),
        );
        assert!(plan.notes.contains(&"holds".to_owned()), "{driver}: {condition}: {arguments}");
    }
    let features = "driver = \"cargo\"\nfeatures = [\"x\"]\n[components.app.when.x]\nnotes = [\"holds\"]";
    assert!(of("app", features).notes.contains(&"holds".to_owned()));
}

#[test]
fn parts_of_ffmpeg_among_the_arguments_are_expected_of_its_tree() {
    let plan = of(
        "ffmpeg",
        "options = { enable-decoder = [\"h264\"], enable-libx264 = false }\narguments = [\"--enable-decoder=png,vp9\", \"--enable-gpl\", \"--enable-zlib\"]",
    );
    let found = expected(&plan, "ffmpeg");
    let count = |line: &str| {
        found.iter().filter(|one| one.shows == Shows::Line(format!("#define CONFIG_{line} 1"))).count()
    };
    for line in ["GPL", "H264_DECODER", "PNG_DECODER", "VP9_DECODER", "ZLIB"] {
        assert_eq!(count(line), 1, "{line}: {found:?}");
    }
    assert_eq!(count("LIBX264"), 0);
}

#[test]
fn meson_is_given_no_option_twice() {
    let plan = of(
        "app",
        "driver = \"meson\"\noptions = { libdir = \"lib64\" }\narguments = [\"-Dbuildtype=debug\"]",
    );
    let configure = words(step(&plan, "build/app/configure"));
    assert!(!configure.iter().any(|word| word.starts_with("--libdir") || word.starts_with("--buildtype")));
}

#[test]
fn what_sends_files_outside_the_prefix_is_refused_before_anything_compiles() {
    let plan = |more: &str| {
        planned(&case(&format!(
            "[python]\npackages = [\"numpy\"]\n{}[components.app]\nprefix = \"/opt/app\"\n{more}\n",
            source("app")
        )))
    };
    for (driver, key, value) in [
        ("cmake", "CMAKE_INSTALL_PREFIX", "/elsewhere"),
        ("cmake", "\"CMAKE_INSTALL_PREFIX:PATH\"", "/opt/app2"),
        ("cmake", "CMAKE_INSTALL_BINDIR", "/elsewhere"),
        ("cmake", "CMAKE_INSTALL_LIBDIR", "../lib"),
        ("cmake", "OPENCV_PYTHON3_INSTALL_PATH", "/elsewhere"),
        ("cmake", "OPENCV_BIN_INSTALL_PATH", "/elsewhere"),
        ("autotools", "prefix", "/elsewhere"),
        ("autotools", "bindir", "/elsewhere"),
        ("autotools", "libdir", "${prefix}/../lib"),
        ("meson", "prefix", "/elsewhere"),
        ("meson", "libdir", "/elsewhere"),
        ("meson", "\"python.install_env\"", "system"),
        ("meson", "\"python.platlibdir\"", "/elsewhere"),
        ("xmake", "installdir", "/elsewhere"),
    ] {
        let text = format!("driver = \"{driver}\"\noptions = {{ {key} = \"{value}\" }}");
        let error = plan(&text).expect_err(&text);
        assert_eq!(error.key, format!("components.app.options.{}", key.trim_matches('"')));
        assert!(error.help.contains("prefix = \"…\"` in [components.app]"), "{error}");
    }
    for (driver, arguments) in [
        ("cmake", "\"-DCMAKE_INSTALL_PREFIX=/elsewhere\""),
        ("cmake", "\"-D\", \"CMAKE_INSTALL_BINDIR:PATH=/elsewhere\""),
        ("autotools", "\"--bindir=/elsewhere\""),
        ("autotools", "\"--prefix\", \"/elsewhere\""),
        ("meson", "\"--prefix\", \"/elsewhere\""),
        ("meson", "\"--libdir=/elsewhere\""),
        ("meson", "\"-Dprefix=/elsewhere\""),
        ("meson", "\"-Dpython.install_env=venv\""),
        ("xmake", "\"-o\", \"/elsewhere\""),
        ("xmake", "\"--installdir=/elsewhere\""),
        ("cargo", "\"--target-dir=/elsewhere\""),
        ("cargo", "\"--root\", \"/elsewhere\""),
        ("python", "\"--target\", \"/elsewhere\""),
        ("python", "\"--root=/elsewhere\""),
        ("python", "\"--prefix=/elsewhere\""),
    ] {
        let text = format!("driver = \"{driver}\"\narguments = [{arguments}]");
        let error = plan(&text).expect_err(&text);
        assert_eq!(error.key, "components.app.arguments", "{text}");
        assert!(error.message.contains("/elsewhere") || error.message.contains("venv"), "{error}");
    }
    for inside in [
        "driver = \"cmake\"\noptions = { CMAKE_INSTALL_LIBDIR = \"lib64\", CMAKE_INSTALL_PREFIX = \"{prefix}\" }",
        "driver = \"cmake\"\narguments = [\"-DCMAKE_INSTALL_BINDIR=/opt/app/tools\", \"-DCMAKE_INSTALL_RPATH=/x\"]",
        "driver = \"autotools\"\noptions = { libdir = \"${exec_prefix}/lib64\", sysconfdir = \"/etc\" }",
        "driver = \"autotools\"\narguments = [\"--bindir=/opt/app/bin\", \"--with-x=/elsewhere\"]",
        "driver = \"meson\"\noptions = { libdir = \"lib64\", \"python.install_env\" = \"prefix\" }",
    ] {
        plan(inside).unwrap();
    }
}

#[test]
fn what_nothing_would_hear_is_refused_by_its_key() {
    let refused = |more: &str, top: &str| {
        let text = format!("{top}{}[components.app]\n{more}\n", source("app"));
        let error = planned(&case(&text)).err().unwrap_or_else(|| panic!("{more}"));
        format!("{}: {}", error.key, error.message)
    };
    let flags = "[build_options]\ncflags = [\"-DALL\"]\n";
    let commands = "driver = \"command\"\n[components.app.commands]\ninstall = [[\"true\"]]\n[components.app.options]\na = true";
    let unconfigured =
        "driver = \"command\"\narguments = [\"zz\"]\n[components.app.commands]\ninstall = [[\"true\"]]";
    let shown = "driver = \"cargo\"\n[[components.app.expect]]\nline = \"#define X 1\"";
    for (more, top, told) in [
        (
            "driver = \"cmake\"\noptions = { LOUD = true }\narguments = [\"-DLOUD=OFF\"]",
            "",
            "arguments: argument `LOUD` contradicts `LOUD` in `options.LOUD`",
        ),
        (
            "driver = \"cmake\"\narguments = [\"-DX=a\", \"-D\", \"X:STRING=b\"]",
            "",
            "argument `X:STRING` contradicts `X` in `arguments`",
        ),
        (
            "driver = \"meson\"\noptions = { loud = true }\narguments = [\"-Dloud=false\"]",
            "",
            "argument `loud` contradicts",
        ),
        (
            "driver = \"autotools\"\noptions = { enable-loud = true }\narguments = [\"--disable-loud\"]",
            "",
            "argument `disable-loud` contradicts `enable-loud`",
        ),
        (
            "driver = \"autotools\"\noptions = { enable-loud = true }\narguments = [\"--enable-loud=no\"]",
            "",
            "argument `enable-loud` contradicts",
        ),
        (
            "driver = \"cmake\"\noptions = { CMAKE_C_FLAGS = \"-DX\" }",
            flags,
            "options.CMAKE_C_FLAGS: `CMAKE_C_FLAGS` takes the place of `cflags`",
        ),
        ("driver = \"meson\"\noptions = { c_args = \"-DX\" }", flags, "`c_args` takes the place"),
        (
            "driver = \"autotools\"\narguments = [\"CFLAGS=-DX\"]",
            flags,
            "arguments: `CFLAGS` takes the place",
        ),
        (commands, "", "options.a: the driver command gives the option `a` to nothing"),
        (unconfigured, "", "arguments: there is no `commands.configure`"),
        (shown, "", "expect.0: component `app` has no configure step"),
    ] {
        let error = refused(more, top);
        assert!(error.contains(told), "{error}");
    }
    // What says the same twice, adds to a list, or is another option, is well.
    for more in [
        "driver = \"cmake\"\noptions = { LOUD = true }\narguments = [\"-DLOUD=1\", \"-DMORE=OFF\"]",
        "driver = \"autotools\"\narguments = [\"--disable-all\", \"--enable-decoder=a\", \"--enable-decoder=b\"]",
    ] {
        planned(&case(&format!("{}[components.app]\n{more}\n", source("app")))).unwrap();
    }
}

#[test]
fn flags_of_a_component_are_joined_to_those_for_all() {
    let text = format!(
        "[build_options]\ncflags = [\"-DALL\"]\n[environment]\nCFLAGS = \"-DCASE\"\n{}[components.app]\ndriver = \"cmake\"\nenvironment = {{ CFLAGS = \"-DOWN\" }}\n",
        source("app")
    );
    let plan = planned(&case(&text)).unwrap().0;
    let Action::Exec(exec) = &step(&plan, "build/app/configure").action else { panic!() };
    let flags = exec.commands.iter().find_map(|command| command.environment.get("CFLAGS"));
    assert_eq!(flags.map(String::as_str), Some("-DALL -DOWN"));
}
