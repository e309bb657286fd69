//! What `build` plans, from case files to steps.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use common::{case, planned, source, step, words};
use engine::planning::{Known, PlanCx};
use model::StepId;
use model::case::{Case, Check};
use model::lock::Lock;
use model::plan::{Action, Argument, Phase, Plan, Shows};
use model::source_facts::SourceFacts;
use model::verify_level::VerifyLevel;
use testkit::FakeContext;

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn libraries_that_ffmpeg_refuses_for_their_licence_are_noted_before_anything_is_compiled() {
    let notes = |options: &str| {
        let text = case(&format!("{}[components.ffmpeg]\noptions = {{ {options} }}\n", source("ffmpeg")));
        planned(&text).unwrap().0.notes.join("\n")
    };
    for (options, more, note) in [
        (
            "enable-gpl = true, enable-libfdk-aac = true",
            "enable-nonfree = true",
            "incompatible with the GPL,",
        ),
        ("enable-gpl = true, enable-decklink = 'on'", "enable-nonfree = true", "incompatible with the GPL,"),
        ("enable-gpl = true, enable-openssl = true", "enable-version3 = true", "OpenSSL 3 is incompatible"),
        ("enable-libopencore-amrnb = true", "enable-version3 = true", "without `enable-version3 = true`"),
        ("enable-libx264 = true", "enable-gpl = true", "without `enable-gpl = true`"),
    ] {
        assert!(notes(options).contains(note), "{options}: {}", notes(options));
        let allowed = notes(&format!("{options}, {more}"));
        assert!(!allowed.contains(note), "{options}, {more}: {allowed}");
    }
    assert!(!notes("enable-libfdk-aac = true").contains("GPL"), "the LGPL allows it");
}

#[test]
fn ffmpeg_asks_pkg_config_for_all_where_a_library_is_static_alone() {
    let configure = |library: &str, more: &str, own: &str| {
        let text = case(&format!(
            "{}{}[components.{library}]\n{more}\n[components.ffmpeg]\nneeds = [\"{library}\"]\n{own}\n",
            source("ffmpeg"),
            source(library)
        ));
        words(step(&planned(&text).unwrap().0, "build/ffmpeg/configure"))
    };
    let asks = |words: Vec<String>| words.join(" ").contains("--pkg-config-flags=--static");
    for (library, more) in [
        ("x265", "options = { ENABLE_SHARED = false }"),
        ("opus", "arguments = [\"--disable-shared\"]"),
        ("libvpx", "options = { disable-shared = true, enable-static = true }"),
        ("dav1d", "options = { default_library = \"static\" }"),
        ("fdk-aac", "options = { \"BUILD_SHARED_LIBS:BOOL\" = false }"),
    ] {
        assert!(asks(configure(library, more, "")), "{library}: {more}");
        assert!(!asks(configure(library, "", "")), "{library} is shared unless it is said otherwise");
    }
    let own = configure(
        "x265",
        "options = { ENABLE_SHARED = false }",
        "options = { pkg-config-flags = \"--static -x\" }",
    );
    assert_eq!(own.iter().filter(|word| word.starts_with("--pkg-config-flags=")).count(), 1, "{own:?}");
}

