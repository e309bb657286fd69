//! A run, killed at many points of its course: the next one ends with the same installed files as an undisturbed one.
//!
//! Each home is killed again and again, a while after each start, until a run gets through. The first pause differs
//! from home to home, so that all points together are spread over the whole run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use common::processes::{self, Descendant};
use common::{code, installed, placed, placed_command, said};

/// Kills of each kind of victim; there are three kinds.
const KILLS: usize = 36;
/// Into how many parts the pauses cut an undisturbed run.
const PARTS: u32 = 4;
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Scheduler,
    Launcher,
    Tool,
}

#[test]
fn a_killed_scheduler_is_made_up_for_by_the_next_run() {
    disturb(Victim::Scheduler);
}

#[test]
fn a_killed_launcher_is_made_up_for_by_the_next_run() {
    disturb(Victim::Launcher);
}

#[test]
fn a_killed_tool_is_made_up_for_by_the_next_run() {
    disturb(Victim::Tool);
}

/// make deletes a target whose recipe was killed, and keeps one whose recipe says that something was: a compiler driver
/// whose linker the kernel kills when memory runs out.
#[test]
fn what_a_killed_tool_half_wrote_under_make_is_not_installed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("lib")).unwrap();
    let makefile = "all: lib.txt
lib.txt:
	sh $(SOURCE)/driver
install:
	install -D -m 644 lib.txt $(TO)/lib/lib.txt
";
    let linker = "[ ! -e $HOME/killed ] || { echo whole > lib.txt; exit; }
mkdir -p $HOME
: > $HOME/killed
printf wh > lib.txt
kill -9 $$
";
    std::fs::write(home.path().join("lib/Makefile"), makefile).unwrap();
    std::fs::write(home.path().join("lib/linker"), linker).unwrap();
    std::fs::write(home.path().join("lib/driver"), "sh ${0%driver}linker || exit 1\n").unwrap();
    let case = r#"schema = 1
[metadata]
name = "killed"
[sources.lib]
kind = "path"
path = "lib"
[components.lib]
driver = "command"
system = ["make"]
[components.lib.commands]
compile = [["make", "-f", "{source}/Makefile", "SOURCE={source}"]]
install = [["make", "-f", "{source}/Makefile", "TO={destdir}{prefix}", "install"]]
"#;
    std::fs::write(home.path().join("case.toml"), case).unwrap();
    let first = run(home.path());
    assert_eq!(code(&first), 5, "{}", said(&first));
    let second = run(home.path());
    assert_eq!(code(&second), 0, "{}", said(&second));
    assert_eq!(std::fs::read_to_string(home.path().join("prefix/lib/lib.txt")).unwrap(), "whole\n");
}

/// A configure script takes a compiler that was killed for a feature that is not there, and goes on.
#[test]
fn what_a_killed_compiler_could_not_find_out_is_found_out_again() {
    use std::os::unix::fs::PermissionsExt;
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (home, killed) in homes.iter().zip([false, true]) {
        project(home.path());
        let compiler = home.path().join("compiler");
        let mark = home.path().join("killed");
        // CMake links its question about the ABI with `-v` and reads the answer.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *CompilerABI.c.o*)\n[ -e {0} ] || {{ : > {0}; kill -9 $$; }};;\nesac\nexec cc \"$@\"\n",
            mark.display()
        );
        std::fs::write(&compiler, script).unwrap();
        std::fs::set_permissions(&compiler, std::fs::Permissions::from_mode(0o755)).unwrap();
        if !killed {
            std::fs::write(&mark, "").unwrap();
        }
        let with = format!("arguments = [\"-DCMAKE_C_COMPILER={}\"]\nneeds", compiler.display());
        let case = home.path().join("case.toml");
        std::fs::write(&case, CASE.replace("needs", &with)).unwrap();
        let mut output = run(home.path());
        if killed {
            assert!(mark.exists(), "nothing was killed");
            assert!(matches!(output.status.code(), Some(0 | 5)), "{}", said(&output));
            output = run(home.path());
        }
        assert_eq!(code(&output), 0, "{}", said(&output));
    }
    let want = installed(homes[0].path());
    assert_same(
        &installed(homes[1].path()),
        &want,
        &["the link of CMake's question about the ABI".to_owned()],
    );
}

