//! What differs from place to place: the mask of new files, times, memory, and what of a case is wanted.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use common::*;

/// The installer below a shell that sets the mask.
fn masked(mask: &str, home: &Path, words: &[&str]) -> Output {
    let mut shell = command(home, &[]);
    let program = shell.get_program().to_owned();
    let environment: Vec<_> =
        shell.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    #[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
    let mut child = Command::new("/bin/sh");
    child.args(["-c", "umask $0; exec \"$@\"", mask]).arg(program).args(words).args(place(home));
    shell = child;
    shell.current_dir(home).env_clear().envs(environment).stdin(std::process::Stdio::null());
    without_index(&mut shell).output().unwrap()
}

/// Every path below some directories that others read, with its mode.
fn modes(home: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut open: Vec<_> = ["prefix", "data-dir/environments", "artifacts", "state-dir", "case.lock"]
        .iter()
        .map(|name| home.join(name))
        .collect();
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_symlink() {
            continue;
        }
        let name = path.strip_prefix(home).unwrap().to_str().unwrap().to_owned();
        // These are named by times and by this place.
        if ["state-dir/runs/", "state-dir/trees/"].iter().any(|below| name.starts_with(below)) {
            continue;
        }
        found.push((name, metadata.permissions().mode() & 0o7777));
        if metadata.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_installed_is_for_others_whatever_the_mask() {
    let [usual, private] = ["022", "077"].map(|mask| {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        wheel(&home.join("wheels"), "plain", "1.0");
        write(home, "tool/run.sh", "#!/bin/sh\n");
        std::fs::set_permissions(home.join("tool/run.sh"), std::fs::Permissions::from_mode(0o700)).unwrap();
        write(
            home,
            "case.toml",
            r#"schema = 1
[metadata]
name = "mask"
[python]
packages = ["plain"]
find_links = ["wheels"]
[sources.tool]
kind = "path"
path = "tool"
[components.tool]
driver = "command"
[components.tool.commands]
install = [["install", "-D", "{source}/run.sh", "{destdir}{prefix}/lib/deep/run.sh"], ["sh", "-c", "echo > {destdir}{prefix}/lib/deep/text"]]
"#,
        );
        succeeded(&masked(mask, home, &["all", "case.toml"]));
        modes(home)
    });
    assert!(usual.iter().any(|(name, _)| name.starts_with("prefix/share/installer/")), "{usual:?}");
    assert!(usual.iter().any(|(name, _)| name.ends_with("plain/__init__.py")), "{usual:?}");
    // What tools print and what they are given is for who runs them.
    let (own, all): (Vec<_>, Vec<_>) = private.iter().partition(|(name, _)| {
        let directory =
            name.strip_prefix("state-dir/").and_then(|name| name.split_once('/')).map(|(name, _)| name);
        matches!(directory, Some("steps" | "logs" | "capsules"))
    });
    assert!(own.iter().all(|(_, mode)| *mode == 0o600) && own.len() > 3, "{own:?}");
    let unreadable: Vec<_> = all.iter().filter(|(_, mode)| mode & 0o044 != 0o044).collect();
    assert!(unreadable.is_empty(), "{unreadable:?}");
    let differ: Vec<_> = private.iter().zip(&usual).filter(|(one, other)| one != other).collect();
    assert!(private.len() == usual.len() && differ.is_empty(), "{differ:?}");
}

/// The names of files below a directory that are newer than now.
fn of_the_future(directory: &Path) -> String {
    bash(directory, "touch now; find . -type f -newer now; rm now")
}

/// The same two projects as a directory, and what a case says of them.
const SKEWED: &str = r#"schema = 1
[metadata]
name = "skew"
[components.cm]
driver = "cmake"
[[components.cm.checks]]
kind = "run"
command = ["{prefix}/bin/cm"]
contains = "cm=x"
[components.cmmake]
driver = "cmake"
source = "cm"
generator = "make"
prefix = "HOME/second"
[[components.cmmake.checks]]
kind = "run"
command = ["{prefix}/bin/cm"]
[components.ms]
driver = "meson"
[[components.ms.checks]]
kind = "run"
command = ["{prefix}/bin/ms"]
"#;

fn skewed(home: &Path) {
    write(
        home,
        "cm/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.16)\nproject(cm C)\nconfigure_file(v.h.in v.h)\nadd_executable(cm main.c)\n\
         target_include_directories(cm PRIVATE ${CMAKE_BINARY_DIR})\ninstall(TARGETS cm)\n",
    );
    write(
        home,
        "cm/main.c",
        "#include <stdio.h>\n#include \"v.h\"\nint main(void){puts(\"cm=\" V);return 0;}\n",
    );
    write(home, "cm/v.h.in", "#define V \"x\"\n");
    write(home, "ms/meson.build", "project('ms','c')\nexecutable('ms','main.c',install:true)\n");
    write(home, "ms/main.c", "#include <stdio.h>\nint main(void){puts(\"ms=x\");return 0;}\n");
    bash(home, "find cm ms -exec touch -d '+1 day' {} +; touch -d '+2 days' cm/main.c");
}

fn skewed_case(home: &Path, sources: &str) {
    write(home, "case.toml", SKEWED.replace("HOME", home.to_str().unwrap()) + sources);
}

#[test]
fn files_of_the_future_build_from_a_directory_and_nothing_of_the_copy_is_later_than_now() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    skewed(home);
    let sources =
        "[sources.cm]\nkind = \"path\"\npath = \"cm\"\n[sources.ms]\nkind = \"path\"\npath = \"ms\"\n";
    skewed_case(home, sources);
    succeeded(&placed(home, &["build", "case.toml"]));
    assert_eq!(of_the_future(&home.join("cache-dir")), "");
    let order = bash(home, "cd cache-dir/work/cm; ls -t | head -1");
    assert_eq!(order.trim(), "main.c", "the order is kept");
    // What is the same keeps its time, however the source is touched.
    let before = bash(home, "stat -c '%n %y' cache-dir/work/cm/*");
    write(home, "ms/main.c", "int main(void){return 0;}\n");
    bash(home, "find cm ms -exec touch -d '+3 days' {} +");
    let again = placed(home, &["build", "case.toml", "--progress", "json"]);
    assert_eq!(code(&again), 0, "{}", said(&again));
    let steps = started(&again);
    assert!(
        steps.contains("build/ms/compile") && !steps.iter().any(|step| step.contains("/cm")),
        "{steps:?}"
    );
    assert_eq!(bash(home, "stat -c '%n %y' cache-dir/work/cm/*"), before);
    assert_eq!(of_the_future(&home.join("cache-dir")), "");
}