#[test]
fn the_quickstart_needs_what_its_drivers_need_and_follows_the_recipe() {
    let text = include_str!("../../../cases/quickstart/case.toml");
    let mut case: Case = toml::from_str(text).unwrap();
    build::recipes::built_in().settle(&mut case);
    let context = FakeContext::new();
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    for alternatives in case.sources.values_mut() {
        *alternatives = model::case::Alternatives::One(model::case::SourceSpec::path("/src"));
    }
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known).unwrap();
    let names: Vec<&str> = requirements.needs.iter().map(|need| need.name.as_str()).collect();
    for name in ["c-compiler", "make", "nasm"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let compiler = requirements.needs.iter().find(|need| need.name == "c-compiler").unwrap();
    assert_eq!(compiler.wanted_by, ["ffmpeg", "sfz"]);
    assert_eq!(requirements.crates, ["sfz".into()]);
    assert!(!requirements.ninja);

    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx).unwrap();
    let plan = cx.finish().unwrap();
    let steps = ["preflight", "copy", "configure", "expect", "compile", "stage", "commit", "verify"];
    let ffmpeg: Vec<String> = steps.iter().map(|verb| format!("build/ffmpeg/{verb}")).collect();
    let mut found: Vec<&str> = ids(&plan).into_iter().filter(|id| id.starts_with("build/ffmpeg/")).collect();
    found.sort_by_key(|id| ffmpeg.iter().position(|other| other == id));
    assert_eq!(found, ffmpeg);
    let configure = words(step(&plan, "build/ffmpeg/configure"));
    for word in ["--enable-shared", "--disable-everything", "--enable-protocol=file,pipe"] {
        assert!(configure.iter().any(|other| other == word), "{word} is not among {configure:?}");
    }
    let Action::ExpectEnabled(expect) = &step(&plan, "build/ffmpeg/expect").action else { panic!() };
    assert!(expect.expectations.iter().any(|one| one.asked == "--enable-decoder=vp9"));
}

#[test]
fn nothing_compiles_before_every_preflight_has_ended() {
    let body = source("one")
        + &source("two")
        + "[components.one]\ndriver = \"cmake\"\n[components.two]\ndriver = \"autotools\"\n";
    let (plan, requirements) = planned(&case(&body)).unwrap();
    let gate = step(&plan, "build/preflight");
    for component in ["one", "two"] {
        assert!(gate.after.contains(&StepId::new(format!("build/{component}/preflight"))), "{component}");
        for verb in ["copy", "configure", "compile", "stage", "commit", "verify"] {
            let step = step(&plan, &format!("build/{component}/{verb}"));
            assert!(step.after.contains(&gate.id), "{}", step.id);
        }
    }
    assert!(requirements.ninja, "CMake uses Ninja unless the case says otherwise");
}

#[test]
fn a_component_waits_for_what_it_stands_on_and_finds_it() {
    let body = source("lib")
        + &source("app")
        + "[components.app]\ndriver = \"cmake\"\nneeds = [\"lib\"]\noptions = { WITH_JPEG = true }\n\
           [components.lib]\ndriver = \"autotools\"\nprefix = \"/opt/lib\"\n";
    let (plan, _) = planned(&case(&body)).unwrap();
    let configure = step(&plan, "build/app/configure");
    assert!(configure.needs.contains(&StepId::new("build/lib/commit")));
    assert!(words(configure).contains(&"-DWITH_JPEG=ON".to_owned()));
    let Action::Exec(exec) = &configure.action else { panic!() };
    let environment = &exec.commands.last().unwrap().environment;
    assert!(environment["CMAKE_PREFIX_PATH"].contains("/opt/lib"));
    assert!(environment["PKG_CONFIG_PATH"].contains("/opt/lib/lib/pkgconfig"));
    assert!(environment["PATH"].contains("/opt/lib/bin"));
}

#[test]
fn commands_run_on_a_copy_of_the_source() {
    let body = source("app")
        + "[components.app]\ndriver = \"command\"\n[components.app.commands]\n\
           compile = [[\"make\", \"-C\", \"{source}\", \"-j{jobs}\"]]\ninstall = [[\"cp\", \"a\", \"{destdir}{prefix}\"]]\n";
    let (plan, _) = planned(&case(&body)).unwrap();
    assert!(ids(&plan).contains(&"build/app/copy") && !ids(&plan).contains(&"build/app/configure"));
    let compile = words(step(&plan, "build/app/compile"));
    assert!(compile[2].ends_with("/work/app"), "{compile:?}");
    assert!(compile[3].contains("Jobs"), "{compile:?}");
}

