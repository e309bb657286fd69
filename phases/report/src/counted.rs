//! How far a step is, read off the lines that its tools print.

use crate::text;

/// What a tool counts, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    done: u64,
    total: u64,
    kind: Kind,
    /// When it was first seen, and how far it was then.
    first: (u64, u64),
    /// The same of a while ago, and of half a while ago: other steps begin and end beside it.
    earlier: [(u64, u64); 2],
    /// The step itself said it, for all of its commands.
    of_step: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// Things of unlike size (crates, packages): how many there are says little about the time they take.
    #[default]
    Unlike,
    /// Things of about one size (objects), of which there are many.
    Alike,
    /// Of 100, of things of about one size.
    Percent,
}

/// An estimate looks back at least this long, in milliseconds, …
const ESTIMATE_AFTER_MS: u64 = 30_000;
/// … and at one part of the whole in this many; …
const ESTIMATE_PART: u64 = 10;
/// … at most it looks back twice this long, in milliseconds.
const ESTIMATE_HALF_MS: u64 = 90_000;

impl Tally {
    fn new(kind: Kind, done: u64, total: u64, at_ms: u64) -> Self {
        let first = (at_ms, done);
        Self { done, total, kind, first, earlier: [first; 2], of_step: false }
    }

    fn advance(&mut self, done: u64, at_ms: u64) {
        self.done = done;
        if at_ms.saturating_sub(self.earlier[1].0) >= ESTIMATE_HALF_MS {
            self.earlier = [self.earlier[1], (at_ms, done)];
        }
    }

    /// `155/200`, `45%`; with how long the rest takes where things of one size are counted: `155/200, about 4 min left`.
    pub fn describe(&self, now_ms: u64) -> String {
        let count = match self.kind {
            Kind::Percent => format!("{}%", self.done),
            Kind::Unlike | Kind::Alike => format!("{}/{}", self.done, self.total),
        };
        match self.minutes_left(now_ms) {
            Some(minutes) => format!("{count}, about {} left", text::minutes(minutes)),
            None => count,
        }
    }

    /// Only whole minutes, and only of what was measured for long enough: a guess that jumps helps nobody.
    fn minutes_left(&self, now_ms: u64) -> Option<u64> {
        let since = |(at_ms, at_done)| Some((now_ms.checked_sub(at_ms)?, self.done.checked_sub(at_done)?));
        let (whole_elapsed, whole_done) = since(self.first)?;
        let (elapsed, done) = since(self.earlier[0])?;
        let enough =
            whole_elapsed >= ESTIMATE_AFTER_MS && whole_done * ESTIMATE_PART >= self.total && done > 0;
        if self.kind == Kind::Unlike || !enough {
            return None;
        }
        let left_ms = u128::from(elapsed) * u128::from(self.total - self.done) / u128::from(done);
        let minutes = u64::try_from(left_ms / 60_000).ok()?;
        // The last minute is linking as often as not.
        (minutes > 0).then_some(minutes)
    }
}

/// Reads lines of one step.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    tally: Option<Tally>,
    /// What apt is about to install, and how many packages it has unpacked and set up.
    packages: u64,
    unpacked: u64,
    set_up: u64,
}

impl Counter {
    /// What is counted now.
    pub fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    /// Another command begins.
    pub fn begin(&mut self) {
        if self.tally.as_ref().is_some_and(|tally| !tally.of_step) {
            self.tally = None;
        }
    }

    /// The step itself says how far it is.
    pub fn told(&mut self, done: u64, total: u64, at_ms: u64) {
        if total > 0 {
            self.tally =
                Some(Tally { of_step: true, ..Tally::new(Kind::Unlike, done.min(total), total, at_ms) });
        }
    }

    /// Takes a clean line; gives what of it says something when the count is taken away.
    pub fn read<'a>(&mut self, line: &'a str, at_ms: u64) -> &'a str {
        let line = line.trim();
        if let Some((kind, done, total, rest)) = bracketed(line) {
            match &mut self.tally {
                Some(tally) if tally.kind == kind && tally.total == total && tally.done <= done => {
                    tally.advance(done, at_ms);
                }
                // It began anew, or another tool counts.
                tally => *tally = Some(Tally::new(kind, done, total, at_ms)),
            }
            return rest;
        }
        self.packages(line, at_ms);
        if line.starts_with("Downloaded ") {
            // cargo says of each crate that it is there, and at last of all: `Downloaded 93 crates (…) in 2s`.
            let one = line.split(' ').nth(2).is_some_and(|version| version.starts_with('v'));
            if let Some(tally) = self.tally.as_mut().filter(|tally| one && tally.of_step) {
                tally.done = (tally.done + 1).min(tally.total);
            }
        }
        line
    }

    /// apt and dpkg: `0 upgraded, 11 newly installed, …`, then `Get:3`, `Unpacking` and `Setting up` for each.
    fn packages(&mut self, line: &str, at_ms: u64) {
        if let Some((upgraded, rest)) = line.split_once(" upgraded, ") {
            let new = rest.split_once(" newly installed").map(|(new, _)| new);
            if let (Ok(upgraded), Some(Ok(new))) = (upgraded.parse::<u64>(), new.map(str::parse::<u64>)) {
                *self = Self { tally: self.tally.take(), packages: upgraded + new, ..Self::default() };
            }
            return;
        }
        let done = if let Some(got) = line.strip_prefix("Get:") {
            got.split(' ').next().and_then(|number| number.parse().ok())
        } else if line.starts_with("Unpacking ") {
            self.unpacked += 1;
            Some(self.unpacked)
        } else if line.starts_with("Setting up ") {
            self.set_up += 1;
            Some(self.set_up)
        } else {
            None
        };
        if let Some(done) = done.filter(|done| *done <= self.packages) {
            self.tally = Some(Tally::new(Kind::Unlike, done, self.packages, at_ms));
        }
    }
}

