//! What of a source is carried along: any name, nothing that is no file, and nothing that tools make again.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;

/// Writes a directory with names that no UTF-8 text has, and one as long as a file system allows.
fn oddly_named(home: &Path, name: &str) {
    let script = format!(
        "mkdir -p {name}/$'d\\xe9p'; cd {name}; echo bytes >$'caf\\xe9'; echo inside >$'d\\xe9p'/file\n\
         ln -s $'caf\\xe9' $'l\\xefnk'; echo long >$(printf 'n%.0s' $(seq 255)); mkdir $(printf 'd%.0s' $(seq 255))\n\
         echo deep >$(printf 'd%.0s' $(seq 255))/$(printf '\u{e9}%.0s' $(seq 127))x"
    );
    bash(home, &script);
}

/// What an installed text file has to say of such a tree.
const ODD: &str = "bytes\ninside\nbytes\nlong\ndeep\n";

fn odd_component(name: &str) -> String {
    format!(
        "[components.{name}]\ndriver = \"command\"\n[components.{name}.commands]\ninstall = [[\"bash\", \"-euc\", '''\n\
         cd {{source}}; mkdir -p {{destdir}}{{prefix}}/share/{name}\n\
         cat caf* d*p/file l*nk nnn* ddd*/* >{{destdir}}{{prefix}}/share/{name}/all\n\
         cp nnn* {{destdir}}{{prefix}}/share/{name}/\n''']]\n"
    )
}

#[test]
fn sources_of_every_kind_carry_any_name_and_long_ones_are_installed() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    oddly_named(home, "odd");
    bash(home, "tar cf odd.tar odd; mkdir named; cp -a odd named/$'t\\xf6p'; tar cf named.tar -C named .");
    // Python writes no such name: one of the same length gives way to it.
    bash(
        home,
        r#"cp -r odd plain; cd plain; rm l*; mv $'caf\xe9' caf@1@; mv $'d\xe9p' d@2@p; cp caf@1@ l@3@nk; cd ..
           python3 -m zipfile -c odd.zip plain/
           sed -i -e 's/caf@1@/caf\xe9\xe9\xe9/g' -e 's/d@2@p/d\xe9\xe9\xe9p/g' -e 's/l@3@nk/l\xe9\xe9\xe9nk/g' odd.zip"#,
    );
    bash(
        home,
        "cp -a odd repository; cd repository; git init -q; git add .\n\
         git -c user.name=t -c user.email=t@localhost commit -qm one",
    );
    let url = |name: &str| format!("file://{}/{name}", home.display());
    let archive = |file: &str| {
        let sha256 = bash(home, &format!("sha256sum {file} | cut -d' ' -f1"));
        format!("{{ kind = \"archive\", urls = [\"{}\"], sha256 = \"{}\" }}", url(file), sha256.trim())
    };
    let sources = [
        ("directory", "{ kind = \"path\", path = \"odd\" }".to_owned()),
        ("tar", archive("odd.tar")),
        ("top", archive("named.tar")),
        ("zip", archive("odd.zip")),
        ("git", format!("{{ kind = \"git\", url = \"{}\", revision = \"HEAD\" }}", url("repository"))),
        ("packed", format!("[{{ kind = \"path\", path = \"odd\" }}, {}]", archive("odd.tar"))),
    ];
    let mut case = "schema = 1\n[metadata]\nname = \"odd\"\n[sources]\n".to_owned();
    sources.iter().for_each(|(name, source)| case += &format!("{name} = {source}\n"));
    sources.iter().for_each(|(name, _)| case += &odd_component(name));
    write(home, "case.toml", case);
    succeeded(&placed(home, &["all", "case.toml"]));
    for (name, _) in &sources {
        let share = home.join("prefix/share").join(name);
        assert_eq!(std::fs::read_to_string(share.join("all")).unwrap(), ODD, "{name}");
        assert!(share.join("n".repeat(255)).is_file(), "{name}");
    }
    let again = succeeded(&placed(home, &["all", "case.toml"]));
    assert!(again.contains("nothing to do"), "{again}");
    // A changed file of such a name counts, and one that is gone leaves the copy.
    bash(home, "echo other >odd/$'caf\\xe9'; rm odd/$'d\\xe9p'/file; echo new >odd/$'d\\xe9p'/f\u{ef}le");
    let case = std::fs::read_to_string(home.join("case.toml")).unwrap();
    write(home, "case.toml", case.replace("d*p/file", "d*p/f*le"));
    succeeded(&placed(home, &["all", "case.toml"]));
    assert_eq!(
        std::fs::read_to_string(home.join("prefix/share/directory/all")).unwrap(),
        "other\nnew\nother\nlong\ndeep\n"
    );
}

