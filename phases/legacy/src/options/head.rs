//! Which commit a checkout is at, read from its files: nothing is run, and nothing of it is changed.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

/// How a checkout stands to a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// It is at it.
    There,
    /// It is at another commit.
    Elsewhere(String),
    /// It has no history here to tell by.
    Unknown,
}

/// Whether a checkout is at a branch, a tag or a commit.
pub fn at(checkout: &Utf8Path, reference: &str) -> Head {
    let Some(git) = git_directory(checkout) else { return Head::Unknown };
    let Some(head) = read(&git.join("HEAD")) else { return Head::Unknown };
    let branch = head.strip_prefix("ref: ").map(str::trim);
    if branch.is_some_and(|branch| branch.strip_prefix("refs/heads/") == Some(reference)) {
        return Head::There;
    }
    let Some(commit) = branch.map_or_else(|| Some(head.clone()), |branch| resolved(&git, branch)) else {
        return Head::Unknown;
    };
    let is_commit = reference.len() >= 7 && reference.chars().all(|digit| digit.is_ascii_hexdigit());
    if is_commit && commit.starts_with(&reference.to_ascii_lowercase()) {
        return Head::There;
    }
    let names = [
        format!("refs/heads/{reference}"),
        format!("refs/remotes/origin/{reference}"),
        format!("refs/tags/{reference}"),
        reference.to_owned(),
    ];
    // An annotated tag names its commit in an object, which is not read here.
    if names.iter().any(|name| resolved(&git, name).as_deref() == Some(&commit)) {
        return Head::There;
    }
    Head::Elsewhere(commit.get(..12).unwrap_or(&commit).to_owned())
}

/// `.git`, or the directory that it names in a work tree or a submodule.
fn git_directory(checkout: &Utf8Path) -> Option<Utf8PathBuf> {
    let git = checkout.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = read(&git)?;
    Some(checkout.join(text.strip_prefix("gitdir:")?.trim()))
}

fn resolved(git: &Utf8Path, name: &str) -> Option<String> {
    // References of a work tree lie in the directory that it shares.
    let common = read(&git.join("commondir")).map(|shared| git.join(shared));
    let places = [Some(git.to_owned()), common];
    places.into_iter().flatten().find_map(|place| {
        read(&place.join(name)).filter(|text| !text.starts_with("ref: ")).or_else(|| {
            let packed = read(&place.join("packed-refs"))?;
            let lines = packed.lines().collect::<Vec<_>>();
            let at =
                lines.iter().position(|line| line.split_once(' ').is_some_and(|(_, own)| own == name))?;
            // The line after an annotated tag has its commit.
            let peeled = lines.get(at + 1).and_then(|line| line.strip_prefix('^'));
            let commit = peeled.or_else(|| lines[at].split_once(' ').map(|(commit, _)| commit))?;
            Some(commit.to_owned())
        })
    })
}

fn read(path: &Utf8Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_tags_and_commits_are_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let checkout = Utf8Path::from_path(place.path()).unwrap();
        assert_eq!(at(checkout, "main"), Head::Unknown);
        let write = |name: &str, text: &str| {
            let path = checkout.join(".git").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        write("HEAD", "ref: refs/heads/issue/951\n");
        assert_eq!(at(checkout, "issue/951"), Head::There);
        assert_eq!(at(checkout, "main"), Head::Unknown);
        write(
            "packed-refs",
            &format!("# pack-refs with: peeled\n{one} refs/heads/issue/951\n{two} refs/heads/main\n"),
        );
        assert_eq!(at(checkout, "main"), Head::Elsewhere("111111111111".to_owned()));
        assert_eq!(at(checkout, "1111111"), Head::There);
        write("refs/tags/v1", &one);
        assert_eq!(at(checkout, "v1"), Head::There);
        write("HEAD", &two);
        assert_eq!(at(checkout, "main"), Head::There);
        assert_eq!(at(checkout, "issue/951"), Head::Elsewhere("222222222222".to_owned()));
    }
}
