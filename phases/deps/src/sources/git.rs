//! Kind `git`: a bare mirror in the cache, the commit with its submodules as one archive in the artifacts, so that
//! `build` needs neither git nor a network.

mod said;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finished, StepError};
use engine::source_files::Counting;
use engine::{files, lfs};
use model::Digest;
use model::plan::Command;
use model::site::GitAddress;
use model::source_facts::FactsOfSource;

use super::{Fetched, RecordedFile, Request};
use crate::archive::pack;
use crate::facts;
use crate::http::download::hash_if_there;
use crate::http::url::{redact, secrets};
use said::{failed, passing};

/// How deep submodules of submodules are followed.
const DEEPEST: usize = 8;

/// How often a transfer is tried.
const ATTEMPTS: u32 = 3;

/// Brings the commit and packs it.
pub fn fetch(
    url: &str,
    revision: &str,
    submodules: bool,
    pointers: bool,
    request: &Request<'_>,
) -> Result<Fetched, StepError> {
    let git = Git { context: request.context, pointers };
    let wanted = request.locked.map(|locked| locked.version.clone());
    let mirror = git.mirror(url)?;
    let commit = match wanted {
        Some(commit) => commit,
        None => git.resolve(&mirror, url, revision)?,
    };
    git.bring(&mirror, url, &commit)?;
    let tree = request.context.layout().cache.join("git").join(format!("{}.tree", request.source));
    files::remove_tree(&tree)?;
    git.export(&mirror, url, &commit, &tree, submodules, 0)?;
    let name = "tree.tar".to_owned();
    let packed = request.into.join(&name);
    pack(&tree, &packed, git.committed(&mirror, &commit)?, Counting::all(), request.context)?;
    let FactsOfSource { versions_from_git, asks_git, .. } = facts::of_tree(&tree);
    let tagged = tag_version(revision);
    let long = match tagged {
        Some(_) if !asks_git => None,
        _ if asks_git || !versions_from_git.is_empty() => git.described(&mirror, url, &commit)?,
        _ => None,
    };
    let version = tagged.or_else(|| {
        let long = long.as_deref().filter(|_| !versions_from_git.is_empty())?;
        next_version(long)
    });
    files::remove_tree(&tree)?;
    let (sha256, size) = hash_if_there(&packed)?
        .ok_or_else(|| StepError::new(format!("{packed} vanished"), "run the same command again"))?;
    let upstream = version.unwrap_or_else(|| commit.get(..10).unwrap_or(&commit).to_owned());
    Ok(Fetched {
        version: commit,
        upstream: Some(upstream),
        main: name.clone(),
        files: [(name, RecordedFile { sha256, size })].into(),
        stamp: None,
        asks_git,
        description: long.filter(|_| asks_git),
    })
}

/// `v1.2.3` and `n6.1` are versions; a branch or a commit is not.
fn tag_version(revision: &str) -> Option<String> {
    let name = revision.rsplit('/').next().unwrap_or(revision);
    let version = name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(['-', '_']);
    let dotted = version.contains('.') && version.starts_with(|c: char| c.is_ascii_digit());
    dotted.then(|| version.to_owned())
}

/// What setuptools-scm makes of `git describe --tags --long`: the tag, or the next version in development
/// (`v1.2.0-3-gabcdef1` is `1.2.1.dev3+gabcdef1`).
fn next_version(described: &str) -> Option<String> {
    let mut words = described.trim().rsplitn(3, '-');
    let (commit, distance, tag) = (words.next()?, words.next()?, words.next()?);
    let version = tag_version(tag)?;
    if distance == "0" {
        return Some(version);
    }
    let (before, last) = version.rsplit_once('.')?;
    let next = last.parse::<u64>().ok()? + 1;
    Some(format!("{before}.{next}.dev{distance}+{commit}"))
}

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What `-c` says of the address that git-lfs asks.
const REMOTE: &str = "remote.origin.url=";

struct Git<'a> {
    context: &'a dyn Context,
    /// Whether pointers of Git LFS stay what they are.
    pointers: bool,
}