#[test]
fn files_of_the_future_build_from_archives_and_git() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    skewed(home);
    bash(home, "tar cf cm.tar cm; (cd ms && python3 -m zipfile -c ../ms.zip .)");
    bash(
        home,
        "cp -r cm repository; cd repository; git init -q; git add .; export GIT_COMMITTER_DATE=$(date -d '+1 day' +%s)\n\
         git -c user.name=t -c user.email=t@localhost commit -qm one",
    );
    let archive = |name: &str, file: &str| {
        let sha256 = bash(home, &format!("sha256sum {file} | cut -d' ' -f1"));
        format!(
            "[sources.{name}]\nkind = \"archive\"\nurls = [\"file://{}/{file}\"]\nsha256 = \"{}\"\n",
            home.display(),
            sha256.trim()
        )
    };
    let git = format!(
        "[sources.from-git]\nkind = \"git\"\nurl = \"file://{}/repository\"\nrevision = \"HEAD\"\n\
         [components.from-git]\ndriver = \"cmake\"\nprefix = \"{0}/third\"\n",
        home.display()
    );
    skewed_case(home, &[archive("cm", "cm.tar"), archive("ms", "ms.zip"), git].concat());
    succeeded(&placed(home, &["all", "case.toml"]));
    assert_eq!(of_the_future(&home.join("cache-dir")), "");
}