#[test]
fn installed_names_that_are_not_utf_8_are_refused_by_name_before_anything_is_installed() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    oddly_named(home, "odd");
    write(
        home,
        "case.toml",
        "schema = 1\n[metadata]\nname = \"odd\"\n[sources.odd]\nkind = \"path\"\npath = \"odd\"\n[components.odd]\n\
         driver = \"command\"\n[components.odd.commands]\ninstall = [[\"bash\", \"-euc\", '''\n\
         mkdir -p {destdir}{prefix}/share; cp -r {source}/caf* {source}/d*p {source}/nnn* {destdir}{prefix}/share''']]\n",
    );
    let refused = placed(home, &["build", "case.toml"]);
    let text = said(&refused);
    assert_eq!(code(&refused), model::exit::STEP_FAILED, "{text}");
    let prefix = home.join("prefix");
    for word in ["whose names are not UTF-8", "share/caf\\xe9", "share/d\\xe9p/file"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!prefix.join("share").exists(), "nothing was installed");
    let case = std::fs::read_to_string(home.join("case.toml")).unwrap();
    let copies = "cp -r {source}/caf* {source}/d*p {source}/nnn* {destdir}{prefix}/share";
    assert!(case.contains(copies));
    write(home, "case.toml", case.replace(copies, "ln -s $'caf\\xe9' {destdir}{prefix}/share/link"));
    let text = said(&placed(home, &["build", "case.toml"]));
    assert!(text.contains("share/link is a link to a name that is not UTF-8 (caf\\xe9)"), "{text}");
}

#[test]
fn sockets_and_pipes_are_left_out_and_what_may_not_be_read_is_named_with_the_cure() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    write(home, "app/sub/file", "text\n");
    bash(home, "mkfifo app/pipe; tar cf app.tar app");
    let _socket = std::os::unix::net::UnixListener::bind(home.join("app/sub/socket")).unwrap();
    let sha256 = bash(home, "sha256sum app.tar | cut -d' ' -f1");
    let install = |name: &str| {
        format!(
            "[components.{name}]\ndriver = \"command\"\n[components.{name}.commands]\n\
             install = [[\"install\", \"-D\", \"{{source}}/sub/file\", \"{{destdir}}{{prefix}}/share/{name}\"]]\n"
        )
    };
    write(
        home,
        "case.toml",
        format!(
            "schema = 1\n[metadata]\nname = \"special\"\n[sources.app]\nkind = \"path\"\npath = \"app\"\n\
             [sources.tar]\nkind = \"archive\"\nurls = [\"file://{}/app.tar\"]\nsha256 = \"{}\"\n{}{}",
            home.display(),
            sha256.trim(),
            install("app"),
            install("tar")
        ),
    );
    let told = succeeded(&placed(home, &["all", "case.toml"]));
    assert!(
        told.contains("left out what is neither file nor directory nor link: pipe, sub/socket"),
        "{told}"
    );
    assert!(told.contains("left out app/pipe, a named pipe"), "{told}");

    // Root may read everything: another user runs it.
    bash(home, "chmod 600 app/sub/file; chmod 755 .; rm -rf state-dir cache-dir prefix artifacts data-dir");
    bash(home, "mkdir own && chmod 777 own && cp case.toml case.lock own");
    let mut shell = placed_command(&home.join("own"), &["build", "case.toml", "--source", "app=../app"]);
    if bash(home, "id -u").trim() == "0" {
        let program = shell.get_program().to_owned();
        let arguments: Vec<_> = shell.get_args().map(ToOwned::to_owned).collect();
        #[expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(arguments);
        other.current_dir(home.join("own")).env("HOME", home.join("own")).stdin(std::process::Stdio::null());
        shell = other;
    } else {
        bash(home, "chmod 0 app/sub/file");
    }
    let output = shell.args(["--skip", "tar"]).output().unwrap();
    let refused = format!("{}{}", said(&output), printed(&output));
    assert_ne!(code(&output), 0, "{refused}");
    assert!(refused.contains("app/sub/file: Permission denied"), "{refused}");
    assert!(refused.contains("chmod a+r ") && !refused.contains("--prefix, --state-dir"), "{refused}");
}

