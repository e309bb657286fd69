//! What `deps` brought can be lost or damaged, each thing by itself: the next `deps` brings it again, and only then is
//! there nothing to do.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::*;

/// How a file is lost.
const LOSSES: [&str; 4] = ["removed", "emptied", "filled with garbage", A_DIRECTORY];
const A_DIRECTORY: &str = "a directory in its place";

fn lose(path: &Path, how: &str) {
    assert!(!path.is_symlink(), "{} may lead out of the test's place", path.display());
    let was = std::fs::read(path).unwrap();
    match how {
        "emptied" => std::fs::write(path, "").unwrap(),
        "filled with garbage" => std::fs::write(path, "{\"]garbage".repeat(1 + was.len() / 7)).unwrap(),
        _ => std::fs::remove_file(path).unwrap(),
    }
    if how == A_DIRECTORY {
        std::fs::create_dir(path).unwrap();
    }
}

/// Loses each of these files in each way, and sees that `deps` brings it again and that nothing is left to do then.
fn each_comes_again(files: &[PathBuf], losses: &[&str], run: impl Fn(&str) -> Output) {
    for path in files {
        let before = std::fs::read(path).unwrap();
        for how in losses {
            let what = format!("{} {how}", path.display());
            lose(path, how);
            let deps = run("deps");
            assert_eq!(code(&deps), 0, "{what}: {}{}", said(&deps), printed(&deps));
            assert!(std::fs::read(path).is_ok_and(|now| now == before), "{what}: it is not what it was");
            assert!(started(&run("deps")).is_empty(), "{what}: there is still something to do");
        }
    }
}

fn json(command: &mut Command, words: &[&str]) -> Output {
    command.args(words).args(["--progress", "json", "-y", "--case", "case.toml"]).output().unwrap()
}

/// The one file below a directory with this ending.
fn found(below: &Path, ending: &str) -> PathBuf {
    let name = format!("*{ending}");
    let paths = bash(below, &format!("find . -type f -name '{name}'"));
    let mut lines = paths.lines();
    let path = below.join(lines.next().unwrap_or_else(|| panic!("no {name} below {}", below.display())));
    assert_eq!(lines.next(), None, "{paths}");
    path
}

/// Answers every request with a file below a directory, for as long as the test runs.
fn serve(root: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(read) if read > 0 => request.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request);
            let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
            let (status, body) = match std::fs::read(root.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // Who asked may have gone.
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
        }
    });
    port
}

/// A registry with one crate, as cargo's configuration of the user names it, and a program that needs the crate.
fn with_a_registry(home: &Path) {
    write(
        home,
        "tiny-1.0.0/Cargo.toml",
        "[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
    );
    write(home, "tiny-1.0.0/src/lib.rs", "pub fn answer() -> i32 { 42 }\n");
    let port = serve(home.join("registry"));
    let dl = format!("{{\"dl\": \"http://127.0.0.1:{port}/{{crate}}-{{version}}.crate\"}}\n");
    write(home, "registry/config.json", dl);
    let sum = bash(
        home,
        "tar --owner=0 --group=0 -czf registry/tiny-1.0.0.crate tiny-1.0.0; sha256sum registry/*.crate | cut -d' ' -f1",
    );
    let sum = sum.trim();
    let entry = format!(
        "{{\"name\":\"tiny\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"{sum}\",\"features\":{{}},\"yanked\":false}}\n"
    );
    write(home, "registry/ti/ny/tiny", entry);
    let index = format!(
        "[source.crates-io]\nreplace-with = \"mine\"\n[source.mine]\nregistry = \"sparse+http://127.0.0.1:{port}/\"\n"
    );
    write(home, ".cargo/config.toml", index);
    write(
        home,
        "app/Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ntiny = \"1\"\n",
    );
    let lock = format!(
        "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"tiny\",\n]\n\n\
         [[package]]\nname = \"tiny\"\nversion = \"1.0.0\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{sum}\"\n"
    );
    write(home, "app/Cargo.lock", lock);
    write(home, "app/src/main.rs", "fn main() { assert_eq!(tiny::answer(), 42); }\n");
    write(
        home,
        "case.toml",
        "schema = 1\n[metadata]\nname = \"lost\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
         [components.app]\ndriver = \"cargo\"\n[[components.app.checks]]\nkind = \"run\"\ncommand = [\"{prefix}/bin/app\"]\n",
    );
}

