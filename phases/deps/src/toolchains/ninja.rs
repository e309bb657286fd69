//! ninja, new enough (1.13) to be a client of the jobserver: the distribution's, else the binary in PyPI's wheel.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finding, Observation, StepError};
use model::Digest;
use model::catalog::version_at_least;
use model::lock::LockedSource;

use crate::http::download::hash_if_there;
use crate::http::{Client, Expect};
use crate::python::wheel;
use crate::sources::pypi::{self, Offered};
use crate::toolchains::wheel_tags::runs_here;
use crate::tools;
use engine::files;

/// The first version that takes part in a GNU make jobserver (ninja's release notes).
pub const MINIMUM: &str = "1.13";

/// Looks for one that is new enough: ours first, then on PATH.
pub(super) fn observe(tools: &Utf8Path, context: &dyn Context) -> Result<Observation, StepError> {
    let mut seen = Observation::default();
    let mut older = Vec::new();
    for program in candidates(tools, context) {
        let version = match tools::tool_version(&program, context) {
            Ok(version) => version,
            // Damaged, or of another machine: it counts for nothing, and ours is replaced.
            Err(StepError::Failed(_)) => {
                older.push(format!("{program} does not run"));
                continue;
            }
            Err(StepError::Cancelled) => return Err(StepError::Cancelled),
        };
        if version_at_least(&version, MINIMUM) {
            seen.found.insert("ninja".to_owned(), format!("{version} ({program})"));
            return Ok(seen);
        }
        older.push(format!("{program} is {version}"));
    }
    seen.findings.push(Finding {
        what: format!(
            "no ninja {MINIMUM} or newer, which shares job tokens{}{}",
            if older.is_empty() { "" } else { ": " },
            older.join(", ")
        ),
        cure: "run `installer deps`, which installs it from PyPI".to_owned(),
    });
    Ok(seen)
}

fn candidates(tools: &Utf8Path, context: &dyn Context) -> Vec<Utf8PathBuf> {
    let environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    let path = format!("{}:{path}", tools.join("bin"));
    let mut found: Vec<Utf8PathBuf> = path
        .split(':')
        .flat_map(|directory| {
            ["ninja", "ninja-build"]
                .map(|name| tools::find_tool(Utf8Path::new("/"), directory, &[name.to_owned()]))
        })
        .flatten()
        .collect();
    // Where /bin is /usr/bin, one program is found twice.
    let mut seen = BTreeSet::new();
    found.retain(|program| seen.insert(tools::resolved(program)));
    found
}

/// Brings the wheel's binary: the version of the lock, else the newest that runs here.
pub(super) fn run(tools: &Utf8Path, artifacts: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let client = Client::new(context.site());
    let directory = artifacts.join("tools");
    let locked = context.locked().tools.get("ninja").filter(|locked| locked.wanted == wanted()).cloned();
    let kept = locked.as_ref().and_then(|locked| locked.files.first_key_value()).filter(|(file, sha256)| {
        matches!(hash_if_there(&directory.join(file)), Ok(Some((found, _))) if found == **sha256)
    });
    let file = if let Some((file, _)) = kept {
        file.clone()
    } else {
        let target = context.target();
        let pinned = locked.as_ref().and_then(|locked| locked.files.first_key_value());
        let missing = match pinned {
            Some((name, _)) => format!("{name}, which the lock lists"),
            None => format!("wheel of ninja {MINIMUM} or newer for {} with {}", target.arch, target.libc),
        };
        let found = pypi::find("ninja", &missing, &client, context, |offered| match pinned {
            Some((name, sha256)) => offered
                .iter()
                .find(|file| file.name == *name)
                .map(|file| Offered { sha256: Some(sha256.clone()), ..file.clone() }),
            None => choose(offered, &target.arch, &target.libc).cloned(),
        });
        let chosen = found.map_err(|error| {
            let StepError::Failed(mut failure) = error else { return error };
            failure.cures.push(format!(
                "or install ninja {MINIMUM} or newer by hand, or use generator = \"make\" in the case"
            ));
            StepError::Failed(failure)
        })?;
        let expect = Expect { sha256: chosen.sha256.clone(), size: None };
        let brought = client.download(&chosen.url, &directory.join(&chosen.name), &expect, context)?;
        context.figure("bytes", brought.transferred);
        let (_, version) = wheel::parse_file_name(&chosen.name).unwrap_or_default();
        let entry = LockedSource {
            wanted: wanted(),
            kind: "pypi".to_owned(),
            version,
            files: [(chosen.name.clone(), brought.sha256)].into(),
            ..LockedSource::default()
        };
        context.update_lock(&mut |lock| {
            lock.tools.insert("ninja".to_owned(), entry.clone());
        })?;
        chosen.name
    };
    lift(&directory.join(file), &tools.join("bin/ninja"))
}

