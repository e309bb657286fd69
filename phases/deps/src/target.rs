//! Facts about the machine, read from files alone.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use model::distribution::{manager_of, parse_os_release};
use model::target::{Target, Tool};

use crate::toolchains::cuda_machine as cuda;
use crate::tools;

/// The environment variable that names the package manager where the distribution is not known.
pub const MANAGER_VARIABLE: &str = "INSTALLER_PACKAGE_MANAGER";

/// Programs that planning and reports want to know about.
const TOOLS: &[&str] = &[
    "c++",
    "cargo",
    "cc",
    "ccache",
    "clang",
    "cmake",
    "g++",
    "gcc",
    "git",
    "make",
    "nasm",
    "ninja",
    "patch",
    "pkg-config",
    "python3",
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "rustc",
    "sccache",
];

/// Looks at the machine below `root` (`/`). Starts no process; what cannot be read is left empty, as on a machine that
/// lacks it.
pub fn probe(root: &Utf8Path, environment: &BTreeMap<String, String>) -> Target {
    let os = read(root, "etc/os-release").or_else(|| read(root, "usr/lib/os-release"));
    let os = os.as_deref().map(parse_os_release).unwrap_or_default();
    let package_manager = match environment.get(MANAGER_VARIABLE).filter(|name| !name.is_empty()) {
        Some(named) => Some(named.clone()),
        None => manager_of(&os, &|path| root.join(path).exists()),
    };
    let path = environment.get("PATH").map_or("", String::as_str);
    let tools = TOOLS
        .iter()
        .copied()
        .chain(model::accelerators::tools())
        .filter_map(|name| {
            let found = tools::find_tool(root, path, &[name.to_owned()])?;
            Some((name.to_owned(), Tool { path: found.into_string(), version: None }))
        })
        .collect();
    Target {
        cuda: cuda::find(root, environment),
        cxx_compilers: cuda::compilers(root, path),
        os,
        arch: architecture().to_owned(),
        libc: libc(root),
        root: read(Utf8Path::new("/"), "proc/self/status").is_some_and(|status| is_root(&status)),
        container: in_container(root, environment),
        image_build: in_image_build(root),
        package_manager,
        tools,
        python: None,
        sdk_variables: model::accelerators::passed_on(environment),
    }
}

/// As `uname -m` says. A program of a 32-bit userland is told its own kind, for which it installs.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "i686",
        "arm" => "armv7l",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        other => other,
    }
}

/// `glibc 2.36` or `musl`, from the dynamic loader: glibc's says its version in its help text.
fn libc(root: &Utf8Path) -> String {
    let loaders = |prefix: &str| -> Vec<Utf8PathBuf> {
        ["lib64", "lib", "usr/lib64", "usr/lib"]
            .iter()
            .filter_map(|directory| root.join(directory).read_dir_utf8().ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path().to_owned()).collect::<Vec<_>>())
            .filter(|path| path.file_name().is_some_and(|name| name.starts_with(prefix)))
            .collect()
    };
    for loader in loaders("ld-linux") {
        if let Some(version) = std::fs::read(&loader).ok().as_deref().and_then(glibc_version) {
            return format!("glibc {version}");
        }
        // Before 2.33 the loader does not say it, but its file is called ld-2.31.so.
        let target = tools::resolved(&loader);
        let name = target.file_name().unwrap_or_default();
        if let Some(version) = name.strip_prefix("ld-2.").and_then(|rest| rest.strip_suffix(".so")) {
            return format!("glibc 2.{version}");
        }
    }
    if loaders("ld-musl").is_empty() { String::new() } else { "musl".to_owned() }
}

fn glibc_version(loader: &[u8]) -> Option<&str> {
    const MARK: &[u8] = b"stable release version ";
    let at = loader.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let rest = loader.get(at..)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    std::str::from_utf8(rest.get(..end)?).ok().map(|version| version.trim_end_matches('.'))
}

/// The effective user of `/proc/self/status` (`proc(5)`): real, effective, saved, file system.
fn is_root(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_ascii_whitespace().nth(1))
        .is_some_and(|effective| effective == "0")
}

/// Docker and podman leave a file; other engines are told by `container` in the environment (systemd's convention) or
/// by their name in the control groups.
fn in_container(root: &Utf8Path, environment: &BTreeMap<String, String>) -> bool {
    root.join(".dockerenv").exists()
        || root.join("run/.containerenv").exists()
        || environment.get("container").is_some_and(|engine| !engine.is_empty())
        || in_image_build(root)
        || read(root, "proc/1/cgroup").is_some_and(|groups| {
            ["/docker/", "/docker-", "/kubepods", "/lxc/", "/libpod-", "/buildkit/"]
                .iter()
                .any(|engine| groups.contains(engine))
        })
}

/// BuildKit leaves no file, and with cgroup v2 no name either; but it calls the host of each of its builds so.
fn in_image_build(root: &Utf8Path) -> bool {
    read(root, "proc/sys/kernel/hostname").is_some_and(|name| name.trim() == "buildkitsandbox")
}

fn read(root: &Utf8Path, path: &str) -> Option<String> {
    std::fs::read_to_string(root.join(path)).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_recorded_root_is_probed_without_this_one_showing_through() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for path in ["etc", "run", "usr/bin", "lib64"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        std::fs::write(root.join("etc/os-release"), "NAME=\"NixOS\"\nID=nixos\nVERSION_ID=\"24.05\"\n")
            .unwrap();
        std::fs::write(root.join("run/.containerenv"), "").unwrap();
        std::fs::write(
            root.join("lib64/ld-linux-x86-64.so.2"),
            b"\0ld.so (X) stable release version 2.39.\nmore",
        )
        .unwrap();
        for (tool, mode) in [("nasm", 0o755), ("make", 0o644)] {
            std::fs::write(root.join("usr/bin").join(tool), "").unwrap();
            std::fs::set_permissions(root.join("usr/bin").join(tool), std::fs::Permissions::from_mode(mode))
                .unwrap();
        }
        let mut environment = BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin".to_owned())]);
        let target = probe(root, &environment);
        assert_eq!(target.os.id, "nixos");
        assert_eq!(target.libc, "glibc 2.39");
        assert!(target.container);
        assert_eq!(target.package_manager, None);
        assert_eq!(target.tools.keys().collect::<Vec<_>>(), ["nasm"], "make is not executable");
        environment.insert(MANAGER_VARIABLE.to_owned(), "apt".to_owned());
        assert_eq!(probe(root, &environment).package_manager.as_deref(), Some("apt"));
    }

    #[test]
    fn the_inside_of_an_image_build_is_a_container() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        assert!(!in_container(root, &BTreeMap::new()));
        std::fs::create_dir_all(root.join("proc/sys/kernel")).unwrap();
        std::fs::write(root.join("proc/sys/kernel/hostname"), "workstation\n").unwrap();
        assert!(!in_container(root, &BTreeMap::new()));
        std::fs::write(root.join("proc/sys/kernel/hostname"), "buildkitsandbox\n").unwrap();
        assert!(in_container(root, &BTreeMap::new()));
    }

    #[test]
    fn the_effective_user_counts() {
        assert!(is_root("Name:\tx\nUid:\t1000\t0\t0\t0\n"));
        assert!(!is_root("Name:\tx\nUid:\t0\t1000\t0\t0\n"));
        assert!(!is_root(""));
    }
}
