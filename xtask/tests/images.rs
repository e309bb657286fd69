//! Images from the Dockerfiles of this project and from anybody's own, on a real engine with BuildKit.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use xshell::{Shell, cmd};

const BASE: &str = "installer-test:trixie-none";

/// Stands for a password: of a proxy, and of an index in the secret environment.
const CANARY: &str = "canary-4711-password";

/// A build context, and the images that were made of it.
struct Project {
    shell: Shell,
    docker: String,
    directory: tempfile::TempDir,
    tags: std::cell::RefCell<Vec<String>>,
}

impl Drop for Project {
    fn drop(&mut self) {
        let (docker, tags) = (&self.docker, self.tags.take());
        // The layers stay in the build cache.
        drop(
            cmd!(self.shell, "{docker} rmi --force {tags...}").quiet().ignore_stdout().ignore_stderr().run(),
        );
    }
}

/// A client that builds with BuildKit. The need `buildkit` says that there is one.
fn engine(shell: &Shell) -> String {
    let works = |docker: &&str| {
        let format = "{{.Client.Version}}";
        let version = cmd!(shell, "{docker} version --format {format}").quiet().ignore_stderr().read();
        let Ok(version) = version else { return false };
        // From 23 on the client leaves BuildKit to a plugin, which may not be there.
        let major: u32 = version.split('.').next().unwrap().parse().unwrap();
        major < 23
            || cmd!(shell, "{docker} buildx version").quiet().ignore_stdout().ignore_stderr().run().is_ok()
    };
    ["docker", "/usr/bin/docker"].into_iter().find(works).unwrap().to_owned()
}

impl Project {
    fn new() -> Self {
        testkit::need("buildkit");
        let shell = Shell::new().unwrap();
        let docker = engine(&shell);
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let script = project.join("scripts/test-root");
        cmd!(shell, "{script} trixie --rust none --docker {BASE}").quiet().ignore_stdout().run().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let context = directory.path().join("context");
        let dist = context.join("dist");
        std::fs::create_dir_all(&dist).unwrap();
        // Debugging information is nine tenths of it, and would travel into each image.
        let (binary, stripped) = (env!("CARGO_BIN_EXE_installer"), dist.join("installer"));
        cmd!(shell, "strip -o {stripped} {binary}").quiet().run().unwrap();
        let docker_files = project.join("docker");
        cmd!(shell, "cp -r {docker_files} {context}").quiet().run().unwrap();
        shell.change_dir(&context);
        Self { shell, docker, directory, tags: std::cell::RefCell::default() }
    }

