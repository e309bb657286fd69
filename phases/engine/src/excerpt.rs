//! The first real error in what a command printed, with its context: not the last ten lines.

mod traceback;

use std::collections::VecDeque;

use traceback::Traceback;

use crate::outside::is_refusal;

const BEFORE: usize = 3;
const AFTER: usize = 8;
const TAIL: usize = 200;
/// A chain of causes is shown to its end, within reason.
const LONGEST: usize = 40;
/// So many refused files are remembered.
const REFUSED: usize = 8;
/// A command line that failed is shown by its beginning.
const WIDEST: usize = 300;

/// Takes lines one after the other and keeps what is worth showing.
#[derive(Clone, Debug, Default)]
pub struct Finder {
    recent: VecDeque<String>,
    first: Vec<String>,
    left: usize,
    tail: VecDeque<String>,
    died_of_signal: bool,
    /// Lines that tell of a read-only file system.
    refused: Vec<String>,
    /// The first error is what a tool says of another that failed: the other's own words are better.
    second_hand: bool,
    traceback: Option<Traceback>,
}

impl Finder {
    /// Takes one line.
    pub fn push(&mut self, line: &str) {
        self.died_of_signal |= tells_of_signal(line);
        if self.refused.len() < REFUSED && is_refusal(line) {
            self.refused.push(line.to_owned());
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
        if let Some(traceback) = &mut self.traceback {
            traceback.push(line);
        }
        if self.first.is_empty() || (self.second_hand && is_first_hand(line)) {
            if is_error(line) {
                self.begin(line);
                return;
            }
            if self.recent.len() == BEFORE {
                self.recent.pop_front();
            }
            self.recent.push_back(line.to_owned());
        } else if self.left > 0 {
            if self.left == AFTER && self.traceback.is_none() {
                // pip says "ERROR: Exception:" before it.
                self.traceback = Traceback::begin(line);
            }
            self.left -= 1;
            // "Caused by:" and what it says.
            if line.trim() == "Caused by:" && self.first.len() < LONGEST {
                self.left = self.left.max(3);
            }
            self.first.push(line.to_owned());
        }
    }

    fn begin(&mut self, line: &str) {
        if self.second_hand {
            // Behind the command that failed stands how its compiler came to the place.
            let command = self.first.iter().position(|line| is_second_hand(line)).map_or(0, |at| at + 2);
            let context = self.first.drain(..).skip(command);
            self.recent = context.collect();
            self.recent.drain(..self.recent.len().saturating_sub(BEFORE));
        }
        self.first.extend(self.recent.drain(..));
        self.first.push(line.to_owned());
        self.left = AFTER;
        self.second_hand = !self.second_hand && is_second_hand(line);
        self.traceback = Traceback::begin(line);
    }

    /// The first error with its context; without one, the last lines before tools began to say that others failed.
    pub fn excerpt(&self) -> Vec<String> {
        if let Some(traceback) = &self.traceback {
            let lines = traceback.lines();
            if !lines.is_empty() {
                return lines;
            }
        }
        if !self.first.is_empty() {
            return self.first.iter().map(|line| shortened(line)).collect();
        }
        let lines: Vec<&String> = self.tail.iter().collect();
        let end = lines.iter().position(|line| is_echo(line)).filter(|at| *at > 0).unwrap_or(lines.len());
        lines[end.saturating_sub(12)..end].iter().map(|line| shortened(line)).collect()
    }

    /// Those of the last lines that name one of these hosts or addresses, a port aside.
    pub fn naming<'a>(&self, wanted: impl Iterator<Item = &'a str>) -> Vec<String> {
        let hosts: Vec<&str> =
            wanted.map(|wanted| wanted.rsplit_once(':').map_or(wanted, |(host, _)| host)).collect();
        let names = |line: &&String| hosts.iter().any(|host| !host.is_empty() && line.contains(host));
        self.tail.iter().filter(names).take(BEFORE + 1 + AFTER).cloned().collect()
    }

    /// Whether a tool said that a process below it died of a signal.
    pub fn died_of_signal(&self) -> bool {
        self.died_of_signal
    }

