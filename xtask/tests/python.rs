//! Where Python packages go: a table of (environment, what exists) and what follows, with real interpreters and pips
//! and an index of small wheels that are made here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{code, printed, said};
use model::exit;

/// Makes wheels in a directory: `name version requirement…`, one a line.
const MAKE_WHEELS: &str = r#"
import os, sys, zipfile
into, lines = sys.argv[1], sys.argv[2]
os.makedirs(into, exist_ok=True)
for line in lines.splitlines():
    name, version, *requires = line.split()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(f"{into}/{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                       + "".join(f"Requires-Dist: {r}\n" for r in requires))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        record = "".join(f"{f},,\n" for f in [f"{name}/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"])
        wheel.writestr(f"{info}/RECORD", record)
"#;

/// What an index has: newer versions of all that a vendor brings, and what stands on it.
const INDEX: &str = "torch 2.4.0\nvendorlib 9.0\nvision 0.16 torch==2.1.0 vendorlib\nvision 0.19 torch==2.4.0 vendorlib\nplain 1.0\nplain 2.0\nneedsnew 1.0 torch>=2.3\n";

/// A base environment as a vendor's image has it: a torch of its own, which no index has, and whose own requirement
/// nobody can meet.
const VENDOR: &str = "torch 2.1.0+vendor vendor_driver==99\nvendorlib 1.5\n";

struct Scene {
    directory: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "a test prepares what it tests on")]