/// Fault points stand where the product's authors thought of them; here the scheduler dies before each call that gives
/// a name, takes one away, or changes a mode or time.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test compiles the tool that it needs")]
fn a_scheduler_that_dies_at_any_change_of_a_file_is_made_up_for_by_the_next_run() {
    let undisturbed = tempfile::tempdir().unwrap();
    common::project(undisturbed.path());
    std::fs::write(undisturbed.path().join("shim.c"), SHIM).unwrap();
    let words = ["-shared", "-fPIC", "shim.c", "-o", "shim.so", "-ldl"];
    let compiled =
        std::process::Command::new("cc").current_dir(undisturbed.path()).args(words).output().unwrap();
    assert!(compiled.status.success(), "{}", said(&compiled));
    let shim = undisturbed.path().join("shim.so");
    let first = run(undisturbed.path());
    assert_eq!(code(&first), 0, "{}", said(&first));
    let want = installed(undisturbed.path());

    let mut wrong = Vec::new();
    let mut at = 0;
    loop {
        at += 1;
        let home = tempfile::tempdir().unwrap();
        common::project(home.path());
        let mut command = placed_command(home.path(), &["all", "--case", "case.toml", "--progress", "plain"]);
        command.env("LD_PRELOAD", &shim).env("DIE_AT", at.to_string());
        let killed = command.env("DIED", home.path().join("died")).output().unwrap();
        if killed.status.code().is_some() {
            assert_eq!(code(&killed), 0, "{}", said(&killed));
            break;
        }
        let died = std::fs::read_to_string(home.path().join("died")).unwrap();
        let died = died.trim().replace(home.path().to_str().unwrap(), "");
        let next = run(home.path());
        assert_eq!(code(&next), 0, "killed before {died}: {}", said(&next));
        let more = installed(home.path()).into_iter().filter(|file| !want.contains(file)).map(|file| file.0);
        let here = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let beside = here.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".tmp"));
        let more: Vec<String> = more.chain(beside).collect();
        let gone = want.iter().filter(|file| !installed(home.path()).contains(file)).count();
        if !more.is_empty() || gone > 0 {
            wrong.push(format!("{at}, before {died}: new or different {more:?}; {gone} gone or different"));
        }
    }
    assert!(at > 60, "only {at} changes of files");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn disturb(victim: Victim) {
    let undisturbed = tempfile::tempdir().unwrap();
    project(undisturbed.path());
    let began = Instant::now();
    let first = run(undisturbed.path());
    let whole = began.elapsed();
    assert_eq!(code(&first), 0, "{}", said(&first));
    let want = installed(undisturbed.path());
    let names: Vec<&str> = want.iter().map(|(name, ..)| name.as_str()).collect();
    for name in ["bin/app", "lib/libanswers.a", "lib/libanswers.so", "share/app/words.txt"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }

    let mut kills = 0;
    let mut victims = Vec::new();
    for round in 0_u32.. {
        if kills >= KILLS {
            break;
        }
        assert!(round < 100, "only {kills} kills happened");
        let home = tempfile::tempdir().unwrap();
        project(home.path());
        // Multiples of the golden ratio lie evenly in any number.
        let share = (f64::from(round) * 0.618_033_988_749_895).fract();
        let mut pause = (whole / PARTS).mul_f64(share);
        let mut course = Vec::new();
        loop {
            let (output, killed) = run_and_kill(home.path(), victim, pause, kills);
            let Some(killed) = killed else {
                assert_eq!(code(&output), 0, "nothing was killed; before: {course:#?}\n{}", said(&output));
                break;
            };
            course.push(format!("{killed} after {pause:?}, exit {:?}", output.status.code()));
            let shown = || format!("{course:#?}\n{}", said(&output));
            // A compiler's death may be made up for by the tool that started it; a check that is killed does not hold.
            match victim {
                Victim::Scheduler => assert!(output.status.code().is_none(), "{}", shown()),
                // The first launcher holds the namespaces, before there is a step that could fail.
                Victim::Launcher => {
                    assert!(matches!(output.status.code(), Some(0 | 1 | 5 | 9)), "{}", shown())
                }
                Victim::Tool => assert!(matches!(output.status.code(), Some(0 | 5 | 9)), "{}", shown()),
            }
            kills += 1;
            // What was begun is begun anew, so that a step longer than the pause would never end.
            pause = (whole / PARTS).mul_f64(1.25_f64.powi(i32::try_from(course.len()).unwrap() - 1));
        }
        let left = processes::busy_with(home.path());
        assert!(left.is_empty(), "left running: {left:#?}\n{course:#?}");
        assert_same(&installed(home.path()), &want, &course);
        victims.append(&mut course);
    }
    eprintln!("{whole:?} undisturbed; {kills} kills: {victims:#?}");
}