/// What the lock's entry answers.
fn wanted() -> Digest {
    Digest::of(format!("ninja>={MINIMUM}"))
}

/// The newest wheel that runs on this machine.
fn choose<'a>(offered: &'a [Offered], arch: &str, libc: &str) -> Option<&'a Offered> {
    let mut best: Option<(String, &Offered)> = None;
    for file in offered.iter().filter(|file| !file.yanked) {
        let Some((_, version)) = wheel::parse_file_name(&file.name) else { continue };
        let released = version.chars().all(|c| c.is_ascii_digit() || c == '.');
        if !released || !version_at_least(&version, MINIMUM) || !runs_here(&file.name, arch, libc) {
            continue;
        }
        if best.as_ref().is_none_or(|(known, _)| !version_at_least(known, &version)) {
            best = Some((version, file));
        }
    }
    best.map(|(_, file)| file)
}

/// Takes the binary out of the wheel.
fn lift(wheel: &Utf8Path, to: &Utf8Path) -> Result<(), StepError> {
    let damaged = |error: &dyn std::fmt::Display| {
        StepError::new(
            format!("failed to read {wheel}: {error}"),
            format!("remove {wheel}; it is downloaded again"),
        )
    };
    let file = std::fs::File::open(wheel).map_err(|error| StepError::io("open", wheel, &error))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| damaged(&error))?;
    let name = archive
        .file_names()
        .find(|name| name.ends_with("/bin/ninja") || name.ends_with(".data/scripts/ninja"))
        .map(str::to_owned)
        .ok_or_else(|| damaged(&"it has no ninja"))?;
    let mut content = Vec::new();
    archive
        .by_name(&name)
        .map_err(|error| damaged(&error))?
        .read_to_end(&mut content)
        .map_err(|error| damaged(&error))?;
    // A running ninja keeps its file: the new one takes the name only.
    let partial = Utf8PathBuf::from(format!("{to}.new"));
    files::make_way(to)?;
    files::atomic_write(&partial, &content)?;
    std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o755))
        .and_then(|()| std::fs::rename(&partial, to))
        .map_err(|error| StepError::io("write", to, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(names: &[&str]) -> Vec<Offered> {
        names
            .iter()
            .map(|name| Offered {
                name: (*name).to_owned(),
                url: String::new(),
                sha256: None,
                yanked: name.contains("1.14"),
            })
            .collect()
    }

    #[test]
    fn the_newest_wheel_that_runs_here_is_chosen() {
        let names = [
            "ninja-1.11.1.4-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.whl",
            "ninja-1.13.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "ninja-1.13.1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "ninja-1.13.1-py3-none-manylinux_2_31_armv7l.whl",
            "ninja-1.13.1-py3-none-musllinux_1_2_x86_64.whl",
            "ninja-1.13.1-py3-none-win_amd64.whl",
            "ninja-1.13.9-py3-none-manylinux_2_40_x86_64.whl",
            "ninja-1.14.0-py3-none-manylinux2014_x86_64.whl",
            "ninja-1.15.0rc1-py3-none-manylinux2014_x86_64.whl",
            "ninja-1.13.1.tar.gz",
        ];
        let offered = offered(&names);
        let pick = |arch: &str, libc: &str| choose(&offered, arch, libc).map(|file| file.name.clone());
        assert_eq!(pick("x86_64", "glibc 2.36").as_deref(), Some(names[2]));
        assert_eq!(pick("x86_64", "glibc 2.41").as_deref(), Some(names[6]));
        assert_eq!(pick("x86_64", "musl").as_deref(), Some(names[4]));
        assert_eq!(pick("armv7l", "glibc 2.36").as_deref(), Some(names[3]));
        assert_eq!(pick("x86_64", "glibc 2.10"), None);
        assert_eq!(pick("riscv64", "glibc 2.36"), None);
    }

    #[test]
    fn the_binary_is_lifted_whole_and_executable() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let path = root.join("ninja-1.13.0-py3-none-manylinux2014_x86_64.whl");
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, content) in [("ninja/__init__.py", "x"), ("ninja-1.13.0.data/scripts/ninja", "binary")] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut zip, content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let to = root.join("tools/bin/ninja");
        lift(&path, &to).unwrap();
        lift(&path, &to).unwrap();
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "binary");
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);
        std::fs::write(&path, "cut").unwrap();
        assert!(lift(&path, &to).is_err());
    }
}
