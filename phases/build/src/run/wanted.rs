//! What a failed configure wanted to download, by name, and how it is fed instead.

use camino::Utf8Path;
use engine::runner::StepError;
use model::event::FailureKind;

use super::{cmake, declared, wraps};

/// Where OpenCV's configure writes what it takes from its cache and what it downloads (`cmake/OpenCVDownload.cmake`).
const DOWNLOAD_LOG: &str = "CMakeDownloadLog.txt";

/// Adds to a failure what would feed the part that was missing.
pub(super) fn with_cures(error: StepError, directory: &Utf8Path, component: &str) -> StepError {
    let StepError::Failed(mut failure) = error else { return error };
    let mut cures = Vec::new();
    if failure.kind == FailureKind::Offline {
        // A log that is not there or cannot be read tells nothing more; the failure itself stands.
        let log = std::fs::read(directory.join(DOWNLOAD_LOG)).unwrap_or_default();
        cures.extend(downloads(&String::from_utf8_lossy(&log), directory));
    }
    if failure.kind == FailureKind::Offline {
        cures.extend(by_line(&failure.message, directory, component));
    }
    // The log may also tell of a dependency that Meson went on without.
    let stopped = failure.excerpt.iter().any(|line| line.contains(wraps::REFUSED));
    let wraps = if stopped { wraps::wanted(directory, component) } else { Vec::new() };
    if !wraps.is_empty() {
        let what: Vec<&str> = wraps.iter().map(|wrap| wrap.what.as_str()).collect();
        failure.message = format!("{}, is missing, and `build` has no network", what.join("; "));
    }
    cures.extend(wraps.into_iter().map(|wrap| wrap.cure));
    let mut contents: Vec<&str> = failure.excerpt.iter().filter_map(|line| fetch_content(line)).collect();
    contents.dedup();
    cures.extend(declared::wanted(&contents, directory, component).into_iter().map(|wanted| wanted.cure));
    cures.extend(without_project(&failure.excerpt, component));
    cures.extend(of_xmake(&failure.excerpt));
    // The particular before the general.
    cures.append(&mut failure.cures);
    failure.cures = cures;
    StepError::Failed(failure)
}

/// What says that the project lies elsewhere in the source: below it, mostly.
fn without_project(excerpt: &[String], component: &str) -> Option<String> {
    const SIGNS: [(&str, &str); 5] = [
        ("does not appear to contain CMakeLists.txt", "CMakeLists.txt"),
        ("contain a build file meson.build", "meson.build"),
        ("could not find `Cargo.toml` in", "Cargo.toml"),
        ("does not appear to be a Python project", "pyproject.toml"),
        ("xmake.lua not found", "xmake.lua"),
    ];
    let (_, file) = SIGNS.iter().find(|(sign, _)| excerpt.iter().any(|line| line.contains(sign)))?;
    Some(format!(
        "name the directory of its source that has {file}: `subdirectory = \"DIR\"` in \
         [components.{component}]; or check its source and its driver"
    ))
}

/// What xmake lacked while it configured: packages of `add_requires`, or an option.
fn of_xmake(excerpt: &[String]) -> Vec<String> {
    let unknown =
        excerpt.iter().filter_map(|line| line.split_once("Invalid option: --")).map(|(_, option)| {
            let name = option.split('=').next().unwrap_or(option);
            format!("the project has no option {name}: correct it in `options` of the component")
        });
    let after = excerpt.iter().skip_while(|line| !line.contains("not found in any repository")).skip(1);
    let missing = after.map_while(|line| line.trim().strip_prefix("-> ")).map(|name| {
        let name = name.split([',', ' ']).next().unwrap_or(name);
        format!(
            "say what replaces the package {name}: a table `xmake.requires.{name}` in the component, or \
                 a `package_index`"
        )
    });
    unknown.chain(missing).collect()
}

