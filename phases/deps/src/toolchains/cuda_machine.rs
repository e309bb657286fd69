//! CUDA toolkits and host compilers of the machine, seen by their files alone.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use model::cuda::USUAL_ROOT;
use model::target::{CudaToolkit, Tool};

use crate::tools;

/// The toolkits of the machine below `root` (`/`), best first: what the environment names, the one whose `nvcc` is on
/// PATH, the usual place, and the versions beside it.
pub fn find(root: &Utf8Path, environment: &BTreeMap<String, String>) -> Vec<CudaToolkit> {
    let named =
        ["CUDA_HOME", "CUDA_PATH", "CUDAToolkit_ROOT"].iter().filter_map(|name| environment.get(*name));
    let mut places: Vec<Utf8PathBuf> =
        named.filter(|place| place.starts_with('/')).map(Utf8PathBuf::from).collect();
    let path = environment.get("PATH").map_or("", String::as_str);
    if let Some(nvcc) = tools::find_tool(root, path, &["nvcc".to_owned()]) {
        let nvcc = nvcc.strip_prefix(root).unwrap_or(&nvcc);
        places.extend(nvcc.parent().and_then(Utf8Path::parent).map(|above| Utf8Path::new("/").join(above)));
    }
    places.push(Utf8PathBuf::from(USUAL_ROOT));
    places.extend(beside(root));
    let mut seen = BTreeSet::new();
    places
        .into_iter()
        .filter(|place| seen.insert(tools::resolved(&below(root, place))))
        .filter_map(|place| read(root, &place))
        .collect()
}

/// `/usr/local/cuda-13.0` and its like, newest first.
fn beside(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = root.join("usr/local").read_dir_utf8() else { return Vec::new() };
    let mut found: Vec<(Vec<u32>, Utf8PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().strip_prefix("cuda-")?;
            let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
            Some((parts?, Utf8Path::new("/usr/local").join(entry.file_name())))
        })
        .collect();
    found.sort_by(|one, other| other.0.cmp(&one.0));
    found.into_iter().map(|(_, place)| place).collect()
}

/// The toolkit at `place`, if one with a compiler is there: its headers say what it is.
pub fn read(root: &Utf8Path, place: &Utf8Path) -> Option<CudaToolkit> {
    let at = below(root, place);
    if !tools::is_executable(&at.join("bin/nvcc")) {
        return None;
    }
    let header = |name: &str| std::fs::read_to_string(at.join("include").join(name)).ok();
    // 13000 is 13.0 (`cuda.h`).
    let number = header("cuda.h").as_deref().and_then(|text| defined(text, "CUDA_VERSION"))?;
    Some(CudaToolkit {
        root: place.to_string(),
        version: format!("{}.{}", number / 1000, number % 1000 / 10),
        newest_gcc: header("crt/host_config.h").as_deref().and_then(newest_gcc),
    })
}

/// Every g++ on `path` with its major version, as its name or that of the file behind its link says it.
pub fn compilers(root: &Utf8Path, path: &str) -> Vec<Tool> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for directory in path.split(':').filter(|directory| directory.starts_with('/')) {
        let Ok(entries) = below(root, Utf8Path::new(directory)).read_dir_utf8() else { continue };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_owned())
            .filter(|name| name == "g++" || name.strip_prefix("g++-").is_some_and(is_number))
            .collect();
        names.sort();
        for name in names {
            let shown = Utf8Path::new(directory).join(&name);
            let real = tools::resolved(&below(root, &shown));
            let version = [Some(name.as_str()), real.file_name()].into_iter().flatten().find_map(|name| {
                name.rsplit_once("g++-").map(|(_, version)| version).filter(|v| is_number(v))
            });
            let Some(version) = version else { continue };
            // Where /bin is /usr/bin each would be there twice; so would be g++ and the g++-12 behind it.
            if seen.insert(real.clone()) {
                found.push(Tool { path: shown.into_string(), version: Some(version.to_owned()) });
            }
        }
    }
    found
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `#define NAME 13000`.
fn defined(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut words = line.trim().strip_prefix("#define")?.split_ascii_whitespace();
        (words.next()? == name).then(|| words.next()?.parse().ok())?
    })
}

/// `#if __GNUC__ > 15` stands before "unsupported GNU version".
fn newest_gcc(host_config: &str) -> Option<u32> {
    host_config.lines().find_map(|line| line.trim().strip_prefix("#if __GNUC__ >")?.trim().parse().ok())
}

fn below(root: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn file(path: &Utf8Path, text: &str) {
        engine::files::atomic_write(path, text.as_bytes()).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn toolkit(at: &Utf8Path, number: u32) {
        file(&at.join("bin/nvcc"), "");
        file(&at.join("include/cuda.h"), &format!("/* x */\n#define CUDA_VERSION {number}\n"));
    }

    #[test]
    fn toolkits_are_found_where_they_usually_are_each_once() {
        let directory = tempfile::tempdir().unwrap();
        let root = tools::resolved(Utf8Path::from_path(directory.path()).unwrap());
        for (version, number) in [("11.8", 11080), ("12.4", 12040)] {
            toolkit(&root.join(format!("usr/local/cuda-{version}")), number);
        }
        file(
            &root.join("usr/local/cuda-11.8/include/crt/host_config.h"),
            "#if defined(__GNUC__)\n\n#if __GNUC__ > 11\n#error -- unsupported GNU version!\n",
        );
        symlink("cuda-11.8", root.join("usr/local/cuda")).unwrap();
        // Without a compiler it is none: a runtime image.
        file(&root.join("usr/local/cuda-13.0/include/cuda.h"), "#define CUDA_VERSION 13000\n");
        let found = |environment: &[(&str, &str)]| {
            let environment =
                environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let toolkits = find(&root, &environment);
            toolkits.into_iter().map(|one| (one.root, one.version, one.newest_gcc)).collect::<Vec<_>>()
        };
        let eleven = ("/usr/local/cuda".to_owned(), "11.8".to_owned(), Some(11));
        let twelve = ("/usr/local/cuda-12.4".to_owned(), "12.4".to_owned(), None);
        assert_eq!(found(&[]), [eleven.clone(), twelve.clone()]);
        let path = ("PATH", "/usr/local/cuda-12.4/bin:/usr/bin");
        assert_eq!(found(&[path]), [twelve, eleven]);
        assert_eq!(found(&[path, ("CUDA_HOME", "/usr/local/cuda-11.8")])[0].0, "/usr/local/cuda-11.8");
    }

    #[test]
    fn compilers_are_told_by_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let root = tools::resolved(Utf8Path::from_path(directory.path()).unwrap());
        for name in ["x86_64-linux-gnu-g++-12", "x86_64-linux-gnu-g++-11"] {
            file(&root.join("usr/bin").join(name), "");
        }
        symlink("g++-12", root.join("usr/bin/g++")).unwrap();
        symlink("x86_64-linux-gnu-g++-12", root.join("usr/bin/g++-12")).unwrap();
        symlink("x86_64-linux-gnu-g++-11", root.join("usr/bin/g++-11")).unwrap();
        let found: Vec<(String, String)> = compilers(&root, "/usr/local/bin:/usr/bin")
            .into_iter()
            .map(|tool| (tool.path, tool.version.unwrap()))
            .collect();
        let expected = [("/usr/bin/g++", "12"), ("/usr/bin/g++-11", "11")];
        assert_eq!(found, expected.map(|(path, version)| (path.to_owned(), version.to_owned())));
    }
}
