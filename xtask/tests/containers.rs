//! Real tools in real roots: containers made from the packages of Debian 12 and 13, the binary mounted into them.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "common/container.rs"]
mod container_of_root;

use std::path::{Path, PathBuf};

use container_of_root::{Container, container};
use xshell::{Shell, cmd};

const CASE: &str = r#"schema = 1
[metadata]
name = "small"
[sources.hello]
kind = "path"
path = "hello"
[components.hello]
driver = "cmake"
[[components.hello.checks]]
kind = "run"
command = ["{prefix}/bin/hello"]
contains = "hello from"
"#;

fn small_case(directory: &Path) {
    let write = |path: &str, text: &str| {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("case.toml", CASE);
    write(
        "hello/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(hello C)\nadd_executable(hello main.c)\ninstall(TARGETS hello)\n",
    );
    write(
        "hello/main.c",
        "#include <stdio.h>\nint main(void) { puts(\"hello from a container\"); return 0; }\n",
    );
    // The same, but for a configure step that asks for a name.
    let leaking = CASE.replace("\"small\"", "\"leaking\"").replace("\"hello\"\n[comp", "\"leak\"\n[comp");
    write("leaking.toml", &leaking);
    write(
        "leak/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(hello C)\n\
         file(DOWNLOAD \"http://downloads.invalid/model.bin\" ${CMAKE_BINARY_DIR}/model.bin)\n\
         add_executable(hello main.c)\ninstall(TARGETS hello)\n",
    );
    write("leak/main.c", "int main(void) { return 0; }\n");
}

/// A root with nothing but apt: packages come, the compile is offline, the second run does nothing.
fn a_bare_root_is_enough(suite: &str) {
    let directory = tempfile::tempdir().unwrap();
    small_case(directory.path());
    let container = container(suite, "none", directory.path());
    let first = container.succeed("installer all --case /mnt/test/case.toml --progress plain -y");
    assert!(first.contains("[deps/packages] done") && first.contains("[build/hello/verify] done"), "{first}");
    assert!(first.contains("seccomp"), "the report does not name the force:\n{first}");
    assert!(container.succeed("hello").contains("hello from a container"));
    let second = container.succeed("installer all --case /mnt/test/case.toml --progress json -y");
    assert!(!second.contains("step-started"), "{second}");
    container.succeed("installer deps --case /mnt/test/leaking.toml --progress plain -y");
    let (code, text) = container.run("installer build --case /mnt/test/leaking.toml --progress plain -y");
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("downloads.invalid") && text.contains("build/hello/configure"), "{text}");
    container.succeed("installer uninstall hello --case /mnt/test/case.toml");
    let (code, _) = container.run("test -e /usr/local/bin/hello");
    assert_eq!(code, 1, "uninstall left the program");
}

/// What somebody works in is imported as it is just now, and nothing is written to it.
fn an_editable_install(container: &Container, case: &str, python: &str) {
    container.succeed("cp -r /mnt/test/infini/core /tmp/mine && find /tmp/mine -type f | sort >/tmp/before");
    let sources = "--source infinicore=/tmp/mine --source infinilm=/mnt/test/infini/lm";
    let editable = "--set components.infinicore.editable=true";
    let (code, text) =
        container.run(&format!("installer build {case} {sources} {editable} --progress plain"));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("source `infinicore` is not marked `writable`"), "{text}");
    let editable = format!("{case} {sources} {editable} --set sources.infinicore.writable=true");
    container.succeed(&format!("installer build {editable} --progress plain -y"));
    // Another directory with the same files: xmake looks, and compiles nothing.
    container.succeed("! grep compiling /var/lib/installer/infini/logs/build.infinicore.compile.log");
    let edit = r#"echo 'add = lambda *_: "edited"' >>/tmp/mine/python/infinicore/ops/add.py"#;
    container.succeed(edit);
    let said =
        container.succeed(&format!("{python} -c 'import infinicore; print(infinicore.add([1], [2]))'"));
    assert!(said.ends_with("edited\n"), "{said}");
    container.succeed("find /tmp/mine -type f | sort | cmp - /tmp/before");
    let status = container.succeed(&format!("installer status {case}"));
    assert!(status.contains(", editable"), "{status}");
    // Whatever the case says then, what is installed is links.
    for case in [&editable, &format!("{case} {sources}")] {
        let (code, text) = container.run(&format!("installer image export /tmp/image {case}"));
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("infinicore is an editable install"), "{text}");
        container.succeed("test ! -e /tmp/image");
    }
    let (code, text) = container.run(&format!("installer image dockerfile {editable}"));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("--set components.infinicore.editable=false"), "{text}");
}

