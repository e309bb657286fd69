//! What the site says, for apt: a configuration of our own that is read after the system's (`-c`, apt-get(8)), so that
//! /etc/apt stays as it is. It lies in a file and not in arguments, because those are visible to every user and end up in
//! `sudo`'s log.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::site::Site;

use super::site::{rewritten, write_secret};

/// Writes the configuration, where the site says anything that apt has to know.
///
/// # Errors
/// When the system's sources cannot be read, or the configuration cannot be written.
pub(super) fn prepare(etc: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let site = context.site();
    if !concerns(site) {
        return Ok(());
    }
    let directory = directory(context);
    let parts = directory.join("sources.list.d");
    files::fresh_dir(&directory)?;
    files::create_dir_all(&parts)?;
    if !site.apt_mirrors.is_empty() {
        for (name, text) in read_system_sources(etc)? {
            let place = if name == "sources.list" { directory.join(name) } else { parts.join(name) };
            write_secret(&place, &rewritten(&text, &site.apt_mirrors))?;
        }
    }
    write_secret(&configuration_file(context), &configuration(site, &directory))
}

/// Removes what was written when it holds a password.
pub(super) fn forget(site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
    let proxies = ["http_proxy", "https_proxy"].iter().filter_map(|name| site.network_environment.get(*name));
    let proxies = proxies.filter(|_| site.apt_proxies);
    if proxies.chain(site.apt_mirrors.values()).any(|address| address.contains('@')) {
        files::remove_tree(&cache.join("site/apt"))?;
        // Of the private apt for source packages.
        files::remove_tree(&cache.join("apt/sources.list.d"))?;
    }
    Ok(())
}

/// The words of an apt command with our configuration, if there is one.
pub(super) fn words(argv: &[String], context: &dyn Context) -> Vec<String> {
    let file = configuration_file(context);
    let mut words = argv.to_vec();
    let apt = words.iter().position(|word| word.starts_with("apt-"));
    if let Some(apt) = apt.filter(|_| concerns(context.site()) && file.is_file()) {
        words.splice(apt + 1..apt + 1, ["-c".to_owned(), file.into_string()]);
    }
    words
}

/// The system's source lists: file name → text.
pub(crate) fn read_system_sources(etc: &Utf8Path) -> Result<BTreeMap<String, String>, StepError> {
    let mut found = BTreeMap::new();
    if let Some(text) = engine::files::read_if_there(&etc.join("sources.list"))? {
        found.insert("sources.list".to_owned(), text);
    }
    let parts = etc.join("sources.list.d");
    let entries = match parts.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(StepError::io("read", &parts, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StepError::io("read", &parts, &error))?;
        if !matches!(entry.path().extension(), Some("list" | "sources")) {
            continue;
        }
        match std::fs::read_to_string(entry.path()) {
            Ok(text) => {
                found.insert(entry.file_name().to_owned(), text);
            }
            // A third party's list with a secret in it may be for root's eyes only.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(StepError::io("read", entry.path(), &error)),
        }
    }
    Ok(found)
}

fn concerns(site: &Site) -> bool {
    !site.apt_mirrors.is_empty() || site.authorities.is_some() || site.apt_proxies
}

fn directory(context: &dyn Context) -> Utf8PathBuf {
    context.layout().cache.join("site/apt")
}

fn configuration_file(context: &dyn Context) -> Utf8PathBuf {
    directory(context).join("apt.conf")
}

