//! Figures as people read them, and lines that fit.

use std::collections::BTreeMap;

use model::event::BY_HASH_ONLY;
use model::visible::is_obeyed;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Of paths that are longer than this, in columns, the directories may be left out.
const LONG_PATH: usize = 20;

/// A line of a text.
pub(crate) fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// A duration: `0.4 s`, `42.1 s`, `3m 07s`, `1h 02m`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A duration of whole seconds: `21 s`, `3m 07s`, `1h 02m`.
pub fn seconds(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { duration(seconds.saturating_mul(1000)) }
}

/// A duration of which nobody knows the seconds: `4 min`, `1h 02m`.
pub fn minutes(minutes: u64) -> String {
    if minutes < 60 { format!("{minutes} min") } else { duration(minutes.saturating_mul(60_000)) }
}

/// A size in binary units: `512 B`, `10.1 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut divisor = 1024_u64;
    while unit + 1 < UNITS.len() && bytes / divisor >= 1024 {
        divisor *= 1024;
        unit += 1;
    }
    let tenths = u128::from(bytes) * 10 / u128::from(divisor);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Who reached for the network, and when the step is ended for it.
pub(crate) fn leak(process: &str, wanted: &str, grace_seconds: Option<u32>) -> String {
    let rest = grace_seconds.map_or_else(String::new, |grace| match grace {
        0 => "; the step is ended".to_owned(),
        _ => format!("; the step fails, and is ended in {grace} s if it goes on"),
    });
    format!("by {process}: {}{rest}", clean(wanted))
}

/// `1 step`, `3 steps`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The figures of a step: `10.1 MiB, 12 packages`. `bytes` and names that end in `_bytes` are sizes.
pub fn figures(figures: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> = figures
        .iter()
        .map(|(name, value)| {
            if name == BY_HASH_ONLY {
                return "checked by hash only".to_owned();
            }
            let name = name.replace('_', " ");
            match name.strip_suffix("bytes") {
                Some("") => bytes(*value),
                Some(what) if what.ends_with(' ') => format!("{what}{}", bytes(*value)),
                _ => match name
                    .strip_suffix("es")
                    .filter(|noun| noun.ends_with("ch"))
                    .or(name.strip_suffix('s'))
                {
                    Some(noun) if *value == 1 => format!("1 {noun}"),
                    _ => format!("{value} {name}"),
                },
            }
        })
        .collect();
    words.join(", ")
}

