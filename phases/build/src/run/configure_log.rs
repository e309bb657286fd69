//! Why a configure script failed, out of the log that it keeps: on the screen it says only that something was not found.

use camino::Utf8Path;
use engine::excerpt::{is_error, shortened};
use model::event::Failure;

/// So many lines of a log are shown.
const SHOWN: usize = 6;
/// So many ranges of versions are named.
const RANGES: usize = 3;

/// What a log tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cause {
    lines: Vec<String>,
    cures: Vec<String>,
}

/// Adds to a failed configure what its logs say of the cause.
pub(super) fn explain(failure: &mut Failure, logs: &[camino::Utf8PathBuf], component: &str) {
    for log in logs {
        // A log that is not there or cannot be read tells nothing more; the failure itself stands.
        let text = std::fs::read(log).unwrap_or_default();
        let cause = cause(log, &String::from_utf8_lossy(&text), &failure.excerpt, component);
        let Some(mut cause) = cause.filter(|cause| !cause.lines.is_empty()) else { continue };
        cause.lines.retain(|line| !failure.excerpt.contains(line));
        if !cause.lines.is_empty() {
            // What the script says behind its error is how to report it.
            let error = failure.excerpt.iter().position(|line| is_error(line)).unwrap_or_default();
            let end = failure.excerpt.iter().skip(error).position(|line| line.trim().is_empty());
            failure.excerpt.truncate(end.map_or(usize::MAX, |end| error + end));
            let name = log.parent().and_then(Utf8Path::file_name).unwrap_or_default();
            failure.excerpt.push(format!("{name}/{}:", log.file_name().unwrap_or_default()));
            failure.excerpt.extend(cause.lines.iter().map(|line| format!("  {}", shortened(line))));
        }
        cause.cures.append(&mut failure.cures);
        failure.cures = cause.cures;
        return;
    }
}

fn cause(log: &Utf8Path, text: &str, excerpt: &[String], component: &str) -> Option<Cause> {
    match log.file_name()? {
        "config.log" => Some(of_script(text, component)),
        "CMakeError.log" | "CMakeConfigureLog.yaml" => of_cmake(text, excerpt),
        "meson-log.txt" => of_meson(text),
        _ => None,
    }
}

/// autoconf's `config.log` (`configure:LINE: …`), or FFmpeg's (`ERROR: …` at its end).
fn of_script(text: &str, component: &str) -> Cause {
    let lines: Vec<&str> = text.lines().collect();
    let of_autoconf =
        lines.iter().position(|line| said_by_autoconf(line).is_some_and(|said| said.starts_with("error:")));
    let of_ffmpeg = || lines.iter().rposition(|line| line.starts_with("ERROR: "));
    let Some(end) = of_autoconf.or_else(of_ffmpeg) else { return Cause::default() };
    if let Some((_, dependencies)) = lines[end].split_once("requested, but not ") {
        let names = dependencies.split_once(": ").map_or("", |(_, names)| names);
        return unsatisfied(&lines[..end], names);
    }
    let begins = |line: &&str| {
        said_by_autoconf(line).is_some_and(|said| said.starts_with("checking "))
            || line.starts_with("require")
    };
    let begin = lines[..end].iter().rposition(begins).unwrap_or(end.saturating_sub(40));
    let section = &lines[begin..end];
    let mut cause = Cause { lines: errors(section), cures: Vec::new() };
    cause.cures.extend(static_library(section, of_autoconf.is_none(), component));
    cause
}

/// `configure:1234: checking …` → `checking …`.
fn said_by_autoconf(line: &str) -> Option<&str> {
    let (number, said) = line.strip_prefix("configure:")?.split_once(": ")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(said)
}

/// What of a check's output is an error, in its order.
fn errors(section: &[&str]) -> Vec<String> {
    let of_package = |line: &str| {
        ["Package ", "Requested '", "No package '"].iter().any(|begin| line.starts_with(begin))
            && !line.contains("required by 'virtual:world'")
    };
    let counts = |line: &&&str| {
        let line = line.trim_start();
        (is_error(line) || of_package(line))
            && !line.starts_with("collect2: ")
            && said_by_autoconf(line).is_none()
    };
    let mut found: Vec<String> = Vec::new();
    for line in section.iter().filter(counts) {
        let line = line.trim().to_owned();
        if !found.contains(&line) {
            found.push(line);
        }
    }
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    if more > 0 {
        found.push(format!("… {more} more of the kind"));
    }
    found
}

