//! Words that may be the case or something of it: `verify quickstart ffmpeg`, `explain build/ffmpeg/compile quickstart`.
//!
//! A word is the case when it is a path to one, or names a case and no component or step. Which components there are
//! depends on the case, so every word that could be it is tried: it is the one that the other words fit to.

use model::case::Overrides;

use crate::args::Common;
use crate::cases;
use crate::error::{Error, Result};
use crate::load::case_name;

/// Names that differ in more letters are hardly slips of the same.
const SLIPS: usize = 2;

/// What is known of words before a case is read.
struct Vocabulary<'a> {
    /// The case of `--case`.
    typed: Option<&'a str>,
    /// The case that a variable names.
    default: Option<&'a str>,
    is_case: &'a dyn Fn(&str) -> bool,
    /// Whether a case has something of this name: case, word.
    has: &'a dyn Fn(&str, &str) -> bool,
}

/// The words told apart.
#[derive(Debug, PartialEq, Eq)]
enum Split {
    /// The case, if it is among the words, and the others.
    Told(Option<String>, Vec<String>),
    /// Each of these may be the case.
    Ambiguous(Vec<String>),
}

/// The command line with a case that stands in it as a word.
pub fn with_case(common: &Common, word: Option<&str>) -> Result<Common> {
    let Some(word) = word else { return Ok(common.clone()) };
    let case = case_name(common, Some(word))?;
    Ok(Common { case: Some(case), ..common.clone() })
}

/// Components, and the case.
pub fn components_and_case(common: &Common, words: &[String]) -> Result<(Common, Vec<String>)> {
    let has = |case: &str, word: &str| word == "python" || components(case).iter().any(|name| name == word);
    told(common, |known| any_and_case(words, known), &has)
}

/// The id of a step, and the case.
pub fn step_and_case(common: &Common, words: &[String]) -> Result<(Common, String)> {
    let has = |case: &str, word: &str| word.contains('/') || components(case).iter().any(|name| name == word);
    exactly_one(common, words, "step", &has)
}

/// Something that can have any name, and the case.
pub fn one_and_case(common: &Common, words: &[String], what: &str) -> Result<(Common, String)> {
    exactly_one(common, words, what, &|_, _| true)
}

fn exactly_one(
    common: &Common,
    words: &[String],
    what: &str,
    has: &dyn Fn(&str, &str) -> bool,
) -> Result<(Common, String)> {
    let (common, others) = told(common, |known| one_of_two(words, known), has)?;
    match <[String; 1]>::try_from(others) {
        Ok([one]) => Ok((common, one)),
        Err(others) if others.is_empty() => {
            let case = common.case.unwrap_or_default();
            let list = match what {
                "step" => format!(" (`installer plan {case}` lists the steps)"),
                _ => String::new(),
            };
            Err(Error::usage(format!("`{case}` is the case, and no {what} is given"))
                .with_help(format!("name the {what} and the case{list}")))
        }
        Err(others) => {
            Err(Error::usage(format!("more than one {what} is given: `{}`", others.join("` and `")))
                .with_help("give one, and the case with --case"))
        }
    }
}

