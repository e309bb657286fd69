//! Meson, with Ninja, out of tree.

use model::plan::{Jobs, Keep};

use crate::built::Built;
use crate::options::meson_options;
use crate::subject::Subject;

pub fn built(subject: &Subject<'_>) -> Built {
    let mut args = vec![
        "setup".to_owned(),
        subject.build.to_string(),
        subject.source.to_string(),
        format!("--prefix={}", subject.prefix),
        // What a wrap would download must be a component or a package, or be missing at once.
        "--wrap-mode=nodownload".to_owned(),
    ];
    // Meson refuses an option that is given both as `--NAME` and as `-DNAME`.
    let asked = subject.asked().options;
    if !asked.contains_key("libdir") {
        // Debian's Meson would choose a multiarch directory for `/usr/local` and none for other prefixes.
        args.push("--libdir=lib".to_owned());
    }
    if !asked.contains_key("buildtype") {
        args.push("--buildtype=release".to_owned());
    }
    // Meson refuses options that the project does not have, and features that are `enabled` and cannot be had.
    args.extend(meson_options(&subject.options).into_iter().map(|option| format!("-D{option}")));
    args.extend(subject.component.arguments.iter().cloned());
    let mut install = subject.command("meson", ["install", "-C", subject.build.as_str(), "--no-rebuild"]);
    install.environment.insert("DESTDIR".to_owned(), subject.staging.to_string());
    Built {
        configure: vec![subject.command("meson", args)],
        logs: vec![subject.build.join("meson-logs/meson-log.txt")],
        configured: vec![subject.build.join("build.ninja")],
        compile: vec![subject.command("ninja", ["-C", subject.build.as_str()])],
        install: vec![install],
        jobs: Jobs::Jobserver,
        keep: Some(Keep::Always),
        // `meson setup` on a configured tree keeps the options that it has.
        fresh_tree: true,
        ..Built::default()
    }
}