#[test]
fn what_does_not_exist_is_an_error_with_its_key() {
    let wrong = |body: &str| planned(&case(&(source("app") + body))).unwrap_err();
    let error = wrong("[components.app]\ndriver = \"cmake\"\nsystem = [\"nams\"]\n");
    assert_eq!(error.key, "components.app.system");
    assert!(error.help.contains("nasm"), "{error}");
    assert_eq!(
        wrong("[components.app]\ndriver = \"cmake\"\nneeds = [\"lib\"]\n").key,
        "components.app.needs"
    );
    assert_eq!(wrong("[components.app]\n").key, "components.app");
    assert_eq!(wrong("[components.app]\ndriver = \"command\"\n").key, "components.app.commands");
    let undeclared = planned(&case("[components.app]\ndriver = \"cmake\"\n")).unwrap_err();
    assert!(undeclared.message.contains("does not declare"), "{undeclared}");
}

#[test]
fn a_compiler_cache_launches_every_compiler() {
    let (plan, requirements) = planned(
        r#"
        schema = 1
        metadata = { name = "cached" }
        toolchains = { compiler_cache = "ccache" }
        [sources.lib]
        kind = "path"
        path = "lib"
        [sources.ffmpeg]
        kind = "path"
        path = "ffmpeg"
        [components.lib]
        driver = "cmake"
        [components.ffmpeg]
        "#,
    )
    .unwrap();
    assert!(requirements.needs.iter().any(|need| need.name == "ccache"));
    let words = |id: &str| {
        let Action::Exec(exec) = &plan.step(&StepId::new(id)).unwrap().action else {
            panic!("{id} runs nothing")
        };
        format!("{:?}", exec.commands.last().unwrap().args)
    };
    assert!(words("build/lib/configure").contains("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"));
    assert!(words("build/ffmpeg/configure").contains("--cc=ccache cc"));
}

