//! A private apt: its own sources, lists, caches and status, so that the system's stay untouched, no lock of dpkg is
//! waited for, and third-party repositories (dead ones too) have no part in it. Works as root and as anyone.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use engine::files;
use engine::runner::{Context, StepError};
use model::Digest;
use model::event::FailureKind;
use model::plan::Command;
use model::target::Os;

use crate::http::download::hash_if_there;
use crate::packages::{site, site_apt};

/// Lists older than this are brought again before something is looked up in them.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// The private apt of a run.
#[derive(Debug)]
pub struct PrivateApt {
    configuration: Utf8PathBuf,
    /// Touched after each successful update; holds the digest of the sources.
    stamp: Utf8PathBuf,
    sources: Digest,
}

/// What may follow the distribution's name at the end of its mirrors' addresses; `.list` is that of a file of mirrors.
const MIRROR_ENDINGS: &[&str] = &["", "-security", "-ports", ".list", "-security.list"];

/// A file that apt wants to download.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offered {
    name: String,
    sha256: Option<Digest>,
}

impl PrivateApt {
    /// Writes its configuration below the cache.
    ///
    /// # Errors
    /// When the system's sources cannot be read or name no archive of the distribution, or something cannot be written.
    pub fn set_up(context: &dyn Context) -> Result<Self, StepError> {
        let system = site_apt::read_system_sources(Utf8Path::new("/etc/apt"))?;
        let os = &context.target().os;
        let sources = source_files(&system, os);
        if sources.is_empty() {
            return Err(StepError::new(
                format!(
                    "the apt sources in /etc/apt name no archive of {} with source packages",
                    if os.pretty_name.is_empty() { "this distribution" } else { &os.pretty_name }
                ),
                "add the distribution's own archive to /etc/apt/sources.list.d, or another kind of source to the case",
            ));
        }
        let root = context.layout().cache.join("apt");
        let parts = root.join("sources.list.d");
        for directory in ["lists/partial", "archives/partial", "state", "etc"] {
            let directory = root.join(directory);
            std::fs::create_dir_all(&directory)
                .map_err(|error| StepError::io("create directory", &directory, &error))?;
        }
        files::remove_tree(&parts)?;
        // The addresses of mirrors may hold passwords.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&parts)
            .map_err(|error| StepError::io("create directory", &parts, &error))?;
        let mirrors = &context.site().apt_mirrors;
        let sources: BTreeMap<String, String> =
            sources.into_iter().map(|(name, text)| (name, site::rewritten(&text, mirrors))).collect();
        for (name, text) in &sources {
            engine::files::atomic_write(&parts.join(name), text.as_bytes())?;
        }
        // Nothing is installed in it.
        engine::files::atomic_write(&root.join("status"), b"")?;
        let file = root.join("apt.conf");
        let mut configuration = configuration_text(&root);
        if let Some(authorities) = &context.site().authorities {
            configuration.push_str(&format!("Acquire::https::CAInfo \"{}\";\n", authorities.bundle));
        }
        engine::files::atomic_write(&file, configuration.as_bytes())?;
        let all: String = sources.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect();
        Ok(Self { configuration: file, stamp: root.join("updated"), sources: Digest::of(all) })
    }

