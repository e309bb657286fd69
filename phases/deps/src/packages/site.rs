//! What writing for a manager what the site says has in common. It lies in files below the cache and not in arguments,
//! which every user sees; nothing below /etc is changed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::site::{Site, mirrored};

/// Where files for managers beside apt lie.
pub(super) fn directory(context: &dyn Context) -> Utf8PathBuf {
    context.layout().cache.join("site/packages")
}

/// The words of a command with an option behind the program's name, if that is the one that runs and the file of the option
/// is there.
pub(super) fn with_option(argv: &[String], program: &str, option: &str, file: &Utf8Path) -> Vec<String> {
    let mut words = argv.to_vec();
    let at = words.iter().position(|word| word != "env" && !word.contains('='));
    if let Some(at) = at.filter(|at| words[*at] == program && file.exists()) {
        words.splice(at + 1..at + 1, [option.to_owned(), file.to_string()]);
    }
    words
}

/// Removes what was written for a manager beside apt when it holds a password.
pub(super) fn forget(site: &Site, cache: &Utf8Path) -> Result<(), StepError> {
    if proxy(site).into_iter().chain(site.package_mirrors.values()).any(|address| address.contains('@')) {
        files::remove_tree(&cache.join("site/packages"))?;
    }
    Ok(())
}

/// Proxies of a site file; those of the process's environment reach the manager by themselves.
pub(super) fn proxy(site: &Site) -> Option<&String> {
    let of = |name: &str| site.network_environment.get(name);
    site.apt_proxies.then(|| of("https_proxy").or_else(|| of("http_proxy"))).flatten()
}

pub(super) fn read(path: &Utf8Path) -> Result<String, StepError> {
    std::fs::read_to_string(path).map_err(|error| StepError::io("read", path, &error))
}

/// A list of sources, in either format, with the site's mirrors in it.
pub(crate) fn rewritten(text: &str, mirrors: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('#') {
            out.push_str(line);
            continue;
        }
        for word in line.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            match mirrored(bare, mirrors) {
                Some(mirror) => {
                    out.push_str(&mirror);
                    out.push_str(&word[bare.len()..]);
                }
                None => out.push_str(word),
            }
        }
    }
    out
}

/// The addresses of proxies and mirrors may hold passwords.
pub(super) fn write_secret(path: &Utf8Path, text: &str) -> Result<(), StepError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| StepError::io("write", path, &error))
}
