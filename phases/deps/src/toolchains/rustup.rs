//! rustup: reading where it keeps toolchains, and installing with it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use model::plan::{Argument, Command};

use crate::http::{Client, Expect};
use crate::tools;
use engine::files;

/// Where rustup is fetched from unless `RUSTUP_UPDATE_ROOT` says otherwise (the rustup book, "Environment variables").
const UPDATE_ROOT: &str = "https://static.rust-lang.org/rustup";

/// `RUSTUP_HOME` and `CARGO_HOME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Homes {
    /// Toolchains and settings.
    pub rustup: Utf8PathBuf,
    /// Proxies, in `bin`.
    pub cargo: Utf8PathBuf,
    /// `RUSTUP_TOOLCHAIN`, which has the last word on the toolchain.
    pub chosen: Option<String>,
}

impl Homes {
    /// As the environment of `deps` says, with rustup's defaults. What `installer` itself was started with does not
    /// count: `cargo +nightly xtask` is no wish for nightly.
    pub fn of(environment: &BTreeMap<String, String>) -> Self {
        let home = environment.get("HOME").map_or_else(|| Utf8PathBuf::from("/root"), Utf8PathBuf::from);
        let variable = |name: &str| environment.get(name).cloned().filter(|value| !value.is_empty());
        Self {
            rustup: variable("RUSTUP_HOME").map_or_else(|| home.join(".rustup"), Utf8PathBuf::from),
            cargo: home.join(".cargo"),
            chosen: variable("RUSTUP_TOOLCHAIN"),
        }
    }

    /// Those of an installation of our own.
    pub fn below(install_root: &Utf8Path) -> Self {
        Self { rustup: install_root.join("rustup"), cargo: install_root.join("cargo"), chosen: None }
    }

    /// Those that a proxy uses: it may have been put beside its own `rustup` home (`/opt/rust/{cargo,rustup}`), which
    /// an environment that lacks `RUSTUP_HOME` does not tell.
    pub fn for_proxy(&self, proxy: &Utf8Path) -> Self {
        if self.rustup.join("settings.toml").is_file() {
            return self.clone();
        }
        let beside = proxy.parent().and_then(Utf8Path::parent).and_then(Utf8Path::parent);
        let beside = beside.map(|directory| ["rustup", ".rustup"].map(|name| directory.join(name)));
        match beside.into_iter().flatten().find(|home| home.join("settings.toml").is_file()) {
            Some(rustup) => Self { rustup, ..self.clone() },
            None => self.clone(),
        }
    }
}

/// Whether a program is rustup under another name: a link, or a hard link beside `rustup`.
pub fn is_proxy(program: &Utf8Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let target = tools::resolved(program);
    if target.file_name() == Some("rustup") {
        return true;
    }
    let identity = |path: &Utf8Path| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    let rustup = target.with_file_name("rustup");
    identity(&rustup).is_some() && identity(&rustup) == identity(&target)
}

/// The `bin` of the toolchain that rustup would use outside any project.
pub fn toolchain_of(homes: &Homes) -> Option<Utf8PathBuf> {
    let settings = std::fs::read_to_string(homes.rustup.join("settings.toml")).ok();
    let default = settings.as_deref().and_then(default_toolchain);
    let wanted = homes.chosen.clone().or(default)?;
    let toolchains = homes.rustup.join("toolchains");
    let exact = toolchains.join(&wanted);
    let directory = if exact.is_dir() {
        exact
    } else {
        // `stable` stands for `stable-<host>`.
        let mut matching: Vec<Utf8PathBuf> = toolchains
            .read_dir_utf8()
            .ok()?
            .flatten()
            .filter(|entry| entry.file_name().starts_with(&format!("{wanted}-")))
            .map(|entry| entry.path().to_owned())
            .collect();
        matching.sort();
        matching.into_iter().next()?
    };
    let bin = directory.join("bin");
    (bin.join("cargo").is_file() && bin.join("rustc").is_file()).then_some(bin)
}

fn default_toolchain(settings: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(settings).ok()?;
    table.get("default_toolchain")?.as_str().map(str::to_owned)
}