/// Starts a run and kills the victim after a while, or as soon as there is one. None: the run was over before.
fn run_and_kill(home: &Path, victim: Victim, pause: Duration, turn: usize) -> (Output, Option<String>) {
    let mut command = placed_command(home, &["all", "--case", "case.toml", "--progress", "plain"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(pause);
    let killed = processes::wait_for("the end of a run, or a victim", LIMIT, || {
        if child.try_wait().unwrap().is_some() {
            return Some(None);
        }
        kill(&mut child, victim, turn).map(Some)
    });
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < LIMIT, "the run went on for {:?} after the kill", began.elapsed());
    (output, killed)
}

/// Kills one of the victims that there are right now and says which.
fn kill(child: &mut Child, victim: Victim, turn: usize) -> Option<String> {
    if victim == Victim::Scheduler {
        child.kill().unwrap();
        return Some("the scheduler".to_owned());
    }
    // Also what was forked and is about to become one.
    let is_launcher = |process: &Descendant| process.words[0].ends_with("installer");
    let mut there = processes::descendants(child.id());
    // One that becomes another program just now has no words, and may be either.
    there.retain(|process| !process.words[0].is_empty());
    there.retain(|process| is_launcher(process) == (victim == Victim::Launcher));
    there.sort_by_key(|process| process.depth);
    // By turns the deepest (a compiler's own child), the highest (make, ninja, a script), and the one between.
    let index = match turn % 3 {
        0 => there.len().checked_sub(1)?,
        1 => 0,
        _ => there.len() / 2,
    };
    let chosen = there.get(index)?;
    processes::signal(chosen.pid, "KILL").then(|| chosen.words.join(" "))
}

fn assert_same(have: &[(String, u32, Vec<u8>)], want: &[(String, u32, Vec<u8>)], course: &[String]) {
    let different: Vec<&String> =
        have.iter().filter(|file| !want.contains(file)).map(|(name, ..)| name).collect();
    let gone: Vec<&String> = want.iter().filter(|file| !have.contains(file)).map(|(name, ..)| name).collect();
    assert!(
        different.is_empty() && gone.is_empty(),
        "new or different: {different:?}; gone or different: {gone:?}; after {course:#?}"
    );
}

fn run(home: &Path) -> Output {
    placed(home, &["all", "--case", "case.toml", "--progress", "plain"])
}

/// A library built by a configure script and make, and a program built by CMake and ninja that needs it.
fn project(home: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(home.join("case.toml"), CASE).unwrap();
    let answers = home.join("answers");
    std::fs::create_dir(&answers).unwrap();
    std::fs::write(answers.join("configure"), CONFIGURE).unwrap();
    std::fs::set_permissions(answers.join("configure"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let functions = ["one", "two", "three", "four", "five"];
    let declared: String = functions.iter().map(|name| format!("int {name}(void);\n")).collect();
    std::fs::write(answers.join("answers.h"), declared).unwrap();
    for (name, value) in functions.iter().zip(1..) {
        let text = format!("#include \"answers.h\"\nint {name}(void) {{ return {value}; }}\n");
        std::fs::write(answers.join(format!("{name}.c")), text).unwrap();
    }
    let app = home.join("app");
    std::fs::create_dir(&app).unwrap();
    for (name, text) in [
        ("CMakeLists.txt", CMAKE),
        ("main.c", MAIN),
        (
            "sum.c",
            "#include <answers.h>\nint sum(void) { return one() + two() + three() + four() + five(); }\n",
        ),
        ("words.c", "const char *words(void) { return \"the sum is\"; }\n"),
        ("words.txt", "the sum is\n"),
    ] {
        std::fs::write(app.join(name), text).unwrap();
    }
}

const CASE: &str = r#"schema = 1
[metadata]
name = "killed"
[sources.answers]
kind = "path"
path = "answers"
[sources.app]
kind = "path"
path = "app"
[components.answers]
driver = "autotools"
[components.app]
driver = "cmake"
needs = ["answers"]
[[components.app.checks]]
kind = "run"
command = ["{prefix}/bin/app"]
contains = "the sum is 15"
"#;

/// As small as a configure script can be: it takes a prefix, tries the compiler, and writes a Makefile.
const CONFIGURE: &str = r#"#!/bin/sh
set -e
source=$(cd "$(dirname "$0")" && pwd)
for word; do
    case $word in
        --prefix=*) prefix=${word#--prefix=} ;;
    esac
done
echo "configured with: $*" > config.log
echo 'int main(void) { return 0; }' > conftest.c
cc conftest.c -o conftest
./conftest
cat > Makefile <<EOF
SOURCE = $source
PREFIX = $prefix
OBJECTS = one.o two.o three.o four.o five.o
all: libanswers.so libanswers.a
%.o: \$(SOURCE)/%.c \$(SOURCE)/answers.h
	cc -fPIC -O1 -c -o \$@ \$<
libanswers.so: \$(OBJECTS)
	cc -shared -Wl,-soname,libanswers.so $LDFLAGS -o \$@ \$(OBJECTS)
libanswers.a: \$(OBJECTS)
	ar rcD \$@ \$(OBJECTS)
install:
	install -D libanswers.so \$(DESTDIR)\$(PREFIX)/lib/libanswers.so
	install -D -m 644 libanswers.a \$(DESTDIR)\$(PREFIX)/lib/libanswers.a
	install -D -m 644 \$(SOURCE)/answers.h \$(DESTDIR)\$(PREFIX)/include/answers.h
EOF
"#;

const CMAKE: &str = "cmake_minimum_required(VERSION 3.16)
project(app C)
find_library(ANSWERS answers REQUIRED)
find_path(HEADERS answers.h REQUIRED)
add_executable(app main.c sum.c words.c)
target_include_directories(app PRIVATE ${HEADERS})
target_link_libraries(app PRIVATE ${ANSWERS})
install(TARGETS app)
install(FILES words.txt DESTINATION share/app)
";

const MAIN: &str = r#"#include <stdio.h>
int sum(void);
const char *words(void);
int main(void) { printf("%s %d\n", words(), sum()); return 0; }
"#;

/// Laid under the installer: kills it before the call with this number.
const SHIM: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int count;
static void change(const char *name, const char *path) {
    const char *at = getenv("DIE_AT"), *died = getenv("DIED");
    if (!at || !died || __sync_add_and_fetch(&count, 1) != atoi(at)) return;
    FILE *file = fopen(died, "w");
    fprintf(file, "%s %s", name, path);
    fclose(file);
    kill(getpid(), SIGKILL);
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
int rename(const char *from, const char *to) { change("rename", to); return REAL(rename)(from, to); }
int unlink(const char *path) { change("unlink", path); return REAL(unlink)(path); }
int unlinkat(int at, const char *path, int flags) { change("unlinkat", path); return REAL(unlinkat)(at, path, flags); }
int rmdir(const char *path) { change("rmdir", path); return REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { change("mkdir", path); return REAL(mkdir)(path, mode); }
int symlink(const char *to, const char *path) { change("symlink", path); return REAL(symlink)(to, path); }
int chmod(const char *path, mode_t mode) { change("chmod", path); return REAL(chmod)(path, mode); }
int fchmod(int file, mode_t mode) { change("fchmod", ""); return REAL(fchmod)(file, mode); }
int futimens(int file, const struct timespec times[2]) { change("futimens", ""); return REAL(futimens)(file, times); }
"#;
