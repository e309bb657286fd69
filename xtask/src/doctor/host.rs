//! What the machine has: disk, memory, cores, privileges, force, tools.

use camino::{Utf8Path, Utf8PathBuf};
use deps::packages;
use exec::probe;
use exec::{Redactor, Session, SessionConfig};
use model::site::{Sudo, SudoPolicy};

use super::check::{Check, Patient};
use crate::error::{Error, Result};
use crate::load::cpus;

/// Less than this is a warning: the smallest of the cases that ship takes more.
const LITTLE_DISK_MIB: u64 = 2048;
/// What one compiler of C++ may well take.
const LITTLE_MEMORY_MIB: u64 = 1536;

pub(super) fn checks(patient: &Patient) -> Result<Vec<Check>> {
    let mut found = disks(patient);
    found.push(capacity());
    found.push(privileges(patient));
    found.push(force()?);
    found.push(package_manager(patient));
    found.extend(["ccache", "sccache"].iter().filter_map(|name| compiler_cache(patient, name)));
    found.push(docker(patient));
    Ok(found)
}

fn disks(patient: &Patient) -> Vec<Check> {
    let layout = &patient.layout;
    let mut found: Vec<Check> = Vec::new();
    for (name, path, flag) in [
        ("prefix", &layout.prefix, "--prefix"),
        ("state", &layout.state, "--state-dir"),
        ("cache", &layout.cache, "--cache-dir"),
        ("artifacts", &layout.artifacts, "--artifacts"),
        ("data", &layout.data, "--data-dir"),
    ] {
        let path = Utf8Path::new(path.as_str().trim_end_matches('/'));
        let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Utf8Path::new("/"));
        let what = format!("{name} {path}");
        if !exec::may_write(existing) {
            let cure = format!("choose another directory with {flag}, or make {existing} writable");
            found.push(Check::failure("disk", format!("{what}: {existing} is not writable"), cure));
            continue;
        }
        found.push(match rustix::fs::statvfs(existing.as_std_path()) {
            Ok(state) => {
                let mib = state.f_bavail.saturating_mul(state.f_frsize) / (1024 * 1024);
                if mib < LITTLE_DISK_MIB {
                    let cure =
                        format!("free space on the file system of {existing}, or choose another with {flag}");
                    Check::warning("disk", format!("{what}: {mib} MiB free"), cure)
                } else {
                    Check::ok("disk", format!("{what}: {} GiB free", mib / 1024))
                }
            }
            Err(error) => Check::failure(
                "disk",
                format!("{what}: {error}"),
                format!("choose another directory with {flag}"),
            ),
        });
    }
    found
}

fn capacity() -> Check {
    let (cpus, total, available) = (cpus(), engine::memory::total_mib(), engine::memory::available_mib());
    let mib = |mib: Option<u64>| mib.map_or_else(|| "?".to_owned(), |mib| mib.to_string());
    let what = format!(
        "{cpus} usable CPUs, {} MiB of memory and swap, {} MiB available (with the control group's limits)",
        mib(total),
        mib(available)
    );
    match available {
        Some(available) if available < LITTLE_MEMORY_MIB => Check::warning(
            "capacity",
            what,
            "add memory or swap, raise the container's limit, or build with -j1",
        ),
        _ => Check::ok("capacity", what),
    }
}

fn privileges(patient: &Patient) -> Check {
    let cure =
        "`installer deps --case NAME --print-root-commands` prints the commands that must be run as root";
    if patient.target.root {
        return Check::ok("privileges", "root");
    }
    if patient.files.loaded.file.sudo == SudoPolicy::Never {
        return Check::warning("privileges", "an ordinary user; the site file forbids sudo", cure);
    }
    match exec::privilege::detect(false) {
        Sudo::NotNeeded => Check::ok("privileges", "root"),
        Sudo::Allowed => Check::ok("privileges", "an ordinary user; sudo works without a password"),
        Sudo::Unavailable => {
            Check::warning("privileges", "an ordinary user; no sudo, or one that asks for a password", cure)
        }
    }
}

/// Sets the force up as `build` does, and lets it go again.
fn force() -> Result<Check> {
    let config = SessionConfig {
        launcher: std::env::current_exe()
            .map_err(|error| Error::internal(format!("failed to find this program's own file: {error}")))?,
        launcher_args: vec!["__launch".to_owned()],
        marker: "doctor".to_owned(),
        run_lock: None,
        offline: true,
        jobs: 1,
        redactor: Redactor::default(),
    };
    let force = match Session::start(config) {
        Ok(session) => session.offline_force(),
        Err(error) => {
            let cure = format!("unset {}, or correct its value", exec::FORCE_VARIABLE);
            return Ok(Check::failure("offline", error.to_string(), cure));
        }
    };
    let Some(force) = force else { return Err(Error::internal("the network was not shut off")) };
    let parts: Vec<String> = [("wall", &force.wall), ("audit", &force.audit)]
        .into_iter()
        .filter_map(|(name, part)| Some(format!("{name}: {}", part.as_ref()?)))
        .collect();
    let mut check = if parts.is_empty() {
        let cure = "run as root, allow user namespaces, or run `build` with --network=none";
        Check::warning("offline", "the network cannot be shut off for `build` here", cure)
    } else {
        Check::ok("offline", parts.join(", "))
    };
    check.details = force.unseen.iter().map(|line| format!("does not see {line}")).collect();
    Ok(check)
}