/// One line without anything that moves a cursor: escape sequences and control characters are dropped, a tab is a
/// space, and of a line that redraws itself (`\r`) the last state is kept.
pub fn clean(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
    let mut cleaned = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => skip_escape(&mut characters),
            '\t' => cleaned.push(' '),
            other if is_obeyed(other) => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Several lines, each as [`clean`] leaves it.
pub fn clean_lines(lines: &str) -> String {
    lines.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// Skips the rest of an escape sequence (ECMA-48): `[ … final` and `] … BEL` or `ESC \`, else one character.
fn skip_escape(characters: &mut std::str::Chars<'_>) {
    match characters.next() {
        Some('[') => {
            let _ = characters.find(|character| ('\x40'..='\x7e').contains(character));
        }
        Some(']') => {
            let mut escape = false;
            for character in characters.by_ref() {
                if character == '\x07' || (escape && character == '\\') {
                    break;
                }
                escape = character == '\x1b';
            }
        }
        _ => {}
    }
}

/// The text without the filling of the RPATH that stands in for the real one until a component is installed: it is as
/// long as the longest one may be.
pub fn without_filling(text: &str) -> String {
    const BEFORE: &str = "/installer-rpath-placeholder/x";
    let mut parts = text.split(BEFORE);
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches('x');
        short.push_str(BEFORE);
        if rest.len() < part.len() {
            short.push('…');
            short.push_str(rest.strip_prefix("/end/").unwrap_or(rest));
        } else {
            short.push_str(rest);
        }
    }
    short
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to at most `columns` columns, with `…` where something was cut. A wide character is never halved.
pub fn truncate(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut cut = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > room {
            break;
        }
        used += wide;
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// The text cut to at most `columns` columns: directories of long paths first, then words at its end.
pub fn shorten(text: &str, columns: usize) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let joined = |words: &[String]| words.join(" ");
    while joined(&words).width() > columns {
        let long = words.iter_mut().filter(|word| word.width() > LONG_PATH && !word.contains('…'));
        let longest =
            long.filter(|word| word.trim_end_matches('/').contains('/')).max_by_key(|word| word.width());
        let Some(word) = longest else { break };
        let name = word.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        // Of `--prefix=/a/long/path` the option stays.
        let option = word.split_once("=/").map_or_else(String::new, |(option, _)| format!("{option}="));
        *word = format!("{option}…/{name}");
    }
    let text = joined(&words);
    if text.width() <= columns {
        return text;
    }
    let cut = truncate(&text, columns);
    let whole = cut.trim_end_matches('…');
    let at_word = text.get(whole.len()..).is_some_and(|rest| rest.starts_with(' '));
    match whole.rsplit_once(' ') {
        _ if at_word => cut,
        // Not where a word takes most of the line.
        Some((kept, _)) if kept.trim_end().width() * 2 >= columns => format!("{} …", kept.trim_end()),
        _ => cut,
    }
}

/// The text filled with spaces to `columns` columns.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_scale() {
        let shown: Vec<String> =
            [0, 49, 999, 59_999, 60_000, 187_400, 3_600_000, 90_061_000].map(duration).to_vec();
        assert_eq!(shown, ["0.0 s", "0.0 s", "0.9 s", "59.9 s", "1m 00s", "3m 07s", "1h 00m", "25h 01m"]);
    }

    #[test]
    fn sizes_read_well_at_every_scale() {
        let shown: Vec<String> = [0, 1023, 1024, 10_600_000, 1 << 30, u64::MAX].map(bytes).to_vec();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "10.1 MiB", "1.0 GiB", "16777215.9 TiB"]);
    }

    #[test]
    fn figures_are_worded() {
        let map = [("bytes", 2048), ("download_bytes", 1 << 20), ("files", 1), ("packages", 12)]
            .map(|(k, v)| (k.to_owned(), v));
        assert_eq!(figures(&map.into()), "2.0 KiB, download 1.0 MiB, 1 file, 12 packages");
        let by_hash = [(BY_HASH_ONLY, 1), ("files", 3)].map(|(k, v)| (k.to_owned(), v));
        assert_eq!(figures(&by_hash.into()), "checked by hash only, 3 files");
    }

    #[test]
    fn nothing_that_moves_the_cursor_survives() {
        assert_eq!(clean("\x1b[31mred\x1b[0m\tand\x07 \x1b]0;title\x07plain\r\n"), "red and plain");
        assert_eq!(clean(" 10%\r 20%\r 30%"), " 30%");
        assert_eq!(clean("\x1b]8;;x\x1b\\link\x1b]8;;\x1b\\ \u{202e}evil"), "link evil");
        assert_eq!(clean("cut \x1b["), "cut ");
    }

    #[test]
    fn the_filling_of_the_placeholder_is_left_out() {
        let long = format!("-Drpath=/installer-rpath-placeholder/{}/end/ -DX=xx", "x".repeat(160));
        assert_eq!(without_filling(&long), "-Drpath=/installer-rpath-placeholder/x… -DX=xx");
        assert_eq!(without_filling("xx /installer-rpath-placeholder/x"), "xx /installer-rpath-placeholder/x");
    }

    #[test]
    fn what_is_too_long_loses_directories_then_whole_words() {
        let object = "Building CXX object modules/core/CMakeFiles/opencv_core.dir/src/arithm.cpp.o";
        assert_eq!(shorten(object, 80), object);
        assert_eq!(shorten(object, 60), "Building CXX object …/arithm.cpp.o");
        assert_eq!(shorten("install what the components need", 25), "install what the …");
        assert_eq!(shorten("install what the components need", 29), "install what the components …");
        assert_eq!(
            shorten("configure --prefix=/a/very/long/place --x", 36),
            "configure --prefix=…/place --x"
        );
        assert_eq!(shorten("averyveryverylongwordofmanyletters", 10), "averyvery…");
        assert_eq!(shorten("averyveryverylongwordofmanyletters of", 10), "averyvery…");
    }

    #[test]
    fn times_that_are_left_are_durations() {
        assert_eq!([21, 60, 372, 3720].map(seconds), ["21 s", "1m 00s", "6m 12s", "1h 02m"]);
        assert_eq!([1, 59, 62].map(minutes), ["1 min", "59 min", "1h 02m"]);
    }

    #[test]
    fn wide_characters_are_never_halved() {
        assert_eq!(truncate("编译中文件", 10), "编译中文件");
        assert_eq!(truncate("编译中文件", 9), "编译中文…");
        assert_eq!(truncate("编译中文件", 8), "编译中…");
        assert_eq!(truncate("abc", 1), "…");
        assert_eq!(truncate("abc", 0), "");
        assert_eq!(pad("编", 4), "编  ");
    }
}
