//! Repositories against a recorded root and an apt that answers by a script.

use engine::runner::Finished;
use model::case::{AptRepository, RepositoryKey};
use model::event::Failure;
use model::plan::Argument;
use testkit::FakeContext;

use super::super::by_name;
use super::*;

struct Scene {
    _directory: tempfile::TempDir,
    root: Utf8PathBuf,
    context: FakeContext,
}

const ARMOURED: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ\n-----END PGP PUBLIC KEY BLOCK-----";

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        Self { _directory: directory, root, context: FakeContext::new() }
    }

    fn set_up(&self, declared: &DeclaredRepository) -> Result<Vec<Dead>, StepError> {
        set_up(&self.root, by_name("apt").unwrap(), std::slice::from_ref(declared), &self.context)
    }

    /// Carries out what would be written, below this root; updates go well.
    fn obey(&self) {
        let root = self.root.clone();
        self.context.on(move |command| {
            let words: Vec<&str> = command
                .args
                .iter()
                .map(|argument| match argument {
                    Argument::Literal(text) => text.as_str(),
                    other => panic!("{other:?}"),
                })
                .collect();
            let (content, to) = match (command.program.as_str(), words.as_slice()) {
                ("sh", ["-c", _, "sh", text, to]) => (text.as_bytes().to_vec(), *to),
                ("rm", ["-f", path]) => {
                    std::fs::remove_file(root.join(&path[1..])).unwrap();
                    return Some(Ok(Finished::default()));
                }
                ("install", ["-D", "-m", "644", from, to]) => (std::fs::read(from).unwrap(), *to),
                _ => return Some(Ok(Finished::default())),
            };
            files::atomic_write(&root.join(&to[1..]), &content).unwrap();
            Some(Ok(Finished::default()))
        });
    }
}

fn declared(key: &str) -> DeclaredRepository {
    DeclaredRepository {
        case: "vision".to_owned(),
        file: "installer-vision-cuda".to_owned(),
        key_file: None,
        repository: AptRepository {
            name: "cuda".to_owned(),
            uris: vec!["https://packages.example.org/{id}{version}/{arch}".to_owned()],
            suites: vec!["{codename}".to_owned()],
            components: vec!["main".to_owned()],
            key: Some(RepositoryKey::FileOrText(key.to_owned())),
            ..AptRepository::default()
        },
    }
}

#[test]
fn a_repository_is_tried_alone_and_then_put_in_its_place_once() {
    let place = Scene::new();
    place.obey();
    assert_eq!(place.set_up(&declared(ARMOURED)).unwrap(), []);
    let text =
        std::fs::read_to_string(place.root.join("etc/apt/sources.list.d/installer-vision-cuda.sources"))
            .unwrap();
    assert_eq!(
        text,
        "# Written by installer for the case vision; `installer clean --repositories` removes it.\n\
         Types: deb\n\
         URIs: https://packages.example.org/debian12/x86_64\n\
         Suites: bookworm\n\
         Components: main\n\
         Signed-By: /etc/apt/keyrings/installer-vision-cuda.asc\n"
    );
    let key = place.root.join("etc/apt/keyrings/installer-vision-cuda.asc");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), format!("{ARMOURED}\n"));
    let lines = place.context.command_lines();
    let update = lines.iter().position(|line| line.contains("apt-get update")).unwrap();
    assert!(lines[update].contains("Dir::Etc::SourceParts=/dev/null"), "{lines:?}");
    let record = place.context.record();
    assert_eq!(record.to_their_end, record.commands[update..=update], "apt is waited for");
    assert!(lines[update + 1].contains("/etc/apt/sources.list.d/"), "written before it was tried: {lines:?}");
    assert_eq!(place.context.locked().repositories["cuda"].key, Digest::of(format!("{ARMOURED}\n")));

    let ran = lines.len();
    assert_eq!(place.set_up(&declared(ARMOURED)).unwrap(), []);
    assert_eq!(place.context.command_lines().len(), ran, "a second time nothing runs");
    let written = written_for(&place.root, "vision").unwrap();
    assert_eq!(written.len(), 2, "{written:?}");
    assert_eq!(written_for(&place.root, "vis").unwrap(), Vec::<Utf8PathBuf>::new());
}

#[test]
fn what_is_dead_or_wrongly_signed_is_not_left_for_others_to_stumble_over() {
    for (line, told) in [
        (
            "E: The repository 'https://packages.example.org bookworm Release' does not have a Release file.",
            "Release file",
        ),
        (
            "W: GPG error: https://packages.example.org: NO_PUBKEY 0123456789ABCDEF",
            "not signed by the key of the case",
        ),
    ] {
        let place = Scene::new();
        place.context.on(move |command| {
            let update = command.args.iter().any(|word| *word == Argument::from("update"));
            let failure = Failure { excerpt: vec![line.to_owned()], ..Failure::default() };
            update.then_some(Err(StepError::Failed(failure)))
        });
        place.obey();
        let dead = place.set_up(&declared(ARMOURED)).unwrap();
        assert!(dead[0].name == "cuda" && dead[0].trouble.contains(told), "{dead:?}");
        assert!(place.context.record().warnings[0].contains("`cuda`"));
        assert!(!place.root.join("etc/apt/sources.list.d/installer-vision-cuda.sources").exists());
        assert!(!place.root.join("etc/apt/keyrings/installer-vision-cuda.asc").exists());
    }
}

#[test]
fn another_key_than_the_one_of_the_lock_is_refused() {
    let place = Scene::new();
    place.obey();
    place.set_up(&declared(ARMOURED)).unwrap();
    let StepError::Failed(failure) = place.set_up(&declared(&ARMOURED.replace("mQ", "mR"))).unwrap_err()
    else {
        panic!("cancelled")
    };
    assert!(failure.message.contains("`cuda` is not the one of the lock"), "{failure:?}");
    assert!(failure.cures[0].contains("remove the entry of cuda"), "{failure:?}");
}

#[test]
fn a_binary_key_is_put_there_as_it_is_and_a_lacking_one_is_named() {
    let place = Scene::new();
    place.obey();
    let file = place.root.join("cuda.gpg");
    let with_file = DeclaredRepository { key_file: Some(file.clone()), ..declared("cuda.gpg") };
    let StepError::Failed(failure) = place.set_up(&with_file).unwrap_err() else { panic!("cancelled") };
    assert!(failure.message.contains(file.as_str()), "{failure:?}");
    std::fs::write(&file, [0x99, 0xff]).unwrap();
    assert_eq!(place.set_up(&with_file).unwrap(), []);
    let put = place.root.join("etc/apt/keyrings/installer-vision-cuda.gpg");
    assert_eq!(std::fs::read(put).unwrap(), [0x99, 0xff]);
    let printed = commands(&place.root, &[with_file], &place.context).unwrap();
    assert!(printed.is_empty(), "{printed:?}");
}
