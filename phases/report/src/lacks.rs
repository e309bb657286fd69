//! What preflight found missing, each thing once however many components need it, with few ways out.

use model::StepId;
use model::event::{Failure, FailureKind};

use crate::text::{count, line};
use crate::{Next, Run, Style};

const DEPS: &str = "run `installer deps`";
const NEEDED_BY: &str = ", needed by ";

/// The preflight failures in one block, if there are several.
pub(crate) fn several(
    out: &mut String,
    failed: &[(&StepId, &Failure)],
    run: &Run,
    next: &Next,
    style: Style,
) {
    let names: Vec<String> = failed
        .iter()
        .map(|(step, _)| match run.summary(step).and_then(|summary| summary.component.as_ref()) {
            Some(component) => component.to_string(),
            None => step.to_string(),
        })
        .collect();
    let things = things(failed.iter().map(|(_, failure)| *failure));
    line(
        out,
        &format!(
            "{} before the first compile: what is needed to build {}",
            style.red("FAILED"),
            names.join(", ")
        ),
    );
    let verb = if things.len() == 1 { "is" } else { "are" };
    line(out, &format!("  {} {verb} missing", count(things.len(), "thing")));
    things.iter().for_each(|thing| line(out, &format!("    | {thing}")));
    let all: Vec<String> = failed.iter().flat_map(|(_, failure)| failure.cures.clone()).collect();
    for cure in cures(&all) {
        let spelled = next.spelled_out(&cure);
        spelled.lines().enumerate().for_each(|(number, text)| {
            line(out, &format!("  {}{text}", if number == 0 { "help: " } else { "      " }));
        });
    }
}

/// What is missing, in the order in which it was found; who needs it stands behind it.
fn things<'f>(failures: impl Iterator<Item = &'f Failure>) -> Vec<String> {
    let mut things: Vec<(String, Vec<String>)> = Vec::new();
    for failure in failures {
        let told = if failure.excerpt.is_empty() {
            vec![&failure.message]
        } else {
            failure.excerpt.iter().collect()
        };
        for text in told {
            let (what, who) = match text.split_once(NEEDED_BY) {
                Some((what, who)) => (what, Some(who)),
                None => (text.as_str(), None),
            };
            let at = things.iter().position(|(known, _)| known == what).unwrap_or_else(|| {
                things.push((what.to_owned(), Vec::new()));
                things.len() - 1
            });
            let known = &mut things[at].1;
            known.extend(who.map(str::to_owned).filter(|who| !known.contains(who)));
        }
    }
    let told = |(what, who): (String, Vec<String>)| match who.is_empty() {
        true => what,
        false if who.iter().any(|who| who.contains(',')) => format!("{what}{NEEDED_BY}{}", who.join("; ")),
        false => format!("{what}{NEEDED_BY}{}", who.join(", ")),
    };
    things.into_iter().map(told).collect()
}

/// The ways out of one failure: those of preflight name `deps` once.
pub(crate) fn cures_of(failure: &Failure) -> Vec<String> {
    if failure.kind == FailureKind::Preflight { cures(&failure.cures) } else { failure.cures.clone() }
}

/// Each way out once; those that are `deps` in other words, and packages that one command installs, as one.
fn cures(all: &[String]) -> Vec<String> {
    let mut pieces: Vec<&str> = Vec::new();
    for cure in all {
        // Before what `deps` does about it there may be another way.
        let (before, deps) = match cure.split_once("; or run `installer deps`") {
            Some((before, _)) => (Some(before), &cure[before.len() + "; or ".len()..]),
            None => (None, cure.as_str()),
        };
        for piece in before.into_iter().chain([deps]) {
            if !pieces.contains(&piece) {
                pieces.push(piece);
            }
        }
    }
    let (of_deps, rest): (Vec<&str>, Vec<&str>) = pieces.into_iter().partition(|piece| is_of_deps(piece));
    let mut cures: Vec<String> = match of_deps.as_slice() {
        [] => Vec::new(),
        [one] => vec![(*one).to_owned()],
        several => vec![deps_once(several)],
    };
    cures.extend(rest.into_iter().map(str::to_owned));
    cures
}