#[test]
fn what_tools_make_again_is_neither_copied_nor_looked_at_unless_the_source_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    for made in [
        "app/target/debug/a",
        "app/web/node_modules/b",
        "app/.venv/c",
        "app/py/__pycache__/d",
        "app/tagged/e",
    ] {
        write(home, made, vec![b'x'; 600 * 1024]);
    }
    write(home, "app/tagged/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# by a test\n");
    // Not what they are called.
    write(home, "app/src/target/own.c", "");
    write(home, "app/untagged/CACHEDIR.TAG", "nothing");
    write(home, "app/Cargo.toml", "");
    write(home, "app/generated/ignored.h", "");
    write(home, "app/.gitignore", "generated\n");
    let component = |name: &str, more: &str| {
        format!(
            "[components.{name}]\ndriver = \"command\"\n{more}[components.{name}.commands]\n\
             install = [[\"sh\", \"-c\", \"mkdir -p {{destdir}}{{prefix}}/share && (cd {{source}} && find . -type f | sort) \
             >{{destdir}}{{prefix}}/share/{name}\"]]\n"
        )
    };
    let case = |keep: &str| {
        let source = format!("[sources.app]\nkind = \"mounted\"\ndescription = \"the application\"\n{keep}");
        let case = format!("schema = 1\n[metadata]\nname = \"made\"\n{source}");
        write(
            home,
            "case.toml",
            [case, component("app", ""), component("other", "source = \"app\"\n")].concat(),
        );
    };
    let build = || {
        let output = placed(home, &["build", "case.toml", "--source", "app=app", "--progress", "plain"]);
        succeeded(&output)
    };
    let installed = || std::fs::read_to_string(home.join("prefix/share/app")).unwrap();
    case("");
    let told = build();
    let own =
        "./.gitignore\n./Cargo.toml\n./generated/ignored.h\n./src/target/own.c\n./untagged/CACHEDIR.TAG\n";
    assert_eq!(installed(), own);
    let line =
        "left out .venv, py/__pycache__, tagged, target, web/node_modules, 3 MiB that tools make again";
    assert_eq!(told.matches(line).count(), 1, "said once, though two components copy it: {told}");

    write(home, "app/target/debug/new", "new");
    write(home, "app/py/__pycache__/new.pyc", "new");
    let told = build();
    assert!(told.contains("nothing to do"), "{told}");

    case("keep = [\"target\", \"web/node_modules\"]\n");
    let told = build();
    let kept = installed();
    for name in ["./target/debug/a", "./target/debug/new", "./web/node_modules/b", "./src/target/own.c"] {
        assert!(kept.lines().any(|line| line == name), "{name}: {kept}");
    }
    assert!(!kept.contains("__pycache__") && !kept.contains("tagged/e"), "{kept}");
    assert!(told.contains("left out .venv, py/__pycache__, tagged, 2 MiB"), "{told}");
    write(home, "app/target/debug/new", "newer");
    assert!(!build().contains("nothing to do"));

    // As one of several alternatives a directory is packed, and no other entries are.
    let sha256 = "0".repeat(64);
    write(
        home,
        "case.toml",
        format!(
            "schema = 1\n[metadata]\nname = \"made\"\n[sources]\napp = [{{ kind = \"path\", path = \"app\", keep = [\"tagged\"] }}, \
             {{ kind = \"archive\", urls = [\"file:///nowhere\"], sha256 = \"{sha256}\" }}]\n{}",
            component("app", "")
        ),
    );
    succeeded(&placed(home, &["all", "case.toml"]));
    assert_eq!(installed(), own.replace("./untagged", "./tagged/CACHEDIR.TAG\n./tagged/e\n./untagged"));
    write(home, "app/target/debug/new", "newest");
    assert!(succeeded(&placed(home, &["all", "case.toml"])).contains("nothing to do"));
}
