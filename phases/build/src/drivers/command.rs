//! Commands that the case spells out.

use engine::planning::PlanError;
use model::plan::{Argument, Command, Jobs, Keep};

use crate::built::Built;
use crate::subject::Subject;

pub fn built(subject: &Subject<'_>) -> Result<Built, PlanError> {
    let key = format!("components.{}.commands", subject.name);
    let Some(commands) = &subject.component.commands else {
        return Err(PlanError::new(
            key,
            format!("component `{}` has the driver `command` but no commands", subject.name),
            format!("add [components.{}.commands] with `compile` and `install`", subject.name),
        ));
    };
    let all = |lists: &[Vec<String>]| -> Result<Vec<Command>, PlanError> {
        lists.iter().map(|words| command(subject, words, &key)).collect()
    };
    let mut configure = all(&commands.configure)?;
    for command in &mut configure {
        command.args.extend(subject.component.arguments.iter().cloned().map(Argument::Literal));
    }
    Ok(Built {
        configure,
        compile: all(&commands.compile)?,
        install: all(&commands.install)?,
        // What is run is not known, so that it gets a number of its own.
        jobs: Jobs::Lease,
        keep: Some(Keep::UnlessKilled),
        fresh_tree: true,
        ..Built::default()
    })
}

fn command(subject: &Subject<'_>, words: &[String], key: &str) -> Result<Command, PlanError> {
    let [program, args @ ..] = words else {
        return Err(PlanError::new(
            key,
            "a command is empty",
            "write the program and its arguments: [\"make\", \"all\"]",
        ));
    };
    Ok(subject.command(
        place(subject, program),
        args.iter().map(|word| match word.strip_suffix("{jobs}") {
            Some(before) => Argument::Jobs { jobs: place(subject, before) },
            None => Argument::Literal(place(subject, word)),
        }),
    ))
}

fn place(subject: &Subject<'_>, word: &str) -> String {
    word.replace("{source}", subject.source.as_str())
        .replace("{build}", subject.build.as_str())
        .replace("{prefix}", subject.prefix.as_str())
        .replace("{destdir}", subject.staging.as_str())
}
