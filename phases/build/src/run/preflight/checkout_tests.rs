use std::fs;

use camino::Utf8PathBuf;
use model::target::Tool;
use testkit::FakeContext;

use super::*;

/// Real git: what it answers is what this is about.
fn git(context: &FakeContext, directory: &Utf8Path, words: &[&str]) -> String {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main"];
    let allowed =
        ["-c", "protocol.file.allow=always", "-c", "commit.gpgSign=false", "-C", directory.as_str()];
    let words = identity.iter().chain(&allowed).chain(words);
    let finished = context
        .capture(&Command {
            program: "git".to_owned(),
            args: words.map(|word| (*word).into()).collect(),
            environment: [
                ("PATH".to_owned(), std::env::var("PATH").unwrap()),
                ("HOME".to_owned(), context.path("home").to_string()),
            ]
            .into(),
            directory: "/".into(),
        })
        .unwrap();
    assert_eq!(finished.status, 0, "{:?}", finished.tail);
    finished.stdout.trim().to_owned()
}

fn write(path: &Utf8Path, text: &str) {
    engine::files::atomic_write(path, text.as_bytes()).unwrap();
}

/// A repository with two commits and a submodule; `first` is the older one.
struct Repository {
    context: FakeContext,
    tree: Utf8PathBuf,
    first: String,
    second: String,
}

fn repository() -> Repository {
    let mut context = FakeContext::new();
    context.run_commands = true;
    context.target.tools.insert(GIT.to_owned(), Tool { path: "/usr/bin/git".to_owned(), version: None });
    let library = context.path("library");
    fs::create_dir_all(&library).unwrap();
    git(&context, &library, &["init", "-q"]);
    write(&library.join("spdlog.h"), "1\n");
    git(&context, &library, &["add", "."]);
    git(&context, &library, &["commit", "-qm", "library"]);
    let tree = context.path("tree");
    fs::create_dir_all(&tree).unwrap();
    git(&context, &tree, &["init", "-q"]);
    write(&tree.join("xmake.lua"), "target\n");
    git(&context, &tree, &["submodule", "--quiet", "add", library.as_str(), "third_party/spdlog"]);
    git(&context, &tree, &["add", "."]);
    git(&context, &tree, &["commit", "-qm", "one"]);
    let first = git(&context, &tree, &["rev-parse", "HEAD"]);
    write(&tree.join("more.cc"), "int x;\n");
    git(&context, &tree, &["add", "."]);
    git(&context, &tree, &["commit", "-qm", "two"]);
    let second = git(&context, &tree, &["rev-parse", "HEAD"]);
    Repository { context, tree, first, second }
}

impl Repository {
    fn warnings_at(&self, tree: &Utf8Path, revision: Option<&str>) -> Vec<String> {
        let required = RequiredCheckout {
            source: "infinicore".into(),
            tree: tree.to_owned(),
            revision: revision.map(str::to_owned),
            submodules: None,
        };
        let mut observation = Observation::default();
        look(&required, &self.context, &mut observation).unwrap();
        assert!(observation.holds(), "a checkout of the user's is his own: {observation:?}");
        assert_eq!(observation.digest(), Observation::default().digest(), "nothing is built anew for it");
        let root = self.context.path("");
        let hide = |text: String| {
            let text = text.replace(root.as_str().trim_end_matches('/'), "[ROOT]");
            let text = text.replace(&self.first, "[FIRST]").replace(&self.second, "[SECOND]");
            text.replace(short_commit(&self.first), "[first]").replace(short_commit(&self.second), "[second]")
        };
        observation.warnings.into_iter().map(hide).collect()
    }

    fn warnings(&self, revision: Option<&str>) -> Vec<String> {
        self.warnings_at(&self.tree, revision)
    }