impl Git<'_> {
    fn command(&self, args: &[&str], extra: &[(&str, &str)]) -> Command {
        let mut environment = self.context.network_environment();
        let fixed = [
            // Nobody is there to answer.
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "true"),
            ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
        ];
        let patience = self.context.site().downloads;
        let mut settings = [
            // The same bytes whatever the user's settings are.
            ("core.autocrlf", "false"),
            ("core.symlinks", "true"),
            ("gc.auto", "0"),
            // A mirror on a mounted disk belongs to somebody else.
            ("safe.directory", "*"),
            // git has no limit of its own.
            ("http.lowSpeedLimit", &patience.slowest.to_string()),
            ("http.lowSpeedTime", &patience.slow_seconds.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
        // Arguments of processes can be read by everyone on the machine.
        let mut plain_args = Vec::new();
        for argument in args {
            let (key, address) =
                argument.strip_prefix(REMOTE).map_or(("", *argument), |address| (REMOTE, address));
            let GitAddress { url, header } = GitAddress::new(address);
            settings.extend(header);
            plain_args.push(format!("{key}{url}").into());
        }
        // The site's rewrites have the first numbers.
        let first =
            environment.get("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0_usize);
        for (number, (key, value)) in settings.iter().enumerate() {
            environment.insert(format!("GIT_CONFIG_KEY_{}", first + number), key.clone());
            environment.insert(format!("GIT_CONFIG_VALUE_{}", first + number), value.clone());
        }
        environment.insert("GIT_CONFIG_COUNT".to_owned(), (first + settings.len()).to_string());
        for (name, value) in fixed.iter().chain(extra) {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        Command {
            program: "git".to_owned(),
            args: plain_args,
            environment,
            directory: self.context.layout().cache.join("git"),
        }
    }

    fn ask(&self, args: &[&str]) -> Result<Finished, StepError> {
        self.context.capture(&self.command(args, &[]))
    }

    /// The output of a command that has to succeed.
    fn must(&self, args: &[&str], extra: &[(&str, &str)], url: &str) -> Result<String, StepError> {
        let finished = self.context.capture(&self.command(args, extra))?;
        if finished.status == 0 { Ok(finished.stdout) } else { Err(failed(&finished, url)) }
    }

    /// The bare mirror of a repository, made when it is not there.
    fn mirror(&self, url: &str) -> Result<Utf8PathBuf, StepError> {
        let directory = self.context.layout().cache.join("git");
        std::fs::create_dir_all(&directory)
            .map_err(|error| StepError::io("create directory", &directory, &error))?;
        let mirror = directory.join(format!("{}.git", Digest::of(url).short()));
        if !mirror.join("HEAD").exists() {
            files::remove_tree(&mirror)?;
            self.must(&["init", "--quiet", "--bare", mirror.as_str()], &[], url)?;
        }
        Ok(mirror)
    }

    /// The commit that a branch, a tag or a commit names.
    fn resolve(&self, mirror: &Utf8Path, url: &str, revision: &str) -> Result<String, StepError> {
        if is_commit(revision) {
            return Ok(revision.to_ascii_lowercase());
        }
        if revision.starts_with('-') {
            return Err(StepError::new(format!("`{revision}` is not a revision"), "correct the case"));
        }
        self.refuse_when_offline(url, revision)?;
        let peeled = format!("{revision}^{{}}");
        let listed = self.patiently(&["ls-remote", "--", url, revision, &peeled], url)?;
        if let Some(commit) = named(&listed, revision) {
            return Ok(commit);
        }
        // An abbreviated commit, or something like `v1~2`: only the whole history knows.
        self.bring_all(mirror, url)?;
        let found = self.ask(&[
            "--git-dir",
            mirror.as_str(),
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{revision}^{{commit}}"),
        ])?;
        if found.status == 0 {
            return Ok(found.stdout.trim().to_owned());
        }
        Err(StepError::new(
            format!("{} has no branch, tag or commit `{revision}`", redact(url)),
            "correct `revision` in the case",
        ))
    }

    fn has(&self, mirror: &Utf8Path, commit: &str) -> Result<bool, StepError> {
        // Complete with its trees and files: a fetch that was killed leaves a commit without them only in packs that
        // were never given their name.
        Ok(self.ask(&["--git-dir", mirror.as_str(), "cat-file", "-e", &format!("{commit}^{{tree}}")])?.status
            == 0)
    }

    /// Has the commit in the mirror: it alone where the server gives it, else all that the server has.
    fn bring(&self, mirror: &Utf8Path, url: &str, commit: &str) -> Result<(), StepError> {
        if self.has(mirror, commit)? {
            return Ok(());
        }
        self.refuse_when_offline(url, commit)?;
        let dir = mirror.as_str();
        let kept = format!("{commit}:refs/installer/{commit}");
        let alone = self.ask(&[
            "--git-dir",
            dir,
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--no-write-fetch-head",
            "--",
            url,
            &kept,
        ])?;
        if alone.status != 0 || !self.has(mirror, commit)? {
            self.context.note(&format!("{} does not serve single commits: fetching all of it", redact(url)));
            self.bring_all(mirror, url)?;
        }
        if self.has(mirror, commit)? {
            return Ok(());
        }
        Err(StepError::new(
            format!("{} has no commit {commit}", redact(url)),
            "it may have been force-pushed away: correct `revision` in the case, or remove the entry from the lock",
        ))
    }

    fn bring_all(&self, mirror: &Utf8Path, url: &str) -> Result<(), StepError> {
        let unshallow = mirror.join("shallow").exists();
        let mut args =
            vec!["--git-dir", mirror.as_str(), "fetch", "--quiet", "--force", "--no-write-fetch-head"];
        if unshallow {
            args.push("--unshallow");
        }
        args.extend(["--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
        self.patiently(&args, url).map(drop)
    }

    /// Tries a transfer several times, with pauses.
    fn patiently(&self, args: &[&str], url: &str) -> Result<String, StepError> {
        let mut attempt = 1;
        loop {
            match self.must(args, &[], url) {
                Err(StepError::Failed(failure)) if attempt < ATTEMPTS && passing(&failure.message) => {
                    self.context.note(&format!("{}; trying again", failure.message));
                    for _ in 0..10 * 2u32.pow(attempt) {
                        if self.context.cancelled() {
                            return Err(StepError::Cancelled);
                        }
                        std::thread::sleep(std::time::Duration::from_millis(100));
                    }
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// What `git describe --tags --long` says of a commit; none where there are no tags before it.
    fn described(&self, mirror: &Utf8Path, url: &str, commit: &str) -> Result<Option<String>, StepError> {
        if !self.context.offline() {
            self.bring_all(mirror, url)?;
        }
        let dir = mirror.as_str();
        let found =
            self.ask(&["--git-dir", dir, "describe", "--tags", "--long", "--match", "*[0-9]*", commit])?;
        Ok((found.status == 0).then(|| found.stdout.trim().to_owned()))
    }

    /// Seconds since 1970 when the commit was made.
    fn committed(&self, mirror: &Utf8Path, commit: &str) -> Result<u64, StepError> {
        let text = self.must(
            &["--git-dir", mirror.as_str(), "show", "-s", "--format=%ct", commit],
            &[],
            "the mirror",
        )?;
        Ok(text.trim().parse().unwrap_or_default())
    }

    /// Puts the files in the place of pointers of Git LFS: from the repository itself where it is one of this machine,
    /// else by git-lfs. Each is known by the hash that its pointer has.
    fn bring_objects(
        &self,
        mirror: &Utf8Path,
        url: &str,
        commit: &str,
        tree: &Utf8Path,
    ) -> Result<(), StepError> {
        let found = lfs::pointers(tree)?;
        if found.is_empty() {
            return Ok(());
        }
        let local = Utf8Path::new(url.strip_prefix("file://").unwrap_or(url));
        let stores = [mirror.join("lfs"), local.join(".git/lfs"), local.join("lfs")];
        let object = |pointer: &lfs::Pointer| {
            let (one, two) = (pointer.oid.get(..2)?, pointer.oid.get(2..4)?);
            let places =
                stores.iter().map(|store| store.join("objects").join(one).join(two).join(&pointer.oid));
            places.into_iter().find(|place| {
                files::sha256_file(place).is_ok_and(|(sha256, _)| sha256.as_str() == pointer.oid)
            })
        };
        let mut why = String::new();
        if found.iter().any(|pointer| object(pointer).is_none()) {
            why = self.download_objects(mirror, url, commit)?;
        }
        let mut missing = Vec::new();
        for pointer in found {
            let Some(place) = object(&pointer) else {
                missing.push(pointer);
                continue;
            };
            let into = tree.join(&pointer.path);
            // A file keeps its mode when its content is replaced.
            let content = files::read(&place)?;
            std::fs::write(&into, content).map_err(|error| StepError::io("write", &into, &error))?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        let way = format!(
            "{why}: install git-lfs, see that `git lfs pull` works in a clone, and run `installer deps` again"
        );
        Err(lfs::refused(Utf8Path::new(&redact(url)), &missing, way))
    }

    /// Writes the commit's files below `tree`, and those of its submodules.
    fn export(
        &self,
        mirror: &Utf8Path,
        url: &str,
        commit: &str,
        tree: &Utf8Path,
        submodules: bool,
        depth: usize,
    ) -> Result<(), StepError> {
        std::fs::create_dir_all(tree).map_err(|error| StepError::io("create directory", tree, &error))?;
        let dir = mirror.as_str();
        let found = self.must(&["--git-dir", dir, "rev-parse", &format!("{commit}^{{commit}}")], &[], url)?;
        if found.trim() != commit {
            return Err(StepError::new(
                format!("{} gave commit {} instead of {commit}", redact(url), found.trim()),
                "give the full commit in `revision`",
            ));
        }
        let index = Utf8PathBuf::from(format!("{tree}.index"));
        let with_index = [("GIT_INDEX_FILE", index.as_str())];
        let from = ["--git-dir", dir, "--work-tree", tree.as_str()];
        let outcome =
            self.must(&[&from[..], &["read-tree", commit]].concat(), &with_index, url).and_then(|_| {
                self.must(&[&from[..], &["checkout-index", "--all", "--force"]].concat(), &with_index, url)
            });
        match std::fs::remove_file(&index) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StepError::io("remove", &index, &error));
            }
            _ => {}
        }
        outcome?;
        if !self.pointers {
            self.bring_objects(mirror, url, commit, tree)?;
        }
        if !submodules {
            return Ok(());
        }
        let entries = self.must(&["--git-dir", dir, "ls-tree", "-r", "-z", commit], &[], url)?;
        let links = gitlinks(&entries);
        if links.is_empty() {
            return Ok(());
        }
        if depth >= DEEPEST {
            return Err(StepError::new(
                format!("submodules of {} are nested too deeply", redact(url)),
                "correct the repository",
            ));
        }
        let modules = self.must(
            &[
                "--git-dir",
                dir,
                "config",
                "--null",
                "--blob",
                &format!("{commit}:.gitmodules"),
                "--get-regexp",
                r"^submodule\..*\.(path|url)$",
            ],
            &[],
            url,
        )?;
        let urls = module_urls(&modules);
        for (path, commit) in links {
            let below = urls.get(&path).ok_or_else(|| {
                StepError::new(
                    format!("submodule {path} of {} has no URL in .gitmodules", redact(url)),
                    "correct the repository, or set `submodules = false`",
                )
            })?;
            let below = relative_url(url, below);
            let mirror = self.mirror(&below)?;
            self.bring(&mirror, &below, &commit)?;
            self.export(&mirror, &below, &commit, &tree.join(&path), true, depth + 1)?;
        }
        Ok(())
    }

    /// Has git-lfs download what it can; says why something may be missing after that.
    fn download_objects(&self, mirror: &Utf8Path, url: &str, commit: &str) -> Result<String, StepError> {
        if self.context.offline() {
            return Ok("--offline forbids downloading them".to_owned());
        }
        if self.ask(&["lfs", "version"])?.status != 0 {
            return Ok("git-lfs is not installed".to_owned());
        }
        let origin = format!("{REMOTE}{url}");
        let finished =
            self.ask(&["--git-dir", mirror.as_str(), "-c", &origin, "lfs", "fetch", "origin", commit])?;
        let said =
            secrets(url).iter().fold(finished.tail.join("; "), |text, secret| text.replace(secret, "***"));
        Ok(format!("git-lfs did not get them from {}: {said}", redact(url)))
    }

    fn refuse_when_offline(&self, url: &str, revision: &str) -> Result<(), StepError> {
        if !self.context.offline() {
            return Ok(());
        }
        Err(StepError::of_kind(
            model::event::FailureKind::Step,
            format!("--offline forbids downloading {revision} from {}", redact(url)),
            vec!["run without --offline".to_owned()],
        ))
    }
}

/// The commit that `git ls-remote` names for a branch or tag; that of an annotated tag is the one it points at.
fn named(listed: &str, revision: &str) -> Option<String> {
    let find = |wanted: &str| {
        listed.lines().find_map(|line| {
            line.split_once('\t').filter(|(_, name)| *name == wanted).map(|(id, _)| id.to_owned())
        })
    };
    let candidates = [
        revision.to_owned(),
        format!("refs/tags/{revision}"),
        format!("refs/heads/{revision}"),
        format!("refs/{revision}"),
    ];
    candidates.iter().find_map(|name| find(&format!("{name}^{{}}")).or_else(|| find(name)))
}

/// Submodules in the output of `git ls-tree -r -z`: path and commit.
fn gitlinks(entries: &str) -> Vec<(String, String)> {
    entries
        .split('\0')
        .filter_map(|entry| {
            let (meta, path) = entry.split_once('\t')?;
            let commit = meta.strip_prefix("160000 commit ")?;
            Some((path.to_owned(), commit.trim().to_owned()))
        })
        .collect()
}

/// Path → URL, from the output of `git config --null --get-regexp`.
fn module_urls(listed: &str) -> BTreeMap<String, String> {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let mut urls: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in listed.split('\0').filter_map(|entry| entry.split_once('\n')) {
        let Some((name, kind)) = key.strip_prefix("submodule.").and_then(|key| key.rsplit_once('.')) else {
            continue;
        };
        let map = if kind == "path" { &mut paths } else { &mut urls };
        map.insert(name.to_owned(), value.trim_end_matches('/').to_owned());
    }
    paths.into_iter().filter_map(|(name, path)| Some((path, urls.remove(&name)?))).collect()
}

/// `../other.git` is beside the repository (git-submodule(1), "add").
fn relative_url(base: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let mut base = base.trim_end_matches('/').to_owned();
    let mut rest = url;
    loop {
        if let Some(next) = rest.strip_prefix("../") {
            let cut = base.rfind(['/', ':']).unwrap_or(0);
            base.truncate(cut);
            rest = next;
        } else if let Some(next) = rest.strip_prefix("./") {
            rest = next;
        } else {
            return format!("{base}/{rest}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_is_told_as_setuptools_scm_does() {
        assert_eq!(next_version("v1.2.0-0-gabcdef1\n").as_deref(), Some("1.2.0"));
        assert_eq!(next_version("v1.2.0-3-gabcdef1").as_deref(), Some("1.2.1.dev3+gabcdef1"));
        assert_eq!(next_version("release-2.9-1-g0123456").as_deref(), Some("2.10.dev1+g0123456"));
        assert_eq!(next_version("latest-0-g0123456"), None);
    }

    #[test]
    fn revisions_are_resolved_as_git_does() {
        let listed =
            "aaa\trefs/heads/main\nbbb\trefs/tags/v1.0\nccc\trefs/tags/v1.0^{}\nddd\trefs/heads/x/main\n";
        assert_eq!(named(listed, "main").as_deref(), Some("aaa"));
        assert_eq!(named(listed, "v1.0").as_deref(), Some("ccc"));
        assert_eq!(named(listed, "refs/heads/x/main").as_deref(), Some("ddd"));
        assert_eq!(named(listed, "v2"), None);
    }

    #[test]
    fn submodules_are_found_with_their_urls() {
        let entries = "100644 blob aa\tREADME\x00160000 commit bb\tthird party/x\x00";
        assert_eq!(gitlinks(entries), [("third party/x".to_owned(), "bb".to_owned())]);
        let listed = "submodule.x.y.path\nthird party/x\0submodule.x.y.url\n../x.git\0";
        assert_eq!(module_urls(listed).get("third party/x").unwrap(), "../x.git");
        assert_eq!(relative_url("https://h.test/a/b.git", "../x.git"), "https://h.test/a/x.git");
        assert_eq!(relative_url("git@h.test:a/b.git", "../../x/y.git"), "git@h.test/x/y.git");
        assert_eq!(relative_url("https://h.test/a", "https://o.test/x"), "https://o.test/x");
    }

    #[test]
    fn tags_tell_a_version() {
        assert_eq!(tag_version("v1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(tag_version("n6.1").as_deref(), Some("6.1"));
        assert_eq!(tag_version("main"), None);
        assert_eq!(tag_version("2cec6ce6"), None);
    }
}
