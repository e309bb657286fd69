//! What `scripts/build.py` and `scripts/deps_sync.sh` of a project of presets were called with. An old command line in, the
//! one of today out.

use std::collections::BTreeMap;

use model::nearest;

use crate::options::{Refused, Translated};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetScript {
    /// `build.py`: an image of a preset.
    Build,
    /// `deps_sync.sh`: what an image of a preset needs from a network.
    DepsSync,
}

/// Options of `build.py`, each with whether it takes a value and what it means now.
const OPTIONS: [(&str, bool, &str); 9] = [
    ("--preset", true, "--case NAME"),
    ("--build-type", true, "the last stage of the image: `runtime`, or `dev` for the stage `build`"),
    ("--target", true, "the same"),
    ("--build-mode", true, "nothing: `build` never uses a network"),
    ("--xaiva-branch", true, "refused: check the branch out, and give the directory with --source"),
    ("--non-interactive", false, "-y"),
    ("--list-presets", false, "installer case list"),
    ("--dry-run", false, "installer plan"),
    ("--help", false, "this"),
];

impl PresetScript {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Build, Self::DepsSync];

    /// Its file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Build => "build.py",
            Self::DepsSync => "deps_sync.sh",
        }
    }

    /// What it takes, and what that is now.
    pub fn help(self) -> String {
        match self {
            Self::Build => {
                let lines = OPTIONS.iter().map(|(name, takes_value, now)| {
                    let value = if *takes_value { " VALUE" } else { "" };
                    format!("  {:24}{now}\n", format!("{name}{value}"))
                });
                format!("build.py [OPTIONS]\n\n{}", lines.collect::<String>())
            }
            Self::DepsSync => "deps_sync.sh PRESET\n\n  PRESET  installer deps --case PRESET\n".to_owned(),
        }
    }
}

/// The command lines of today. Without a preset, the one of `.env` is meant, or the user is asked.
///
/// # Errors
/// When an option is unknown, or what it asks for is done in another way.
pub fn translate(script: PresetScript, words: &[String]) -> Result<Translated, Refused> {
    match script {
        PresetScript::Build => build(words),
        PresetScript::DepsSync => deps_sync(words),
    }
}

fn deps_sync(words: &[String]) -> Result<Translated, Refused> {
    let (options, presets): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.starts_with('-'));
    if let Some(option) = options.first() {
        return Err(Refused::new(format!("deps_sync.sh has no option `{option}`"), "deps_sync.sh PRESET"));
    }
    let case = match presets[..] {
        [] => Vec::new(),
        [preset] => vec!["--case".to_owned(), preset.clone()],
        _ => return Err(Refused::new("deps_sync.sh takes one preset", "call it once for each")),
    };
    let note =
        "it also installs the packages of the distribution, and prints what needs root where it is not root";
    Ok(Translated { commands: vec![[vec!["deps".to_owned()], case].concat()], notes: vec![note.to_owned()] })
}

fn build(words: &[String]) -> Result<Translated, Refused> {
    let given = read(words)?;
    let value = |name: &str| given.get(name).map(String::as_str);
    let mut case: Vec<String> =
        value("--preset").into_iter().flat_map(|preset| ["--case".to_owned(), preset.to_owned()]).collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    if value("--list-presets").is_some() {
        return Ok(Translated { commands: vec![words(&["case", "list"])], notes: Vec::new() });
    }
    if let Some(branch) = value("--xaiva-branch") {
        return Err(Refused::new(
            format!("--xaiva-branch {branch}: no branch is checked out in a directory of yours"),
            "check it out there, or with `git worktree add` elsewhere, and give the directory: XAIVA_MEDIA_PATH in .env, or \
             --source xaiva-media=PATH",
        ));
    }
    let stage = match value("--build-type").or(value("--target")).unwrap_or("runtime") {
        stage @ ("runtime" | "deps" | "build") => stage,
        "dev" | "devel" | "builder" => "build",
        other => {
            return Err(Refused::new(
                format!("`{other}` is no type of image"),
                "write runtime or dev: those are the stages `runtime` and `build`",
            ));
        }
    };
    let tag = value("--preset").unwrap_or("app");
    let render = [words(&["image", "dockerfile"]), case.clone()].concat();
    let image = format!(
        "`{} >Dockerfile.{tag}`, then `docker build -f Dockerfile.{tag} --target {stage} -t {tag} .`, makes the image",
        crate::options::line(&render)
    );
    if value("--dry-run").is_none() {
        return Err(Refused::new("an image is made by docker, of a Dockerfile that installer writes", image));
    }
    if value("--non-interactive").is_some() {
        case.push("-y".to_owned());
    }
    let mut notes = vec![image];
    notes.extend(
        value("--build-mode")
            .map(|mode| format!("--build-mode {mode} changes nothing: `build` never uses a network")),
    );
    Ok(Translated { commands: vec![[words(&["plan"]), case].concat()], notes })
}

/// Options with their values; a switch has an empty one.
fn read(words: &[String]) -> Result<BTreeMap<&'static str, String>, Refused> {
    let mut given = BTreeMap::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let Some((name, takes_value, _)) = OPTIONS.iter().find(|(known, ..)| *known == name) else {
            let near = nearest::closest(name, OPTIONS.iter().map(|(known, ..)| *known), None);
            let help =
                near.map_or("--help lists its options".to_owned(), |near| format!("did you mean {near}?"));
            return Err(Refused::new(format!("build.py has no option `{name}`"), help));
        };
        let value = match (takes_value, value) {
            (true, value) => value.or_else(|| words.next().cloned()),
            (false, None) => Some(String::new()),
            (false, Some(_)) => None,
        };
        let Some(value) = value.filter(|value| !takes_value || !value.is_empty()) else {
            let wrong = if *takes_value { "needs a value" } else { "takes no value" };
            return Err(Refused::new(format!("{name} {wrong}"), "--help lists its options"));
        };
        given.insert(*name, value);
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::line;

    fn told(script: PresetScript, text: &str) -> String {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        match translate(script, &words) {
            Ok(translated) => {
                let lines = translated.commands.iter().map(|words| line(words));
                lines.chain(translated.notes.iter().cloned()).collect::<Vec<_>>().join("\n")
            }
            Err(refused) => format!("refused: {refused} ({})", refused.help.as_deref().unwrap_or_default()),
        }
    }

    #[test]
    fn old_command_lines_are_mapped_or_refused_with_what_to_use() {
        let mut shown = String::new();
        for line in [
            "--list-presets",
            "--preset u22 --build-type runtime --non-interactive --dry-run",
            "--preset=u22 --target dev --build-mode offline --dry-run",
            "--dry-run",
            "--preset u22 --build-type dev",
            "--preset u22 --xaiva-branch main",
            "--preset u22 --build-type everything",
            "--prest u22",
            "--preset",
            "--dry-run=yes",
        ] {
            shown += &format!("build.py {line}\n{}\n\n", told(PresetScript::Build, line));
        }
        for line in ["u22", "", "a b", "--all"] {
            shown += &format!("deps_sync.sh {line}\n{}\n\n", told(PresetScript::DepsSync, line));
        }
        insta::assert_snapshot!(shown);
    }
}