/// What pkg-config was asked for and what it found, for parts that FFmpeg says are missing.
fn unsatisfied(lines: &[&str], names: &str) -> Cause {
    let mut cause = Cause::default();
    for name in names.split_whitespace() {
        let mut ranges: Vec<String> = Vec::new();
        let mut found = None;
        for (at, line) in lines.iter().enumerate() {
            let Some((_, asked)) = line.split_once("--exists --print-errors ") else { continue };
            let mut words = asked.split_whitespace().filter(|word| *word != name).peekable();
            if !asked.split_whitespace().any(|word| word == name) || words.peek().is_none() {
                continue;
            }
            ranges.push(words.collect::<Vec<_>>().join(" "));
            found = found.or_else(|| lines[at + 1..].iter().take(4).find_map(|line| version_of(name, line)));
        }
        ranges.dedup();
        if ranges.is_empty() {
            continue;
        }
        let wanted = if ranges.len() > RANGES {
            format!("{}, … or {}", ranges[..RANGES - 1].join(", or "), ranges[ranges.len() - 1])
        } else {
            ranges.join(", or ")
        };
        let there =
            found.map_or_else(|| "no such package was found".to_owned(), |found| format!("found {found}"));
        cause.lines.push(format!("{name}: wanted {wanted}; {there}"));
        cause.cures.push(format!(
            "install {name} in a version that is wanted: another revision of the source that brings it, or another \
             package; or do not enable what needs it"
        ));
    }
    cause
}

/// How pkgconf and pkg-config name the version that they found.
fn version_of(name: &str, line: &str) -> Option<String> {
    let rest = line
        .split_once(&format!("Package '{name}' has version '"))
        .or_else(|| line.split_once(&format!("but version of {name} is ")))?
        .1;
    let version = rest.split(['\'', ' ', ',']).next().unwrap_or(rest);
    Some(version.to_owned())
}

/// What to do where a library is there as an archive alone, and what that needs of others is not on the command line.
fn static_library(section: &[&str], of_ffmpeg: bool, component: &str) -> Option<String> {
    let undefined = section.iter().any(|line| line.contains("undefined reference to"));
    let archive = section.iter().find_map(|line| {
        let end = line.find(".a(")? + 2;
        let path = line[..end].split_whitespace().next_back()?;
        path.contains("/lib").then(|| path.to_owned())
    })?;
    let how = if of_ffmpeg {
        format!("add `pkg-config-flags = \"--static\"` to [components.{component}.options]")
    } else {
        format!("add `PKG_CONFIG = \"pkg-config --static\"` to [components.{component}.environment]")
    };
    undefined.then(|| {
        format!(
            "{archive} is a static library, and the libraries that it needs are not linked: {how}, which asks \
             pkg-config for them; or build it as a shared library"
        )
    })
}

/// CMake's record of the check that failed last before its error.
fn of_cmake(text: &str, excerpt: &[String]) -> Option<Cause> {
    let failed = excerpt.iter().take_while(|line| !line.starts_with("CMake Error")).filter_map(|line| {
        let said = line.strip_prefix("-- ")?;
        said.strip_suffix(" - Failed")
            .and_then(|said| said.strip_prefix("Performing Test "))
            .or_else(|| said.strip_suffix(" - not found")?.strip_prefix("Looking for "))
    });
    let check = failed.last()?;
    let lines: Vec<&str> = text.lines().collect();
    // Of its own variables CMake 3.25 and older say the name, of symbols and headers too.
    let names = |line: &&str| {
        (line.contains("failed with the following output")
            || line.contains("\"Performing Test ")
            || line.contains("\"Looking for "))
            && line.split([' ', '"']).any(|word| word == check)
    };
    let begin = lines.iter().rposition(names)?;
    let ends =
        |line: &&str| line.starts_with("Source file was:") || line.trim_start().starts_with("exitCode:");
    let end = lines[begin..].iter().position(ends).map_or(lines.len(), |end| begin + end);
    Some(Cause { lines: errors(&lines[begin..end]), cures: Vec::new() })
}

/// What the compiler said of the check before Meson's error.
fn of_meson(text: &str) -> Option<Cause> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().rposition(|line| line.contains("ERROR: "))?;
    let begins =
        |line: &&str| ["Running compile:", "Running link:"].iter().any(|begin| line.starts_with(begin));
    let begin = lines[..end].iter().rposition(begins)?;
    // A check says its result in the line behind it; where more follows, it is not what failed.
    let after = lines[begin..end]
        .iter()
        .position(|line| line.ends_with(": NO") || line.trim_end().ends_with(": NO"))?;
    let nothing_else = lines[begin + after + 1..end].iter().all(|line| line.trim().is_empty());
    nothing_else.then(|| Cause { lines: errors(&lines[begin..end]), cures: Vec::new() })
}

#[cfg(test)]
#[path = "configure_log_tests.rs"]
mod tests;
