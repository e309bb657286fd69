//! What a step's result depends on, worked out of the step.

use std::collections::BTreeMap;

use model::Digest;
use model::fingerprint::{Difference, FINGERPRINT_FORMAT, FORMAT, Material, SECRET};
use model::plan::{Action, Argument, Command, Expectation, Step};
use serde::Serialize;
use serde_json::Value;

/// Joins the words of a command in a key that only stands for correctness.
const WHOLE: &str = "whole command";

/// The material of a step whose needs and inputs have these digests.
pub fn material(step: &Step, inputs: BTreeMap<String, Digest>, needs: BTreeMap<String, Digest>) -> Material {
    let mut action = BTreeMap::new();
    match &step.action {
        Action::Exec(exec) => {
            for (number, command) in exec.commands.iter().enumerate() {
                command_material(number, command, &mut action);
            }
            action.insert("kind".to_owned(), "exec".to_owned());
        }
        Action::ExpectEnabled(expect) => {
            for (number, expectation) in expect.expectations.iter().enumerate() {
                // What is said to people changes nothing.
                let Expectation { file, shows, asked: _, missing: _ } = expectation;
                action.insert(format!("expectation {number} file"), file.to_string());
                flatten(&format!("expectation {number}"), &value(shows), &mut action);
            }
            action.insert("kind".to_owned(), "expect-enabled".to_owned());
        }
        other => flatten("", &value(other), &mut action),
    }
    for (number, output) in step.outputs.iter().enumerate() {
        action.insert(format!("output {number}"), output.to_string());
    }
    Material { format: FINGERPRINT_FORMAT, action, inputs, needs }
}

/// Actions are maps, lists and strings, which always become a value.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// What changed, in words: an option of a command is named by itself.
pub fn differences(now: &Material, earlier: &Material) -> Vec<Difference> {
    let mut all = now.differences(earlier);
    for difference in &mut all {
        // What a version wrote that did not know it for a secret is none of anyone's business either.
        let (before, after) = (&mut difference.before, &mut difference.after);
        if [before.as_deref(), after.as_deref()].into_iter().flatten().any(|value| value.starts_with(SECRET))
        {
            [before, after].into_iter().flatten().for_each(|value| SECRET.clone_into(value));
        }
    }
    let named = all.iter().any(|difference| difference.what.starts_with("option "));
    all.into_iter().filter(|difference| !(named && difference.what.starts_with(WHOLE))).collect()
}

/// A difference as a phrase: ``option --enable-gpl added``.
pub fn phrase(difference: &Difference) -> String {
    let Difference { what, before, after, .. } = difference;
    if let Some(words) = difference.of_need() {
        return words;
    }
    match (before, after) {
        (Some(before), Some(after)) if what == FORMAT => {
            format!("this version of installer has another format of fingerprints ({after}, not {before})")
        }
        (Some(value), Some(_)) if value == SECRET => format!("{what} changed (a secret)"),
        (None, Some(value)) if value.is_empty() || value == SECRET => format!("{what} added"),
        (None, Some(value)) => format!("{what} added ({value})"),
        (Some(_), None) => format!("{what} removed"),
        (Some(_), Some(_)) if what.starts_with("input ") => {
            format!("{what} changed{}", difference.named_files())
        }
        (Some(before), Some(after)) => format!("{what} changed from `{before}` to `{after}`"),
        (None, None) => what.clone(),
    }
}

fn command_material(number: usize, command: &Command, action: &mut BTreeMap<String, String>) {
    let mut whole = vec![command.program.clone()];
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for argument in &command.args {
        let text = match argument {
            Argument::Literal(text) => text.clone(),
            // How many jobs there are changes nothing of the result.
            Argument::Jobs { .. } => continue,
        };
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        let count = seen.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let key = if *count == 1 { format!("option {name}") } else { format!("option {name} ({count})") };
        // The same option of two commands of a step is two options.
        let key = if action.contains_key(&key) { format!("{key} of command {}", number + 1) } else { key };
        action.insert(key, value.to_owned());
        whole.push(text);
    }
    action.insert(format!("{WHOLE} {number}"), whole.join("\u{1f}"));
    action.insert(format!("directory {number}"), command.directory.to_string());
    for (name, value) in &command.environment {
        action.insert(format!("environment {name}{}", suffix(number)), value.clone());
    }
}

fn suffix(number: usize) -> String {
    if number == 0 { String::new() } else { format!(" of command {}", number + 1) }
}

fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&below(key), value, into)),
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(number, value)| flatten(&below(&number.to_string()), value, into));
        }
        Value::String(text) => {
            into.insert(prefix.to_owned(), text.clone());
        }
        Value::Null => {}
        other => {
            into.insert(prefix.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use model::plan::{ExpectEnabled, Shows};

    use super::*;

    fn step(args: Vec<Argument>) -> Step {
        let command = Command {
            program: "./configure".to_owned(),
            args,
            environment: BTreeMap::from([("CC".to_owned(), "gcc".to_owned())]),
            directory: "/build".into(),
        };
        serde_json::from_value(serde_json::json!({
            "id": "build/x/configure", "phase": "build", "title": "t", "freshness": "fingerprinted",
            "network": "denied", "action": Action::Exec(model::plan::Exec { commands: vec![command], logs: Vec::new() }),
        }))
        .unwrap()
    }

    fn of(args: Vec<Argument>) -> Material {
        material(&step(args), BTreeMap::new(), BTreeMap::new())
    }

    #[test]
    fn a_changed_option_is_named_and_nothing_else() {
        let before = of(vec!["--enable-a".into(), "--list=x,y".into()]);
        let after = of(vec!["--enable-a".into(), "--list=x".into(), "--enable-gpl".into()]);
        let phrases: Vec<String> = differences(&after, &before).iter().map(phrase).collect();
        assert_eq!(phrases, ["option --enable-gpl added", "option --list changed from `x,y` to `x`"]);
    }

    #[test]
    fn the_order_of_options_counts() {
        assert_ne!(of(vec!["-a".into(), "-b".into()]).digest(), of(vec!["-b".into(), "-a".into()]).digest());
    }

    #[test]
    fn the_words_of_an_expectation_do_not_count() {
        let expecting = |asked: &str, missing: Option<&str>, line: &str| {
            let expectation = Expectation {
                asked: asked.to_owned(),
                file: "/build/config.h".into(),
                shows: Shows::Line(line.to_owned()),
                missing: missing.map(str::to_owned),
            };
            let action = Action::ExpectEnabled(ExpectEnabled { expectations: vec![expectation] });
            material(&Step { action, ..step(Vec::new()) }, BTreeMap::new(), BTreeMap::new())
        };
        let one = expecting("--enable-png", None, "#define CONFIG_PNG 1");
        assert_eq!(one, expecting("the option png", Some("libpng-dev"), "#define CONFIG_PNG 1"));
        assert_ne!(one, expecting("--enable-png", None, "#define CONFIG_PNG 0"));
    }

    #[test]
    fn the_number_of_jobs_does_not_count() {
        let plain = of(vec!["all".into()]);
        assert_eq!(plain.digest(), of(vec!["all".into(), Argument::Jobs { jobs: "-j".into() }]).digest());
    }
}