fn run(program: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Output {
    let output = Command::new(program).args(words).env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    output
}

impl Scene {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        run("/usr/bin/python3", &["-c", MAKE_WHEELS, place.text("index").as_str(), INDEX]);
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn text(&self, below: &str) -> String {
        self.path(below).to_str().unwrap().to_owned()
    }

    /// An interpreter with an environment of its own that is no virtual one, and what its vendor put into it.
    fn interpreter(&self, managed: bool, packages: &str) -> String {
        let asked = run(
            "/usr/bin/python3",
            &[
                "-c",
                "import os, sys, sysconfig; print(os.path.realpath(sys.executable), sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'))",
            ],
        );
        let asked = printed(&asked);
        let words: Vec<&str> = asked.split_whitespace().collect();
        let (real, library) = (Path::new(words[0]), Path::new(words[1]));
        let base = self.path("base");
        let own = base.join("lib").join(library.file_name().unwrap());
        std::fs::create_dir_all(base.join("bin")).unwrap();
        std::fs::create_dir_all(&own).unwrap();
        for entry in std::fs::read_dir(library).unwrap() {
            let entry = entry.unwrap();
            if managed || entry.file_name() != "EXTERNALLY-MANAGED" {
                std::os::unix::fs::symlink(entry.path(), own.join(entry.file_name())).unwrap();
            }
        }
        // Python looks for its library from where its program really is.
        let program = base.join("bin/python3");
        std::fs::copy(real, &program).unwrap();
        let program = program.to_str().unwrap().to_owned();
        let site =
            printed(&run(&program, &["-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]));
        let site = site.trim();
        assert!(site.starts_with(base.to_str().unwrap()), "{site} is not of the interpreter made here");
        if !packages.is_empty() {
            self.unpack(packages, site);
        }
        // pip, as it comes with an interpreter.
        let pip = "import ensurepip, os, sys, glob, zipfile\n\
            found = glob.glob('/usr/share/python-wheels/pip-*.whl') + glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl'))\n\
            zipfile.ZipFile(found[0]).extractall(sys.argv[1])";
        run(&program, &["-c", pip, site]);
        program
    }

    fn unpack(&self, packages: &str, site: &str) {
        let wheels = self.text("vendor");
        run("/usr/bin/python3", &["-c", MAKE_WHEELS, &wheels, packages]);
        let unpack = "import glob, sys, zipfile\nfor wheel in glob.glob(sys.argv[1] + '/*.whl'): zipfile.ZipFile(wheel).extractall(sys.argv[2])";
        run("/usr/bin/python3", &["-c", unpack, &wheels, site]);
    }

    fn case(&self, python: &str) {
        let text = format!("schema = 1\n[metadata]\nname = \"mine\"\n[python]\n{python}\n");
        std::fs::write(self.path("case.toml"), text).unwrap();
    }

    /// The installer with no index but the one made here.
    fn installer(&self, words: &[&str]) -> Output {
        let mut command = common::placed_command(self.directory.path(), words);
        command
            .args(["--case", "case.toml", "--progress", "plain"])
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.text("bin")))
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_INDEX_URL", format!("file://{}", self.text("nothing")))
            .env("PIP_FIND_LINKS", self.text("index"));
        command.output().unwrap()
    }

    fn expect(&self, words: &[&str], wanted: i32) -> String {
        let output = self.installer(words);
        let said = format!("{}{}", said(&output), printed(&output));
        assert_eq!(code(&output), wanted, "{words:?}: {said}");
        said
    }

    /// Names of the wheels that `deps` brought.
    fn wheels(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path("artifacts/wheels"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| Some(name.strip_suffix("-py3-none-any.whl")?.to_owned()))
            .collect();
        names.sort();
        names
    }
}

/// The version of each package that an interpreter imports, and whether it lies below a directory.
fn imports(python: &str, name: &str) -> Option<(String, String)> {
    let code = format!("import {name}; print({name}.version, {name}.__file__)");
    #[expect(clippy::disallowed_methods, reason = "a test looks at what was installed")]
    let output = Command::new(python).args(["-I", "-c", &code]).env_clear().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (version, file) = text.trim().split_once(' ')?;
    Some((version.to_owned(), file.to_owned()))
}

#[test]
fn what_exists_is_kept_and_the_rest_goes_where_the_case_says() {
    // Environment, whether a vendor was there, what is brought, the torch and vision that are imported.
    let table: &[(&str, bool, &[&str], &str, &str)] = &[
        ("venv", false, &["torch-2.4.0", "vendorlib-9.0", "vision-0.19"], "2.4.0", "0.19"),
        ("venv", true, &["torch-2.4.0", "vendorlib-9.0", "vision-0.19"], "2.4.0", "0.19"),
        ("venv-system-site", false, &["torch-2.4.0", "vendorlib-9.0", "vision-0.19"], "2.4.0", "0.19"),
        ("venv-system-site", true, &["vision-0.16"], "2.1.0+vendor", "0.16"),
        ("existing", false, &["torch-2.4.0", "vendorlib-9.0", "vision-0.19"], "2.4.0", "0.19"),
        ("existing", true, &["vision-0.16"], "2.1.0+vendor", "0.16"),
    ];
    for (environment, vendor, brought, torch, vision) in table {
        let what = format!("{environment}, vendor: {vendor}");
        let place = Scene::new();
        let base = place.interpreter(false, if *vendor { VENDOR } else { "" });
        place.case(&format!(
            "interpreter = {base:?}\nenvironment = \"{environment}\"\npackages = [\"vision\", \"torch\"]"
        ));
        place.expect(&["all"], exit::OK);
        assert_eq!(place.wheels(), *brought, "{what}");
        let own = place.text("data-dir/environments/mine/bin/python");
        let (python, below) = if *environment == "existing" {
            assert!(!Path::new(&own).exists(), "{what}: no environment is made");
            (base.clone(), place.text("base"))
        } else {
            (own, place.text("data-dir"))
        };
        let (found, file) = imports(&python, "torch").unwrap();
        assert_eq!(found, *torch, "{what}");
        let kept = *vendor && *environment != "venv";
        assert!(file.starts_with(&if kept { place.text("base") } else { below.clone() }), "{what}: {file}");
        let (found, file) = imports(&python, "vision").unwrap();
        assert_eq!(found, *vision, "{what}");
        assert!(file.starts_with(&below), "{what}: {file}");
        if *environment != "existing" {
            assert_eq!(
                imports(&base, "vision"),
                None,
                "{what}: the interpreter's own environment is left alone"
            );
        }
        let again = place.expect(&["all"], exit::OK);
        assert!(again.contains("nothing to do"), "{what}: {again}");
    }
}

#[test]
fn an_image_gets_what_was_added_to_an_environment_and_not_what_its_base_has() {
    let place = Scene::new();
    let base = place.interpreter(false, VENDOR);
    place.case(&format!(
        "interpreter = {base:?}\nenvironment = \"existing\"\npackages = [\"vision\", \"torch\"]"
    ));
    let said = place.expect(&["image", "export", &place.text("early")], exit::PREFLIGHT);
    assert!(said.contains("installer build"), "{said}");
    place.expect(&["all"], exit::OK);
    place.expect(&["image", "export", &place.text("image")], exit::OK);
    let listed = printed(&run("/usr/bin/find", &[&place.text("image"), "-type", "f"]));
    let has = |name: &str| listed.lines().any(|line| line.contains(&format!("-packages/{name}/")));
    assert!(has("vision") && !has("torch") && !has("pip"), "{listed}");
    assert!(listed.contains("share/installer/python-mine.json"), "{listed}");
}

#[test]
fn a_requirement_that_conflicts_with_what_exists_names_both() {
    let place = Scene::new();
    let base = place.interpreter(false, VENDOR);
    for environment in ["existing", "venv-system-site"] {
        for (packages, asks) in
            [("torch==2.4.0", "the case needs torch==2.4.0"), ("needsnew", "needsnew 1.0 needs torch>=2.3")]
        {
            place.case(&format!(
                "interpreter = {base:?}\nenvironment = \"{environment}\"\npackages = [{packages:?}]"
            ));
            let said = place.expect(&["deps"], exit::STEP_FAILED);
            assert!(said.contains(asks) && said.contains("has torch 2.1.0+vendor, which is kept"), "{said}");
            assert!(said.contains("require torch==2.1.0+vendor"), "{said}");
        }
    }
    // A version without the local part means the same.
    place.case(&format!("interpreter = {base:?}\nenvironment = \"existing\"\npackages = [\"torch==2.1.0\"]"));
    place.expect(&["all"], exit::OK);
    assert!(place.wheels().is_empty(), "{:?}", place.wheels());
    assert_eq!(imports(&base, "torch").unwrap().0, "2.1.0+vendor");
}

#[test]
fn what_the_case_brought_changes_with_it_and_goes_without_a_trace() {
    let place = Scene::new();
    let base = place.interpreter(false, VENDOR);
    let case = |packages: &str| {
        place.case(&format!("interpreter = {base:?}\nenvironment = \"existing\"\npackages = [{packages}]"));
    };
    case("\"vision\", \"plain==1.0\"");
    place.expect(&["all"], exit::OK);
    assert_eq!(imports(&base, "plain").unwrap().0, "1.0");
    place.expect(&["verify"], exit::OK);
    let told = place.expect(&["status"], exit::OK);
    assert!(told.contains(&format!("  python in {}", place.text("base"))), "{told}");
    // Its own version is no constraint.
    case("\"vision\", \"plain==2.0\"");
    place.expect(&["all"], exit::OK);
    assert_eq!(imports(&base, "plain").unwrap().0, "2.0");
    let site = PathBuf::from(imports(&base, "plain").unwrap().1);
    let site = site.parent().unwrap().parent().unwrap();
    assert!(!site.join("plain-1.0.dist-info").exists() && site.join("plain-2.0.dist-info").is_dir());

    std::fs::write(site.join("plain/__init__.py"), "version = 'damaged'\n").unwrap();
    let told = place.expect(&["verify"], exit::VERIFY_FAILED);
    assert!(told.contains("plain/__init__.py"), "{told}");
    place.expect(&["all"], exit::OK);
    assert_eq!(imports(&base, "plain").unwrap().0, "2.0", "build mends what verify found");

    place.expect(&["uninstall", "python"], exit::OK);
    assert_eq!((imports(&base, "plain"), imports(&base, "vision")), (None, None));
    assert_eq!(imports(&base, "torch").unwrap().0, "2.1.0+vendor", "what the vendor brought stays");
}

#[test]
fn a_changed_environment_of_the_cases_own_is_found_and_mended_and_can_be_removed() {
    let place = Scene::new();
    place.case(
        "packages = [\"plain==1.0\"]\n[[python.optional]]\nname = \"more\"\npackages = [\"vendorlib\"]",
    );
    let home = place.path("data-dir/environments/mine");
    let told = place.expect(&["verify"], exit::VERIFY_FAILED);
    assert!(told.contains("environments/mine is not installed"), "{told}");
    assert!(place.expect(&["status"], exit::OK).contains("  python: not installed in "));
    // As a killed run leaves it.
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join(".installer-incomplete"), "").unwrap();
    let told = place.expect(&["verify"], exit::VERIFY_FAILED);
    assert!(told.contains("environments/mine is not installed"), "{told}");
    assert!(place.expect(&["status"], exit::OK).contains("environments/mine is unfinished"));

    place.expect(&["all"], exit::OK);
    let told = place.expect(&["verify"], exit::OK);
    assert!(told.contains("verify mine: 2 steps") && told.contains("verify: done in"), "{told}");
    for word in ["never ran", "network:", "next:"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
    let told = place.expect(&["status"], exit::OK);
    assert!(
        told.contains("  python in ") && told.contains("last deps, 2") && told.contains("last build, 2"),
        "{told}"
    );
    assert!(place.expect(&["all"], exit::OK).contains("nothing to do"));

    let python = home.join("bin/python").to_str().unwrap().to_owned();
    for (name, version, step) in [("plain", "1.0", "build/python"), ("vendorlib", "9.0", "build/python/more")]
    {
        let file = imports(&python, name).unwrap().1;
        // Its length does not give it away.
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace(version, "6.6")).unwrap();
        let told = place.expect(&["verify", "python"], exit::VERIFY_FAILED);
        assert!(told.contains(&format!("{name}/__init__.py has changed")), "{told}");
        let told = place.expect(&["all"], exit::OK);
        assert!(told.contains(&format!("[{step}] done")), "{told}");
        assert!(told.contains(&format!("[{step}/verify] done")), "what is mended is verified: {told}");
        assert_eq!(imports(&python, name).unwrap().0, version);
        place.expect(&["verify"], exit::OK);
    }

    place.expect(&["uninstall", "python", "--dry-run"], exit::OK);
    assert!(home.is_dir());
    place.expect(&["uninstall", "--all"], exit::OK);
    assert!(!home.exists());
    let told = place.expect(&["uninstall", "python"], exit::USAGE);
    assert!(told.contains("is not installed"), "{told}");
    assert!(
        place.expect(&["uninstall", "--all"], exit::OK).contains("nothing of the case mine is installed")
    );
}

/// conda itself cannot be had here: a tool of its name records its arguments and copies an environment into place.
#[test]
fn a_conda_environment_is_used_or_created_and_wheels_go_in_beside_what_it_has() {
    let place = Scene::new();
    place.interpreter(false, VENDOR);
    let prefix = place.text("conda env");
    let case = |more: &str| {
        place.case(&format!("environment = \"conda\"\nprefix = {prefix:?}\npackages = [\"vision\"]\n{more}"));
    };
    case("");
    let said = place.expect(&["deps"], exit::STEP_FAILED);
    assert!(said.contains("there is no conda environment in") && said.contains("python.lock"), "{said}");
    case("lock = \"environment.txt\"");
    std::fs::write(
        place.path("environment.txt"),
        "@EXPLICIT\nhttps://conda.example/linux-64/python-3.11.9-0.conda#ab\n",
    )
    .unwrap();
    let said = place.expect(&["deps"], exit::STEP_FAILED);
    assert!(said.contains("none of micromamba, mamba, conda is on PATH"), "{said}");

    let tool = place.path("bin/micromamba");
    std::fs::create_dir(place.path("bin")).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\ncp -a '{}' \"$4\"\nln -s python3 \"$4/bin/python\"\n",
        place.text("asked"),
        place.text("base")
    );
    std::fs::write(&tool, script).unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    place.expect(&["all"], exit::OK);
    let asked = std::fs::read_to_string(place.path("asked")).unwrap();
    assert!(asked.starts_with(&format!("create --yes --prefix {prefix} --file ")), "{asked}");
    assert_eq!(asked.lines().count(), 1);
    let python = format!("{prefix}/bin/python");
    assert_eq!(imports(&python, "torch").unwrap().0, "2.1.0+vendor");
    let (vision, file) = imports(&python, "vision").unwrap();
    assert!(vision == "0.16" && file.starts_with(&prefix), "{vision} {file}");
    assert_eq!(place.wheels(), ["vision-0.16"]);
    let again = place.expect(&["all"], exit::OK);
    assert!(again.contains("nothing to do"), "{again}");
}