    /// The first lines that tell of a read-only file system.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}

/// How make, ninja, compiler drivers and shells say that a process below them died of a signal: by its name
/// (strsignal(3)), or as a status above 128.
fn tells_of_signal(line: &str) -> bool {
    const NAMES: [&str; 8] = [
        "Killed",
        "Terminated",
        "Hangup",
        "Aborted",
        "Segmentation fault",
        "Bus error",
        "Illegal instruction",
        "CPU time limit exceeded",
    ];
    let line = line.trim_end().trim_end_matches(" (core dumped)");
    let status = || line.rsplit_once(" Error ").and_then(|(_, status)| status.parse::<u32>().ok());
    let of_make = line.starts_with("make") && line.contains("***");
    let named = || NAMES.iter().any(|name| line.ends_with(name));
    (of_make && (named() || status().is_some_and(|status| status > 128)))
        || NAMES.contains(&line)
        || line.contains("Killed signal terminated program")
        || line.contains(" terminated with signal ")
        || (line.contains(": line ") && NAMES.iter().any(|name| line.contains(name)))
}

/// How the logs of configure scripts say that a process was killed (SIGKILL): as shells, compiler drivers and
/// autoconf's `config.log` do, with or without YAML's indentation.
pub fn tells_of_kill(line: &str) -> bool {
    let line = line.trim();
    line == "Killed"
        || line.contains("Killed signal terminated program")
        || line.contains(" terminated with signal 9 ")
        || line.ends_with("$? = 137")
        || line.starts_with("FAILED: [code=137]")
        || (line.contains(": line ") && line.contains(" Killed "))
}

/// The first line of a configure script's log that says that a process was killed. A command of Ninja that failed
/// without a word counts as well: a compiler that fails says why.
pub fn kill_in(text: &str) -> Option<&str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .iter()
        .enumerate()
        .find(|(at, line)| {
            let silent = line.starts_with("FAILED: ")
                && lines.get(at + 2).is_some_and(|next| next.starts_with("ninja: build stopped"));
            silent || tells_of_kill(line)
        })
        .map(|(_, line)| *line)
}

/// Lines with which a tool passes on another's failure.
fn is_echo(line: &str) -> bool {
    if line.contains("*** No rule to make target") {
        return false;
    }
    line.starts_with("make: ***")
        || (line.starts_with("make[") && line.contains("***"))
        || line.starts_with("ninja: build stopped")
}

/// What a build tool says of a command that failed, before that command's own words.
fn is_second_hand(line: &str) -> bool {
    line.trim_start().starts_with("FAILED: ")
}

/// An error in the words of who found it.
fn is_first_hand(line: &str) -> bool {
    !is_second_hand(line) && is_error(line)
}

/// A line as it is shown: of a command of a thousand words its beginning is enough.
pub fn shortened(line: &str) -> String {
    if line.chars().count() <= WIDEST {
        return line.to_owned();
    }
    format!("{} …", line.chars().take(WIDEST).collect::<String>())
}