    /// Every file below the tree, with what it holds and when it was written: nothing may change it.
    fn frozen(&self) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
        let mut found = Vec::new();
        let mut open = vec![self.tree.clone()];
        while let Some(directory) = open.pop() {
            for entry in directory.read_dir_utf8().unwrap() {
                let path = entry.unwrap().into_path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_dir() {
                    open.push(path);
                } else {
                    found.push((path.to_string(), fs::read(&path).unwrap(), metadata.modified().unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

#[test]
fn a_clean_checkout_at_its_commit_is_not_worth_a_word_and_stays_as_it_was() {
    let repository = repository();
    // Git would write its index anew: the times in it are not those of the file.
    let file = fs::File::options().write(true).open(repository.tree.join("xmake.lua")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
        .unwrap();
    let before = repository.frozen();
    assert_eq!(repository.warnings(Some(&repository.second)), Vec::<String>::new());
    assert_eq!(repository.warnings(Some(short_commit(&repository.second))), Vec::<String>::new());
    assert_eq!(repository.warnings(None), Vec::<String>::new());
    assert_eq!(
        state(&repository.tree, &repository.context),
        Some(CheckoutState { commit: repository.second.clone(), dirty: Some(false) })
    );
    assert!(repository.frozen() == before, "something was written into the user's checkout");
}

#[test]
fn another_commit_changes_and_a_submodule_that_is_not_there_are_told_with_the_command_that_mends() {
    let repository = repository();
    write(&repository.tree.join("xmake.lua"), "changed\n");
    write(&repository.tree.join("new.cc"), "int y;\n");
    write(&repository.tree.join("third_party/spdlog/spdlog.h"), "2\n");
    let mut shown = repository.warnings(Some(&repository.first));
    assert_eq!(state(&repository.tree, &repository.context).unwrap().dirty, Some(true));
    git(&repository.context, &repository.tree, &["stash", "-q", "-u"]);
    git(&repository.context, &repository.tree, &["submodule", "--quiet", "deinit", "-f", "--all"]);
    shown.extend(repository.warnings(None));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn only_submodules_that_matter_are_told_of() {
    let repository = repository();
    git(&repository.context, &repository.tree, &["submodule", "--quiet", "deinit", "-f", "--all"]);
    let found = checkout::read(&repository.tree).unwrap();
    let required = |submodules: Option<&[&str]>| RequiredCheckout {
        source: "x".into(),
        tree: repository.tree.clone(),
        revision: None,
        submodules: submodules.map(|all| all.iter().map(Utf8PathBuf::from).collect()),
    };
    assert_eq!(missing_submodules(&required(None), &found).unwrap(), ["third_party/spdlog"]);
    assert_eq!(missing_submodules(&required(Some(&["third_party/spdlog"])), &found).unwrap().len(), 1);
    assert_eq!(missing_submodules(&required(Some(&["third_party/json"])), &found), None);
}

#[test]
fn a_shallow_clone_has_to_fetch_the_commit_first() {
    let repository = repository();
    let shallow = repository.context.path("shallow");
    let from = format!("file://{}", repository.tree);
    git(&repository.context, Utf8Path::new("/"), &["clone", "-q", "--depth", "1", &from, shallow.as_str()]);
    let warnings = repository.warnings_at(&shallow, Some(&repository.first));
    assert!(
        warnings[0].contains(
            "git -C [ROOT]/shallow fetch --depth 1 origin [FIRST] && git -C [ROOT]/shallow checkout [FIRST]"
        ),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("third_party/spdlog"), "{warnings:?}");
}

#[test]
fn a_worktree_is_a_checkout_like_any_other_until_its_repository_is_gone() {
    let repository = repository();
    let worktree = repository.context.path("worktree");
    git(
        &repository.context,
        &repository.tree,
        &["worktree", "add", "-q", "--detach", worktree.as_str(), &repository.first],
    );
    let warnings = repository.warnings_at(&worktree, Some(&repository.second));
    assert!(warnings[0].contains("is at [first]") && warnings[0].contains("[second]"), "{warnings:?}");
    fs::rename(&repository.tree, repository.context.path("moved")).unwrap();
    let warnings = repository.warnings_at(&worktree, Some(&repository.second));
    assert!(warnings.len() == 1 && warnings[0].contains("which is missing"), "{warnings:?}");
}

#[test]
fn a_checkout_of_somebody_else_is_looked_at_all_the_same() {
    let repository = repository();
    if std::os::unix::fs::lchown(&repository.tree, Some(12345), Some(12345)).is_err() {
        return; // Only root can give files away.
    }
    let mut open = vec![repository.tree.clone()];
    while let Some(path) = open.pop() {
        std::os::unix::fs::lchown(&path, Some(12345), Some(12345)).unwrap();
        if !path.is_symlink() && path.is_dir() {
            open.extend(path.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()));
        }
    }
    assert_eq!(repository.warnings(Some(&repository.second)), Vec::<String>::new());
    write(&repository.tree.join("xmake.lua"), "changed\n");
    let warnings = repository.warnings(None);
    assert!(warnings.len() == 1 && warnings[0].contains("M xmake.lua"), "{warnings:?}");
}

#[test]
fn what_is_no_checkout_is_told_only_where_a_commit_is_asked_for() {
    let repository = repository();
    let plain = repository.context.path("plain");
    write(&plain.join("xmake.lua"), "");
    assert_eq!(repository.warnings_at(&plain, None), Vec::<String>::new());
    let warnings = repository.warnings_at(&plain, Some(&repository.first));
    assert!(warnings[0].contains("is not a git checkout"), "{warnings:?}");
    assert_eq!(state(&plain, &repository.context), None);
    assert_eq!(
        repository.warnings_at(Utf8Path::new("/nonexistent/x"), Some("2cec6ce6")),
        Vec::<String>::new()
    );
}

#[test]
fn without_git_the_commit_is_known_and_changes_are_not() {
    let mut repository = repository();
    repository.context.target.tools.clear();
    let quiet = repository.warnings(None);
    assert_eq!(quiet, Vec::<String>::new(), "nobody asked for a commit");
    let warnings = repository.warnings(Some(&repository.first));
    assert!(warnings[0].contains("is at [second]"), "{warnings:?}");
    assert!(warnings[1].contains("git is not installed"), "{warnings:?}");
    let state = state(&repository.tree, &repository.context).unwrap();
    assert_eq!((state.commit == repository.second, state.dirty), (true, None));
}
