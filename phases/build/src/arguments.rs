//! Further arguments of a component, read as its driver reads them.

use model::case::{Driver, OptionValue};

/// Options of configure scripts whose value may be a word of its own (autoconf's `ac_prev`).
const OF_TWO_WORDS: &[&str] = &[
    "bindir",
    "build",
    "cache-file",
    "datadir",
    "datarootdir",
    "docdir",
    "dvidir",
    "exec-prefix",
    "host",
    "htmldir",
    "includedir",
    "infodir",
    "libdir",
    "libexecdir",
    "localedir",
    "localstatedir",
    "mandir",
    "oldincludedir",
    "pdfdir",
    "prefix",
    "program-prefix",
    "program-suffix",
    "psdir",
    "runstatedir",
    "sbindir",
    "sharedstatedir",
    "srcdir",
    "sysconfdir",
    "target",
];

/// Short options of `xmake config`, with their names.
const XMAKE_LETTERS: &[(&str, &str)] =
    &[("-a", "arch"), ("-k", "kind"), ("-m", "mode"), ("-o", "builddir"), ("-p", "plat")];

/// The options that are among the arguments, each by its name, in their order.
pub fn options_of(driver: Driver, arguments: &[String]) -> Vec<(String, OptionValue)> {
    let mut found = Vec::new();
    let mut words = Words { all: arguments, at: 0 };
    while let Some(word) = words.next() {
        match driver {
            Driver::Cmake => found.extend(words.short("-D", word).and_then(assigned)),
            Driver::Meson => match words.short("-D", word) {
                Some(text) => found.extend(assigned(text)),
                None => found.extend(words.long(word, |_| true)),
            },
            Driver::Autotools => match word.split_once('=').filter(|(name, _)| OF_TWO_WORDS.contains(name)) {
                // The form without dashes is that of variables, which configure scripts take for options as well.
                Some((name, value)) => found.push((name.to_owned(), text(value))),
                None => found.extend(words.long(word, |name| OF_TWO_WORDS.contains(&name))),
            },
            Driver::Xmake => match XMAKE_LETTERS.iter().find(|(letter, _)| word == *letter) {
                Some((_, name)) => found.extend(words.next().map(|value| ((*name).to_owned(), text(value)))),
                None => found.extend(words.long(word, |_| false)),
            },
            Driver::Cargo => {
                let list = match words.short("-F", word) {
                    Some(list) => Some(list.strip_prefix('=').unwrap_or(list)),
                    None if word == "--features" => words.next(),
                    None => word.strip_prefix("--features="),
                };
                let features = list.unwrap_or_default().split([',', ' ']).filter(|name| !name.is_empty());
                found.extend(features.map(|name| (name.to_owned(), OptionValue::Switch(true))));
                if list.is_none() {
                    found.extend(words.long(word, |name| matches!(name, "root" | "target-dir")));
                }
            }
            Driver::Python => match words.setting(word) {
                Some(setting) => found.extend(assigned(setting)),
                None => found.extend(words.long(word, |name| matches!(name, "prefix" | "root" | "target"))),
            },
            Driver::Command => {}
        }
    }
    found
}

/// The settings among the arguments of a Python component that pip hands to its build backend, each by its name.
pub fn settings_of(arguments: &[String]) -> Vec<String> {
    let mut words = Words { all: arguments, at: 0 };
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        found.extend(words.setting(word).and_then(assigned).map(|(name, _)| name));
    }
    found
}

/// The name of an option of the case: for CMake without the type after a colon (`NAME:PATH`).
pub fn bare(driver: Driver, key: &str) -> &str {
    if driver == Driver::Cmake { key.split(':').next().unwrap_or(key) } else { key }
}

/// `NAME=VALUE`, `NAME:TYPE=VALUE`; a colon may also belong to a subproject's option of Meson's (`sub:option`).
fn assigned(word: &str) -> Option<(String, OptionValue)> {
    let (name, value) = word.split_once('=')?;
    Some((name.to_owned(), text(value)))
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

struct Words<'a> {
    all: &'a [String],
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let word = self.all.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// What follows a short option, in its own word or in the next.
    fn short(&mut self, option: &str, word: &'a str) -> Option<&'a str> {
        match word.strip_prefix(option)? {
            "" => self.next(),
            rest => Some(rest),
        }
    }

    /// What pip hands to the build backend.
    fn setting(&mut self, word: &'a str) -> Option<&'a str> {
        match self.short("-C", word) {
            Some(setting) => Some(setting),
            None if matches!(word, "--config-settings" | "--config-setting") => self.next(),
            None => ["--config-settings=", "--config-setting="]
                .iter()
                .find_map(|beginning| word.strip_prefix(beginning)),
        }
    }

    /// `--NAME`, `--NAME=VALUE`, and `--NAME` with its value in the next word where the option takes one.
    fn long(&mut self, word: &str, takes_word: impl Fn(&str) -> bool) -> Option<(String, OptionValue)> {
        let rest = word.strip_prefix("--").filter(|rest| !rest.is_empty())?;
        if let Some((name, value)) = rest.split_once('=') {
            return Some((name.to_owned(), text(value)));
        }
        let follows = self.all.get(self.at).is_some_and(|next| !next.starts_with('-'));
        let value = if follows && takes_word(rest) { self.next().map(text) } else { None };
        Some((rest.to_owned(), value.unwrap_or(OptionValue::Switch(true))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(driver: Driver, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let value = |value: &OptionValue| match value {
            OptionValue::Text(text) => text.clone(),
            other => format!("{other:?}"),
        };
        options_of(driver, &arguments)
            .iter()
            .map(|(name, given)| format!("{name}: {}", value(given)))
            .collect()
    }

    #[test]
    fn each_driver_reads_options_as_its_tool_does() {
        let cmake = ["-Wdev", "-DA=ON", "-D", "B:BOOL=1", "-D", "-DC", "-DD:PATH=/x=y"];
        assert_eq!(read(Driver::Cmake, &cmake), ["A: ON", "B:BOOL: 1", "D:PATH: /x=y"]);
        let meson =
            ["-Da=enabled", "-D", "sub:b=x", "--libdir", "lib64", "--prefix=/opt", "--strip", "-Dc=1"];
        assert_eq!(
            read(Driver::Meson, &meson),
            ["a: enabled", "sub:b: x", "libdir: lib64", "prefix: /opt", "strip: Switch(true)", "c: 1"]
        );
        let autotools =
            ["--enable-x", "--enable-y=yes", "--prefix", "/opt", "--with-z", "CFLAGS=-O3", "bindir=/x"];
        assert_eq!(
            read(Driver::Autotools, &autotools),
            ["enable-x: Switch(true)", "enable-y: yes", "prefix: /opt", "with-z: Switch(true)", "bindir: /x"]
        );
        let xmake = ["--nv-gpu=y", "-o", "/out", "-vD", "--omp"];
        assert_eq!(read(Driver::Xmake, &xmake), ["nv-gpu: y", "builddir: /out", "omp: Switch(true)"]);
        let cargo = ["--features", "a,b", "-F", "c", "-Fd", "--features=e f", "--target-dir", "/t"];
        let on = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}: Switch(true)"));
        assert_eq!(read(Driver::Cargo, &cargo), [on.as_slice(), &["target-dir: /t".to_owned()]].concat());
        let python = ["-C", "a=b", "--config-settings=c=d", "--target", "/t"];
        let settings: Vec<String> = python.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(settings_of(&settings), ["a", "c"]);
        assert_eq!(read(Driver::Python, &python), ["a: b", "c: d", "target: /t"]);
    }
}