/// The command that installs a toolchain with nothing around it, changing no profile of the user's shell.
pub fn install_command(
    installer: &Utf8Path,
    toolchain: &str,
    homes: &Homes,
    mut environment: BTreeMap<String, String>,
) -> Command {
    environment.insert("RUSTUP_HOME".to_owned(), homes.rustup.to_string());
    environment.insert("CARGO_HOME".to_owned(), homes.cargo.to_string());
    // An installed Rust elsewhere is no reason to refuse: this one is used through links.
    environment.insert("RUSTUP_INIT_SKIP_PATH_CHECK".to_owned(), "yes".to_owned());
    Command {
        program: installer.to_string(),
        args: ["--default-toolchain", toolchain, "--profile", "minimal", "--no-modify-path", "-y"]
            .iter()
            .map(|word| Argument::from(*word))
            .collect(),
        environment,
        directory: Utf8PathBuf::from("/"),
    }
}

/// Rust's name for this machine (the list of host platforms of rustup).
pub fn host_triple(arch: &str, libc: &str) -> String {
    let abi = if libc.starts_with("musl") { "musl" } else { "gnu" };
    match arch {
        "armv7l" => format!("armv7-unknown-linux-{abi}eabihf"),
        "ppc64le" => format!("powerpc64le-unknown-linux-{abi}"),
        "riscv64" => format!("riscv64gc-unknown-linux-{abi}"),
        other => format!("{other}-unknown-linux-{abi}"),
    }
}

/// Installs a toolchain below `install_root`.
///
/// # Errors
/// When rustup cannot be downloaded or cannot install.
pub fn install(toolchain: &str, install_root: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let homes = Homes::below(install_root);
    let installer = installer(install_root, context)?;
    files::create_dir_all(&homes.cargo)?;
    context.execute(&install_command(&installer, toolchain, &homes, context.network_environment()))?;
    Ok(())
}

/// Downloads rustup itself.
fn installer(install_root: &Utf8Path, context: &dyn Context) -> Result<Utf8PathBuf, StepError> {
    let site = context.site();
    let update_root = site.network_environment.get("RUSTUP_UPDATE_ROOT").map_or(UPDATE_ROOT, String::as_str);
    let target = context.target();
    let url = format!(
        "{}/dist/{}/rustup-init",
        update_root.trim_end_matches('/'),
        host_triple(&target.arch, &target.libc)
    );
    let client = Client::new(site);
    // `<hash> *./rustup-init`
    let sum = client.get_text(&format!("{url}.sha256"), context)?;
    let sha256 =
        sum.split_ascii_whitespace().next().map(|hash| model::Digest::new(hash.to_ascii_lowercase()));
    let installer = install_root.join("rustup-init");
    client.download(&url, &installer, &Expect { sha256, size: None }, context)?;
    std::fs::set_permissions(&installer, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| StepError::io("make executable", &installer, &error))?;
    Ok(installer)
}

