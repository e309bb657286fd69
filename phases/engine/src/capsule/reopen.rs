//! `reopen.sh`: a shell where a step failed.

use std::collections::BTreeMap;

use camino::Utf8Path;
use model::plan::{Action, Argument, Command, Plan, Step};
use model::shell;

use super::Failed;

/// The command of a step that failed, by how the failure tells it; else the last one, which is the one that matters.
fn failed_command<'a>(step: &'a Step, told: Option<&str>) -> Option<&'a Command> {
    let Action::Exec(exec) = &step.action else { return None };
    let literals = |command: &Command| {
        let mut words = vec![command.program.clone()];
        for argument in &command.args {
            let Argument::Literal(text) = argument else { break };
            words.push(text.clone());
        }
        shell::words(&words)
    };
    let is_told = |command: &&Command| told.is_some_and(|told| told.starts_with(&literals(command)));
    exec.commands.iter().filter(is_told).max_by_key(|command| command.args.len()).or(exec.commands.last())
}

/// Where a shell for a step would be: its id, and the directory and environment of what it runs.
type StepShell<'a> = (&'a Step, &'a Utf8Path, &'a BTreeMap<String, String>);

fn place<'a>(step: &'a Step, told: Option<&str>) -> Option<StepShell<'a>> {
    if let Action::Verify(verify) = &step.action {
        return Some((step, &verify.directory, &verify.environment));
    }
    failed_command(step, told).map(|command| (step, command.directory.as_path(), &command.environment))
}

/// The place of the step itself, or, when installer carries it out without a command, of the last step before it that
/// runs one for the same component: what a configured tree lacks is looked for where it was configured.
fn reopened<'a>(plan: &'a Plan, step: &'a Step, told: Option<&str>) -> Option<StepShell<'a>> {
    place(step, told).or_else(|| {
        let until = plan.steps.iter().position(|other| other.id == step.id)?;
        let before = plan.steps[..until].iter().rev();
        before
            .filter(|other| other.component.is_some() && other.component == step.component)
            .find_map(|other| place(other, None))
    })
}

/// The script. It goes through installer where that is there, which gives the shell what the step had: environment,
/// directory, job tokens, and no network by the same force. Without it, the same environment in a plain shell.
pub(super) fn script(failed: &Failed<'_>) -> String {
    let step = failed.step;
    let told = failed.failure.command.as_deref();
    let word = |text: &str| shell::word(text);
    let hidden = |text: &str| failed.redactor.redact(text) != text;
    let mut text = format!(
        "#!/bin/sh\n\
         # Opens a shell where {} of the case {} failed: the same directory and environment, and no network.\n\
         #   sh reopen.sh              a shell\n\
         #   sh reopen.sh make -n      a command instead\n",
        step.id, failed.plan.case
    );
    text.push_str("if [ \"$#\" -eq 0 ]; then\n    cat >&2 <<'END_OF_WHAT_FAILED'\n");
    text.push_str(&told.map_or_else(
        || format!("{} failed: {}\n", step.id, failed.failure.message),
        |command| format!("the command that failed:\n  {command}\n"),
    ));
    text.push_str("END_OF_WHAT_FAILED\nfi\n\n");

    let Some((place, directory, environment)) = reopened(failed.plan, step, told) else {
        let why = format!("{} and the steps before it run no command: there is nothing to reopen", step.id);
        text.push_str(&format!("echo {} >&2\nexit 1\n", word(&why)));
        return text;
    };
    let origin = failed.origin;
    let program = word(&origin.program);
    let arguments = shell::words(&origin.arguments);
    text.push_str(&format!(
        "installer={program}\n[ -x \"$installer\" ] || installer=$(command -v installer)\n"
    ));
    if origin.arguments.iter().any(|argument| hidden(argument)) {
        text.push_str(
            "# An argument contained a secret, replaced by ***. Put it back before you use this.\n",
        );
    }
    text.push_str(&format!(
        "if [ -n \"$installer\" ] && cd {}; then\n    [ \"$#\" -eq 0 ] || set -- -- \"$@\"\n    exec \"$installer\" shell {} {arguments} \"$@\"\nfi\n\n",
        word(origin.directory.as_str()),
        word(place.id.as_str()),
    ));
    text.push_str("echo 'installer is missing: this is the environment of the step without it' >&2\n");
    text.push_str(&format!("cd {} || exit 1\n", word(directory.as_str())));
    text.push_str(
        "if unshare -n true 2>/dev/null; then offline='unshare -n'\n\
         elif unshare -r -n true 2>/dev/null; then offline='unshare -r -n'\n\
         else offline=; echo 'network namespaces are not available here: the network is NOT shut off' \
         >&2\nfi\n\
         [ \"$#\" -gt 0 ] || set -- sh -i\n",
    );
    let mut variables = Vec::new();
    for (name, value) in environment {
        if hidden(value) || hidden(&format!("{name}={value}")) {
            text.push_str(&format!(
                "# {name} contained a secret and is left out: add it below if you need \
                                    it.\n"
            ));
        } else {
            variables.push(word(&format!("{name}={value}")));
        }
    }
    text.push_str(&format!("exec $offline env -i \\\n    {} \\\n    \"$@\"\n", variables.join(" \\\n    ")));
    text
}

