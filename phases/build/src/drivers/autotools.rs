//! A configure script and make, out of tree.

use model::case::Component;
use model::plan::{Expectation, Jobs, Keep, Shows};

use crate::built::Built;
use crate::options::configure_arguments;
use crate::subject::Subject;

/// What it needs of the distribution, by catalog name.
pub fn system(component: &Component) -> Vec<&'static str> {
    let mut needs = vec!["c-compiler", "libc-headers", "make"];
    if component.autoreconf {
        needs.push("autoconf");
    }
    needs
}

pub fn built(subject: &Subject<'_>) -> Built {
    let mut args = vec![format!("--prefix={}", subject.prefix)];
    args.extend(configure_arguments(&subject.options));
    let taken = subject.component.environment_options.iter();
    args.extend(taken.filter_map(|(variable, option)| {
        subject.environment.get(variable).map(|value| format!("--{option}={value}"))
    }));
    args.extend(subject.component.arguments.iter().cloned());
    let configure = if subject.component.link_source {
        args.insert(0, "src/configure".to_owned());
        let link = subject.command("ln", ["-s", "-f", "-n", subject.source.as_str(), "src"]);
        vec![link, subject.command("sh", args)]
    } else {
        vec![subject.command(subject.source.join("configure"), args)]
    };
    let mut configure = configure;
    if subject.component.autoreconf {
        let mut command = subject.command("autoreconf", ["--force", "--install"]);
        command.directory.clone_from(&subject.source);
        configure.insert(0, command);
    }
    let strict = subject.component.strict_configure;
    let expectations = if strict { Vec::new() } else { vec![all_recognised(subject)] };
    Built {
        configure,
        expectations,
        logs: ["config.log", "ffbuild/config.log"].map(|log| subject.build.join(log)).into(),
        configured: vec![subject.build.join("Makefile")],
        // The number of jobs comes from the jobserver.
        // A target whose recipe failed is not whole, whoever in it was killed; make keeps it unless it is told so.
        compile: vec![subject.command("make", ["--eval=.DELETE_ON_ERROR:"])],
        install: vec![
            subject.command("make", ["install".to_owned(), format!("DESTDIR={}", subject.staging)]),
        ],
        jobs: Jobs::Jobserver,
        // make takes a truncated object for a whole one.
        keep: Some(Keep::UnlessKilled),
        fresh_tree: true,
        ..Built::default()
    }
}

/// autoconf's configure goes on when it does not know an option, and says so in `config.log`.
fn all_recognised(subject: &Subject<'_>) -> Expectation {
    Expectation {
        asked: "only options that the configure script knows".to_owned(),
        file: subject.build.join("config.log"),
        shows: Shows::NoLineWith("unrecognized options:".to_owned()),
        missing: None,
    }
}
