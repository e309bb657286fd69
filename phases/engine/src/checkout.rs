//! Git checkouts of the user's, read off the files of git: nothing is started, and nothing is written.
//!
//! A mount may belong to somebody else, whom git refuses to look at, and git may not be installed; the commit can be
//! said all the same (gitrepository-layout(5), gitmodules(5)).

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use model::Digest;

/// What is known of a checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    /// The commit; none when it cannot be read off files.
    pub commit: Option<String>,
    /// Where a `.git` file points, if nothing is there: a worktree without its repository.
    pub dangling: Option<Utf8PathBuf>,
    /// Whether only the newest commits are there.
    pub shallow: bool,
    /// What `.gitmodules` lists.
    pub submodules: Vec<Submodule>,
}

/// A submodule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// Below the checkout.
    pub path: Utf8PathBuf,
    /// Whether something is in it.
    pub filled: bool,
    /// Whether `git submodule update --init` leaves it alone (`update = none`).
    pub skipped: bool,
}

/// The directory of git that belongs to a checkout; none when it is none.
fn directory_of_git(tree: &Utf8Path) -> Option<Utf8PathBuf> {
    let dot_git = tree.join(".git");
    if !fs::symlink_metadata(&dot_git).ok()?.is_file() {
        return Some(dot_git);
    }
    let text = fs::read_to_string(&dot_git).ok()?;
    Some(tree.join(text.trim().strip_prefix("gitdir:")?.trim()))
}

/// What a worktree shares with its repository.
fn common_directory(git: &Utf8Path) -> Utf8PathBuf {
    let common = fs::read_to_string(git.join("commondir"));
    common.map_or_else(|_| git.to_owned(), |text| git.join(text.trim()))
}

/// A digest that changes with the tags of a checkout; none when it is none.
pub fn tags(tree: &Utf8Path) -> Option<Digest> {
    let common = common_directory(&directory_of_git(tree)?);
    let mut text = fs::read_to_string(common.join("packed-refs")).unwrap_or_default();
    let mut open = vec![common.join("refs/tags")];
    let mut loose = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in directory.read_dir_utf8().into_iter().flatten().flatten() {
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => open.push(entry.path().to_owned()),
                false => loose.push(entry.path().to_owned()),
            }
        }
    }
    loose.sort();
    for tag in loose {
        let commit = fs::read_to_string(&tag).unwrap_or_default();
        text.push_str(&format!("{} {commit}", tag.strip_prefix(&common).unwrap_or(&tag)));
    }
    Some(Digest::of(text))
}

/// What is known of a directory; none when it is no checkout.
pub fn read(tree: &Utf8Path) -> Option<Checkout> {
    let submodules = submodules(tree);
    let git = directory_of_git(tree)?;
    if !git.join("HEAD").is_file() {
        return Some(Checkout { dangling: Some(git), submodules, ..Checkout::default() });
    }
    // A worktree has a HEAD of its own, and shares all else.
    let common = common_directory(&git);
    Some(Checkout {
        commit: head(&git, &common),
        dangling: None,
        shallow: common.join("shallow").is_file(),
        submodules,
    })
}

/// The commit that HEAD names, by way of references.
fn head(git: &Utf8Path, common: &Utf8Path) -> Option<String> {
    let mut name = "HEAD".to_owned();
    // A reference may point at another; git itself follows five.
    for _ in 0..5 {
        let loose = |directory: &Utf8Path| fs::read_to_string(directory.join(&name)).ok();
        let text = loose(git).or_else(|| loose(common)).or_else(|| packed(common, &name))?;
        match text.trim().strip_prefix("ref:") {
            None => return commit(text.trim()),
            Some(next) => name = below_refs(next.trim())?,
        }
    }
    None
}

/// A name that stays below the directory of git.
fn below_refs(name: &str) -> Option<String> {
    let plain = name.starts_with("refs/") && name.split('/').all(|part| !part.is_empty() && part != "..");
    plain.then(|| name.to_owned())
}

fn packed(common: &Utf8Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(common.join("packed-refs")).ok()?;
    text.lines().find_map(|line| {
        let (commit, packed) = line.split_once(' ')?;
        (packed == name).then(|| commit.to_owned())
    })
}

/// Forty digits of SHA-1, or the sixty-four of SHA-256.
fn commit(text: &str) -> Option<String> {
    let digits = matches!(text.len(), 40 | 64) && text.chars().all(|c| c.is_ascii_hexdigit());
    digits.then(|| text.to_ascii_lowercase())
}

