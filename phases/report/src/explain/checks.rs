//! How it is seen that a component works, as commands that one could paste.

use model::case::Check;
use model::plan::Verify;
use model::shell;
use model::verify_level::VerifyLevel;

pub(super) fn lines(check: &Check, verify: &Verify) -> Vec<String> {
    let command = |words: &[String]| {
        let placed = words.iter().map(|word| {
            let word = word.replace("{prefix}", verify.prefix.as_str());
            shell::word(&word.replace("{scratch}", verify.directory.as_str()))
        });
        format!("$ {}", placed.collect::<Vec<_>>().join(" "))
    };
    let (what, commands) = match check {
        Check::Run { command: words, contains: Some(text), .. } => {
            (format!("a command succeeds and prints `{text}`"), vec![command(words)])
        }
        Check::Run { command: words, contains: None, .. } => {
            ("a command succeeds".to_owned(), vec![command(words)])
        }
        Check::SameOutput { before, left, right, .. } => {
            let both = before.iter().chain([left, right]);
            ("the last two commands print the same".to_owned(), both.map(|words| command(words)).collect())
        }
        Check::Library { name, exports, .. } => {
            let exports = match exports.as_slice() {
                [] => String::new(),
                some => format!(" exports {} and", some.join(", ")),
            };
            (format!("{name}{exports} finds every symbol that it needs (`ldd -r`)"), Vec::new())
        }
        Check::Http { serve, path, status, contains, .. } => {
            let text = contains.as_ref().map_or_else(String::new, |text| format!(" and `{text}`"));
            (format!("a server answers {path} with {status}{text}"), vec![command(serve)])
        }
    };
    let level = match check.level() {
        VerifyLevel::Import => "",
        VerifyLevel::Link => " (level link)",
        VerifyLevel::Device => " (level device)",
    };
    let commands = commands.into_iter().map(|line| format!("    {line}"));
    std::iter::once(format!("check: {what}{level}")).chain(commands).collect()
}