/// A case that compiles OpenCV's bindings, with a source that is never reached.
fn bindings(place: &Scene, python: &str, more: &str) {
    std::fs::create_dir_all(place.path("opencv")).unwrap();
    let text = format!(
        "schema = 1\n[metadata]\nname = \"mine\"\n[python]\n{python}\n[sources.opencv]\nkind = \"path\"\npath = \"opencv\"\n\
         [components.opencv]\noptions = {{ BUILD_opencv_python3 = true, WITH_JPEG = false, WITH_PNG = false }}\n{more}"
    );
    std::fs::write(place.path("case.toml"), text).unwrap();
}

#[test]
fn what_would_make_opencv_drop_its_bindings_is_found_before_anything_compiles() {
    let place = Scene::new();
    // An interpreter that was installed without its headers.
    let shim = place.path("python");
    std::fs::write(
        &shim,
        "#!/bin/sh\n/usr/bin/python3 \"$@\" | sed 's#\"/usr/include/python#\"/nowhere/python#'\n",
    )
    .unwrap();
    std::fs::set_permissions(&shim, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    bindings(&place, &format!("interpreter = {:?}\npackages = [\"numpy\"]", place.text("python")), "");
    let said = place.expect(&["build"], exit::PREFLIGHT);
    assert!(said.contains("has no headers: /nowhere/python3"), "{said}");
    assert!(said.contains("numpy is not among the wheels of the case"), "{said}");

    // A vendor's NumPy without its headers, and none at all.
    let base = place.interpreter(false, "numpy 1.26.4\n");
    let existing = format!("interpreter = {base:?}\nenvironment = \"existing\"");
    bindings(&place, &existing, "");
    let said = place.expect(&["build"], exit::PREFLIGHT);
    assert!(said.contains("numpy 1.26.4 of ") && said.contains("has no numpy/ndarrayobject.h"), "{said}");
    let bare = Scene::new();
    let base = bare.interpreter(false, "");
    bindings(&bare, &format!("interpreter = {base:?}\nenvironment = \"existing\""), "");
    let said = bare.expect(&["build"], exit::PREFLIGHT);
    assert!(said.contains("is needed, but"), "{said}");
    assert!(!bare.path("cache-dir/build").exists(), "nothing was configured");
}

#[test]
fn a_broken_compiler_cache_is_found_before_anything_compiles() {
    let place = Scene::new();
    let cache = place.path("data-dir/tools/bin/ccache");
    std::fs::create_dir_all(cache.parent().unwrap()).unwrap();
    std::fs::write(&cache, "#!/bin/sh\necho 'ccache: cannot load libhiredis' >&2\nexit 127\n").unwrap();
    std::fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    bindings(&place, "packages = [\"plain\"]", "[toolchains]\ncompiler_cache = \"ccache\"\n");
    let said = place.expect(&["build"], exit::PREFLIGHT);
    assert!(said.contains("tools/bin/ccache is broken") && said.contains("cannot load libhiredis"), "{said}");
    assert!(said.contains("remove toolchains.compiler_cache"), "{said}");
}

mod needs_externally_managed {
    use super::*;

    #[test]
    fn what_a_distribution_manages_is_refused_before_anything_is_brought() {
        // Distributions before PEP 668 (Debian 11) mark nothing.
        testkit::need("externally_managed");
        let place = Scene::new();
        let base = place.interpreter(true, VENDOR);
        let case = |more: &str| {
            place.case(&format!(
                "interpreter = {base:?}\nenvironment = \"existing\"\npackages = [\"plain\"]\n{more}"
            ));
        };
        case("");
        let said = place.expect(&["all"], exit::PREFLIGHT);
        assert!(said.contains("PEP 668") && said.contains("venv-system-site"), "{said}");
        assert!(!place.path("artifacts/wheels").exists());
        case("break_system_packages = true");
        place.expect(&["all"], exit::OK);
        assert_eq!(imports(&base, "plain").unwrap().0, "2.0");
    }
}
