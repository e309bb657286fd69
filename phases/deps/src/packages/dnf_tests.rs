//! Argument vectors, and what the programs print: of dnf 4.14 as it ran here, of dnf 5 and yum 3
//! as their documentation has it.

use super::*;

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn argument_vectors_ask_nothing_and_take_no_weak_dependencies() {
    assert_eq!(
        DNF.install_argv(&words("nasm gcc-c++")),
        [words(
            "env LC_ALL=C dnf -y install --best --setopt=install_weak_deps=False \
             --setopt=*.skip_if_unavailable=True nasm gcc-c++"
        )]
    );
    assert_eq!(
        YUM.install_argv(&words("nasm=2.10")),
        [words("env LC_ALL=C yum -y install --setopt=*.skip_if_unavailable=True nasm-2.10")]
    );
    for manager in [DNF, YUM] {
        for argv in [manager.simulate_argv(&words("nasm")), manager.cost_argv(&words("nasm"))] {
            assert!(argv.iter().any(|word| word == "--assumeno"), "or it would install: {argv:?}");
            assert!(argv.iter().any(|word| word == "-C"), "or it would download: {argv:?}");
        }
    }
}

#[test]
fn sizes_are_read_as_each_version_prints_them() {
    let four = "Transaction Summary\n=====\nInstall  12 Packages\nUpgrade   1 Package\n\n\
                Total download size: 6.2 k\nInstalled size: 61 M\nOperation aborted.\n";
    assert_eq!(
        DNF.read_cost(four),
        PackageCost { packages: 12, download_bytes: Some(6349), installed_bytes: Some(61 * 1024 * 1024) }
    );
    let five = "Transaction Summary:\n Installing:        12 packages\n\n\
                Total size of inbound packages is 281 MiB. Need to download 2 MiB.\n\
                After this operation, 1 GiB extra will be used (install 1 GiB, remove 0 B).\n";
    assert_eq!(
        DNF.read_cost(five),
        PackageCost {
            packages: 12,
            download_bytes: Some(2 * 1024 * 1024),
            installed_bytes: Some(1024 * 1024 * 1024)
        }
    );
    let three = "Transaction Summary\n=====\nInstall  1 Package (+3 Dependent packages)\n\n\
                 Total download size: 358 k\nInstalled size: 1.1 M\nExiting on user command\n";
    assert_eq!(YUM.read_cost(three).packages, 4);
    assert_eq!(DNF.read_cost("Package nasm is already installed.\nNothing to do.\n"), PackageCost::default());
}

#[test]
fn errors_name_the_package() {
    let four = "Unable to detect release version\nNo match for argument: nsam\n\
                Error: Unable to find a match: nsam\n";
    assert_eq!(DNF.unknown_packages(&lines(four)), ["nsam"]);
    let five = "Failed to resolve the transaction:\nNo match for argument: nsam\n\
                You can try to add to command line:\n  --skip-unavailable to skip unavailable packages\n";
    assert_eq!(DNF.unknown_packages(&lines(five)), ["nsam"]);
    assert_eq!(YUM.unknown_packages(&lines("No package nsam available.\nError: Nothing to do\n")), ["nsam"]);
    let held = "All matches were filtered out by exclude filtering for argument: nasm\n\
                Error: Unable to find a match: nasm\n";
    assert_eq!(DNF.held_packages(&lines(held)), ["nasm"]);
    assert!(DNF.unknown_packages(&lines(held)).is_empty());
}

#[test]
fn a_dead_repository_is_told_with_its_reason() {
    let said = "local   0.0  B/s |   0  B     00:00\n\
                Errors during downloading metadata for repository 'other':\n\
                \x20 - Status code: 404 for http://mirror.example/repo/repodata/repomd.xml (IP: 127.0.0.1)\n\
                Error: Failed to download metadata for repo 'other': Cannot download repomd.xml\n\
                Ignoring repositories: other\nMetadata cache created.\n";
    let trouble = DNF.refresh_trouble(&lines(said)).unwrap();
    assert!(trouble.contains("'other'") && trouble.contains("Status code: 404"), "{trouble}");
    assert_eq!(DNF.refresh_trouble(&lines("Metadata cache created.\n")), None);
    assert!(DNF.lists_are_stale(&lines(
        "[MIRROR] nasm-2.rpm: Status code: 404 for http://mirror.example/nasm-2.rpm"
    )));
    assert!(!DNF.lists_are_stale(&lines("No match for argument: nasm404")));
}

#[test]
fn the_candidate_is_what_an_install_would_bring() {
    let info = "Installed Packages\nName         : rust\nVersion      : 1.71.1\nRelease      : 1.el9\n\n\
                Available Packages\nName         : rust\nVersion      : 1.75.0\nRelease      : 1.el9\n";
    assert_eq!(DNF.read_candidate(info).as_deref(), Some("1.75.0"));
    assert_eq!(DNF.read_candidate("Error: No matching Packages to list\n"), None);
}

#[test]
fn lists_are_seen_below_another_root() {
    let directory = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(directory.path()).unwrap();
    for (manager, place) in [
        (DNF, "var/cache/dnf/local-6d7d67d469724ac6/repodata/repomd.xml"),
        (DNF, "var/cache/libdnf5/fedora-0123/repodata/repomd.xml"),
        (YUM, "var/cache/yum/x86_64/7/base/repomd.xml"),
    ] {
        assert!(!manager.has_lists(root));
        let file = root.join(place);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        assert!(manager.has_lists(root), "{place}");
        std::fs::remove_file(&file).unwrap();
    }
}