#[test]
fn crates_and_their_index_come_again() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    with_a_registry(home);
    let none = std::env::var("no_proxy").unwrap_or_default();
    let run = |words: &[&str]| {
        let mut command = placed_command(home, &[]);
        json(command.env("no_proxy", format!("{none},127.0.0.1")).env_remove("CARGO_HTTP_PROXY"), words)
    };
    let all = || succeeded(&run(&["all"]));
    all();
    let cargo_home = home.join("data-dir/cargo-home");
    let index = cargo_home.join("registry/index");
    let run_deps = |word: &str| run(&[word]);
    each_comes_again(&[found(&cargo_home.join("registry/cache"), ".crate")], &LOSSES, run_deps);
    each_comes_again(&[found(&index, "tiny"), found(&index, "config.json")], &[LOSSES[2]], run_deps);
    let fetched = ["lost.app.lock", "lost.app.files"].map(|name| cargo_home.join("fetched").join(name));
    each_comes_again(&fetched, &[A_DIRECTORY], run_deps);
    // Where rustup keeps the machine's Rust, it is linked; a link has no content of its own.
    let cargo = home.join("data-dir/tools/bin/cargo");
    let link = std::fs::read_link(&cargo);
    assert!(link.is_ok() || !env!("CARGO").contains("/toolchains/"), "rustup's is not linked");
    if let Ok(target) = link {
        for damage in ["echo garbage >cargo; chmod 755 cargo", "mkdir cargo", "ln -s /nope cargo"] {
            bash(cargo.parent().unwrap(), &format!("rm -r cargo; {damage}"));
            succeeded(&run(&["deps"]));
            assert_eq!(std::fs::read_link(&cargo).ok().as_ref(), Some(&target), "{damage}");
        }
    }
    // As a whole, with nothing of it left elsewhere.
    std::fs::remove_dir_all(cargo_home.join("registry")).unwrap();
    std::fs::remove_dir_all(home.join("prefix")).unwrap();
    succeeded(&placed(home, &["clean", "--case", "case.toml"]));
    all();
    assert!(home.join("prefix/bin/app").exists());
    assert!(started(&run(&["all"])).is_empty());
}

const PYTHON: &str =
    "schema = 1\n[metadata]\nname = \"lost\"\n[python]\npackages = [\"one\"]\nfind_links = [\"links\"]\n";

#[test]
fn wheels_and_the_interpreter_of_the_environment_come_again() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    wheel(&home.join("links"), "one", "1");
    write(home, "case.toml", PYTHON);
    let run = |words: &[&str]| json(without_index(&mut placed_command(home, &[])), words);
    succeeded(&run(&["all"]));
    let wheels = home.join("artifacts/wheels");
    each_comes_again(&[found(&wheels, ".whl")], &["removed", "emptied", A_DIRECTORY], |word| run(&[word]));
    each_comes_again(&[wheels.join("requirements.lock")], &[A_DIRECTORY], |word| run(&[word]));

    let python = home.join("data-dir/environments/lost/bin/python");
    std::fs::remove_file(&python).unwrap();
    std::os::unix::fs::symlink("/nope", &python).unwrap();
    let all = run(&["all"]);
    succeeded(&all);
    assert!(started(&all).contains("build/python"), "{:?}", started(&all));
    bash(home, &format!("{} -c 'import one'", python.display()));
    assert!(started(&run(&["all"])).is_empty());
}

#[test]
fn what_lies_beside_a_download_is_made_again() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    write(home, "origin/Cargo.toml", "[package]\nname = \"app\"\n");
    write(home, "origin/app", "#!/bin/sh\n");
    bash(
        &home.join("origin"),
        "git init -q -b main; git add .; git -c user.name=a -c user.email=a@b.invalid commit -qm one",
    );
    let case = format!(
        "schema = 1\n[metadata]\nname = \"lost\"\n[sources.app]\nkind = \"git\"\nurl = \"file://{}\"\nrevision = \"main\"\n\
         [components.app]\ndriver = \"command\"\n[components.app.commands]\n\
         install = [[\"install\", \"-D\", \"{{source}}/app\", \"{{destdir}}{{prefix}}/bin/app\"]]\n",
        home.join("origin").display()
    );
    write(home, "case.toml", case);
    let run = |words: &[&str]| json(&mut placed_command(home, &[]), words);
    succeeded(&run(&["all"]));
    let source = home.join("artifacts/sources/app");
    let records = ["content.json", "source.json"].map(|name| source.join(name));
    each_comes_again(&records, &LOSSES, |word| run(&[word]));
    let files = [source.join("manifests/Cargo.toml"), found(&source, ".tar")];
    each_comes_again(&files, &LOSSES, |word| run(&[word]));
    let again = run(&["all"]);
    succeeded(&again);
    assert!(started(&again).is_empty(), "the same content is built again: {:?}", started(&again));
}

#[test]
fn our_own_ninja_is_replaced() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    write(home, "app/CMakeLists.txt", "cmake_minimum_required(VERSION 3.18)\nproject(app NONE)\n");
    write(
        home,
        "case.toml",
        "schema = 1\n[metadata]\nname = \"lost\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
         [components.app]\ndriver = \"cmake\"\n",
    );
    // One of the machine's that is new enough would do: what the machine has is on PATH without it.
    std::fs::create_dir(home.join("bin")).unwrap();
    bash(
        home,
        "ln -s /usr/sbin/* bin/; ln -sf /usr/bin/* bin/; rm -f bin/ninja bin/ninja-build; test -e bin/cmake",
    );
    let run = |words: &[&str]| json(placed_command(home, &[]).env("PATH", home.join("bin")), words);
    succeeded(&run(&["deps"]));
    let ninja = home.join("data-dir/tools/bin/ninja");
    assert!(ninja.exists(), "none was installed");
    each_comes_again(&[ninja], &["emptied", "filled with garbage", A_DIRECTORY], |word| run(&[word]));
}