/// Whether a line is an error of a compiler, linker or build tool, in the form that each of them uses.
pub fn is_error(line: &str) -> bool {
    let text = line.trim_start();
    if is_echo(text) {
        return false;
    }
    // gcc, clang, nvcc, ld, go: `file:line:col: error: …`; rustc and cargo begin with it.
    let compiler =
        [": error: ", ": fatal error: ", " error: ", ": Error: "].iter().any(|sign| line.contains(sign))
            && !line.contains("warning:");
    let starts = [
        "error: ",
        "error[",
        "fatal error",
        "ERROR: ",
        "ERROR:",
        "Error: ",
        "E: ",
        "CMake Error",
        "configure: error",
        "FAILED: ",
        "fatal: ",
        "nvcc fatal",
        "ninja: error",
        "collect2: error",
        "dpkg: error",
        "pip: error",
        "CRITICAL:",
    ];
    let contains = [
        "undefined reference to",
        "cannot find -l",
        "No space left on device",
        "Killed signal terminated program",
        "command not found",
        "Temporary failure in name resolution",
        "Could not resolve",
        "not found: needed by",
        "internal compiler error",
        "ModuleNotFoundError",
        "multiple definition of",
        "*** No rule to make target",
        "unsupported GNU version",
    ];
    compiler
        || starts.iter().any(|sign| text.starts_with(sign))
        || contains.iter().any(|sign| line.contains(sign))
        || (text.contains("meson.build:") && text.contains(": ERROR: "))
        || text.starts_with("Traceback (most recent call last)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(lines: &[&str]) -> Vec<String> {
        let mut finder = Finder::default();
        lines.iter().for_each(|line| finder.push(line));
        finder.excerpt()
    }

    #[test]
    fn the_compilers_error_is_found_among_later_noise() {
        let mut lines = vec!["[ 85%] Building CXX object a.o", "In file included from cv2.cpp:5:"];
        lines.push("cv2.hpp:36:10: fatal error: numpy/ndarrayobject.h: No such file or directory");
        lines.extend(vec!["[ 86%] Linking CXX executable x"; 50]);
        lines.push("make: *** [Makefile:166: all] Error 2");
        let found = first(&lines);
        assert!(found[2].contains("numpy/ndarrayobject.h"), "{found:?}");
        assert!(found.len() <= BEFORE + 1 + AFTER);
    }

    #[test]
    fn a_traceback_right_behind_the_word_error_is_told_by_its_exception() {
        let found = first(&[
            "Processing /srv/plain-1.0-py3-none-any.whl",
            "ERROR: Exception:",
            "Traceback (most recent call last):",
            "  File \"base_command.py\", line 180, in wrapper",
            "    status = run_func(*args)",
            "FileNotFoundError: [Errno 2] No such file or directory: '/srv/plain-1.0-py3-none-any.whl'",
            "",
        ]);
        assert!(found.last().unwrap().starts_with("FileNotFoundError: "), "{found:?}");
    }

    #[test]
    fn a_traceback_is_told_by_its_last_exception() {
        let found = first(&[
            "running build",
            "Traceback (most recent call last):",
            "  File \"setup.py\", line 1, in <module>",
            "    import numpy",
            "ModuleNotFoundError: No module named 'numpy'",
            "",
            "During handling of the above exception, another exception occurred:",
            "",
            "Traceback (most recent call last):",
            "  File \"setup.py\", line 3, in <module>",
            "    main()",
            "  File \"setup.py\", line 9, in main",
            "    raise RuntimeError(\"numpy is missing\")",
            "RuntimeError: numpy is missing",
            "install it first",
            "",
            "make: *** [all] Error 1",
        ]);
        assert_eq!(
            found,
            [
                "  File \"setup.py\", line 9, in main",
                "    raise RuntimeError(\"numpy is missing\")",
                "RuntimeError: numpy is missing",
                "install it first"
            ]
        );
        let passed_on =
            ["  Traceback (most recent call last):", "    File \"x.py\", line 1", "  OSError: gone"];
        assert_eq!(first(&passed_on), ["    File \"x.py\", line 1", "  OSError: gone"]);
    }

    #[test]
    fn a_chain_of_causes_is_shown_to_its_end() {
        let mut lines = vec!["error: failed to get `x` as a dependency of package `app v1.0.0 (/src)`"];
        for cause in
            ["  failed to load source", "  unable to update registry", "  failed to fetch", "  no such host"]
        {
            lines.extend(["", "Caused by:", cause]);
        }
        let found = first(&lines);
        assert_eq!(found.last().unwrap(), "  no such host");
        assert_eq!(found.len(), lines.len());
    }

    #[test]
    fn the_compilers_words_go_before_ninja_s() {
        let command = format!("/usr/bin/c++ {} -c a.cc", "-Ix ".repeat(400));
        let found = first(&[
            "[1/9] Building CXX object b.o",
            "FAILED: a.o",
            &command,
            "In file included from a.h:3,",
            "a.cc:7:10: fatal error: x.h: No such file or directory",
            "compilation terminated.",
            "ninja: build stopped: subcommand failed.",
        ]);
        assert_eq!(found[0], "In file included from a.h:3,");
        assert_eq!(found[1], "a.cc:7:10: fatal error: x.h: No such file or directory");
        assert!(found.iter().all(|line| line.chars().count() <= WIDEST + 2), "{found:?}");
        let silent = first(&["FAILED: a.o", "/usr/bin/tool a", "ninja: build stopped: subcommand failed."]);
        assert_eq!(silent[..2], ["FAILED: a.o", "/usr/bin/tool a"]);
    }

    #[test]
    fn each_tool_is_understood() {
        for line in [
            "/usr/bin/ld: a.o: undefined reference to `foo'",
            "error[E0432]: unresolved import `x`",
            "CMake Error at CMakeLists.txt:3 (find_package):",
            "E: Unable to locate package nosuch",
            "configure: error: C compiler cannot create executables",
            "ERROR: No matching distribution found for numpy==99",
            "ninja: error: loading 'build.ninja': No such file or directory",
            "nvcc fatal   : Unsupported gpu architecture 'compute_20'",
            "../src/meson.build:5:0: ERROR: Dependency \"x\" not found",
            "make: *** No rule to make target 'missing.c', needed by 'a.o'.  Stop.",
            "make[2]: *** No rule to make target 'missing.c', needed by 'a.o'.  Stop.",
        ] {
            assert!(is_error(line), "{line}");
        }
        for line in [
            "checking for error.h... yes",
            "cc -Werror -c a.c",
            "make[1]: *** [all] Error 2",
            "x.c:1: warning: error: in text",
            "meson.build:5: WARNING: something old",
        ] {
            assert!(!is_error(line), "{line}");
        }
    }

    #[test]
    fn a_death_below_a_tool_is_heard_of() {
        for line in [
            "make: *** [Makefile:3: a.o] Killed",
            "make[1]: *** [Makefile:3: a.o] Error 137",
            "make: *** [Makefile:3: a.o] Segmentation fault (core dumped)",
            "gcc: fatal error: Killed signal terminated program cc1",
            "collect2: fatal error: ld terminated with signal 9 [Killed]",
            "build.sh: line 3: 4711 Killed                  cc -c a.c",
            "Killed",
        ] {
            assert!(tells_of_signal(line), "{line}");
        }
        for line in
            ["make: *** [Makefile:3: a.o] Error 1", "Killed by the linker: 3 sections", "a.c: Error 137"]
        {
            assert!(!tells_of_signal(line), "{line}");
        }
    }

    #[test]
    fn a_configure_log_tells_of_killed_tools() {
        let killed =
            "    FAILED: a.o \n    /usr/bin/cc -c a.c\n    ninja: build stopped: subcommand failed.\n";
        assert_eq!(kill_in(killed), Some("FAILED: a.o"));
        let missing = "FAILED: a.o \n/usr/bin/cc -c a.c\na.c:1:10: fatal error: x.h\nninja: build stopped: subcommand failed.\n";
        assert_eq!(kill_in(missing), None);
        assert_eq!(kill_in("configure:7: $? = 137\n"), Some("configure:7: $? = 137"));
        assert_eq!(kill_in("configure:7: $? = 1\n"), None);
    }

    #[test]
    fn lines_that_name_a_host_are_found() {
        let mut finder = Finder::default();
        for line in
            ["error: numpy", "ADE: Downloading v1.zip from https://feed.example/v1.zip", "Try 1 failed"]
        {
            finder.push(line);
        }
        let found = finder.naming(["feed.example:443"].into_iter());
        assert_eq!(found, ["ADE: Downloading v1.zip from https://feed.example/v1.zip"]);
        assert!(finder.naming(["192.0.2.1:80", ""].into_iter()).is_empty());
    }

    #[test]
    fn without_a_known_error_the_lines_before_make_gave_up_are_shown() {
        let found = first(&["one", "two", "the tool says no", "make: *** [x] Error 1", "make: *** waiting"]);
        assert_eq!(found.last().unwrap(), "the tool says no");
    }
}
