//! Everything that installer keeps can be lost: the run after it ends with the same files, or says what to do.
//!
//! With `INSTALLER_LOSSES=subsets` every subset of what is kept is lost, for every driver, and the number of runs that
//! ended right is printed; `INSTALLER_LOSSES="subsets cmake meson"` does so for these drivers. Without it each single loss,
//! for two drivers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::{Path, PathBuf};

use common::*;

/// A path below a root, its mode and its content.
type File = (String, u32, Vec<u8>);

/// What is kept.
const KEPT: [&str; 6] = ["cache", "ledger", "manifest", "installed files", "artifacts", "lock"];

/// Loses one of what is kept.
fn lose(home: &Path, what: &str) {
    match what {
        "cache" => remove(&home.join("cache-dir")),
        "ledger" => remove(&home.join("state-dir")),
        "manifest" => roots(home).iter().for_each(|root| remove(&root.join("share/installer"))),
        "installed files" => {
            for root in roots(home) {
                let all = installed_below(&root);
                for (name, ..) in all.iter().filter(|(name, ..)| !name.starts_with("share/installer")) {
                    remove(&root.join(name));
                }
            }
        }
        "artifacts" => remove(&home.join("artifacts")),
        "lock" => remove(&home.join("case.lock")),
        other => panic!("nothing is called {other}"),
    }
}

/// Where things are installed: the prefix, and the environment of the case's Python.
fn roots(home: &Path) -> Vec<PathBuf> {
    let roots = [home.join("prefix"), home.join("data-dir/environments/losses")];
    roots.into_iter().filter(|root| root.is_dir()).collect()
}

/// What is installed, compiled Python aside, which holds the times of its sources.
fn whole(home: &Path) -> Vec<File> {
    let all = roots(home).into_iter().flat_map(|root| installed_below(&root));
    all.filter(|(name, ..)| !name.ends_with(".pyc")).collect()
}

fn remove(path: &Path) {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    if let Err(error) = removed {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", path.display());
    }
}

/// A project of one driver: its component in the case, and its files.
struct Project {
    driver: &'static str,
    component: &'static str,
    files: &'static [(&'static str, &'static str)],
}

const PROJECTS: [Project; 7] = [
    Project {
        driver: "cmake",
        component: "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
        files: &[
            (
                "CMakeLists.txt",
                "cmake_minimum_required(VERSION 3.18)\nproject(app C)\nadd_executable(app main.c)\n\
                 install(TARGETS app)\ninstall(FILES main.c DESTINATION share/app)\n",
            ),
            ("main.c", "int main(void) { return 0; }\n"),
        ],
    },
    Project {
        driver: "python",
        component: "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{python}\", \"-c\", \"import app\"]\n",
        files: &[
            (
                "pyproject.toml",
                "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\
                 [project]\nname = \"app\"\nversion = \"1\"\n[tool.setuptools]\npy-modules = [\"app\"]\n",
            ),
            ("app.py", "answer = 42\n"),
        ],
    },
    Project {
        driver: "autotools",
        component: "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
        files: &[
            (
                "configure",
                "#!/bin/sh\nset -e\nsource=$(cd \"$(dirname \"$0\")\" && pwd)\n\
                 for word; do case $word in --prefix=*) prefix=${word#*=} ;; esac; done\n\
                 cat >Makefile <<MAKE\nall: app\napp: $source/main.c\n\t\\$(CC) $LDFLAGS -o \\$@ $source/main.c\n\
                 install: all\n\tinstall -D app \\$(DESTDIR)$prefix/bin/app\nMAKE\n",
            ),
            ("main.c", "int main(void) { return 0; }\n"),
        ],
    },
    Project {
        driver: "meson",
        component: "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
        files: &[
            ("meson.build", "project('app', 'c')\nexecutable('app', 'main.c', install : true)\n"),
            ("main.c", "int main(void) { return 0; }\n"),
        ],
    },
    Project {
        driver: "cargo",
        component: "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
        files: &[
            ("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n"),
            ("src/main.rs", "fn main() {}\n"),
        ],
    },
    Project {
        driver: "command",
        component: "[components.app.commands]\ncompile = [[\"cc\", \"{source}/main.c\", \"-o\", \"{build}/app\"]]\n\
                    install = [[\"install\", \"-D\", \"{build}/app\", \"{destdir}{prefix}/bin/app\"]]\n\
                    [[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
        files: &[("main.c", "int main(void) { return 0; }\n")],
    },
    Project {
        driver: "xmake",
        component: "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
        files: &[
            ("xmake.lua", "target(\"app\")\n    set_kind(\"binary\")\n    add_files(\"main.c\")\n"),
            ("main.c", "int main(void) { return 0; }\n"),
        ],
    },
];

