//! `--json`: one document on standard output, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::*;
use model::exit;
use serde_json::Value;

/// The document that a command prints, and the code that it ends with.
fn document(home: &Path, line: &str, expected: i32) -> Value {
    let words: Vec<&str> = line.split(' ').chain(["--json"]).collect();
    let output = placed(home, &words);
    let text = printed(&output);
    assert_eq!(code(&output), expected, "{line}: {text}\n{}", said(&output));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
}

#[test]
fn every_command_that_prints_data_prints_one_document() {
    let home = tempfile::tempdir().unwrap();
    for (line, fields) in [
        ("plan quickstart", &["plans", "pending"][..]),
        ("deps quickstart --dry-run", &["plans"]),
        ("build quickstart --dry-run", &["plans"]),
        ("all quickstart --dry-run", &["plans"]),
        (
            "explain build/ffmpeg/configure quickstart",
            &["schema", "step", "state", "why", "needed_by", "log"],
        ),
        ("status quickstart", &["schema", "case", "layout", "components", "last_runs"]),
        ("case list", &["schema", "cases", "fragments"]),
        ("case check quickstart", &["schema", "case", "valid", "diagnostics", "not_here"]),
        ("case show quickstart", &["schema", "components"]),
        ("case show quickstart --origins", &["schema", "origins"]),
        ("case diff quickstart quickstart", &["schema", "differences"]),
        ("uninstall --all quickstart --dry-run", &["schema", "case", "would_remove"]),
        ("uninstall ffmpeg quickstart --dry-run", &["schema", "case", "would_remove"]),
        ("clean quickstart --dry-run", &["schema", "case", "would_remove"]),
        ("clean --repositories quickstart --dry-run", &["schema", "case", "would_remove"]),
        ("deps quickstart --print-root-commands", &["schema", "commands"]),
    ] {
        let found = document(home.path(), line, exit::OK);
        for field in fields {
            assert!(found.get(*field).is_some(), "{line} has no {field}: {found}");
        }
    }
    let doctor = placed(home.path(), &["doctor", "--offline", "--json"]);
    let found: Value = serde_json::from_str(&printed(&doctor)).unwrap();
    assert!(found["checks"].as_array().unwrap().len() > 5);
    document(home.path(), "plan quickstart --detailed-exitcode", exit::CHANGES_PENDING);
    assert!(!home.path().join("state-dir").exists(), "something was written");
}

#[test]
fn errors_are_documents_as_well() {
    let home = tempfile::tempdir().unwrap();
    for (line, code) in [
        ("plan quikstart", exit::USAGE),
        ("plan quickstart --jbos", exit::USAGE),
        ("explain build/ffmpeg/compil quickstart", exit::USAGE),
        ("all quickstart", exit::USAGE),
        ("clean quickstart", exit::USAGE),
        ("completions bash", exit::USAGE),
        ("image dockerfile quickstart", exit::USAGE),
    ] {
        let found = document(home.path(), line, code);
        assert_eq!(found["error"]["exit_code"], code, "{line}: {found}");
        let message = found["error"]["message"].as_str().unwrap();
        assert!(!message.starts_with("error") && !message.contains("help:"), "{line}: {found}");
    }
    let found = document(home.path(), "plan quikstart", exit::USAGE);
    assert!(found["error"]["help"].as_str().unwrap().starts_with("did you mean `quickstart`?"), "{found}");
    let typo = "schema = 1\n\n[metadata]\nname = \"typo\"\n\n[componets.ffmpeg]\n";
    std::fs::write(home.path().join("typo.toml"), typo).unwrap();
    let place = |one: &Value| (one["line"].clone(), one["column"].clone(), one["file"].clone());
    let expected = (6.into(), 2.into(), "typo.toml".into());
    let found = document(home.path(), "case check typo.toml", exit::BAD_CASE);
    assert_eq!(found["valid"], false);
    let one = &found["diagnostics"][0];
    assert_eq!(place(one), expected);
    assert_eq!(one["level"], "error");
    assert!(one["message"].as_str().unwrap().contains("componets"), "{one}");
    assert!(one["help"].as_str().unwrap().contains("components"), "{one}");
    let found = document(home.path(), "plan typo.toml", exit::BAD_CASE);
    assert_eq!(place(&found["error"]["diagnostics"][0]), expected);
}

#[test]
fn verify_tells_of_every_component_and_check() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let absent = document(home.path(), "verify case.toml", exit::VERIFY_FAILED);
    assert_eq!(absent["holds"], false);
    assert_eq!(absent["components"][0]["installed"], false, "{absent}");
    assert!(absent["components"][0]["why"].as_str().unwrap().contains("is not installed"), "{absent}");

    let built = placed(home.path(), &["all", "case.toml", "--progress", "quiet"]);
    assert_eq!(code(&built), 0, "{}", said(&built));
    let well = document(home.path(), "verify case.toml", exit::OK);
    assert_eq!(well["holds"], true, "{well}");
    let app = |found: &Value| {
        found["components"].as_array().unwrap().iter().find(|one| one["component"] == "app").unwrap().clone()
    };
    let one = app(&well);
    assert_eq!((&one["holds"], &one["files"]), (&true.into(), &1.into()), "{one}");
    assert_eq!(
        (&one["checks"][0]["tried"], &one["checks"][0]["holds"]),
        (&true.into(), &true.into()),
        "{one}"
    );
    assert_eq!(one["checks"][0]["check"]["kind"], "run");
    // Events would be a second document.
    let alone = document(home.path(), "verify lib case.toml --progress json", exit::OK);
    assert_eq!(alone["components"].as_array().unwrap().len(), 1, "{alone}");

    // What is installed is well, and the check asks for something else.
    let case = home.path().join("case.toml");
    let text = std::fs::read_to_string(&case).unwrap();
    let more = "[[components.app.checks]]\nkind = \"run\"\ncommand = [\"true\"]\n";
    std::fs::write(&case, text.replace("contains = \"the answer is 42\"", "contains = \"43\"") + more)
        .unwrap();
    let wrong = document(home.path(), "verify case.toml", exit::VERIFY_FAILED);
    let one = app(&wrong);
    assert_eq!((&wrong["holds"], &one["holds"]), (&false.into(), &false.into()), "{wrong}");
    assert_eq!(one["checks"][0]["holds"], false);
    assert!(one["checks"][0]["why"].as_str().unwrap().contains("did not print `43`"), "{one}");
    assert_eq!(
        (&one["checks"][1]["tried"], &one["checks"][1]["holds"]),
        (&false.into(), &Value::Null),
        "{one}"
    );

    // A file that is not as it was installed.
    std::fs::write(home.path().join("prefix/bin/app"), "changed").unwrap();
    let changed = app(&document(home.path(), "verify app case.toml", exit::VERIFY_FAILED));
    assert!(changed["why"].as_str().unwrap().contains("bin/app"), "{changed}");

    let gone = document(home.path(), "uninstall app case.toml --dry-run", exit::OK);
    assert_eq!(gone["would_remove"][0]["files"][0], "bin/app", "{gone}");
}
