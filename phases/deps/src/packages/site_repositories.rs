//! What the site says, for managers beside apt: copies of the system's list of repositories with the site's mirrors in
//! them, and for dnf and yum a configuration that is read in the place of the system's. They lie in files and not in
//! arguments, which every user sees; nothing below /etc is changed.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::site::{Site, mirrored};

use super::site_apt::{rewritten, write_secret};

/// Where the managers keep `.repo` files (dnf.conf(5), `reposdir`; zypper(8)), and what ours is given with.
const YUM_REPOSITORIES: &[&str] = &["etc/yum.repos.d", "etc/yum/repos.d", "etc/distro.repos.d"];
const ZYPP_REPOSITORIES: &[&str] = &["etc/zypp/repos.d"];
const YUM_CONFIGURATIONS: &[&str] = &["etc/dnf/dnf.conf", "etc/yum.conf"];
const APK_REPOSITORIES: &str = "etc/apk/repositories";

/// Writes what the site says for this manager, where it says anything that it has to know.
///
/// # Errors
/// When the system's files cannot be read, or the copies cannot be written.
pub(super) fn prepare(manager: &str, context: &dyn Context) -> Result<(), StepError> {
    prepare_from(Utf8Path::new("/"), manager, context)
}

fn prepare_from(root: &Utf8Path, manager: &str, context: &dyn Context) -> Result<(), StepError> {
    let site = context.site();
    let directory = directory(context);
    let repositories = directory.join("repositories");
    match manager {
        "dnf" | "yum" if !site.package_mirrors.is_empty() || concerns_yum(site) => {
            files::fresh_dir(&directory)?;
            if !site.package_mirrors.is_empty() {
                copy_repositories(root, YUM_REPOSITORIES, &repositories, &site.package_mirrors)?;
            }
            let existing = YUM_CONFIGURATIONS.iter().map(|path| root.join(path)).find(|path| path.is_file());
            let text = existing.map_or(Ok(String::new()), |path| read(&path))?;
            write_secret(&directory.join("dnf.conf"), &configuration(&text, site, &repositories))
        }
        "zypper" if !site.package_mirrors.is_empty() => {
            files::fresh_dir(&directory)?;
            copy_repositories(root, ZYPP_REPOSITORIES, &repositories, &site.package_mirrors)
        }
        "apk" if !site.package_mirrors.is_empty() => {
            files::fresh_dir(&directory)?;
            let text = read(&root.join(APK_REPOSITORIES))?;
            write_secret(&directory.join("apk-repositories"), &rewritten(&text, &site.package_mirrors))
        }
        _ => Ok(()),
    }
}

/// The words of a manager's command with what [`prepare`] wrote, if it wrote anything.
pub(super) fn words(argv: &[String], context: &dyn Context) -> Vec<String> {
    let directory = directory(context);
    let mut words = argv.to_vec();
    let Some(at) = words.iter().position(|word| word != "env" && !word.contains('=')) else { return words };
    let (option, place) = match words[at].as_str() {
        "dnf" | "yum" => ("--config", directory.join("dnf.conf")),
        "zypper" => ("--reposd-dir", directory.join("repositories")),
        "apk" => ("--repositories-file", directory.join("apk-repositories")),
        _ => return words,
    };
    let site = context.site();
    let concerns = !site.package_mirrors.is_empty() || (option == "--config" && concerns_yum(site));
    if concerns && place.exists() {
        words.splice(at + 1..at + 1, [option.to_owned(), place.into_string()]);
    }
    words
}

/// Removes what was written when it holds a password.
pub(super) fn forget_secrets(site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
    if proxy(site).into_iter().chain(site.package_mirrors.values()).any(|address| address.contains('@')) {
        files::remove_tree(&cache.join("site/packages"))?;
    }
    Ok(())
}

fn concerns_yum(site: &Site) -> bool {
    site.authorities.is_some() || proxy(site).is_some()
}

/// Proxies of a site file; those of the process's environment reach the manager by themselves.
fn proxy(site: &Site) -> Option<&String> {
    let of = |name: &str| site.network_environment.get(name);
    site.apt_proxies.then(|| of("https_proxy").or_else(|| of("http_proxy"))).flatten()
}

fn directory(context: &dyn Context) -> Utf8PathBuf {
    context.layout().cache.join("site/packages")
}

fn read(path: &Utf8Path) -> Result<String, StepError> {
    std::fs::read_to_string(path).map_err(|error| StepError::io("read", path, &error))
}

fn copy_repositories(
    root: &Utf8Path,
    from: &[&str],
    to: &Utf8Path,
    mirrors: &BTreeMap<String, String>,
) -> Result<(), StepError> {
    files::create_dir_all(to)?;
    for directory in from.iter().map(|path| root.join(path)) {
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        for entry in entries.flatten().filter(|entry| entry.path().extension() == Some("repo")) {
            let text = read(entry.path())?;
            write_secret(&to.join(entry.file_name()), &mirrored_repositories(&text, mirrors))?;
        }
    }
    Ok(())
}

