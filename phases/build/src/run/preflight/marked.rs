//! Whether a directory of the user's has what the driver of its component builds by.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Finding, Observation};
use model::plan::RequiredBuildFile;

/// From what autotools make a configure script.
const BEFORE_CONFIGURE: [&str; 3] = ["configure.ac", "configure.in", "autogen.sh"];

pub(super) fn look(required: &RequiredBuildFile, observation: &mut Observation) {
    let RequiredBuildFile { tree, component, driver, any_of, .. } = required;
    // That it is not there at all is said once, with the paths.
    if !tree.is_dir() || any_of.iter().any(|file| tree.join(file).is_file()) {
        return;
    }
    let source = &required.source;
    let files = any_of.join(" or ");
    let made = BEFORE_CONFIGURE.iter().find(|file| any_of[0] == "configure" && tree.join(file).is_file());
    let cure = if let Some(file) = made {
        format!(
            "run `autoreconf -i` (or autogen.sh) in a copy of it, as {file} needs, and use that; or write \
             the commands with `driver = \"command\"`"
        )
    } else if let Some(below) = below(tree, any_of) {
        format!(
            "its {files} is in {below}: write `subdirectory = \"{below}\"` in [components.{component}], or \
             give --set components.{component}.subdirectory={below}"
        )
    } else {
        format!(
            "give the directory of its source with --source {source}=PATH; if {files} is further down, write \
             `subdirectory = \"DIR\"` in [components.{component}]"
        )
    };
    observation.findings.push(Finding {
        what: format!("{tree} has no {files}, but {component} is built with the driver {driver}"),
        cure,
    });
}

/// The one directory right below that has such a file.
fn below(tree: &Utf8Path, any_of: &[String]) -> Option<String> {
    let entries = tree.read_dir_utf8().ok()?;
    let directories: Vec<Utf8PathBuf> = entries.flatten().map(|entry| entry.path().to_owned()).collect();
    let mut found =
        directories.iter().filter(|directory| any_of.iter().any(|file| directory.join(file).is_file()));
    let first = found.next()?;
    if found.next().is_some() { None } else { first.file_name().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_the_drivers_file_is_refused_by_its_own_path() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        let looked = |driver: &str, any_of: &[&str]| {
            let mut observation = Observation::default();
            let required = RequiredBuildFile {
                tree: tree.clone(),
                source: "src".into(),
                component: "shapes".into(),
                driver: driver.to_owned(),
                any_of: any_of.iter().map(|file| (*file).to_owned()).collect(),
            };
            look(&required, &mut observation);
            observation.findings
        };
        let told = looked("cmake", &["CMakeLists.txt"]);
        assert_eq!(
            told[0].what,
            format!("{tree} has no CMakeLists.txt, but shapes is built with the driver cmake")
        );
        assert!(told[0].cure.contains("--source src=PATH"), "{told:?}");
        std::fs::create_dir(tree.join("cpp")).unwrap();
        std::fs::write(tree.join("cpp/CMakeLists.txt"), "").unwrap();
        let told = looked("cmake", &["CMakeLists.txt"]);
        assert!(told[0].cure.contains("--set components.shapes.subdirectory=cpp"), "{told:?}");
        std::fs::write(tree.join("configure.ac"), "").unwrap();
        assert!(looked("autotools", &["configure"])[0].cure.contains("autoreconf"));
        std::fs::write(tree.join("setup.py"), "").unwrap();
        assert!(looked("python", &["pyproject.toml", "setup.py"]).is_empty());
    }
}