/// A project of autotools whose makefile, like automake's, makes its own templates again when they are older than what
/// they are made from; here nobody has automake. It is checked out in the wrong order.
fn checked_out(home: &Path) {
    write(
        home,
        "at/configure",
        r#"#!/bin/sh
set -e
source=$(cd "$(dirname "$0")" && pwd)
for word; do case $word in --prefix=*) prefix=${word#*=} ;; esac; done
cat >Makefile <<MAKE
all: app
$source/aclocal.m4: $source/configure.ac $source/m4/x.m4
	@echo "aclocal-1.17: command not found"; exit 127
$source/configure $source/config.h.in: $source/configure.ac $source/aclocal.m4
	@echo "autoconf is missing"; exit 127
$source/Makefile.in: $source/Makefile.am $source/configure.ac $source/aclocal.m4
	@echo "automake-1.17: command not found"; exit 127
Makefile: $source/Makefile.in $source/configure
main.o: $source/main.c $source/config.h.in
	\$(CC) -c -o \$@ $source/main.c
other.o: $source/other.c
	\$(CC) -c -o \$@ $source/other.c
app: main.o other.o Makefile
	\$(CC) -o \$@ main.o other.o
install: all
	install -D app \$(DESTDIR)$prefix/bin/app
MAKE
"#,
    );
    std::fs::set_permissions(home.join("at/configure"), std::fs::Permissions::from_mode(0o755)).unwrap();
    write(home, "at/main.c", "int other(void);\nint main(void) { return other(); }\n");
    write(home, "at/other.c", "int other(void) { return 0; }\n");
    for name in ["configure.ac", "aclocal.m4", "m4/x.m4", "config.h.in", "Makefile.am", "Makefile.in"] {
        write(home, &format!("at/{name}"), "");
    }
    let order =
        "aclocal.m4 config.h.in configure Makefile.in Makefile.am configure.ac m4/x.m4 main.c other.c";
    bash(
        home,
        &format!("cd at; s=100; for f in {order}; do touch -d \"-$s seconds\" $f; s=$((s - 1)); done"),
    );
}

#[test]
fn a_checkout_in_any_order_does_not_make_autotools_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    checked_out(home);
    let case = "schema = 1\n[metadata]\nname = \"at\"\n[components.at]\ndriver = \"autotools\"\n\
                [[components.at.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n";
    write(home, "case.toml", format!("{case}[sources.at]\nkind = \"path\"\npath = \"at\"\n"));
    succeeded(&placed(home, &["build", "case.toml"]));

    // A new clone of the same commit recompiles nothing.
    std::fs::remove_dir_all(home.join("at")).unwrap();
    checked_out(home);
    let again = succeeded(&placed(home, &["build", "case.toml"]));
    assert!(again.contains("nothing to do"), "{again}");
    // An edit recompiles what it is of, and what autotools made stays as it is.
    let object =
        |name: &str| home.join("cache-dir/build/at").join(name).metadata().unwrap().modified().unwrap();
    let (main, other) = (object("main.o"), object("other.o"));
    write(home, "at/other.c", "int other(void) { return 1 - 1; }\n");
    write(home, "at/configure.ac", "# edited\n");
    let edited = succeeded(&placed(home, &["build", "case.toml", "--progress", "plain"]));
    assert!(edited.contains("autoreconf = true") && edited.contains("configure"), "{edited}");
    assert!(object("other.o") > other && object("main.o") >= main);

    // The same in a tar archive, whose files are read where they are unpacked.
    let sha256 = bash(home, "tar cf at.tar at; sha256sum at.tar | cut -d' ' -f1");
    let source = format!(
        "[sources.at]\nkind = \"archive\"\nurls = [\"file://{}/at.tar\"]\nsha256 = \"{}\"\n",
        home.display(),
        sha256.trim()
    );
    write(home, "case.toml", format!("{case}{source}"));
    succeeded(&placed(home, &["all", "case.toml"]));
}

mod needs_namespaces {
    use super::*;

    /// The installer on a machine with this much memory: what the kernel says of it is covered by another file.
    fn with_memory(home: &Path, mib: u64, words: &[&str]) -> Output {
        testkit::need("namespaces");
        let kib = mib * 1024;
        write(home, "meminfo", format!("MemTotal: {kib} kB\nMemAvailable: {kib} kB\nSwapTotal: 0 kB\n"));
        let mut command = placed_command(home, words);
        let program = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let environment: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        #[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
        let mut covered = Command::new("unshare");
        covered.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        covered
            .arg("mount --bind meminfo /proc/meminfo && exec \"$@\"")
            .arg("sh")
            .arg(program)
            .args(arguments);
        command = covered;
        command.current_dir(home).env_clear().envs(environment).stdin(std::process::Stdio::null());
        command.output().unwrap()
    }