    /// Downloads a source package into `directory` and returns the names of its files.
    ///
    /// # Errors
    /// When the archive has no such package or version, or it cannot be downloaded.
    pub fn download(
        &self,
        package: &str,
        version: Option<&str>,
        directory: &Utf8Path,
        context: &dyn Context,
    ) -> Result<Vec<String>, StepError> {
        let wanted = version.map_or_else(|| package.to_owned(), |version| format!("{package}={version}"));
        let mut updated = false;
        if !self.is_current() {
            self.update(&wanted, context)?;
            updated = true;
        }
        let mut offered = self.offered(&wanted, directory, context)?;
        if offered.is_empty() && !updated {
            self.update(&wanted, context)?;
            updated = true;
            offered = self.offered(&wanted, directory, context)?;
        }
        if offered.is_empty() {
            return Err(self.not_offered(package, version, directory, context)?);
        }
        if !all_there(&offered, directory)? {
            refuse_when_offline(&wanted, context)?;
            let first = self.bring(&wanted, directory, context);
            if let Err(StepError::Failed(failure)) = first {
                if updated {
                    return Err(StepError::Failed(failure));
                }
                // The archive may have moved on since the lists were brought.
                context.note(&format!("{}; trying again with new lists", failure.message));
                self.update(&wanted, context)?;
                offered = self.offered(&wanted, directory, context)?;
                self.bring(&wanted, directory, context)?;
            } else {
                first?;
            }
        }
        Ok(offered.into_iter().map(|file| file.name).collect())
    }

    fn command(&self, program: &str, args: &[&str], directory: &Utf8Path, context: &dyn Context) -> Command {
        let mut environment = context.network_environment();
        environment.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
        environment.insert("DEBIAN_FRONTEND".to_owned(), "noninteractive".to_owned());
        // Configuration of a caller's own apt.
        environment.remove("APT_CONFIG");
        let args =
            ["-c", self.configuration.as_str(), "-q"].iter().chain(args).map(|word| (*word).into()).collect();
        Command { program: program.to_owned(), args, environment, directory: directory.to_owned() }
    }

    fn is_current(&self) -> bool {
        let same = std::fs::read_to_string(&self.stamp).is_ok_and(|text| text == self.sources.as_str());
        let young = std::fs::metadata(&self.stamp)
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| SystemTime::now().duration_since(time).unwrap_or_default() < STALE);
        same && young
    }

    fn update(&self, wanted: &str, context: &dyn Context) -> Result<(), StepError> {
        if context.offline()
            && std::fs::read_to_string(&self.stamp).is_ok_and(|text| text == self.sources.as_str())
        {
            // Old lists are better than none.
            return Ok(());
        }
        refuse_when_offline(wanted, context)?;
        let root = self.configuration.parent().unwrap_or(&self.configuration);
        let finished = context.execute(&self.command("apt-get", &["update"], root, context)).map_err(|error| {
            add_cure(
                error,
                "correct the entry in /etc/apt that apt names: its address, its key, or a mirror that has it",
            )
        })?;
        // apt goes on when one of several archives cannot be had, and says so with a warning.
        for line in finished.tail.iter().filter(|line| line.starts_with("W: ")) {
            context.warn(&format!("apt: {}", line.trim_start_matches("W: ")));
        }
        engine::files::atomic_write(&self.stamp, self.sources.as_str().as_bytes())
    }

    /// The files of a source package; none when the lists do not have it.
    fn offered(
        &self,
        wanted: &str,
        directory: &Utf8Path,
        context: &dyn Context,
    ) -> Result<Vec<Offered>, StepError> {
        let args = ["source", "--only-source", "--download-only", "--print-uris", wanted];
        // apt leaves out what lies there already, so it is asked where nothing does.
        let elsewhere = self.configuration.parent().unwrap_or(directory).join("etc");
        let finished = context.capture(&self.command("apt-get", &args, &elsewhere, context))?;
        Ok(if finished.status == 0 { uris(&finished.stdout) } else { Vec::new() })
    }

    fn bring(&self, wanted: &str, directory: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
        let args = ["source", "--only-source", "--download-only", wanted];
        context.execute(&self.command("apt-get", &args, directory, context)).map(drop).map_err(|error| {
            add_cure(error, "apt keeps what is downloaded: a later run continues from there")
        })
    }

    fn not_offered(
        &self,
        package: &str,
        version: Option<&str>,
        directory: &Utf8Path,
        context: &dyn Context,
    ) -> Result<StepError, StepError> {
        let newest = self.offered(package, directory, context)?;
        let newest = newest.iter().find_map(|file| {
            file.name
                .strip_suffix(".dsc")
                .and_then(|name| name.split_once('_'))
                .map(|(_, version)| version.to_owned())
        });
        Ok(match (version, newest) {
            (Some(version), Some(newest)) => StepError::new(
                format!(
                    "the distribution no longer offers version {version} of source package {package}, but {newest}"
                ),
                "write the version that it offers into the case, or leave it out",
            ),
            _ => StepError::new(
                format!("the distribution has no source package {package}"),
                "check its name with `apt-cache showsrc`, or add another kind of source to the case",
            ),
        })
    }
}