/// Installs one more toolchain below `install_root`, with rustup that is there or is downloaded.
///
/// # Errors
/// When rustup cannot be downloaded or cannot install.
pub fn add(
    toolchain: &str,
    parts: &[&str],
    targets: &[String],
    install_root: &Utf8Path,
    context: &dyn Context,
) -> Result<(), StepError> {
    let homes = Homes::below(install_root);
    let mut environment = context.network_environment();
    let path = environment.get("PATH").map_or("", String::as_str);
    let names = [homes.cargo.join("bin/rustup").into_string(), "rustup".to_owned()];
    let of_user = Homes::of(&environment).cargo.join("bin/rustup").into_string();
    let there = names.into_iter().chain([of_user]);
    let there = there.collect::<Vec<_>>();
    let rustup = match tools::find_tool(Utf8Path::new("/"), path, &there) {
        Some(rustup) => rustup,
        None => {
            let installer = installer(install_root, context)?;
            files::create_dir_all(&homes.cargo)?;
            context.execute(&install_command(&installer, "none", &homes, context.network_environment()))?;
            homes.cargo.join("bin/rustup")
        }
    };
    // What the user's own rustup keeps stays as it is.
    environment.insert("RUSTUP_HOME".to_owned(), homes.rustup.to_string());
    environment.insert("CARGO_HOME".to_owned(), homes.cargo.to_string());
    environment.remove("RUSTUP_TOOLCHAIN");
    let mut words = vec!["toolchain", "install", toolchain, "--profile", "minimal", "--no-self-update"];
    words.extend(parts.iter().flat_map(|part| ["--component", part]));
    words.extend(targets.iter().flat_map(|target| ["--target", target.as_str()]));
    context.execute(&Command {
        program: rustup.to_string(),
        args: words.into_iter().map(Argument::from).collect(),
        environment,
        directory: Utf8PathBuf::from("/"),
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installer_changes_nothing_outside_its_root() {
        let homes = Homes::below(Utf8Path::new("/opt/installer/rust"));
        let command = install_command(Utf8Path::new("/x/rustup-init"), "stable", &homes, BTreeMap::new());
        let words: Vec<String> = command
            .args
            .iter()
            .map(|argument| match argument {
                Argument::Literal(text) => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            words,
            ["--default-toolchain", "stable", "--profile", "minimal", "--no-modify-path", "-y"]
        );
        assert_eq!(command.program, "/x/rustup-init");
        assert_eq!(
            command.environment,
            BTreeMap::from([
                ("CARGO_HOME".to_owned(), "/opt/installer/rust/cargo".to_owned()),
                ("RUSTUP_HOME".to_owned(), "/opt/installer/rust/rustup".to_owned()),
                ("RUSTUP_INIT_SKIP_PATH_CHECK".to_owned(), "yes".to_owned()),
            ])
        );
    }

    #[test]
    fn hosts_are_named_as_rust_names_them() {
        assert_eq!(host_triple("x86_64", "glibc 2.36"), "x86_64-unknown-linux-gnu");
        assert_eq!(host_triple("aarch64", "musl"), "aarch64-unknown-linux-musl");
        assert_eq!(host_triple("armv7l", "glibc 2.36"), "armv7-unknown-linux-gnueabihf");
    }

    fn toolchain(home: &Utf8Path, name: &str) {
        let bin = home.join("toolchains").join(name).join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in ["cargo", "rustc"] {
            std::fs::write(bin.join(program), "").unwrap();
        }
    }

    #[test]
    fn the_default_toolchain_is_read_and_rustup_toolchain_overrules_it() {
        let directory = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(directory.path()).unwrap();
        let mut homes = Homes { rustup: home.to_owned(), cargo: home.join("cargo"), chosen: None };
        assert_eq!(toolchain_of(&homes), None);
        toolchain(home, "1.85.0-x86_64-unknown-linux-gnu");
        toolchain(home, "stable-x86_64-unknown-linux-gnu");
        let settings =
            "version = \"12\"\ndefault_toolchain = \"stable-x86_64-unknown-linux-gnu\"\n[overrides]\n";
        std::fs::write(home.join("settings.toml"), settings).unwrap();
        let bin = |name: &str| Some(home.join("toolchains").join(name).join("bin"));
        assert_eq!(toolchain_of(&homes), bin("stable-x86_64-unknown-linux-gnu"));
        homes.chosen = Some("1.85.0".to_owned());
        assert_eq!(toolchain_of(&homes), bin("1.85.0-x86_64-unknown-linux-gnu"));
        homes.chosen = Some("nightly".to_owned());
        assert_eq!(toolchain_of(&homes), None);
    }

    #[test]
    fn a_link_and_a_hard_link_to_rustup_are_proxies() {
        let directory = tempfile::tempdir().unwrap();
        let bin = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::write(bin.join("rustup"), "").unwrap();
        std::os::unix::fs::symlink("rustup", bin.join("cargo")).unwrap();
        std::fs::hard_link(bin.join("rustup"), bin.join("rustc")).unwrap();
        std::fs::write(bin.join("other"), "").unwrap();
        assert!(is_proxy(&bin.join("cargo")));
        assert!(is_proxy(&bin.join("rustc")));
        assert!(!is_proxy(&bin.join("other")));
    }
}