    /// A file beside the build context.
    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of the build context.
    fn write(&self, path: &str, text: &str) {
        let path = self.beside("context").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn tag(&self, name: &str) -> String {
        let tag = format!("installer-test-images:{}-{name}", std::process::id());
        self.tags.borrow_mut().push(tag.clone());
        tag
    }

    /// Builds an image; what was printed.
    fn build(&self, tag: &str, words: &[&str]) -> String {
        let (built, log) = self.try_to_build(tag, words);
        assert!(built, "{words:?}:\n{log}");
        log
    }

    /// Whether an image could be built, and what was printed.
    fn try_to_build(&self, tag: &str, words: &[&str]) -> (bool, String) {
        let docker = &self.docker;
        let mut place: Vec<String> = Vec::new();
        let given = std::env::var("SSL_CERT_FILE")
            .unwrap_or_else(|_| "/etc/ssl/certs/ca-certificates.crt".to_owned());
        if Path::new(&given).is_file() {
            place.extend(["--secret".to_owned(), format!("id=certificates,src={given}")]);
        }
        std::fs::write(
            self.beside("environment"),
            format!("PIP_EXTRA_INDEX_URL=http://user:{CANARY}@index.example/simple\n"),
        )
        .unwrap();
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if std::env::var_os(name).is_some() {
                place.extend(["--build-arg".to_owned(), name.to_owned()]);
            }
        }
        // Nothing here is fetched by FTP.
        let proxy = format!("ftp_proxy=http://user:{CANARY}@proxy.example:3128");
        let output = cmd!(
            self.shell,
            "{docker} build --progress plain {place...} --build-arg {proxy} {words...} -t {tag} ."
        )
        .env("DOCKER_BUILDKIT", "1")
        .quiet()
        .ignore_status()
        .output()
        .unwrap();
        let log =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), log)
    }

    /// What the steps of a case left in the cache mount of its records, as docs/images.md shows it.
    fn records(&self, case: &str) -> PathBuf {
        let into = self.beside("records");
        let text = format!(
            "FROM {BASE} AS r\nARG now\n\
             RUN --mount=type=cache,id=installer-records-{case},target=/r,sharing=locked \
             mkdir /c && cp -r /r/{case}/logs /r/{case}/capsules /c\nFROM scratch\nCOPY --from=r /c /\n"
        );
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = format!("now={}", now.as_nanos());
        self.build_text(&text, &["--build-arg", &now, "--output", into.to_str().unwrap()]);
        into
    }

    /// Builds a Dockerfile that has no context.
    fn build_text(&self, text: &str, words: &[&str]) {
        let docker = &self.docker;
        cmd!(self.shell, "{docker} build {words...} -")
            .stdin(text)
            .env("DOCKER_BUILDKIT", "1")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()
            .unwrap();
    }

    fn in_image(&self, tag: &str, line: &str) -> String {
        let docker = &self.docker;
        let output =
            cmd!(self.shell, "{docker} run --rm --network none --entrypoint /bin/sh {tag} -c {line}")
                .quiet()
                .ignore_status()
                .output()
                .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}`:\n{text}");
        text
    }

    /// Runs the program that is tested, in the build context; what it prints.
    fn installer(&self, words: &[&str]) -> String {
        let binary = env!("CARGO_BIN_EXE_installer");
        cmd!(self.shell, "{binary} {words...}").quiet().read().unwrap() + "\n"
    }

    /// How containers of an image start, as the engine shows it.
    fn configuration(&self, tag: &str) -> Value {
        let (docker, format) = (&self.docker, "{{json .Config}}");
        let shown = cmd!(self.shell, "{docker} inspect --format {format} {tag}").quiet().read().unwrap();
        let all: Value = serde_json::from_str(&shown).unwrap();
        let keys = ["User", "WorkingDir", "ExposedPorts", "Healthcheck", "Entrypoint", "Cmd", "Env"];
        keys.iter().map(|key| ((*key).to_owned(), all[key].clone())).collect::<serde_json::Map<_, _>>().into()
    }

    /// Whether a word occurs in an image: its configuration, its history, any file of any layer.
    fn has(&self, tag: &str, word: &str) -> bool {
        let docker = &self.docker;
        let saved = self.beside("saved.tar");
        cmd!(self.shell, "{docker} save --output {saved} {tag}").quiet().run().unwrap();
        // The layers are archives within that archive, not compressed.
        let found =
            cmd!(self.shell, "grep --quiet --text --fixed-strings {word} {saved}").quiet().run().is_ok();
        let shown = cmd!(self.shell, "{docker} inspect {tag}").quiet().read().unwrap();
        std::fs::remove_file(&saved).unwrap();
        found || shown.contains(word)
    }
}

/// A program that is linked with a library of the distribution that a bare base lacks.
const CASE: &str = r#"schema = 1
[metadata]
name = "image-test"
[sources.reader]
kind = "path"
path = "../../src/reader"
[components.reader]
driver = "command"
system = ["c-compiler", "apt:libyaml-dev"]
[components.reader.commands]
compile = [["sh", "-c", "cc '{source}/main.c' $LDFLAGS -lyaml -o reader"]]
install = [["install", "-D", "reader", "{destdir}{prefix}/bin/reader"]]
[[components.reader.checks]]
kind = "run"
command = ["{prefix}/bin/reader"]
contains = "libyaml 0."
[image]
entrypoint = ["{prefix}/bin/reader", "first"]
command = ["$HOME", "a \"word\""]
user = "reader"
working_directory = "/srv/a place"
ports = [8080, "53/udp"]
environment = { GREETING = "costs $5, \"quoted\" \\" }
packages = ["netbase"]
[image.health_check]
command = ["{prefix}/bin/reader"]
interval_seconds = 7
"#;

fn main_c(word: &str) -> String {
    let program = r#"#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>
int main(int count, char **words) {
    char directory[100];
    const char *greeting = getenv("GREETING");
    printf("libyaml %s, WORD\n", yaml_get_version_string());
    printf("user %d in %s, %s;", getuid(), getcwd(directory, sizeof directory), greeting ? greeting : "no greeting");
    for (int i = 1; i < count; i++) printf(" <%s>", words[i]);
    puts("");
    return 0;
}
"#;
    program.replace("WORD", word)
}

/// Less of FFmpeg and OpenCV than the case `vision` has, for Python all the same.
const VISION: &str = r#"schema = 1
[metadata]
name = "part-of-vision"
[sources]
ffmpeg = { kind = "debian", package = "ffmpeg" }
opencv = { kind = "pypi", name = "opencv-python-headless", version = "4.10.0.84", subdirectory = "opencv" }
[python]
packages = ["numpy>=2.1"]
[components.ffmpeg.options]
disable-everything = true
disable-autodetect = true
disable-network = true
disable-doc = true
disable-ffplay = true
disable-ffprobe = true
enable-decoder = ["ffv1", "rawvideo", "wrapped_avframe"]
enable-encoder = ["ffv1", "rawvideo"]
enable-muxer = ["framehash", "matroska"]
enable-protocol = ["file", "pipe"]
enable-filter = ["format", "scale", "testsrc2"]
enable-indev = ["lavfi"]
[components.opencv.options]
BUILD_LIST = "core,python3"
BUILD_opencv_python3 = true
WITH_JPEG = false
WITH_PNG = false
[[components.opencv.checks]]
kind = "run"
command = ["{python}", "-c", "import cv2, numpy; print(cv2.norm(numpy.array([3.0, 4.0])))"]
contains = "5.0"
"#;

mod needs_debian {
    use super::*;

    /// Without an engine: the tree of an image, on the machine where the case was built.
    #[test]
    fn what_is_installed_becomes_a_tree_that_works_elsewhere() {
        // Only dpkg is asked so far.
        testkit::need("debian");
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        common::project(home);
        let early = common::placed(home, &["image", "export", "tree", "--case", "case.toml"]);
        assert_eq!(common::code(&early), 4, "{}", common::said(&early));
        assert!(common::said(&early).contains("is not installed under"), "{}", common::said(&early));
        let output = common::placed(home, &["all", "--case", "case.toml", "--progress", "plain"]);
        assert_eq!(common::code(&output), 0, "{}", common::said(&output));
        let output = common::placed(home, &["image", "export", "tree", "--case", "case.toml"]);
        assert_eq!(common::code(&output), 0, "{}", common::said(&output));
        let prefix = home.join("prefix");
        let tree = home.join("tree").join(prefix.strip_prefix("/").unwrap());
        // Its files find each other where they lie.
        std::fs::rename(&prefix, home.join("away")).unwrap();
        let ran = Command::new(tree.join("bin/app")).env_clear().output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "the answer is 42\n");
        assert!(tree.join("share/installer/app.json").is_file() && tree.join("lib/libanswer.so").is_file());
        let description = std::fs::read(home.join("tree/etc/installer/image.json")).unwrap();
        let description: Value = serde_json::from_slice(&description).unwrap();
        assert_eq!(description["packages"], json!(["libc6"]), "{description}");
        std::fs::rename(home.join("away"), &prefix).unwrap();
        let again = common::placed(home, &["image", "export", "tree", "--case", "case.toml"]);
        assert!(common::said(&again).contains("is not an empty directory"), "{}", common::said(&again));
        // What was changed since is not passed on.
        std::fs::write(prefix.join("bin/app"), "").unwrap();
        let changed = common::placed(home, &["image", "export", "other", "--case", "case.toml"]);
        assert!(
            common::said(&changed).contains("has changed since it was installed"),
            "{}",
            common::said(&changed)
        );
        assert!(!home.join("other").exists());
    }
}

mod needs_buildkit {
    use super::*;

    #[test]
    fn a_case_becomes_a_runtime_image_in_one_build_and_in_two() {
        let project = Project::new();
        project.write("cases/image-test/case.toml", CASE);
        // Another word each time, so that the second phase really runs.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let word = format!("word-{}", now.as_nanos());
        project.write("src/reader/main.c", &main_c(&word));
        let base = format!("BASE_IMAGE={BASE}");
        project.write("rendered", &project.installer(&["image", "dockerfile", "--case", "image-test"]));
        let environment = format!("id=environment,src={}", project.beside("environment").display());
        let both = ["-f", "rendered", "--build-arg", &base, "--secret", &environment];

        let one = project.tag("one");
        let log = project.build(&one, &both);
        assert!(log.contains("[build/reader/verify] done") && log.contains("seccomp notification"), "{log}");
        assert!(!log.contains("network: shut off"), "the network was there all the time:\n{log}");
        assert!(project.in_image(&one, "reader").contains(&word));
        // What it runs on came from the distribution; what it was made with did not come along.
        project.in_image(&one, "dpkg -s libyaml-0-2 >/dev/null");
        project.in_image(&one, "! command -v cc && ! command -v installer && test ! -e /var/lib/installer");
        project.in_image(&one, "test -e /usr/local/share/installer/reader.json && test ! -e /src");

        // The case says how it starts, and the engine shows it.
        let docker = &project.docker;
        let started = cmd!(project.shell, "{docker} run --rm --network none {one}").quiet().read().unwrap();
        let expected = r#"user 10001 in /srv/a place, costs $5, "quoted" \; <first> <$HOME> <a "word">"#;
        assert!(started.contains(expected), "{started}");
        let configuration = project.configuration(&one);
        assert_eq!(configuration["User"], "reader");
        assert_eq!(configuration["WorkingDir"], "/srv/a place");
        assert_eq!(configuration["ExposedPorts"], json!({ "8080/tcp": {}, "53/udp": {} }));
        assert_eq!(configuration["Entrypoint"], json!(["/usr/local/bin/reader", "first"]));
        assert_eq!(configuration["Healthcheck"]["Test"], json!(["CMD", "/usr/local/bin/reader"]));
        assert_eq!(configuration["Healthcheck"]["Interval"], 7_000_000_000_u64);
        project.in_image(&one, "dpkg -s netbase >/dev/null");

        let again = project.build(&one, &both);
        assert!(!again.contains("ran;") && !again.contains(" done in "), "{again}");
        let edited_word = format!("edited-{word}");
        project.write("src/reader/main.c", &main_c(&edited_word));
        let edited = project.build(&one, &both);
        assert!(
            edited.contains("[build/reader/compile] done") && !edited.contains("deps/packages] done"),
            "{edited}"
        );
        assert!(project.in_image(&one, "reader").contains(&edited_word));

        // What a failure leaves lies in a cache mount, from where it can be had.
        project.write("src/reader/main.c", "#error \"a mistake\"\n");
        let (built, log) = project.try_to_build(&one, &both);
        assert!(!built && log.contains("a mistake"), "{log}");
        let records = project.records("image-test");
        let text = std::fs::read_to_string(records.join("logs/build.reader.compile.log")).unwrap();
        assert!(text.contains("a mistake"), "{text}");
        let mut capsules = std::fs::read_dir(records.join("capsules")).unwrap();
        let capsule = capsules.next().unwrap().unwrap().file_name().into_string().unwrap();
        assert!(capsule.starts_with("image-test.build.reader.compile."), "{capsule}");

        // In two: the network is off for the whole of the second.
        let deps = project.tag("deps");
        let mut words = vec!["-f", "rendered", "--target", "deps", "--build-arg", "CASE=image-test"];
        words.extend(["--build-arg", &base]);
        let log = project.build(&deps, &words);
        assert!(!log.contains(" done in "), "the stage is the same:\n{log}");
        project.write("src/reader/main.c", &main_c(&word));
        let built = project.tag("build");
        let deps_image = format!("DEPS_IMAGE={deps}");
        let mut words =
            vec!["-f", "docker/Dockerfile.build-only", "--build-arg", "DEPLOYMENT_CASE=image-test"];
        words.extend(["--build-arg", &deps_image, "--network=none", "--target", "build"]);
        let log = project.build(&built, &words);
        assert!(log.contains("network: shut off (no network here but loopback"), "{log}");
        assert!(log.contains("[build/reader/compile] done") && !log.contains("deps/packages"), "{log}");
        let two = project.tag("two");
        let (build_image, base) = (format!("BUILD_IMAGE={built}"), format!("RUNTIME_{base}"));
        let mut words = vec!["-f", "docker/Dockerfile.build-only", "--build-arg", "CASE=image-test"];
        words.extend(["--build-arg", &build_image, "--build-arg", &base]);
        let log = project.build(&two, &words);
        assert!(!log.contains("--phase=build"), "{log}");
        assert!(project.in_image(&two, "reader").contains(&word));

        // Nobody needs the binary to give it its configuration: the instructions travel in the image.
        let place = "/etc/installer/image.Dockerfile";
        let instructions =
            cmd!(project.shell, "{docker} run --rm --entrypoint cat {two} {place}").quiet().read().unwrap();
        let three = project.tag("three");
        let image = format!("IMAGE={two}");
        project.build_text(&instructions, &["--build-arg", &image, "--tag", &three]);
        assert_eq!(project.configuration(&three), configuration);

        for tag in [&built, &one] {
            assert!(project.has(tag, "libyaml %s"), "the search finds what is there");
            assert!(!project.has(tag, CANARY), "a password is part of {tag}");
        }
    }

    #[test]
    fn ffmpeg_and_opencv_go_through_both_dockerfiles() {
        let project = Project::new();
        let case = "part-of-vision";
        project.write(&format!("cases/{case}/case.toml"), VISION);
        let base = format!("BASE_IMAGE={BASE}");
        let named = format!("CASE={case}");
        let deps = project.tag("vision-deps");
        let words =
            ["-f", "docker/Dockerfile", "--target", "deps", "--build-arg", &named, "--build-arg", &base];
        project.build(&deps, &words);
        let one = project.tag("vision");
        let log =
            project.build(&one, &["-f", "docker/Dockerfile", "--build-arg", &named, "--build-arg", &base]);
        assert!(!log.contains("network: shut off") && log.contains("seccomp notification"), "{log}");
        let built = project.tag("vision-build");
        let deps_image = format!("DEPS_IMAGE={deps}");
        let mut words = vec!["-f", "docker/Dockerfile.build-only", "--build-arg", &named];
        words.extend(["--build-arg", &deps_image, "--network=none", "--target", "build"]);
        let log = project.build(&built, &words);
        assert!(log.contains("network: shut off (no network here but loopback"), "{log}");
        let two = project.tag("vision-two");
        let (build_image, base) = (format!("BUILD_IMAGE={built}"), format!("RUNTIME_{base}"));
        let mut words = vec!["-f", "docker/Dockerfile.build-only", "--build-arg", &named];
        words.extend(["--build-arg", &build_image, "--build-arg", &base]);
        project.build(&two, &words);
        for image in [&one, &two] {
            let video =
                "ffmpeg -v error -f lavfi -i testsrc2=size=64x48:duration=0.2 -c:v ffv1 -f framehash -";
            assert!(project.in_image(image, video).contains("#dimensions 0: 64x48"));
            let python = format!("/opt/installer/environments/{case}/bin/python");
            let norm = format!("{python} -c 'import cv2, numpy; print(cv2.norm(numpy.array([3.0, 4.0])))'");
            assert!(project.in_image(image, &norm).contains("5.0"));
            project.in_image(image, "! command -v cc && ! command -v installer");
        }
    }

    /// The simple way: the binary and two lines in somebody's own Dockerfile.
    #[test]
    fn two_lines_in_a_dockerfile_of_one_s_own_are_enough() {
        let project = Project::new();
        let case = r#"schema = 1
[metadata]
name = "two-lines"
[sources.hello]
kind = "path"
path = "src"
[components.hello]
driver = "command"
system = ["apt:make"]
[components.hello.commands]
install = [["install", "-D", "-m", "644", "{source}/hello.mk", "{destdir}{prefix}/share/hello.mk"]]
[[components.hello.checks]]
kind = "run"
command = ["make", "-f", "{prefix}/share/hello.mk"]
contains = "hello from make"
"#;
        project.write("mycase/case.toml", case);
        project.write("mycase/src/hello.mk", "all:\n\t@echo hello from make\n");
        project.write(
        "Dockerfile",
        &format!(
            "FROM {BASE}\nCOPY dist/installer /usr/local/bin/\nCOPY mycase /case/\nRUN installer --phase=deps --case /case\nRUN installer --phase=build --case /case\n"
        ),
    );
        let tag = project.tag("lines");
        project.build(&tag, &["--build-arg", "IGNORED=1"]);
        assert!(project.in_image(&tag, "make -f /usr/local/share/hello.mk").contains("hello from make"));
        // Homes are no place for what an image keeps.
        assert_eq!(project.in_image(&tag, "find /root"), project.in_image(BASE, "find /root"));
    }
}
