//! What a successful `build` leaves behind, told from the manifests at its end.

use camino::{Utf8Path, Utf8PathBuf};
use model::case::Check;
use model::event::Event;
use model::manifest::{Entry, Manifest};
use model::plan::{Action, Plan, Verify};
use model::verify_level::VerifyLevel;

use crate::assess::{Assessment, State};
use crate::manifest;
use crate::runner::StepError;

/// A longer command is not one that a person wants to see as the first to try, in characters.
const LONGEST_COMMAND: usize = 120;

/// One event for everything that the selected steps of a plan install, in the plan's order.
///
/// # Errors
/// When a manifest cannot be read.
pub(super) fn events(plan: &Plan, assessment: &Assessment) -> Result<Vec<Event>, StepError> {
    let mut events = Vec::new();
    for (step, row) in plan.steps.iter().zip(&assessment.rows) {
        if row.state == State::NotSelected {
            continue;
        }
        let (prefix, component) = match &step.action {
            Action::Commit(commit) => (&commit.prefix, &commit.component),
            Action::InstallWheels(wheels) => (&wheels.environment, &wheels.component),
            _ => continue,
        };
        // An optional step may have failed.
        let Some(manifest) = manifest::load(prefix, component)? else { continue };
        let programs = match &step.action {
            Action::InstallWheels(_) => vec![prefix.join("bin/python")],
            _ => programs(&manifest),
        };
        let verify = plan.steps.iter().find_map(|step| match &step.action {
            Action::Verify(verify) if verify.component == *component => Some(verify),
            _ => None,
        });
        events.push(Event::Installed {
            component: component.clone(),
            version: manifest.version.clone(),
            prefix: prefix.clone(),
            files: manifest.files.len(),
            programs,
            command: verify.and_then(command),
        });
    }
    Ok(events)
}

/// The programs of a component: what can be executed directly below `bin` or `sbin`.
fn programs(manifest: &Manifest) -> Vec<Utf8PathBuf> {
    let executable = |entry: &Entry| match entry {
        Entry::File { mode, .. } => mode & 0o111 != 0,
        Entry::Link { .. } => true,
    };
    let in_bin = |path: &Utf8Path| {
        path.parent().and_then(Utf8Path::file_name).is_some_and(|name| name == "bin" || name == "sbin")
    };
    let all = manifest.files.iter().filter(|(path, entry)| in_bin(path) && executable(entry));
    all.map(|(path, _)| manifest.prefix.join(path)).collect()
}

/// The shortest of a component's checks that is one command and can be pasted as it stands.
fn command(verify: &Verify) -> Option<String> {
    let pasted = verify.checks.iter().filter_map(|check| match check {
        Check::Run { command, level: VerifyLevel::Link | VerifyLevel::Import, .. } => {
            let words: Vec<String> =
                command.iter().map(|word| word.replace("{prefix}", verify.prefix.as_str())).collect();
            let needs_more = |word: &String| word.contains("{scratch}") || word.contains('\n');
            (!words.iter().any(needs_more)).then(|| model::shell::words(&words))
        }
        _ => None,
    });
    pasted.filter(|line| line.chars().count() <= LONGEST_COMMAND).min_by_key(String::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(checks: serde_json::Value) -> Verify {
        serde_json::from_value(serde_json::json!({
            "component": "tool", "prefix": "/opt/t", "environment": {}, "directory": "/s", "checks": checks,
        }))
        .unwrap()
    }

    #[test]
    fn the_command_to_try_is_the_shortest_check_that_can_be_pasted() {
        let run = |words: &[&str]| serde_json::json!({ "kind": "run", "command": words });
        let found = verify(serde_json::json!([
            run(&["{prefix}/bin/tool", "--input", "{scratch}/x"]),
            run(&["sh", "-c", "{prefix}/bin/tool\n{prefix}/bin/other"]),
            run(&["{prefix}/bin/tool", "--describe", "all of it"]),
            run(&["{prefix}/bin/tool", "-version"]),
            { "kind": "run", "command": ["{prefix}/bin/t"], "level": "device" },
            { "kind": "http", "serve": ["{prefix}/bin/x"], "path": "/" },
        ]));
        assert_eq!(command(&found).as_deref(), Some("/opt/t/bin/tool -version"));
        assert_eq!(command(&verify(serde_json::json!([run(&["{prefix}/b", "{scratch}"])]))), None);
    }

    #[test]
    fn programs_are_what_can_be_executed_in_bin() {
        let file = |mode: u32| serde_json::json!({ "type": "file", "sha256": "a".repeat(64), "size": 1, "mode": mode });
        let manifest: Manifest = serde_json::from_value(serde_json::json!({
            "schema": 1, "component": "tool", "case": "c", "version": null, "prefix": "/opt/t", "roots": ["/app"],
            "files": {
                "bin/tool": file(0o755), "bin/readme": file(0o644), "lib/tool/helper": file(0o755),
                "bin/alias": { "type": "link", "target": "tool" }, "/app/bin/serve": file(0o755),
                "share/bin/deep/x": file(0o755),
            },
        }))
        .unwrap();
        assert_eq!(programs(&manifest), ["/app/bin/serve", "/opt/t/bin/alias", "/opt/t/bin/tool"]);
    }
}