#[test]
fn a_project_without_a_recipe_may_find_a_compiler_cache_that_nobody_asked_for() {
    let caches = |toolchains: &str| {
        let text = format!(
            "{toolchains}{}{}[components.lib]\ndriver = \"meson\"\n[components.opus]\n",
            source("lib"),
            source("opus")
        );
        let (plan, _) = planned(&case(&text)).unwrap();
        ["lib", "opus"].map(|name| match &step(&plan, &format!("build/{name}/preflight")).action {
            Action::Preflight(preflight) => preflight.compiler_caches.clone(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(caches(""), [vec!["ccache".to_owned(), "sccache".to_owned()], Vec::new()]);
    assert_eq!(
        caches("[toolchains]\ncompiler_cache = \"ccache\"\n"),
        [vec!["sccache".to_owned()], Vec::new()]
    );
}

/// The checks of each component that the body declares, as words; each with its level where that is not the usual one.
fn checks(body: &str, component: &str) -> Vec<String> {
    let (plan, _) = planned(&case(body)).unwrap();
    let Action::Verify(verify) = &step(&plan, &format!("build/{component}/verify")).action else {
        panic!("verifies nothing")
    };
    let shown = verify.checks.iter().map(|check| match check {
        Check::Run { command, level: VerifyLevel::Import, .. } => command.join(" "),
        Check::Library { name, exports, .. } => format!("{name}: {}", exports.join(" ")),
        other => format!("{other:?}"),
    });
    shown.map(|words| words.lines().next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_recipe_brings_checks_that_stand_before_those_of_the_case() {
    let own = "[[components.x264.checks]]\nkind = \"run\"\ncommand = [\"true\"]\n";
    let x264 = |more: &str| checks(&format!("{}[components.x264]\n{more}{own}", source("x264")), "x264");
    let library = "libx264.so: x264_param_default x264_encoder_encode";
    assert_eq!(x264(""), [library, "true"]);
    assert_eq!(x264("options = { enable-shared = false, enable-static = true }\n"), ["true"]);
    assert_eq!(x264("skip_recipe_checks = true\n"), ["true"]);

    let of = |name: &str, more: &str| {
        let python = "[python]\npackages = [\"numpy\"]\n";
        checks(&format!("{python}{}[components.{name}]\n{more}", source(name)), name)
    };
    assert_eq!(
        of("ffmpeg", ""),
        ["libavcodec.so: avcodec_send_packet avcodec_receive_frame", "{prefix}/bin/ffmpeg -version"]
    );
    assert_eq!(
        of("ffmpeg", "options = { build-suffix = \"_x\", progs-suffix = \"_y\" }\n"),
        ["libavcodec_x.so: avcodec_send_packet avcodec_receive_frame", "{prefix}/bin/ffmpeg_y -version"]
    );
    let [library, program] =
        ["libavcodec.so: avcodec_send_packet avcodec_receive_frame", "{prefix}/bin/ffmpeg -version"];
    for (more, shown) in [
        ("options = { enable-shared = false, enable-static = true, disable-programs = true }", vec![]),
        ("options = { disable-all = true }", vec![]),
        ("options = { disable-all = true, enable-avcodec = true }", vec![library]),
        ("options = { disable-avfilter = true }", vec![library]),
        ("options = { disable-avcodec = true }", vec![]),
        ("arguments = [\"--disable-programs\"]", vec![library]),
        ("arguments = [\"--disable-shared\", \"--enable-static\"]", vec![program]),
    ] {
        assert_eq!(of("ffmpeg", &format!("{more}\n")), shown, "{more}");
    }
    for (name, more) in [
        ("libvpx", "options = { disable-shared = true, enable-static = true }"),
        ("opus", "arguments = [\"--disable-shared\"]"),
        ("opencv", "options = { BUILD_SHARED_LIBS = \"off\" }"),
        ("opencv", "options = { \"BUILD_SHARED_LIBS:BOOL\" = false }"),
        ("opencv", "arguments = [\"-DBUILD_SHARED_LIBS=NO\"]"),
        ("fdk-aac", "options = { BUILD_SHARED_LIBS = false }"),
        ("x265", "options = { ENABLE_SHARED = false }"),
        ("nv-codec-headers", "commands = { install = [[\"make\", \"install\", \"LIBDIR=lib64\"]] }"),
    ] {
        assert!(of(name, &format!("{more}\n")).is_empty(), "{name}: {more}");
    }
    let own = format!("{}[components.x264]\ndriver = \"cmake\"\nskip_recipe_checks = true\n", source("x264"));
    let refused = planned(&case(&own)).unwrap_err();
    assert_eq!(refused.key, "components.x264.skip_recipe_checks");
    assert_eq!(of("opencv", ""), ["libopencv_core.so: "]);
    let world = "options = { BUILD_opencv_world = \"ON\", BUILD_opencv_python3 = true }\n";
    let world = of("opencv", world);
    assert_eq!(world[0], "libopencv_world.so: ");
    assert!(world[1].ends_with("/python -c "), "{world:?}");
    assert_eq!(
        of("nv-codec-headers", ""),
        ["env PKG_CONFIG_LIBDIR={prefix}/lib/pkgconfig pkg-config --print-provides ffnvcodec"]
    );
    for (name, library) in [("fdk-aac", "libfdk-aac.so"), ("libvpx", "libvpx.so"), ("opus", "libopus.so")] {
        assert!(of(name, "")[0].starts_with(&format!("{library}: ")), "{name}");
    }
    assert_eq!(of("x265", "options = { EXPORT_C_API = false }\n"), ["libx265.so: "]);
}

#[test]
fn what_opencv_downloads_is_off_unless_the_case_feeds_it() {
    let (digest, file) = ("0".repeat(64), "downloads/ade/b624-v0.1.1f.zip");
    let opencv = |more: &str| {
        let ade = format!("[sources.ade]\nkind = \"file\"\nurls = [\"u\"]\nsha256 = \"{digest}\"\n");
        let text = case(&format!("{}{ade}[components.opencv]\n{more}", source("opencv")));
        planned(&text).unwrap()
    };
    let (plan, requirements) = opencv("");
    let plain = words(step(&plan, "build/opencv/configure"));
    assert!(plain.contains(&"-DWITH_ADE=OFF".to_owned()) && plain.contains(&"-DWITH_IPP=OFF".to_owned()));
    assert!(!requirements.sources.contains_key("ade"), "{requirements:?}");

    let (plan, requirements) = opencv(&format!("files = {{ \"{file}\" = \"ade\" }}\n"));
    let configure = step(&plan, "build/opencv/configure");
    let fed = words(configure);
    assert!(
        fed.contains(&"-DWITH_ADE=ON".to_owned()) && fed.contains(&"-DWITH_IPP=OFF".to_owned()),
        "{fed:?}"
    );
    let install = fed.iter().position(|word| word == "install").unwrap();
    let (from, to) = (&fed[install + 5], &fed[install + 6]);
    assert!(from.ends_with("/sources/ade/ade.file") && to.ends_with(&format!("/opencv/{file}")), "{fed:?}");
    let cache = fed.iter().find(|word| word.starts_with("-DOPENCV_DOWNLOAD_PATH=")).unwrap();
    assert!(to.starts_with(cache.trim_start_matches("-DOPENCV_DOWNLOAD_PATH=")), "{cache}");
    assert!(configure.inputs.iter().any(|input| format!("{input:?}").contains("ade.file")), "{configure:?}");
    assert!(requirements.sources.contains_key("ade"));

    let (plan, _) = opencv("[components.opencv.options]\nWITH_ADE = true\n");
    assert!(words(step(&plan, "build/opencv/configure")).contains(&"-DWITH_ADE=ON".to_owned()));
}

#[test]
fn what_opencv_contrib_downloads_or_finds_by_chance_is_left_out_by_name() {
    let contrib = "[sources.contrib]\nkind = \"path\"\npath = \"/src/contrib\"\n";
    let opencv = |more: &str| {
        planned(&case(&format!("{}{contrib}[components.opencv]\n{more}", source("opencv")))).unwrap()
    };
    let (plan, requirements) = opencv("");
    assert!(!requirements.sources.contains_key("contrib"), "{requirements:?}");
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);

    let options = "[components.opencv.options]\nOPENCV_EXTRA_MODULES_PATH = \"{source:contrib}/modules\"\n";
    let (plan, requirements) = opencv(options);
    assert_eq!(requirements.sources["contrib"].components, ["opencv".into()]);
    let copy = step(&plan, "build/opencv/copy-contrib");
    let configure = step(&plan, "build/opencv/configure");
    assert!(configure.needs.contains(&copy.id), "{:?}", configure.needs);
    let line = words(configure);
    let tree = format!("{}/modules", copy.outputs[0]);
    for word in [
        &format!("-DOPENCV_EXTRA_MODULES_PATH={tree}"),
        "-DBUILD_opencv_face=OFF",
        "-DBUILD_opencv_viz=OFF",
        "-DWITH_TESSERACT=OFF",
    ] {
        assert!(line.iter().any(|found| found == word), "{word}: {line:?}");
    }
    // A directory without modules is no directory that CMake complains of.
    assert!(line.windows(2).any(|pair| pair == ["sh".to_owned(), tree.clone()]), "{line:?}");
    let notes = plan.notes.join("\n");
    assert!(notes.contains("face, wechat_qrcode") && notes.contains("hdf, julia"), "{notes}");

    let named = format!("{options}BUILD_LIST = \"core,face\"\n");
    let line = words(step(&opencv(&named).0, "build/opencv/configure"));
    assert!(!line.iter().any(|word| word.starts_with("-DBUILD_opencv_face")), "{line:?}");
    let digest = "0".repeat(64);
    let file = format!("[sources.landmarks]\nkind = \"file\"\nurls = [\"u\"]\nsha256 = \"{digest}\"\n");
    let fed = format!("files = {{ \"downloads/data/7505-face.dat\" = \"landmarks\" }}\n{options}{file}");
    let (plan, _) = opencv(&fed);
    let line = words(step(&plan, "build/opencv/configure"));
    assert!(!line.iter().any(|word| word.starts_with("-DBUILD_opencv_face")), "{line:?}");
    assert!(!plan.notes.join("\n").contains("face"), "{:?}", plan.notes);
}

#[test]
fn what_is_asked_of_opencv_is_expected_of_its_summary() {
    let text = case(&format!(
        "{}[components.opencv.options]\nBUILD_LIST = \"core,hdf\"\nBUILD_opencv_hdf = true\nBUILD_opencv_sfm = true\nWITH_TBB = true\nWITH_QT = true\nWITH_V4L = false\n",
        source("opencv")
    ));
    let (plan, _) = planned(&text).unwrap();
    let Action::ExpectEnabled(expected) = &step(&plan, "build/opencv/expect").action else { panic!() };
    let word = |label: &str, word: &str| Shows::Word { label: label.to_owned(), word: word.to_owned() };
    let count = |shows: &Shows| expected.expectations.iter().filter(|one| one.shows == *shows).count();
    assert_eq!(count(&word("To be built:", "hdf")), 1);
    assert_eq!(count(&word("To be built:", "sfm")), 1);
    assert_eq!(count(&word("Parallel framework:", "TBB")), 1);
    assert_eq!(count(&Shows::NotNo { label: "QT:".to_owned() }), 1);
    assert_eq!(count(&Shows::NotNo { label: "v4l/v4l2:".to_owned() }), 0);
}

#[test]
fn a_library_of_the_case_is_to_be_among_the_needs_of_what_uses_it() {
    let both = format!("{}{}", source("ffmpeg"), source("x264"));
    let ffmpeg = |needs: &str| {
        let options = "[components.ffmpeg.options]\nenable-libx264 = true\nenable-gpl = true\n";
        planned(&case(&format!("{both}[components.x264]\n[components.ffmpeg]\n{needs}\n{options}")))
    };
    let error = ffmpeg("").unwrap_err();
    assert_eq!(error.key, "components.ffmpeg.needs");
    assert!(error.message.contains("`x264`") && error.help.contains("add \"x264\""), "{error}");
    assert!(ffmpeg("needs = [\"x264\"]").is_ok());
    // The distribution's, where the case has none of its own.
    let alone = "[components.ffmpeg.options]\nenable-libx264 = true\nenable-gpl = true\n";
    assert!(planned(&case(&format!("{}{alone}", source("ffmpeg")))).is_ok());
}

#[test]
fn a_meson_project_is_configured_without_wraps_and_installed_into_its_staging_root() {
    let text = case(&format!(
        "{}[components.x]\ndriver = \"meson\"\noptions = {{ docs = false, backend = [\"a\", \"b\"] }}\n",
        source("x")
    ));
    let (plan, requirements) = planned(&text).unwrap();
    assert!(requirements.needs.iter().any(|need| need.name == "meson"), "{requirements:?}");
    let configure = words(step(&plan, "build/x/configure"));
    for word in
        ["--wrap-mode=nodownload", "--libdir=lib", "--buildtype=release", "-Ddocs=false", "-Dbackend=a,b"]
    {
        assert!(configure.iter().any(|found| found == word), "{word}: {configure:?}");
    }
    assert!(words(step(&plan, "build/x/compile")).iter().any(|word| word == "ninja"));
    let Action::Exec(stage) = &step(&plan, "build/x/stage").action else { panic!() };
    let install = stage.commands.last().unwrap();
    assert!(install.args.contains(&Argument::Literal("--no-rebuild".to_owned())), "{install:?}");
    assert!(install.environment["DESTDIR"].ends_with("/staging/x"), "{install:?}");
}

#[test]
fn options_name_prefixes_of_what_is_needed_and_the_interpreter() {
    let body = |needs: &str| {
        case(&format!(
            "{}{}[components.a]\ndriver = \"cmake\"\nprefix = \"/opt/a\"\n[components.b]\ndriver = \"cmake\"\nneeds = [{needs}]\n\
             [components.b.options]\nA_DIR = \"{{prefix:a}}/lib\"\nPY = \"{{python}}\"\n[python]\npackages = [\"numpy\"]\n",
            source("a"),
            source("b")
        ))
    };
    let (plan, _) = planned(&body("\"a\"")).unwrap();
    let words = words(step(&plan, "build/b/configure")).join(" ");
    assert!(words.contains("-DA_DIR=/opt/a/lib ") && words.contains("/bin/python"), "{words}");
    let error = planned(&body("")).unwrap_err();
    assert_eq!(error.key, "components.b.options.A_DIR");
    assert!(error.help.contains("add \"a\" to `needs`"), "{}", error.help);
}

#[test]
fn what_hangs_on_conditions_comes_with_them() {
    let body = |option: &str| {
        case(&format!(
            "{}[components.a]\ndriver = \"cmake\"\noptions = {{ {option} }}\nnotes = [\"always\"]\n\
             [components.a.when.WITH_X]\nsystem = [\"nasm\"]\noptions = {{ X_LEVEL = 3 }}\nnotes = [\"with x\"]\n\
             expect = [{{ found = \"X:\", missing = \"libx\" }}]\njob_memory_mib = 900\n\
             checks = [{{ kind = \"library\", name = \"libx.so\" }}]\n",
            source("a")
        ))
    };
    let (plan, requirements) = planned(&body("WITH_X = \"ON\"")).unwrap();
    assert!(requirements.needs.iter().any(|need| need.name == "nasm"));
    assert_eq!(plan.notes, ["always", "with x"]);
    assert!(words(step(&plan, "build/a/configure")).contains(&"-DX_LEVEL=3".to_owned()));
    assert_eq!(step(&plan, "build/a/compile").claims.memory_mib, 900);
    let Action::ExpectEnabled(expect) = &step(&plan, "build/a/expect").action else { panic!() };
    let expected = expect.expectations.iter().find(|one| one.missing.is_some()).unwrap();
    assert_eq!(expected.asked, "-DWITH_X=ON");
    let Action::Verify(verify) = &step(&plan, "build/a/verify").action else { panic!() };
    assert_eq!(verify.checks.len(), 1);

    let (plan, requirements) = planned(&body("WITH_X = false")).unwrap();
    assert!(!requirements.needs.iter().any(|need| need.name == "nasm"));
    assert_eq!(plan.notes, ["always"]);
    assert!(!words(step(&plan, "build/a/configure")).contains(&"-DX_LEVEL=3".to_owned()));
}

#[test]
fn a_configure_script_that_is_not_there_is_made_in_a_copy() {
    let body = format!("{}[components.a]\ndriver = \"autotools\"\nautoreconf = true\n", source("a"));
    let (plan, requirements) = planned(&case(&body)).unwrap();
    assert!(requirements.needs.iter().any(|need| need.name == "autoconf"));
    let Action::Exec(exec) = &step(&plan, "build/a/configure").action else { panic!() };
    assert_eq!(exec.commands[0].program, "autoreconf");
    assert!(exec.commands[0].directory.as_str().ends_with("/work/a"), "{}", exec.commands[0].directory);
    let Action::Preflight(preflight) = &step(&plan, "build/a/preflight").action else { panic!() };
    assert_eq!(preflight.build_file.as_ref().unwrap().any_of, ["configure.ac", "configure.in"]);
}
