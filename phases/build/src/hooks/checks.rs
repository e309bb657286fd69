//! Checks that hooks make.

use model::case::Check;
use model::verify_level::VerifyLevel;

/// Python text that imports modules and fails where the last does not come from below a prefix: a base image may have
/// brought another of the same name. The prefix as the environment names it counts, and so does where it really lies.
pub const IMPORTED: &str = r#"
import importlib, os, sys
for name in sys.argv[2:]:
    found = importlib.import_module(name).__file__ or "a directory without __init__.py"
below = lambda path, top: path.startswith(os.path.join(top, ""))
if not (below(found, sys.argv[1]) or below(os.path.realpath(found), os.path.realpath(sys.argv[1]))):
    sys.exit("%s is imported from %s, which is not below %s" % (name, found, sys.argv[1]))
print(name, "is imported from", found)
"#;

/// A check that a command succeeds and prints something.
pub fn prints<Word: Into<String>>(command: impl IntoIterator<Item = Word>, text: &str) -> Check {
    Check::Run {
        command: command.into_iter().map(Into::into).collect(),
        contains: Some(text.to_owned()),
        level: VerifyLevel::default(),
    }
}

/// A check of a shared library.
pub fn library(name: impl Into<String>, exports: &[&str]) -> Check {
    Check::Library {
        name: name.into(),
        exports: exports.iter().map(|symbol| (*symbol).to_owned()).collect(),
        level: VerifyLevel::default(),
    }
}