/// A package repository with one small package, signed by one of two keys; the directory holds both keys and cases.
fn repository(shell: &Shell, directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    // apt asks as a user of its own.
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _inside = shell.push_dir(directory);
    let package = "Package: installer-test-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a test\n";
    shell.write_file("tool/DEBIAN/control", package).unwrap();
    shell.write_file("tool/usr/bin/installer-test-tool", "#!/bin/sh\necho it came from there\n").unwrap();
    std::fs::set_permissions(
        directory.join("tool/usr/bin/installer-test-tool"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    shell.create_dir("repository").unwrap();
    cmd!(shell, "dpkg-deb --root-owner-group --build tool repository/tool.deb")
        .quiet()
        .ignore_stdout()
        .run()
        .unwrap();
    shell.create_dir("files/debs").unwrap();
    shell.copy_file("repository/tool.deb", "files/debs/tool.deb").unwrap();
    for (version, file) in [("1.0", "files/debs/addon.deb"), ("1.10", "newer.deb")] {
        let control = format!(
            "Package: installer-test-addon\nVersion: {version}\nArchitecture: all\nDepends: installer-test-tool\nMaintainer: Nobody <nobody@example.org>\nDescription: a test\n"
        );
        shell.write_file("addon/DEBIAN/control", control).unwrap();
        cmd!(shell, "dpkg-deb --root-owner-group --build addon {file}")
            .quiet()
            .ignore_stdout()
            .run()
            .unwrap();
    }
    let case = "schema = 1\nsystem_packages = [\"./debs/addon.deb\", \"./debs/tool.deb\"]\n[metadata]\nname = \"files\"\n";
    shell.write_file("files/case.toml", case).unwrap();
    let of = |file: &str| {
        let sum = cmd!(shell, "sha256sum {file}").quiet().read().unwrap();
        let size = std::fs::metadata(directory.join(file)).unwrap().len();
        (sum.split(' ').next().unwrap().to_owned(), size)
    };
    let (sum, size) = of("repository/tool.deb");
    let stanza = format!("{package}Filename: ./tool.deb\nSize: {size}\nSHA256: {sum}\n");
    shell.write_file("repository/Packages", stanza).unwrap();
    let (sum, size) = of("repository/Packages");
    let date = cmd!(shell, "date -u -R").quiet().read().unwrap();
    let release = format!("Origin: test\nDate: {date}\nSHA256:\n {sum} {size} Packages\n");
    shell.write_file("Release", release).unwrap();
    for name in ["right", "wrong"] {
        let home = directory.join(format!("gnupg-{name}"));
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
        let gpg =
            || cmd!(shell, "gpg --homedir {home} --batch --quiet --no-tty --passphrase").quiet().arg("");
        let user = format!("{name}@example.org");
        gpg()
            .args(["--quick-generate-key", &user, "rsa3072", "sign", "never"])
            .ignore_stderr()
            .run()
            .unwrap();
        let key = gpg().args(["--armor", "--export"]).read().unwrap();
        shell.write_file(format!("{name}.asc"), key).unwrap();
        if name == "right" {
            gpg().args(["--clearsign", "--output", "repository/InRelease", "Release"]).run().unwrap();
        }
        drop(cmd!(shell, "gpgconf --homedir {home} --kill all").quiet().ignore_stderr().run());
    }
    for (case, place, key, packages) in [
        ("good", "repository", "right", "installer-test-tool"),
        ("forged", "repository", "wrong", "installer-test-tool"),
        ("dead", "nowhere", "right", "installer-test-tool"),
        ("unneeded", "nowhere", "right", "hostname"),
    ] {
        let text = format!(
            "schema = 1\n[system_packages.apt]\npackages = [\"{packages}\"]\n\
             [[system_packages.apt.repositories]]\nname = \"local\"\nuris = [\"file:/mnt/test/{place}\"]\n\
             suites = [\"./\"]\nkey = \"{key}.asc\"\n[metadata]\nname = \"{case}\"\n"
        );
        shell.write_file(format!("{case}.toml"), text).unwrap();
    }
}

/// A repository of the case: believed by its key alone, named when it is needed and dead, and taken away again.
/// `dead`: whether those that do not answer are tried too, which costs more lists of Debian.
fn a_repository_of_the_case_is_set_up(suite: &str, dead: bool) {
    let directory = tempfile::tempdir().unwrap();
    repository(&Shell::new().unwrap(), directory.path());
    let container = container(suite, "none", directory.path());
    let deps = |case: &str| format!("installer deps --case /mnt/test/{case}.toml --progress plain -y");
    let written = "find /etc/apt -name 'installer-*'";
    let refused = [("forged", "not signed by the key of the case"), ("dead", "nowhere")];
    for (case, told) in &refused[..if dead { 2 } else { 1 }] {
        let (code, text) = container.run(&deps(case));
        assert_eq!(code, 5, "{text}");
        assert!(text.contains("apt repository `local`") && text.contains(told), "{text}");
        assert_eq!(container.succeed(written), "", "what does not work was left there");
    }
    if dead {
        // A package of Debian's own: what is dead is not needed for it.
        container.succeed("dpkg --purge --force-all hostname");
        let unneeded = container.succeed(&deps("unneeded"));
        let done = unneeded.contains("[deps/packages] done");
        assert!(unneeded.contains("apt repository `local`") && done, "{unneeded}");
    }

    container.succeed(&deps("good"));
    assert!(container.succeed("installer-test-tool").contains("it came from there"));
    let sources = container.succeed("cat /etc/apt/sources.list.d/installer-good-local.sources");
    assert!(sources.contains("Signed-By: /etc/apt/keyrings/installer-good-local.asc"), "{sources}");
    assert!(!sources.to_lowercase().contains("trusted"), "{sources}");
    let lock = container.succeed("cat /opt/installer/artifacts/good/case.lock");
    assert!(lock.contains("repositories.local"), "{lock}");
    let again = container.succeed("installer deps --case /mnt/test/good.toml --progress json -y");
    assert!(!again.contains("step-started"), "{again}");
    container.succeed("installer clean --repositories --case /mnt/test/good.toml");
    assert_eq!(container.succeed(written), "");
    packages_in_files(&container);
}

/// Packages that the case brings as files: with what they need of one another, once, and again when the file is newer.
fn packages_in_files(container: &Container) {
    container.succeed("dpkg --purge installer-test-tool && cp -r /mnt/test/files /srv/");
    let deps = |options: &str| format!("installer deps --case /srv/files/case.toml {options} -y");
    let plan = container.succeed("installer plan deps --case /srv/files/case.toml");
    assert!(plan.contains("addon.deb") && plan.contains("tool.deb"), "{plan}");
    container.succeed(&deps("--progress plain"));
    assert!(container.succeed("installer-test-tool").contains("it came from there"));
    let installed = "dpkg-query --show --showformat '${Package} ${Version},' 'installer-test-*'";
    assert_eq!(container.succeed(installed), "installer-test-addon 1.0,installer-test-tool 1.0,");
    let again = container.succeed(&deps("--progress json"));
    assert!(!again.contains("step-started"), "{again}");

    container.succeed("cp /mnt/test/newer.deb /srv/files/debs/addon.deb");
    container.succeed(&deps("--progress plain"));
    assert_eq!(container.succeed(installed), "installer-test-addon 1.10,installer-test-tool 1.0,");
    container.succeed("head -c 300 /mnt/test/newer.deb > /srv/files/debs/addon.deb");
    let (code, text) = container.run(&deps("--progress plain"));
    assert!(code != 0 && text.contains("addon.deb is not a Debian package"), "{code} {text}");
}

mod needs_docker {
    use super::*;

    #[test]
    fn a_bare_root_of_debian_12_is_enough() {
        a_bare_root_is_enough("bookworm");
    }

    #[test]
    fn a_bare_root_of_debian_13_is_enough() {
        a_bare_root_is_enough("trixie");
    }

    /// The README's case, with the distribution's own Rust.
    #[test]
    fn the_quickstart_goes_through_on_debian_13() {
        let directory = tempfile::tempdir().unwrap();
        let container = container("trixie", "distro", directory.path());
        let first = container.succeed("installer all --case quickstart --progress plain -y");
        assert!(
            first.contains("[build/ffmpeg/verify] done") && first.contains("[build/sfz/verify] done"),
            "{first}"
        );
        let second = container.succeed("installer all --case quickstart --progress json -y");
        assert!(!second.contains("step-started"), "{second}");
        container.succeed("installer verify --case quickstart");
    }

    /// Somebody's own CMake project with Python modules, as in the case `private-cmake`: on an FFmpeg and an OpenCV that
    /// hold just what it needs, and on the NumPy that `deps` brought. The root is bare, the project's checkout read-only.
    #[test]
    fn a_private_project_stands_on_ffmpeg_and_opencv_on_debian_13() {
        let projects = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
        let container = container("trixie", "none", &projects);
        let case = "--case /mnt/test/media.toml --source media=/mnt/test/media -y";
        let first = container.succeed(&format!("installer all {case} --progress plain"));
        for step in ["ffmpeg/verify", "opencv/verify", "media/verify"] {
            assert!(first.contains(&format!("[build/{step}] done")), "{first}");
        }
        let second = container.succeed(&format!("installer all {case} --progress json"));
        assert!(!second.contains("step-started"), "{second}");
        // With nothing exported by hand.
        let python = "env -i /opt/installer/environments/media/bin/python";
        let said = container
            .succeed(&format!("{python} -c 'import cv2, media; print(cv2.__file__, media.describe())'"));
        assert!(said.contains("/usr/local/lib/opencv/python") && said.contains("labels: person"), "{said}");
        container.succeed("grep -q . /mnt/test/media/CMakeLists.txt && installer verify --case /mnt/test/media.toml --source media=/mnt/test/media");
    }

    /// Recipes that are data alone, on Debian's sources; and what their checks say of a library that lacks what it is for.
    #[test]
    fn libraries_are_built_by_recipes_that_are_data_on_debian_13() {
        let projects = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
        let container = container("trixie", "none", &projects);
        let first = container.succeed("installer all --case /mnt/test/codecs.toml --progress plain -y");
        for library in ["dav1d", "lame", "libwebp"] {
            assert!(first.contains(&format!("[build/{library}/verify] done")), "{first}");
        }
        let second = container.succeed("installer all --case /mnt/test/codecs.toml --progress json -y");
        assert!(!second.contains("step-started"), "{second}");
        // One's own recipe stands before that of the binary. This one asks for a symbol that nobody has.
        container.succeed(
            "mkdir -p /srv/own/recipes && cd /srv/own && installer recipe show lame | \
             sed 's/\"lame_init\"/\"lame_init_no_more\"/' > own.toml && mv own.toml recipes/lame.toml && \
             installer recipe check lame",
        );
        let (code, text) = container
            .run("cd /srv/own && installer verify lame --case /mnt/test/codecs.toml --progress plain");
        assert!(code != 0 && text.contains("lame_init_no_more"), "{code} {text}");
    }

    /// An xmake project with packages, an option that cannot be met and a Python extension, on Debian's xmake: offline, in
    /// a bare root, from a checkout that is read-only.
    #[test]
    fn an_xmake_project_is_built_offline_on_debian_13() {
        let projects = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
        let container = container("trixie", "none", &projects);
        let case = "--case /mnt/test/sums.toml --source sums=/mnt/test/sums -y";
        let first = container.succeed(&format!("installer all {case} --progress plain"));
        assert!(first.contains("[deps/toolchain/xmake] done"), "{first}");
        assert!(first.contains("[build/sums/verify] done") && first.contains("2 checks"), "{first}");
        let second = container.succeed(&format!("installer all {case} --progress json"));
        assert!(!second.contains("step-started"), "{second}");
        // Neither root's home nor the source has anything of it, and no variable is needed.
        container.succeed("test ! -e /root/.xmake && test ! -e /root/.config");
        let python = "env -i /opt/installer/environments/sums/bin/python";
        let said = container.succeed(&format!("{python} -c 'import _sums; print(_sums.sum_to(4))'"));
        assert!(said.lines().any(|line| line == "10"), "{said}");
        // What cannot be had is named before anything is compiled, with its place and the key that mends it.
        let with = |option: &str| {
            format!("installer build {case} --progress plain --set components.sums.options.{option}")
        };
        let (code, text) = container.run(&with("accelerator=true"));
        assert_eq!(code, 4, "{text}");
        assert!(
            text.contains("accelerator-sdk >=9 (xmake.lua:31)") && text.contains("requires.accelerator-sdk"),
            "{text}"
        );
        let (code, text) = container.run(&with("lound=true"));
        assert_eq!(code, 3, "{text}");
        assert!(text.contains("did you mean `loud`?"), "{text}");
        container.succeed("installer verify --case /mnt/test/sums.toml --source sums=/mnt/test/sums");
    }

    /// The recipes of InfiniCore and InfiniLM, on small projects that fail if what only the originals' own scripts would do is
    /// done: compile from setup.py, use spdlog header-only, build tests.
    #[test]
    fn projects_like_infinicore_and_infinilm_are_imported_after_an_offline_build() {
        let projects = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
        let container = container("trixie", "none", &projects);
        let case = "--case /mnt/test/infini.toml";
        let source = |core: &str| {
            format!("--source infinicore=/mnt/test/{core} --source infinilm=/mnt/test/infini/lm")
        };
        container.succeed(&format!("installer deps {case} -y --progress plain"));
        let (code, text) =
            container.run(&format!("installer build {case} {} --progress plain", source("media")));
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("/mnt/test/media is not InfiniCore: it has no xmake.lua"), "{text}");
        let build = format!("installer build {case} {} -y", source("infini/core"));
        let first = container.succeed(&format!("{build} --progress plain"));
        assert!(first.contains("[build/infinilm/verify] done"), "{first}");
        let second = container.succeed(&format!("{build} --progress json"));
        assert!(!second.contains("step-started"), "{second}");
        let python = "env -i /opt/installer/environments/infini/bin/python";
        let code = "import infinicore, infinilm; print(infinilm.twice([3]))";
        let said = container.succeed(&format!("{python} -c '{code}'"));
        assert!(said.ends_with("[6.0]\n"), "{said}");
        container.succeed(
            "test ! -e /root/.infini && test ! -e /root/.xmake && test ! -e /mnt/test/infini/core/build",
        );
        an_editable_install(&container, case, python);
        for name in ["infinilm", "infinicore"] {
            container.succeed(&format!("installer uninstall {name} {case}"));
        }
        container.succeed(&format!("! {python} -c '{code}'"));
    }

    #[test]
    fn a_repository_of_the_case_is_set_up_on_debian_12() {
        a_repository_of_the_case_is_set_up("bookworm", false);
    }

    #[test]
    fn a_repository_of_the_case_is_set_up_on_debian_13() {
        a_repository_of_the_case_is_set_up("trixie", true);
    }
}