/// Whether it says to run `deps` and nothing else that matters: what it says behind that is what `deps` does.
fn is_of_deps(cure: &str) -> bool {
    cure.strip_prefix(DEPS).is_some_and(|rest| {
        let does = rest.strip_prefix(", which ").is_some_and(|rest| !rest.contains(';'));
        rest.is_empty() || does || rest.strip_prefix(", or: ").is_some_and(|command| words(command).is_some())
    })
}

/// A command with the packages that it installs: `apt-get install`, `make gcc`.
fn words(command: &str) -> Option<(&str, &str)> {
    let (_, packages) = command.split_once(" install ")?;
    let plain = |sign: char| sign.is_ascii_alphanumeric() || " +-._:".contains(sign);
    packages.chars().all(plain).then(|| (&command[..command.len() - packages.len()], packages))
}

fn deps_once(cures: &[&str]) -> String {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for command in cures.iter().filter_map(|cure| cure.strip_prefix(DEPS)?.strip_prefix(", or: ")) {
        let Some((command, packages)) = words(command) else { continue };
        let at = commands.iter().position(|(known, _)| *known == command).unwrap_or_else(|| {
            commands.push((command, Vec::new()));
            commands.len() - 1
        });
        for package in packages.split(' ').filter(|package| !package.is_empty()) {
            if !commands[at].1.contains(&package) {
                commands[at].1.push(package);
            }
        }
    }
    let all_packages = cures.iter().all(|cure| cure.contains(", or: "));
    let artifacts = if cures.iter().any(|cure| cure.ends_with("with the same --artifacts")) {
        ", with the same --artifacts"
    } else {
        ""
    };
    let mut cure = format!("{DEPS}{artifacts}, which gets all of this or says how to");
    for (command, packages) in commands {
        let what = match all_packages {
            true => String::new(),
            false => format!(" for {}", count(packages.len(), "package")),
        };
        cure.push_str(&format!("; or{what}: {command}{}", packages.join(" ")));
    }
    cure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_that_are_the_same_are_told_once() {
        let all = [
            "run `installer deps`, or: apt-get install pybind11-dev",
            "run `installer deps`, which installs xmake or says how to",
            "set `submodules = true` in [sources.a]; or run `installer deps`, or: apt-get install libfmt-dev",
            "set `submodules = true` in [sources.a]; or run `installer deps`, or: apt-get install libspdlog-dev",
            "run `installer deps`, which gets the source a, with the same --artifacts",
            "give the directory of its source with --source b=PATH",
            "run `installer deps`, or: apt-get install pybind11-dev",
        ]
        .map(str::to_owned);
        assert_eq!(
            cures(&all),
            [
                "run `installer deps`, with the same --artifacts, which gets all of this or says how to; \
                 or for 3 packages: apt-get install pybind11-dev libfmt-dev libspdlog-dev",
                "set `submodules = true` in [sources.a]",
                "give the directory of its source with --source b=PATH",
            ]
        );
    }

    #[test]
    fn a_way_out_that_says_more_than_deps_stays_as_it_is() {
        let pinned =
            "run `installer deps`, which installs Rust 1.80 with rustup; or write `ignore_pins = true`";
        let all = [pinned.to_owned(), "run `installer deps`".to_owned()];
        assert_eq!(cures(&all), [all[1].clone(), all[0].clone()]);
        assert_eq!(cures(&all[..1]), all[..1]);
    }

    #[test]
    fn what_several_need_is_one_thing() {
        let failure = |excerpt: &[&str]| Failure {
            excerpt: excerpt.iter().map(|line| (*line).to_owned()).collect(),
            ..Failure::default()
        };
        let failures = [
            failure(&["xmake is not installed, needed by a", "/a/source.json does not exist"]),
            failure(&["xmake is not installed, needed by b", "/b/source.json does not exist"]),
        ];
        assert_eq!(
            things(failures.iter()),
            [
                "xmake is not installed, needed by a, b",
                "/a/source.json does not exist",
                "/b/source.json does not exist"
            ]
        );
    }
}