fn told(
    common: &Common,
    split: impl Fn(&Vocabulary<'_>) -> Split,
    has: &dyn Fn(&str, &str) -> bool,
) -> Result<(Common, Vec<String>)> {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let of_variable = variable("INSTALLER_CASE");
    // Clap puts the variable into the flag.
    let typed = common.case.as_deref().filter(|case| of_variable.as_deref() != Some(case));
    let default = of_variable.clone().or_else(cases::default);
    let known = Vocabulary { typed, default: default.as_deref(), is_case: &cases::exists, has };
    match split(&known) {
        Split::Told(Some(case), others) => Ok((Common { case: Some(case), ..common.clone() }, others)),
        Split::Told(None, others) => {
            if typed.is_none() && default.is_none() {
                refuse_slip(&others)?;
            }
            Ok((common.clone(), others))
        }
        Split::Ambiguous(words) => {
            Err(Error::usage(format!("it is not clear which of `{}` is the case", words.join("` and `")))
                .with_help(format!("say which one is: --case {}", words.first().map_or("", String::as_str))))
        }
    }
}

/// Where no case is given at all, a word that is nearly one was meant to be it.
fn refuse_slip(words: &[String]) -> Result<()> {
    let names = cases::names();
    let near = |word: &&String| {
        let long = names.iter().map(String::as_str).filter(|name| name.len() > 2 * SLIPS);
        model::nearest::closest(word, long, Some(SLIPS)).is_some()
    };
    // The search says how the case is spelled.
    words.iter().find(near).map_or(Ok(()), |word| cases::find(word).map(drop))
}

/// The names of a case's components; none when it cannot be read, which using it will say.
fn components(case: &str) -> Vec<String> {
    let Ok(found) = cases::find(case) else { return Vec::new() };
    let mut parent = |wanted: &str, child: &str| cases::parent(wanted, child);
    model::case::source_names(found.file, &mut parent, &Overrides::default())
        .map(|names| names.components.into_iter().map(|(component, _)| component).collect())
        .unwrap_or_default()
}

/// Any number of words of a case, and perhaps the case.
fn any_and_case(words: &[String], known: &Vocabulary<'_>) -> Split {
    if let Some(case) = known.typed {
        return beside_flag(words, case, known);
    }
    if known.default.is_some_and(|case| words.iter().all(|word| (known.has)(case, word))) {
        return Split::Told(None, words.to_vec());
    }
    match among(words, known) {
        Some(split) => split,
        None => Split::Told(None, words.to_vec()),
    }
}

/// One word of a case, and perhaps the case.
fn one_of_two(words: &[String], known: &Vocabulary<'_>) -> Split {
    if let Some(case) = known.typed {
        return beside_flag(words, case, known);
    }
    let [word] = words else {
        return among(words, known).unwrap_or_else(|| Split::Told(None, words.to_vec()));
    };
    let is_other = known.default.is_some_and(|case| (known.has)(case, word));
    let is_case = !is_other && (known.is_case)(word);
    match is_case {
        true => Split::Told(Some(word.clone()), Vec::new()),
        false => Split::Told(None, words.to_vec()),
    }
}

/// The case is said already; said twice it is still one.
fn beside_flag(words: &[String], case: &str, known: &Vocabulary<'_>) -> Split {
    let twice = |word: &&String| word.as_str() == case && !(known.has)(case, word);
    Split::Told(None, words.iter().filter(|word| !twice(word)).cloned().collect())
}

/// The word that is the case; none where no word is one.
fn among(words: &[String], known: &Vocabulary<'_>) -> Option<Split> {
    let candidates: Vec<usize> = (0..words.len()).filter(|at| (known.is_case)(&words[*at])).collect();
    let others = |at: usize| {
        let kept = words.iter().enumerate().filter(|(other, _)| *other != at);
        kept.map(|(_, word)| word.clone()).collect::<Vec<String>>()
    };
    let fits = |at: &&usize| others(**at).iter().all(|word| (known.has)(&words[**at], word));
    let fitting: Vec<usize> = candidates.iter().filter(fits).copied().collect();
    let one = match (fitting.as_slice(), candidates.as_slice()) {
        ([one], _) | ([], [one]) => *one,
        ([], []) => return None,
        ([], several) | (several, _) => {
            return Some(Split::Ambiguous(several.iter().map(|at| words[*at].clone()).collect()));
        }
    };
    Some(Split::Told(Some(words[one].clone()), others(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// quickstart has ffmpeg and sfz; ffmpeg is a case as well, of tool; a and b have each other.
    fn components(case: &str) -> &'static [&'static str] {
        match case {
            "quickstart" | "./quickstart.toml" => &["ffmpeg", "sfz"],
            "ffmpeg" => &["tool"],
            "a" => &["b"],
            "b" => &["a"],
            _ => &[],
        }
    }

    fn is_case(word: &str) -> bool {
        ["quickstart", "./quickstart.toml", "ffmpeg", "a", "b", "other"].contains(&word)
    }

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn told(case: &str, others: &str) -> Split {
        Split::Told((!case.is_empty()).then(|| case.to_owned()), words(others))
    }

    #[test]
    fn components_and_the_case_are_told_apart() {
        let has = |case: &str, word: &str| word == "python" || components(case).contains(&word);
        // Words, --case, the variable, what they mean.
        for (line, typed, default, expected) in [
            ("", "", "", told("", "")),
            ("quickstart", "", "", told("quickstart", "")),
            ("./quickstart.toml", "", "", told("./quickstart.toml", "")),
            ("quickstart ffmpeg", "", "", told("quickstart", "ffmpeg")),
            ("ffmpeg quickstart", "", "", told("quickstart", "ffmpeg")),
            ("sfz python ./quickstart.toml ffmpeg", "", "", told("./quickstart.toml", "sfz python ffmpeg")),
            ("ffmpeg", "quickstart", "", told("", "ffmpeg")),
            ("ffmpeg", "", "quickstart", told("", "ffmpeg")),
            ("ffmpeg", "", "", told("ffmpeg", "")),
            ("ffmpeg", "", "other", told("ffmpeg", "")),
            ("tool ffmpeg", "", "quickstart", told("ffmpeg", "tool")),
            ("quickstart", "quickstart", "", told("", "")),
            ("quickstart", "", "other", told("quickstart", "")),
            ("sfz", "", "", told("", "sfz")),
            ("gone quickstart", "", "", told("quickstart", "gone")),
            ("gone", "quickstart", "", told("", "gone")),
            // Each fits to the other, or neither does.
            ("a b", "", "", Split::Ambiguous(words("a b"))),
            ("a other", "", "", Split::Ambiguous(words("a other"))),
            ("a b", "a", "", told("", "b")),
        ] {
            let known = Vocabulary {
                typed: Some(typed).filter(|case| !case.is_empty()),
                default: Some(default).filter(|case| !case.is_empty()),
                is_case: &is_case,
                has: &has,
            };
            assert_eq!(any_and_case(&words(line), &known), expected, "{line} --case {typed} ({default})");
        }
    }

    #[test]
    fn a_step_and_the_case_are_told_apart() {
        let has = |case: &str, word: &str| word.contains('/') || components(case).contains(&word);
        for (line, typed, default, expected) in [
            ("build/ffmpeg/configure quickstart", "", "", told("quickstart", "build/ffmpeg/configure")),
            ("quickstart build/ffmpeg/configure", "", "", told("quickstart", "build/ffmpeg/configure")),
            ("./quickstart.toml build/x/stage", "", "other", told("./quickstart.toml", "build/x/stage")),
            ("build/ffmpeg/configure", "", "", told("", "build/ffmpeg/configure")),
            ("build/ffmpeg/configure", "quickstart", "", told("", "build/ffmpeg/configure")),
            ("ffmpeg quickstart", "", "", told("quickstart", "ffmpeg")),
            ("ffmpeg", "", "quickstart", told("", "ffmpeg")),
            ("quickstart", "", "", told("quickstart", "")),
            ("a b", "", "", Split::Ambiguous(words("a b"))),
            ("no nothing", "", "", told("", "no nothing")),
        ] {
            let known = Vocabulary {
                typed: Some(typed).filter(|case| !case.is_empty()),
                default: Some(default).filter(|case| !case.is_empty()),
                is_case: &is_case,
                has: &has,
            };
            assert_eq!(one_of_two(&words(line), &known), expected, "{line} --case {typed} ({default})");
        }
    }
}
