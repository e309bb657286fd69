//! What InfiniCore and InfiniLM have in common: spdlog compiled once, and a wheel around an extension that xmake compiled.

use engine::planning::PlanError;
use engine::python_home::python_home;
use model::accelerators::{self, Options};
use model::case::{Check, Component, OptionValue, XmakeSettings};
use model::verify_level::VerifyLevel;

use super::checks::IMPORTED;
use crate::built::Additions;
use crate::subject::Subject;

/// Unpacks a wheel around a compiled extension.
const WHEEL: &str = include_str!("wheel.py");

/// The directory of spdlog below `third_party`.
const SPDLOG: &str = "spdlog";

/// The source's own spdlog, compiled, below the build tree.
const ARCHIVE: &str = "spdlog/libspdlog.a";

/// Compiles spdlog's sources into an archive, unless it is there and newer than all of them.
const COMPILE_SPDLOG: &str = r#"
archive=$1 source=$2 directory=$(dirname "$1")
if [ -e "$archive" ] && [ -z "$(find "$source" -newer "$archive" -print | head -n 1)" ]; then exit 0; fi
rm -rf "$directory" && mkdir -p "$directory" && cd "$directory"
for file in "$source"/src/*.cpp; do
    ${CXX:-c++} -std=c++17 -O2 -DNDEBUG -fPIC -DSPDLOG_COMPILED_LIB -I"$source/include" -c "$file"
done
ar -rcs "$archive.part" ./*.o
mv "$archive.part" "$archive"
"#;

/// Whether the source brings its own spdlog.
fn brings_spdlog(subject: &Subject<'_>) -> bool {
    subject.facts.is_some_and(|facts| facts.third_party.iter().any(|name| name == SPDLOG))
}

/// Settings that make every file of a project use the compiled spdlog.
///
/// xmake puts the flags before the objects, where neither an archive nor, with a linker that links only what is needed
/// so far (Ubuntu's), a library would be taken.
pub(super) fn settings(subject: &Subject<'_>) -> XmakeSettings {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let (defines, ldflags) = if brings_spdlog(subject) {
        let archive = subject.build.join(ARCHIVE).into_string();
        let ldflags = ["-Wl,--whole-archive", &archive, "-Wl,--no-whole-archive"];
        (texts(&["SPDLOG_COMPILED_LIB"]), texts(&ldflags))
    } else {
        // What `pkg-config --cflags spdlog` says of Debian's, in which fmt is a library of its own.
        let defines = texts(&["SPDLOG_COMPILED_LIB", "SPDLOG_SHARED_LIB", "SPDLOG_FMT_EXTERNAL"]);
        let flags = ["-Wl,--push-state,--no-as-needed", "-lspdlog", "-lfmt", "-Wl,--pop-state"];
        (defines, texts(&flags))
    };
    // Its scripts ask the interpreter where torch and the headers are.
    let python = python_home(subject.known).program.into_string();
    let environment = [("PYTHON".to_owned(), python)].into();
    // Files of both use std::stringstream, which nothing but the header-only form includes for them.
    let cxxflags = texts(&["-include", "sstream"]);
    XmakeSettings { defines, cxxflags, ldflags, environment, ..XmakeSettings::default() }
}

/// Adds what has to be compiled before the project's own files, and the wheel after they were staged.
pub(super) fn additions(
    subject: &Subject<'_>,
    package: &str,
    mapped: &[&str],
) -> Result<Additions, PlanError> {
    refuse_editable_option(subject)?;
    let mut additions = Additions::default();
    // The recipe says where the package goes; a case may say another directory, which is its own.
    let modules = format!("lib/{package}/python");
    if brings_spdlog(subject) {
        let source = subject.source.join("third_party/spdlog");
        let archive = subject.build.join(ARCHIVE);
        let words = ["-ec", COMPILE_SPDLOG, "sh", archive.as_str(), source.as_str()];
        additions.compile_first.push(subject.command("sh", words));
    }
    let staged = subject.staging.join(subject.prefix.strip_prefix("/").unwrap_or(&subject.prefix));
    let (work, modules) = (subject.build.join("wheel"), staged.join(modules));
    // Packed from the working copy; what is imported are links to the user's own files.
    let links = if subject.component.editable { subject.users_project() } else { None };
    let links = links.map(|directory| directory.join("python")).unwrap_or_default();
    let mut words =
        vec!["-c", WHEEL, subject.source.as_str(), work.as_str(), modules.as_str(), package, links.as_str()];
    words.extend(mapped);
    let mut wheel = subject.command(python_home(subject.known).program.into_string(), words);
    for (name, value) in
        [("PIP_CONFIG_FILE", "/dev/null"), ("PIP_DISABLE_PIP_VERSION_CHECK", "1"), ("PYTHONNOUSERSITE", "1")]
    {
        wheel.environment.insert(name.to_owned(), value.to_owned());
    }
    additions.install.push(wheel);
    Ok(additions)
}

/// A check that the environment imports a package from below the prefix, after others. An accelerator's SDK is initialised
/// by that, so that it needs the device, which a machine that builds an image has not.
pub(super) fn imported(packages: &[&str], accelerated: bool) -> Check {
    let words =
        ["{python}", "-c", IMPORTED, "{prefix}"].iter().chain(packages).map(|word| (*word).to_owned());
    let level = if accelerated { VerifyLevel::Device } else { VerifyLevel::default() };
    Check::Run { command: words.collect(), contains: Some(" is imported from ".to_owned()), level }
}

/// Whether it is compiled for something else than the processor.
pub(super) fn is_accelerated(options: &Options) -> bool {
    accelerators::active(options).iter().any(|row| row.name != "cpu")
}

/// The component of the case that is InfiniCore, among those that this one needs.
pub(super) fn core<'a>(subject: &Subject<'a>) -> Option<&'a Component> {
    let components = &subject.known.case.components;
    let mut needed = subject.component.needs.iter().filter_map(|need| components.get(need));
    needed.find(|component| component.recipe.as_deref() == Some("infinicore"))
}

/// The project's own editable install writes into the checkout.
fn refuse_editable_option(subject: &Subject<'_>) -> Result<(), PlanError> {
    let off = |value: &OptionValue| match value {
        OptionValue::Switch(on) => !on,
        OptionValue::Text(text) => ["n", "no", "false"].contains(&text.as_str()),
        OptionValue::Number(_) | OptionValue::List(_) => false,
    };
    if subject.asked().options.get("editable").is_none_or(off) {
        return Ok(());
    }
    Err(PlanError::new(
        format!("components.{}.options.editable", subject.name),
        "the project's own editable install writes into its checkout",
        format!(
            "write `editable = true` in [components.{}] and `writable = true` in the section of its source",
            subject.name
        ),
    ))
}