fn configuration(site: &Site, directory: &Utf8Path) -> String {
    let mut text = String::from("// Written by installer; see apt.conf(5).\n");
    let mut set = |name: &str, value: &str| text.push_str(&format!("{name} \"{value}\";\n"));
    if !site.apt_mirrors.is_empty() {
        set("Dir::Etc::sourcelist", directory.join("sources.list").as_str());
        set("Dir::Etc::sourceparts", directory.join("sources.list.d").as_str());
        // The lists of the system's own sources stay where they are.
        set("APT::Get::List-Cleanup", "false");
    }
    if let Some(authorities) = &site.authorities {
        set("Acquire::https::CAInfo", authorities.bundle.as_str());
    }
    if site.apt_proxies {
        let variable = |name: &str| site.network_environment.get(name).map(String::as_str);
        for scheme in ["http", "https"] {
            let Some(proxy) = variable(&format!("{scheme}_proxy")) else { continue };
            set(&format!("Acquire::{scheme}::Proxy"), proxy);
            // Only whole names can be said so; of the rest apt learns by the variable.
            let plain = |host: &&str| {
                !host.is_empty()
                    && !host.starts_with(['.', '*'])
                    && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
            };
            for host in variable("no_proxy").unwrap_or_default().split(',').map(str::trim).filter(plain) {
                set(&format!("Acquire::{scheme}::Proxy::{host}"), "DIRECT");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use model::site::Authorities;
    use testkit::context::FakeContext;

    use super::*;

    fn mirrors() -> BTreeMap<String, String> {
        [("http://deb.example/debian".to_owned(), "http://me:canary@m.example/d".to_owned())].into()
    }

    #[test]
    fn both_formats_are_rewritten_and_comments_stay() {
        let line = "# deb http://deb.example/debian x main\ndeb [signed-by=/k] http://deb.example/debian x main # y\ndeb http://deb.example/debian-security x main\n";
        assert_eq!(
            rewritten(line, &mirrors()),
            "# deb http://deb.example/debian x main\ndeb [signed-by=/k] http://me:canary@m.example/d x main # y\ndeb http://deb.example/debian-security x main\n"
        );
        let deb822 = "Types: deb\nURIs: http://deb.example/debian/\n  https://other.example/\nSuites: x\n";
        assert_eq!(
            rewritten(deb822, &mirrors()),
            "Types: deb\nURIs: http://me:canary@m.example/d/\n  https://other.example/\nSuites: x\n"
        );
    }

    #[test]
    fn apt_is_told_by_a_file_that_only_its_owner_reads() {
        let etc = tempfile::tempdir().unwrap();
        let etc = Utf8Path::from_path(etc.path()).unwrap();
        std::fs::write(etc.join("sources.list"), "deb http://deb.example/debian x main\n").unwrap();
        let mut context = FakeContext::new();
        let argv = ["env", "LC_ALL=C", "apt-get", "update"].map(str::to_owned);
        prepare(etc, &context).unwrap();
        assert_eq!(words(&argv, &context), argv, "a site that says nothing changes nothing");

        context.site.apt_mirrors = mirrors();
        context.site.apt_proxies = true;
        context.site.authorities =
            Some(Authorities { file: "/c.pem".into(), base: None, bundle: "/b.pem".into() });
        for (name, value) in
            [("http_proxy", "http://joe:canary@p.example:1"), ("no_proxy", "a.example,.b,10.0.0.0/8")]
        {
            context.site.network_environment.insert(name.to_owned(), value.to_owned());
        }
        prepare(etc, &context).unwrap();
        let words = words(&argv, &context);
        assert_eq!(words[..4], ["env", "LC_ALL=C", "apt-get", "-c"]);
        assert!(!words.join(" ").contains("canary"), "{words:?}");
        let file = Utf8PathBuf::from(&words[4]);
        let directory = file.parent().unwrap();
        let text = std::fs::read_to_string(&file).unwrap().replace(directory.as_str(), "[SITE]");
        assert_eq!(
            text,
            "// Written by installer; see apt.conf(5).\nDir::Etc::sourcelist \"[SITE]/sources.list\";\n\
             Dir::Etc::sourceparts \"[SITE]/sources.list.d\";\nAPT::Get::List-Cleanup \"false\";\n\
             Acquire::https::CAInfo \"/b.pem\";\nAcquire::http::Proxy \"http://joe:canary@p.example:1\";\n\
             Acquire::http::Proxy::a.example \"DIRECT\";\n"
        );
        let cache = context.layout.cache.clone();
        let plain = Site {
            apt_mirrors: [("http://a.example".into(), "http://b.example".into())].into(),
            ..Site::default()
        };
        forget(&plain, &cache).unwrap();
        assert!(file.is_file(), "there was nothing to hide");
        for name in ["apt.conf", "sources.list"] {
            let mode = std::fs::metadata(directory.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        forget(&context.site, &cache).unwrap();
        assert!(!directory.exists());
    }

    /// The real apt, with its state below a directory of ours; on a system without it there is nothing to try.
    #[test]
    fn apt_itself_reads_the_mirror_and_leaves_the_other_lists() {
        if !Utf8Path::new("/usr/bin/apt-get").exists() {
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap();
        for directory in ["etc", "repository", "lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        let sources = "deb [trusted=yes] http://dead.example/debian ./\n";
        std::fs::write(root.join("etc/sources.list"), sources).unwrap();
        std::fs::write(root.join("status"), "").unwrap();
        let packages = "Package: tiny-thing\nVersion: 1.5\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\nFilename: ./t.deb\nSize: 1\n\n";
        std::fs::write(root.join("repository/Packages"), packages).unwrap();
        let other = root.join("lists/other.example_dists_x_InRelease");
        std::fs::write(&other, "").unwrap();
        let mut context = FakeContext::new();
        context.site.apt_mirrors =
            [("http://dead.example/debian".to_owned(), format!("file:{root}/repository"))].into();
        prepare(&root.join("etc"), &context).unwrap();
        let ours = [
            format!("Dir::State::lists={root}/lists"),
            format!("Dir::State::status={root}/status"),
            format!("Dir::Cache={root}/cache"),
            "APT::Sandbox::User=root".to_owned(),
            "APT::Architecture=amd64".to_owned(),
        ];
        let ask = |line: &[&str]| {
            let mut argv = words(&line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &context);
            argv.extend(ours.iter().flat_map(|option| ["-o".to_owned(), option.clone()]));
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let answer = exec::probe::ask(&argv).unwrap();
            assert_eq!(answer.status, 0, "{argv:?}: {}{}", answer.stdout, answer.stderr);
            answer.stdout
        };
        ask(&["apt-get", "update"]);
        let policy = ask(&["apt-cache", "policy", "tiny-thing"]);
        assert!(policy.contains("Candidate: 1.5") && !policy.contains("dead.example"), "{policy}");
        assert!(other.is_file(), "the list of another source was removed");
        assert_eq!(std::fs::read_to_string(root.join("etc/sources.list")).unwrap(), sources);
    }
}