fn refuse_when_offline(wanted: &str, context: &dyn Context) -> Result<(), StepError> {
    if !context.offline() {
        return Ok(());
    }
    Err(StepError::of_kind(
        FailureKind::Step,
        format!("--offline forbids downloading source package {wanted} from the distribution"),
        vec!["run without --offline".to_owned()],
    ))
}

fn add_cure(error: StepError, cure: &str) -> StepError {
    match error {
        StepError::Failed(mut failure) => {
            failure.cures.push(cure.to_owned());
            StepError::Failed(failure)
        }
        StepError::Cancelled => StepError::Cancelled,
    }
}

fn all_there(offered: &[Offered], directory: &Utf8Path) -> Result<bool, StepError> {
    for file in offered {
        let found = hash_if_there(&directory.join(&file.name))?.map(|(sha256, _)| sha256);
        if found.is_none() || found != file.sha256 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `'http://…/x.dsc' x.dsc 5114 SHA256:…`, one a line (apt-get(8), `--print-uris`).
fn uris(output: &str) -> Vec<Offered> {
    output
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix('\'')?;
            let mut words = rest.split_once("' ")?.1.split_whitespace();
            let name = words.next().filter(|name| super::super::record::check_name(name).is_ok())?.to_owned();
            let sha256 = words.find_map(|word| word.strip_prefix("SHA256:")).map(Digest::from);
            Some(Offered { name, sha256 })
        })
        .collect()
}

fn configuration_text(root: &Utf8Path) -> String {
    // In apt.conf(5) a value is quoted, and has no way to hold a quote itself.
    let root = root.as_str().replace('"', "");
    format!(
        r#"// Written by installer; see apt.conf(5).
Dir::State "{root}/state/";
Dir::State::lists "{root}/lists/";
Dir::State::status "{root}/status";
Dir::Cache "{root}/";
Dir::Cache::archives "{root}/archives/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{root}/sources.list.d/";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{root}/etc/";
Dir::Log "{root}/";
APT::Sandbox::User "root";
APT::Get::Download-Only "true";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::Languages "none";
Acquire::IndexTargets::deb-src::Contents-dsc::DefaultEnabled "false";
// What images add to clean or copy the system's own caches does not apply here.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
"#
    )
}

/// The distribution's own archives among the system's sources, as sources of source packages.
fn source_files(system: &BTreeMap<String, String>, os: &Os) -> BTreeMap<String, String> {
    system
        .iter()
        .filter_map(|(name, text)| {
            let (name, text) = if name.ends_with(".sources") {
                (name.clone(), from_deb822(text, os))
            } else {
                (name.replace("sources.list", "main.list"), from_one_line(text, os))
            };
            (!text.is_empty()).then_some((name, text))
        })
        .collect()
}

fn from_one_line(text: &str, os: &Os) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb ").or_else(|| line.strip_prefix("deb-src ")) else {
            continue;
        };
        let rest = rest.trim();
        let (options, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((options, rest)) => (options.trim(), rest.trim()),
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (Some(uri), Some(suite)) = (words.next(), words.next()) else { continue };
        let components: Vec<&str> = words.collect();
        let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        if !is_own(uri, &components, signed_by, os) || !is_own_suite(suite, os) {
            continue;
        }
        let kept: Vec<&str> = options
            .split_whitespace()
            .filter(|option| !option.starts_with("arch") && !option.starts_with("target"))
            .collect();
        let options = if kept.is_empty() { String::new() } else { format!("[{}] ", kept.join(" ")) };
        let line = format!("deb-src {options}{uri} {suite} {}\n", components.join(" "));
        if !out.contains(&line) {
            out.push_str(&line);
        }
    }
    out
}