/// The main configuration with ours in it: what is said twice counts the first time that we write it.
fn configuration(text: &str, site: &Site, repositories: &Utf8Path) -> String {
    let mut ours: Vec<(&str, String)> = Vec::new();
    if !site.package_mirrors.is_empty() {
        ours.push(("reposdir", repositories.to_string()));
    }
    if let Some(authorities) = &site.authorities {
        ours.push(("sslcacert", authorities.bundle.to_string()));
    }
    ours.extend(proxy(site).map(|proxy| ("proxy", proxy.clone())));
    let mut out = String::from("# Written by installer; see dnf.conf(5).\n[main]\n");
    for (key, value) in &ours {
        out.push_str(&format!("{key}={value}\n"));
    }
    for line in text.lines().filter(|line| line.trim() != "[main]") {
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        if ours.iter().all(|(our, _)| *our != key) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// A `.repo` file with the site's mirrors in it. Where one stands for the `baseurl` of a repository, which many
/// distributions keep as a comment, that is used and no list of mirrors is asked for.
fn mirrored_repositories(text: &str, mirrors: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut section: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with('[') {
            write_section(&section, mirrors, &mut out);
            section.clear();
        }
        section.push(line);
    }
    write_section(&section, mirrors, &mut out);
    out
}

fn write_section(lines: &[&str], mirrors: &BTreeMap<String, String>, out: &mut String) {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_ascii_lowercase());
    let base = |line: &str| {
        let bare = line.trim_start().trim_start_matches('#').trim_start();
        (key(bare).as_deref() == Some("baseurl")).then(|| with_mirrors(bare, mirrors)).flatten()
    };
    let has_base = lines.iter().any(|line| base(line).is_some());
    let mut written = false;
    for line in lines {
        let comment = line.trim_start().starts_with('#');
        let listed = matches!(key(line).as_deref(), Some("mirrorlist" | "metalink")) && !comment;
        if listed && has_base {
            continue;
        }
        let new = match base(line) {
            Some(_) if comment && written => None,
            Some(new) => {
                written = true;
                Some(new)
            }
            None if comment => None,
            None => with_mirrors(line, mirrors),
        };
        out.push_str(new.as_deref().unwrap_or(line));
        out.push('\n');
    }
}

/// A line with each address that has a mirror replaced; `None` when none has.
fn with_mirrors(line: &str, mirrors: &BTreeMap<String, String>) -> Option<String> {
    let mut changed = false;
    let mut out = String::new();
    for word in line.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '=' | ',')) {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '=' | ','));
        match mirrored(bare, mirrors) {
            Some(mirror) => {
                changed = true;
                out.push_str(&mirror);
                out.push_str(&word[bare.len()..]);
            }
            None => out.push_str(word),
        }
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use testkit::context::FakeContext;

    use super::*;

    fn mirrors() -> BTreeMap<String, String> {
        [("http://download.example/pub".to_owned(), "https://me:canary@m.example/p".to_owned())].into()
    }

    fn root() -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        let repository = "[base]\nname=Base\nmirrorlist=https://list.example/?repo=base\n#baseurl=http://download.example/pub/$releasever/base\n\
                          gpgcheck=1\n\n[extra]\nbaseurl=http://other.example/extra\nmetalink=https://list.example/m\n";
        for (path, text) in [
            ("etc/yum.repos.d/base.repo", repository),
            ("etc/zypp/repos.d/base.repo", repository),
            ("etc/dnf/dnf.conf", "[main]\ngpgcheck=True\nproxy=http://old.example:1\n"),
            ("etc/apk/repositories", "http://download.example/pub/v3.19/main\n"),
        ] {
            files::atomic_write(&root.join(path), text.as_bytes()).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn a_mirror_stands_for_the_base_address_that_is_a_comment_and_for_its_list() {
        let (_guard, root) = root();
        let text = read(&root.join("etc/yum.repos.d/base.repo")).unwrap();
        assert_eq!(
            mirrored_repositories(&text, &mirrors()),
            "[base]\nname=Base\nbaseurl=https://me:canary@m.example/p/$releasever/base\ngpgcheck=1\n\n\
             [extra]\nbaseurl=http://other.example/extra\nmetalink=https://list.example/m\n"
        );
    }

    #[test]
    fn each_manager_is_told_by_a_file_that_others_cannot_read() {
        let (_guard, root) = root();
        let mut context = FakeContext::new();
        context.site.package_mirrors = mirrors();
        let words = |manager: &str, context: &FakeContext| {
            prepare_from(&root, manager, context).unwrap();
            let argv: Vec<String> = ["env", "LC_ALL=C", manager, "install", "nasm"]
                .iter()
                .map(|word| (*word).to_owned())
                .collect();
            let cache = context.layout.cache.as_str();
            super::words(&argv, context).join(" ").replace(cache, "")
        };
        assert_eq!(words("dnf", &context), "env LC_ALL=C dnf --config /site/packages/dnf.conf install nasm");
        let place = context.layout.cache.join("site/packages/dnf.conf");
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        let said = std::fs::read_to_string(&place).unwrap();
        assert!(said.contains("reposdir=") && said.contains("gpgcheck=True"), "{said}");
        assert_eq!(
            words("zypper", &context),
            "env LC_ALL=C zypper --reposd-dir /site/packages/repositories install nasm"
        );
        assert_eq!(
            words("apk", &context),
            "env LC_ALL=C apk --repositories-file /site/packages/apk-repositories install nasm"
        );
        assert!(!root.join("etc/dnf").join("site").exists());
        forget_secrets(&context.site, &context.layout.cache).unwrap();
        assert!(!place.exists());
        assert_eq!(words("dnf", &FakeContext::new()), "env LC_ALL=C dnf install nasm");
    }

    #[test]
    fn proxies_of_the_site_are_in_the_configuration_of_dnf() {
        let (_guard, root) = root();
        let mut context = FakeContext::new();
        context.site.apt_proxies = true;
        context
            .site
            .network_environment
            .insert("https_proxy".to_owned(), "http://joe:canary@proxy.example:3128".to_owned());
        prepare_from(&root, "dnf", &context).unwrap();
        let said = std::fs::read_to_string(context.layout.cache.join("site/packages/dnf.conf")).unwrap();
        assert!(said.contains("proxy=http://joe:canary@proxy.example:3128\n"), "{said}");
        assert!(!said.contains("old.example") && !said.contains("reposdir"), "{said}");
    }
}