/// `[12/200] text` of ninja and Meson, `[ 45%] text` of makefiles that CMake wrote, `[ 45%]: text` of xmake.
fn bracketed(line: &str) -> Option<(Kind, u64, u64, &str)> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.strip_prefix(':').unwrap_or(rest).trim_start();
    if let Some(percent) = inside.strip_suffix('%') {
        let percent = percent.trim_start().parse().ok().filter(|percent| *percent <= 100)?;
        return Some((Kind::Percent, percent, 100, rest));
    }
    let (done, total) = inside.split_once('/')?;
    let (done, total) = (done.trim_start().parse().ok()?, total.trim_end().parse().ok()?);
    (done <= total && total > 0).then_some((Kind::Alike, done, total, rest))
}

/// Whether a line tells a reader something by itself: neither what points into the line above, nor an excerpt of a
/// source, nor that make changes directories.
pub fn says_something(line: &str) -> bool {
    let line = line.trim();
    // `  123 | int x;`, `      |     ^~~~`, `   |   ++++`
    let gutter = line.trim_start_matches(|character: char| character.is_ascii_digit()).trim_start();
    let make = |line: &str| line.starts_with("make") && line.contains("ing directory ");
    line.chars().any(char::is_alphanumeric)
        && !gutter.starts_with('|')
        && !line.starts_with("--> ")
        && !line.starts_with("::: ")
        && !make(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> (String, Vec<String>) {
        let mut counter = Counter::default();
        let rest = lines.iter().map(|line| counter.read(line, 0).to_owned()).collect();
        (counter.tally().map_or_else(String::new, |tally| tally.describe(1000)), rest)
    }

    #[test]
    fn what_tools_count_is_read_and_taken_off_the_line() {
        for (line, count, rest) in [
            ("[12/200] Building C object a.o", "12/200", "Building C object a.o"),
            ("[ 45%] Built target x", "45%", "Built target x"),
            ("[  7%]: cache compiling.release src/a.cc", "7%", "cache compiling.release src/a.cc"),
            ("[100%]: build ok, spent 2.1s", "100%", "build ok, spent 2.1s"),
        ] {
            assert_eq!(shown(&[line]), (count.to_owned(), vec![rest.to_owned()]));
        }
        for line in ["[a/b] x", "[200/12] x", "[0/0] x", "[info] x", "[ 145%] x", "CC a.o", "[12/200 x"] {
            assert_eq!(shown(&[line]), (String::new(), vec![line.to_owned()]), "{line}");
        }
    }

    #[test]
    fn crates_are_counted_against_what_the_step_says_there_are() {
        let mut counter = Counter::default();
        counter.told(2, 4, 0);
        counter.begin();
        for line in
            ["Downloading crates ...", "  Downloaded serde v1.0.1", "Downloaded 2 crates (1.0 MB) in 2s"]
        {
            counter.read(line, 0);
        }
        assert_eq!(counter.tally().unwrap().describe(0), "3/4");
    }

    #[test]
    fn packages_are_counted_by_what_happens_to_them() {
        let told = "1 upgraded, 3 newly installed, 0 to remove and 2 not upgraded.";
        assert_eq!(shown(&["Get:3 lists"]).0, "", "before it is said how many there are");
        assert_eq!(shown(&[told, "Get:3 x y amd64 1 [2 kB]"]).0, "3/4");
        assert_eq!(shown(&[told, "Get:4 x", "Unpacking nasm (2.16) ..."]).0, "1/4");
        assert_eq!(
            shown(&[told, "Unpacking a (1) ...", "Setting up a (1) ...", "Setting up b (1) ..."]).0,
            "2/4"
        );
    }

    #[test]
    fn the_time_left_is_told_of_like_things_that_were_measured_long_enough() {
        let mut counter = Counter::default();
        counter.read("[100/200] a", 1_000);
        counter.read("[130/200] a", 61_000);
        let tally = counter.tally().unwrap();
        // What a resumed build had done before is not part of the rate.
        assert_eq!(tally.describe(61_000), "130/200, about 2 min left");
        // One a second for a minute, then four: what was before three minutes no longer counts.
        for second in 62..=400 {
            counter.read(
                &format!("[{}/2000] b", (second - 62) * if second < 122 { 1 } else { 4 }),
                second * 1000,
            );
        }
        assert_eq!(counter.tally().unwrap().describe(400_000), "1352/2000, about 2 min left");
        counter.read("[119/200] a", 401_000);
        assert_eq!(counter.tally().unwrap().describe(429_000), "119/200", "it began anew");
        let mut crates = Counter::default();
        crates.told(0, 10, 0);
        crates.told(5, 10, 600_000);
        assert_eq!(crates.tally().unwrap().describe(600_000), "5/10");
    }

    #[test]
    fn a_line_that_only_points_elsewhere_says_nothing() {
        for line in [
            "      |         ^~~~~~~~",
            "   |   ++++",
            "  123 | #include <zlib.h>",
            "     ^~~~",
            "  --> src/main.rs:3:5",
            "----------",
            "make[2]: Leaving directory '/build'",
            "",
        ] {
            assert!(!says_something(line), "{line}");
        }
        for line in
            ["CC a.o", "a.c:1:2: warning: unused `x`", "= note: see", "30 files", "make: *** [x] Error 1"]
        {
            assert!(says_something(line), "{line}");
        }
    }
}