/// sources.list(5), "DEB822-style format".
fn from_deb822(text: &str, os: &Os) -> String {
    let mut out = String::new();
    for stanza in stanzas(text) {
        let value = |wanted: &str| {
            stanza.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
        };
        let enabled = !value("Enabled").is_some_and(|value| {
            matches!(
                value.trim().to_ascii_lowercase().as_str(),
                "no" | "false" | "off" | "0" | "without" | "disable"
            )
        });
        let uris: Vec<&str> = value("URIs").unwrap_or_default().split_whitespace().collect();
        let components: Vec<&str> = value("Components").unwrap_or_default().split_whitespace().collect();
        let suites: Vec<&str> = value("Suites")
            .unwrap_or_default()
            .split_whitespace()
            .filter(|suite| is_own_suite(suite, os))
            .collect();
        let own: Vec<&str> =
            uris.into_iter().filter(|uri| is_own(uri, &components, value("Signed-By"), os)).collect();
        if !enabled || own.is_empty() || suites.is_empty() {
            continue;
        }
        out.push_str("Types: deb-src\n");
        out.push_str(&format!("URIs: {}\nSuites: {}\n", own.join(" "), suites.join(" ")));
        for (name, value) in &stanza {
            let lower = name.to_ascii_lowercase();
            if matches!(lower.as_str(), "types" | "uris" | "suites" | "enabled" | "architectures" | "targets")
            {
                continue;
            }
            out.push_str(&format!("{name}: {}\n", value.replace('\n', "\n ")));
        }
        out.push('\n');
    }
    out
}

fn stanzas(text: &str) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::<(String, String)>::new()];
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            all.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = all.last_mut().and_then(|stanza| stanza.last_mut()) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            if let Some(stanza) = all.last_mut() {
                stanza.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
    all.retain(|stanza| !stanza.is_empty());
    all
}

/// Whether an archive is the distribution's: it has the component `main`, is not signed with somebody else's key, and
/// its address ends like that of the distribution's mirrors (`…/debian`, `…/debian-security`, `…/ubuntu-ports`).
fn is_own(uri: &str, components: &[&str], signed_by: Option<&str>, os: &Os) -> bool {
    if !components.contains(&"main") {
        return false;
    }
    let names: Vec<&str> =
        std::iter::once(os.id.as_str()).chain(os.id_like.iter().map(String::as_str)).collect();
    if let Some(keys) = signed_by {
        let paths: Vec<&str> = keys.split([' ', ',', '\n']).filter(|word| word.starts_with('/')).collect();
        // A key that stands in the file itself says nothing about whose it is.
        if !paths.is_empty()
            && !paths.iter().any(|path| names.iter().any(|name| path.contains(&format!("{name}-archive"))))
        {
            return false;
        }
    }
    let last = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mirrored = uri.contains("/archive/debian") || uri.contains("/archive/debian-security");
    mirrored
        || names.iter().any(|name| {
            !name.is_empty() && last.strip_prefix(name).is_some_and(|rest| MIRROR_ENDINGS.contains(&rest))
        })
}

/// Whether a suite holds the distribution's release itself, its updates or its security updates. Backports and proposed
/// updates hold versions that were not asked for.
fn is_own_suite(suite: &str, os: &Os) -> bool {
    let base = suite.split(['-', '/']).next().unwrap_or_default();
    let known = base == os.codename
        || (os.codename.is_empty() && !base.is_empty())
        || matches!(base, "stable" | "oldstable" | "testing" | "unstable" | "sid");
    let rest = suite.get(base.len()..).unwrap_or_default();
    known && matches!(rest, "" | "-updates" | "-security" | "/updates")
}

#[cfg(test)]
#[path = "apt_tests.rs"]
mod tests;