/// Where the CMake code of a project downloads from the hosts that a failure names, and what puts the file there.
fn by_line(message: &str, build: &Utf8Path, component: &str) -> Vec<String> {
    let reached = |url: &str| {
        let host = url.split_once("://").map(|(_, rest)| rest.split(['/', ':']).next().unwrap_or_default());
        host.is_some_and(|host| !host.is_empty() && message.contains(host))
    };
    let mut found = Vec::new();
    for (file, text) in cmake::files(build) {
        for call in cmake::calls(&text, "file") {
            let [kind, url, place, ..] = call.words.as_slice() else { continue };
            if kind == "DOWNLOAD" && reached(url) {
                found.push(file_download(&file, &call, url, place, build));
            }
        }
        for call in cmake::calls(&text, "externalproject_add") {
            if let Some(url) = call.after("GIT_REPOSITORY").filter(|url| reached(url)) {
                found.push(cloned(&file, &call, &url, component));
            }
            let (Some(name), Some(url)) = (call.words.first(), call.after("URL")) else { continue };
            if reached(&url) {
                let archive = url.rsplit('/').next().unwrap_or_default();
                found.push(format!(
                    "{file}:{} (ExternalProject_Add) downloads {url}: add it as a source of kind `file`, and put it \
                     where the project looks with files = {{ \"{name}-prefix/src/{archive}\" = \"that source\" }} in \
                     the component; the project has to name its URL_HASH",
                    call.line
                ));
            }
        }
    }
    found
}

/// A commit has to come from a repository: the tree alone does not do for what ExternalProject asks git.
fn cloned(file: &Utf8Path, call: &cmake::Call, url: &str, component: &str) -> String {
    format!(
        "{file}:{} (ExternalProject_Add) clones {url}: keep a mirror on this machine (`git clone --mirror {url} \
         /DIRECTORY`), and lead git to it: below [components.{component}]\n  environment = {{ GIT_CONFIG_COUNT = \
         \"1\", GIT_CONFIG_KEY_0 = \"url./DIRECTORY.insteadOf\", GIT_CONFIG_VALUE_0 = \"{url}\" }}",
        call.line
    )
}

fn file_download(file: &Utf8Path, call: &cmake::Call, url: &str, place: &str, build: &Utf8Path) -> String {
    let beginning = ["${CMAKE_BINARY_DIR}/", "${PROJECT_BINARY_DIR}/", "${CMAKE_CURRENT_BINARY_DIR}/"]
        .iter()
        .find_map(|variable| place.strip_prefix(variable))
        .or_else(|| place.strip_prefix(&format!("{build}/")));
    let line = call.line;
    let begin = format!("{file}:{line} (file(DOWNLOAD)) downloads {url} to {place}");
    match beginning {
        Some(place) => format!(
            "{begin}: add it as a source of kind `file`, and put it there first with files = {{ \"{place}\" = \"that \
             source\" }} in the component. CMake does not download what is there with the hash after EXPECTED_HASH; \
             without one the project has to ask `if(NOT EXISTS …)`"
        ),
        None => format!(
            "{begin}: give the project a file of yours instead, or put one in its place with `files` in the component"
        ),
    }
}

/// A cure for each file that was to be downloaded.
fn downloads(log: &str, directory: &Utf8Path) -> Vec<String> {
    log.lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("#cmake_download ")?.split('"').skip(1).step_by(2);
            let (place, url) = (Utf8Path::new(words.next()?), words.next()?);
            let place = place.strip_prefix(directory).unwrap_or(place);
            Some(format!(
                "add {url} as a source of kind `file`, and put it where the project looks with files = {{ \
                 \"{place}\" = \"that source\" }} in the component"
            ))
        })
        .collect()
}