fn submodules(tree: &Utf8Path) -> Vec<Submodule> {
    let Ok(text) = fs::read_to_string(tree.join(".gitmodules")) else { return Vec::new() };
    let mut found = Vec::new();
    let (mut path, mut skipped) = (None, false);
    // An empty section at the end closes the last one.
    for line in text.lines().map(str::trim).chain(["["]) {
        if line.starts_with('[') {
            if let Some(path) = path.take() {
                let filled = tree.join(&path).read_dir_utf8().is_ok_and(|mut inside| inside.next().is_some());
                found.push(Submodule { path, filled, skipped });
            }
            skipped = false;
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "path" => path = Some(Utf8PathBuf::from(value)),
                "update" => skipped = value == "none",
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "2cec6ce6b27a789bf47818b370defa47a271dcc4";
    const OTHER: &str = "850fb3f71bc4fa59de529ca9a0e4aa6ebd7acbee";

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (directory, root)
    }

    fn commit_of(files: &[(&str, &str)]) -> Option<String> {
        let (_guard, root) = tree(files);
        read(&root).expect("a checkout").commit
    }

    #[test]
    fn a_commit_is_read_whether_detached_loose_or_packed() {
        let line = format!("{COMMIT}\n");
        assert_eq!(commit_of(&[(".git/HEAD", &line)]).as_deref(), Some(COMMIT));
        let on_main = (".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(commit_of(&[on_main, (".git/refs/heads/main", &line)]).as_deref(), Some(COMMIT));
        let packed = format!(
            "# pack-refs with: peeled\n{OTHER} refs/heads/mainly\n{COMMIT} refs/heads/main\n^{OTHER}\n"
        );
        assert_eq!(commit_of(&[on_main, (".git/packed-refs", &packed)]).as_deref(), Some(COMMIT));
        let loose = (".git/refs/heads/main", line.as_str());
        let older = format!("{OTHER} refs/heads/main\n");
        assert_eq!(commit_of(&[on_main, loose, (".git/packed-refs", &older)]).as_deref(), Some(COMMIT));
        assert_eq!(commit_of(&[on_main]), None, "a branch without a commit");
        assert_eq!(commit_of(&[(".git/HEAD", "ref: refs/heads/.invalid\n")]), None, "reftable");
        assert_eq!(commit_of(&[(".git/HEAD", "ref: refs/../../secret\n"), ("secret", &line)]), None);
        assert_eq!(commit_of(&[(".git/HEAD", "main\n")]), None);
    }

    #[test]
    fn a_directory_that_is_no_checkout_says_nothing() {
        let (_guard, root) = tree(&[("xmake.lua", ""), (".gitmodules", "[submodule \"a\"]\npath = a\n")]);
        assert_eq!(read(&root), None);
    }

    #[test]
    fn a_worktree_has_its_own_head_and_the_references_of_its_repository() {
        let line = format!("{COMMIT}\n");
        let (_guard, root) = tree(&[
            ("tree/.git", "gitdir: ../main/.git/worktrees/tree\n"),
            ("main/.git/HEAD", "ref: refs/heads/main\n"),
            ("main/.git/worktrees/tree/HEAD", "ref: refs/heads/mine\n"),
            ("main/.git/worktrees/tree/commondir", "../..\n"),
            ("main/.git/refs/heads/mine", &line),
            ("main/.git/shallow", &line),
        ]);
        let checkout = read(&root.join("tree")).unwrap();
        assert_eq!((checkout.commit.as_deref(), checkout.shallow), (Some(COMMIT), true));
        fs::remove_dir_all(root.join("main")).unwrap();
        let checkout = read(&root.join("tree")).unwrap();
        assert_eq!((checkout.commit, checkout.dangling.is_some()), (None, true), "only the tree is mounted");
    }

    #[test]
    fn submodules_are_listed_with_what_is_there_of_them() {
        let (_guard, root) = tree(&[
            (".git/HEAD", "x"),
            (
                ".gitmodules",
                "[submodule \"third_party/a\"]\n\tpath = third_party/a\n\turl = https://example.com/a\n\
                 # a comment\n[submodule \"b\"]\n path = \"third party/b\"\n  branch = v1\n  update = none\n\
                 [submodule \"c\"]\n\tpath=c\n",
            ),
            ("third_party/a/README", ""),
        ]);
        fs::create_dir_all(root.join("c")).unwrap();
        let found = read(&root).unwrap().submodules;
        let seen: Vec<(&str, bool, bool)> =
            found.iter().map(|one| (one.path.as_str(), one.filled, one.skipped)).collect();
        assert_eq!(
            seen,
            [("third_party/a", true, false), ("third party/b", false, true), ("c", false, false)]
        );
    }
}