fn package_manager(patient: &Patient) -> Check {
    let os = &patient.target.os;
    let distribution = if os.pretty_name.is_empty() { "an unknown distribution" } else { &os.pretty_name };
    let Some(name) = &patient.target.package_manager else {
        return Check::warning(
            "packages",
            format!("{distribution}: unknown package manager"),
            format!("name it with {}, or install what `deps` lists by hand", model::distribution::HOW_TO_SAY),
        );
    };
    let what = format!("{name} of {distribution}");
    let Some(manager) = packages::by_name(name) else {
        let cure = "install what `deps` lists by hand";
        return Check::warning("packages", format!("{what}: installer does not support it yet"), cure);
    };
    match manager.query(Utf8Path::new("/"), &packages::ask_directly) {
        Ok(database) if database.interrupted => Check::warning(
            "packages",
            format!("{what}: an earlier run was interrupted"),
            format!("`installer deps` repairs it first (`{}`)", manager.repair_hint()),
        ),
        Ok(_) => Check::ok("packages", what),
        Err(error) => Check::failure("packages", format!("{what}: {error}"), "repair its database"),
    }
}

/// A cache on PATH that does not work fails compiles: some builds pick it up by themselves.
fn compiler_cache(patient: &Patient, name: &str) -> Option<Check> {
    let path = &patient.target.tools.get(name)?.path;
    let cure = format!("repair {path} or take it off PATH: builds use it if they find it");
    let said = match probe::ask(&[path, "--version"]) {
        Ok(answer) if answer.status == 0 => answer.stdout.lines().next().unwrap_or_default().to_owned(),
        Ok(answer) => {
            let why = answer.stderr.lines().next().unwrap_or_default();
            return Some(Check::failure(
                "cache",
                format!("{path} exits with status {}: {why}", answer.status),
                cure,
            ));
        }
        Err(error) => return Some(Check::failure("cache", format!("{path} does not start: {error}"), cure)),
    };
    if name == "ccache" {
        // ccache(1), `--get-config`.
        if let Ok(answer) = probe::ask(&[path, "--get-config", "cache_dir"]) {
            let directory = Utf8PathBuf::from(answer.stdout.trim());
            let existing = directory.ancestors().find(|path| path.exists());
            if answer.status == 0 && existing.is_some_and(|path| !exec::may_write(path)) {
                let cure = "set CCACHE_DIR to a writable directory";
                return Some(Check::warning("cache", format!("{said}: {directory} is not writable"), cure));
            }
        }
    }
    Some(Check::ok("cache", format!("{said} ({path})")))
}

fn docker(patient: &Patient) -> Check {
    let path = patient.site.network_environment.get("PATH").cloned();
    let path = path.or_else(|| std::env::var("PATH").ok()).unwrap_or_default();
    let Some(docker) = deps::needs::find_tool(Utf8Path::new("/"), &path, &["docker".to_owned()]) else {
        return Check::ok("engine", "docker is not installed; only images need it");
    };
    let cure = "start the engine, or join its group (`docker version` says more); only images need it";
    let format = "{{.Client.Version}} {{.Server.Version}}";
    // A client whose engine lies on a dead host would wait for minutes.
    let asked = probe::ask(&["timeout", "10", docker.as_str(), "version", "--format", format]);
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return Check::warning("engine", format!("{docker}: {error}"), cure),
    };
    let words: Vec<&str> = answer.stdout.split_whitespace().collect();
    let [client, server] = words[..] else {
        let why = answer.stderr.lines().next().unwrap_or("no answer");
        return Check::warning("engine", format!("{docker}: {why}"), cure);
    };
    let buildx = probe::ask(&["timeout", "10", docker.as_str(), "buildx", "version"])
        .ok()
        .filter(|answer| answer.status == 0)
        .and_then(|answer| answer.stdout.split_whitespace().nth(1).map(str::to_owned));
    let buildx = buildx.map_or_else(|| "no buildx".to_owned(), |version| format!("buildx {version}"));
    Check::ok("engine", format!("{docker}: client {client}, server {server}, {buildx}"))
}
