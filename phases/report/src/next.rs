//! What the user can type next.

use model::plan::Phase;

use crate::Run;

/// What kind of run it is that the user sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The phases of a case.
    #[default]
    Phases,
    /// A look at what is installed, which builds nothing.
    Verify,
    /// Something of its own, after which no phase follows.
    Apart,
}

impl Purpose {
    /// What it is called.
    pub(crate) fn name(self, run: &Run) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Phases | Self::Apart => run.report.phase.map_or("run", Phase::as_str),
        }
    }

    /// Why a step runs, where that is worth telling: to verify is to look again, whatever was before.
    pub(crate) fn why(self, why: &str) -> &str {
        if self == Self::Verify { "" } else { why }
    }
}

/// What the user can type next, as the command line knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// What kind of run it is.
    pub purpose: Purpose,
    /// How the program was called: `installer`, `cargo xtask`.
    pub program: String,
    /// The whole command line of this run.
    pub again: String,
    /// The arguments that another subcommand needs to mean the same: `--case quickstart`.
    pub arguments: String,
    /// The same for `verify`, which reads no source.
    pub verify: String,
    /// The directories in which the user's shell looks for programs; empty when that is not known.
    pub path: Vec<String>,
    /// Where `deps` leaves what it brought.
    pub artifacts: String,
}

impl Next {
    /// The same without anything that a terminal would obey: a directory may be called anything.
    pub(crate) fn visible(self) -> Self {
        let visible = |text: String| model::visible::visible(&text).into_owned();
        Self {
            purpose: self.purpose,
            program: visible(self.program),
            again: visible(self.again),
            arguments: visible(self.arguments),
            verify: visible(self.verify),
            path: self.path.into_iter().map(visible).collect(),
            artifacts: visible(self.artifacts),
        }
    }

    /// Advice with commands that can be typed as they stand: whoever gives it does not know how the case was named.
    pub(crate) fn spelled_out(&self, advice: &str) -> String {
        const WITH_A_CASE: [&str; 7] = ["deps", "build", "all", "plan", "explain", "shell", "verify"];
        if self.arguments.is_empty() {
            return advice.to_owned();
        }
        let spelled = |quoted: &str| {
            let words = quoted.strip_prefix("installer ")?;
            let first = words.split(' ').next()?;
            let needs_case = WITH_A_CASE.contains(&first) && !words.contains("--case");
            let arguments = if needs_case { format!(" {}", self.arguments) } else { String::new() };
            Some(format!("{} {words}{arguments}", self.program))
        };
        // Every second piece stands between two backticks.
        let pieces = advice.split('`').enumerate();
        let pieces = pieces.map(|(number, piece)| {
            spelled(piece).filter(|_| number % 2 == 1).unwrap_or_else(|| piece.to_owned())
        });
        pieces.collect::<Vec<_>>().join("`")
    }
}

#[cfg(test)]
mod tests {
    use super::Next;

    #[test]
    fn commands_in_advice_name_the_case() {
        let next = Next {
            program: "cargo xtask".to_owned(),
            again: String::new(),
            arguments: "--case mine".to_owned(),
            ..Next::default()
        };
        for (advice, expected) in [
            ("run `installer deps`, or: x", "run `cargo xtask deps --case mine`, or: x"),
            (
                "`installer deps` or `installer all`",
                "`cargo xtask deps --case mine` or `cargo xtask all --case mine`",
            ),
            (
                "what `installer deps --print-root-commands` prints",
                "what `cargo xtask deps --print-root-commands --case mine` prints",
            ),
            ("`installer build --case other`", "`cargo xtask build --case other`"),
            ("`installer doctor` and `make`", "`cargo xtask doctor` and `make`"),
            ("installer deps ` alone", "installer deps ` alone"),
        ] {
            assert_eq!(next.spelled_out(advice), expected);
        }
        assert_eq!(Next::default().spelled_out("run `installer deps`"), "run `installer deps`");
    }
}