    #[test]
    fn a_machine_with_little_memory_builds_what_is_small_and_is_told_what_may_not_fit() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        project(home);
        let case = std::fs::read_to_string(home.join("case.toml")).unwrap();
        let case = case.replace("[components.lib]\n", "[components.lib]\njob_memory_mib = 100\n");
        write(
            home,
            "case.toml",
            case.replace("[components.app]\n", "[components.app]\njob_memory_mib = 4000\n"),
        );
        let built = with_memory(home, 400, &["build", "case.toml", "-j", "1"]);
        let told = succeeded(&built);
        assert!(
            told.contains("build/app/compile takes about 4000 MiB for a single job, and there are 400 MiB"),
            "{told}"
        );
        assert!(
            told.contains("add memory or swap space") && !told.contains("build/lib/compile takes"),
            "{told}"
        );
        let again = succeeded(&with_memory(home, 400, &["build", "case.toml"]));
        assert!(again.contains("nothing to do") && !again.contains("MiB"), "{again}");
    }
}

#[test]
fn only_one_component_takes_along_what_it_needs_of_deps_and_nothing_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    wheel(&home.join("wheels"), "plain", "1.0");
    let mut case = "schema = 1\n[metadata]\nname = \"only\"\n[python]\npackages = [\"plain\"]\nfind_links = [\"wheels\"]\n".to_owned();
    let components = [
        ("app", "needs = [\"middle\"]"),
        ("middle", "needs = [\"lib\"]"),
        ("lib", ""),
        ("other", ""),
        ("py", ""),
    ];
    for (name, more) in components {
        write(home, &format!("{name}/{name}.txt"), name);
        let sha256 = bash(home, &format!("tar cf {name}.tar {name}; sha256sum {name}.tar | cut -d' ' -f1"));
        let checks = match name {
            "py" => {
                "[[components.py.checks]]\nkind = \"run\"\ncommand = [\"{python}\", \"-c\", \"import plain\"]\n"
            }
            _ => "",
        };
        case += &format!(
            "[sources.{name}]\nkind = \"archive\"\nurls = [\"file://{}/{name}.tar\"]\nsha256 = \"{}\"\n\
             [components.{name}]\ndriver = \"command\"\nsystem = [\"{}\"]\n{more}\n[components.{name}.commands]\n\
             install = [[\"install\", \"-D\", \"{{source}}/{name}.txt\", \"{{destdir}}{{prefix}}/share/{name}\"]]\n{checks}",
            home.display(),
            sha256.trim(),
            if name == "other" { "nasm" } else { "c-compiler" },
        );
    }
    write(home, "case.toml", case);
    let plan = |only: &[&str]| {
        let mut command = placed_command(home, &[&["plan", "deps", "case.toml", "--json"], only].concat());
        let output = without_index(&mut command).output().unwrap();
        assert_eq!(code(&output), 0, "{}", said(&output));
        printed(&output)
    };
    assert!(plan(&[]).contains("nasm"));
    let run = |only: &str| {
        let mut command = placed_command(home, &["all", "case.toml", "--only", only, "--progress", "json"]);
        let output = without_index(&mut command).output().unwrap();
        assert_eq!(code(&output), 0, "{}{}", said(&output), printed(&output));
        started(&output)
    };
    let steps = run("app");
    let fetched: Vec<&str> = steps.iter().filter_map(|step| step.strip_suffix("/fetch")).collect();
    assert_eq!(fetched, ["source/app", "source/lib", "source/middle"]);
    assert!(!steps.iter().any(|step| step.contains("wheels") || step.contains("python")), "{steps:?}");
    for name in ["app", "middle", "lib"] {
        assert!(home.join("prefix/share").join(name).is_file(), "{name}");
    }
    assert!(!home.join("prefix/share/other").exists());
    let needs = plan(&["--only", "app"]);
    assert!(needs.contains("c-compiler") && !needs.contains("nasm"), "{needs}");

    // One that uses the environment gets it.
    let steps = run("py");
    assert!(steps.contains("deps/wheels") && steps.contains("build/python"), "{steps:?}");
    assert!(steps.contains("source/py/fetch") && !steps.contains("source/other/fetch"), "{steps:?}");
}
