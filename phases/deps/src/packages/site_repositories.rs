//! Lists of repositories as dnf, yum and zypper keep them (`.repo` files), with the site's mirrors in them.

use std::collections::BTreeMap;

use camino::Utf8Path;
use engine::files;
use engine::runner::StepError;
use model::site::mirrored;

use super::site::{read, write_secret};

/// Copies the `.repo` files of these directories, with the site's mirrors in them.
pub(super) fn copy_repositories(
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

    use camino::Utf8PathBuf;
    use testkit::context::FakeContext;

    use super::super::by_name;
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
            let manager_of = by_name(manager).unwrap();
            manager_of.write_site(&root, context).unwrap();
            let argv: Vec<String> = ["env", "LC_ALL=C", manager, "install", "nasm"]
                .iter()
                .map(|word| (*word).to_owned())
                .collect();
            let cache = context.layout.cache.as_str();
            manager_of.site_words(&argv, context).join(" ").replace(cache, "")
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
        by_name("dnf").unwrap().forget_site(&context.site, &context.layout.cache).unwrap();
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
        by_name("dnf").unwrap().write_site(&root, &context).unwrap();
        let said = std::fs::read_to_string(context.layout.cache.join("site/packages/dnf.conf")).unwrap();
        assert!(said.contains("proxy=http://joe:canary@proxy.example:3128\n"), "{said}");
        assert!(!said.contains("old.example") && !said.contains("reposdir"), "{said}");
    }
}