#[cfg(test)]
mod tests {
    use model::plan::Exec;

    use super::*;

    #[test]
    fn the_command_that_failed_is_found_by_its_words() {
        let command = |words: &[&str], directory: &str| Command {
            program: words[0].to_owned(),
            args: words[1..].iter().map(|word| (*word).into()).collect(),
            environment: [].into(),
            directory: directory.into(),
        };
        let mut make = command(&["make"], "/b");
        make.args.push(Argument::Jobs { jobs: "-j".to_owned() });
        let commands =
            vec![command(&["cmake", "-E", "rm"], "/a"), make, command(&["cmake", "-S", "x y"], "/c")];
        let step: Step = serde_json::from_value(serde_json::json!({
            "id": "build/x/configure", "phase": "build", "title": "t", "freshness": "fingerprinted",
            "network": "denied", "action": Action::Exec(Exec { commands, logs: Vec::new() }),
        }))
        .unwrap();
        let found = |told: Option<&str>| failed_command(&step, told).unwrap().directory.as_str().to_owned();
        assert_eq!(found(Some("make -j4")), "/b");
        assert_eq!(found(Some("cmake -E rm")), "/a");
        assert_eq!(found(Some("cmake -S 'x y'")), "/c");
        assert_eq!(found(None), "/c");
    }

    #[test]
    fn what_runs_no_command_is_reopened_where_its_tree_was_configured() {
        let step = |id: &str, component: &str, action: serde_json::Value| {
            serde_json::json!({
                "id": id, "component": component, "phase": "build", "title": "t", "freshness": "fingerprinted",
                "network": "denied", "action": action,
            })
        };
        let exec = |directory: &str| {
            let command = serde_json::json!({
                "program": "cmake", "args": [], "environment": {}, "directory": directory,
            });
            serde_json::json!({ "kind": "exec", "commands": [command] })
        };
        let expect = serde_json::json!({ "kind": "expect-enabled", "expectations": [] });
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "schema": 1, "case": "a", "phase": "build", "target": "t", "notes": [],
            "steps": [
                step("build/x/configure", "x", exec("/b/x")),
                step("build/y/configure", "y", exec("/b/y")),
                step("build/x/expect", "x", expect.clone()),
                step("build/z/expect", "z", expect),
            ],
        }))
        .unwrap();
        let at = |number: usize| {
            let found = reopened(&plan, &plan.steps[number], None);
            found.map(|(step, directory, _)| (step.id.as_str(), directory.as_str()))
        };
        assert_eq!(at(1), Some(("build/y/configure", "/b/y")));
        assert_eq!(at(2), Some(("build/x/configure", "/b/x")));
        assert_eq!(at(3), None);
    }
}