impl Project {
    fn write(&self, home: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        let Self { driver, component, .. } = self;
        let python = if *driver == "python" { "[python]\npackages = [\"setuptools\"]\n" } else { "" };
        let case = format!(
            "schema = 1\n[metadata]\nname = \"losses\"\n{python}[sources.app]\nkind = \"path\"\npath = \"app\"\n\
             [components.app]\ndriver = \"{driver}\"\n{component}"
        );
        std::fs::write(home.join("case.toml"), case).unwrap();
        for (name, text) in self.files {
            let path = home.join("app").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let mode = if *name == "configure" { 0o755 } else { 0o644 };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// Builds, loses what `lost` names, builds again: whether that ended right, and what it said else.
fn heals(home: &Path, before: &[File], lost: &[usize]) -> Result<(), String> {
    for at in lost {
        lose(home, KEPT[*at]);
    }
    let again = placed(home, &["all", "--progress", "plain", "-y", "--case", "case.toml"]);
    if code(&again) != 0 {
        return Err(format!("ended with {}:\n{}{}", code(&again), printed(&again), said(&again)));
    }
    let now = whole(home);
    if now != before {
        let only = |these: &[File], those: &[File]| -> Vec<String> {
            these.iter().filter(|file| !those.contains(file)).map(|(name, ..)| name.clone()).take(8).collect()
        };
        return Err(format!("other files: {:?} in place of {:?}", only(&now, before), only(before, &now)));
    }
    let verify = placed(home, &["verify", "--case", "case.toml"]);
    if code(&verify) != 0 {
        return Err(format!("verify ended with {}:\n{}", code(&verify), said(&verify)));
    }
    Ok(())
}

/// How many of these losses heal, and what those said that did not.
fn tried(project: &Project, losses: &[Vec<usize>]) -> (usize, Vec<String>) {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    project.write(home);
    let first = placed(home, &["all", "--progress", "plain", "-y", "--case", "case.toml"]);
    assert_eq!(code(&first), 0, "{}: {}{}", project.driver, printed(&first), said(&first));
    let before = whole(home);
    assert!(before.iter().any(|(name, ..)| !name.starts_with("share/installer")), "nothing is installed");
    let mut wrong = Vec::new();
    for lost in losses {
        let names: Vec<&str> = lost.iter().map(|at| KEPT[*at]).collect();
        if let Err(said) = heals(home, &before, lost) {
            wrong.push(format!("{}: without {}: {said}", project.driver, names.join(", ")));
            // From the beginning, for the others.
            KEPT.iter().for_each(|what| lose(home, what));
            placed(home, &["all", "--progress", "plain", "-y", "--case", "case.toml"]);
        }
    }
    (losses.len() - wrong.len(), wrong)
}

/// The losses that are tried, and the drivers: see the module.
fn asked() -> (Vec<Vec<usize>>, Vec<&'static Project>) {
    let asked = std::env::var("INSTALLER_LOSSES").unwrap_or_default();
    let mut words = asked.split_whitespace();
    let Some(first) = words.next() else {
        let projects = PROJECTS.iter().filter(|project| ["cmake", "python"].contains(&project.driver));
        return ((0..KEPT.len()).map(|at| vec![at]).collect(), projects.collect());
    };
    assert_eq!(first, "subsets", "INSTALLER_LOSSES");
    let subsets =
        (0_usize..64).map(|set| (0..KEPT.len()).filter(|at| set >> at & 1 == 1).collect()).collect();
    let named: Vec<&str> = words.collect();
    let of = |name: &str| PROJECTS.iter().find(|project| project.driver == name).unwrap();
    let projects =
        if named.is_empty() { PROJECTS.iter().collect() } else { named.into_iter().map(of).collect() };
    (subsets, projects)
}

#[test]
fn what_is_lost_is_made_again() {
    let (losses, projects) = asked();
    let results: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let losses = &losses;
        let running: Vec<_> =
            projects.iter().map(|project| scope.spawn(move || tried(project, losses))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let right: usize = results.iter().map(|(right, _)| right).sum();
    println!("{} drivers x {} subsets: {right} right", projects.len(), losses.len());
    let wrong: Vec<String> = results.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(right, projects.len() * losses.len());
}

#[test]
fn what_was_uninstalled_and_cleaned_is_built_again() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    PROJECTS[0].write(home);
    let run = |words: &[&str]| {
        let output = placed(home, words);
        assert_eq!(code(&output), 0, "{words:?}: {}{}", printed(&output), said(&output));
    };
    run(&["all", "--progress", "plain", "-y", "--case", "case.toml"]);
    let before = installed(home);
    run(&["clean", "--case", "case.toml"]);
    run(&["uninstall", "app", "--case", "case.toml"]);
    run(&["build", "--progress", "plain", "-y", "--case", "case.toml"]);
    assert_eq!(installed(home), before);
}