/// The name of content that CMake's FetchContent takes for brought, in an error about its tree: `…/_deps/fmt-src`.
fn fetch_content(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("/_deps/")?;
    let end = rest.find("-src")?;
    let name = &rest[..end];
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use model::event::Failure;

    use super::*;

    #[test]
    fn what_xmake_lacked_is_named_with_its_key() {
        let cures =
            |lines: &[&str]| of_xmake(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        let missing = cures(&[
            "note: the following packages were not found in any repository (check if they are spelled correctly):",
            "  -> nosuch",
            "  -> tiny, maybe git nil in builtin-repo",
        ]);
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].contains("xmake.requires.nosuch") && missing[1].contains("xmake.requires.tiny"));
        let unknown = cures(&["error: Invalid option: --loude=y"]);
        assert!(unknown[0].contains("no option loude:"), "{unknown:?}");
        assert!(cures(&["-> anything"]).is_empty());
    }

    #[test]
    fn downloads_of_cmake_code_are_named_by_line() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (source, build) = (root.join("src"), root.join("build"));
        std::fs::create_dir_all(&source).unwrap();
        std::fs::create_dir_all(&build).unwrap();
        std::fs::write(build.join("CMakeCache.txt"), format!("CMAKE_HOME_DIRECTORY:INTERNAL={source}\n"))
            .unwrap();
        std::fs::write(
            source.join("CMakeLists.txt"),
            "# file(DOWNLOAD https://models.example/no x)\n\
             file(DOWNLOAD https://models.example/m.bin ${CMAKE_BINARY_DIR}/models/m.bin)\n\
             file(DOWNLOAD https://other.example/o.bin o.bin)\nfile(DOWNLOAD \"https://models.example/n.bin\" n.bin)\n\
             ExternalProject_Add(part URL https://models.example/part-1.tar.gz URL_HASH SHA256=aa)\n\
             ExternalProject_Add(dep GIT_REPOSITORY https://models.example/dep.git GIT_TAG v1)\n",
        )
        .unwrap();
        let told =
            by_line("tried to use the network: cmake tried to reach models.example:443", &build, "app");
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told[0].starts_with("CMakeLists.txt:2 (file(DOWNLOAD)) downloads https://models.example/m.bin")
        );
        assert!(told[0].contains("files = { \"models/m.bin\" = "), "{told:?}");
        assert!(told[1].starts_with("CMakeLists.txt:4 (file(DOWNLOAD))"), "{told:?}");
        assert!(told[2].starts_with("CMakeLists.txt:5 (ExternalProject_Add)"), "{told:?}");
        assert!(told[2].contains("\"part-prefix/src/part-1.tar.gz\""), "{told:?}");
        assert!(told[3].starts_with("CMakeLists.txt:6 (ExternalProject_Add) clones"), "{told:?}");
        assert!(told[3].contains("GIT_CONFIG_VALUE_0 = \"https://models.example/dep.git\""), "{told:?}");
    }

    #[test]
    fn what_was_wanted_is_named_with_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::write(
            directory.join(DOWNLOAD_LOG),
            format!(
                "#use_cache \"{directory}/downloads\"\n#do_unpack \"v1.zip\" \"b62\" \"https://example.org/v1.zip\" \"/x\"\n\
                 #cmake_download \"{directory}/downloads/ade/b62-v1.zip\" \"https://example.org/v1.zip\"\n#try 1\n"
            ),
        )
        .unwrap();
        let failure = Failure {
            kind: FailureKind::Offline,
            excerpt: vec![
                "CMake Error at CMakeLists.txt:9 (add_subdirectory):".to_owned(),
                "  given source \"/b/_deps/fmt-src\" which is not an existing directory.".to_owned(),
            ],
            cures: vec!["the general".to_owned()],
            ..Failure::default()
        };
        let StepError::Failed(failure) = with_cures(StepError::Failed(failure), directory, "shapes") else {
            panic!()
        };
        assert_eq!(failure.cures.len(), 3, "{:?}", failure.cures);
        assert!(failure.cures[0].contains("https://example.org/v1.zip"), "{:?}", failure.cures);
        assert!(failure.cures[0].contains("\"downloads/ade/b62-v1.zip\""), "{:?}", failure.cures);
        assert!(failure.cures[1].contains("{ fmt = "), "{:?}", failure.cures);
        assert!(failure.cures[1].contains("[components.shapes]"), "{:?}", failure.cures);
        assert_eq!(failure.cures[2], "the general");
    }
}
