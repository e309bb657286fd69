//! Why pip failed, by what it says: each cause has a way out of its own, and only trouble with the network is trouble
//! with the network.

/// A cause that pip tells, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) message: String,
    pub(super) cures: Vec<String>,
}

/// What pip prints, what it means, what to do.
const SIGNS: &[(&str, &str, &str)] = &[
    (
        "Invalid requirement",
        "pip cannot read a requirement",
        "correct the line that pip names: a requirement is a name with versions, such as `numpy>=1.26,<2`",
    ),
    (
        "THESE PACKAGES DO NOT MATCH THE HASHES",
        "a file has another hash than the requirement says",
        "compare both hashes: either the index or mirror gives another file, or the hash in the requirement file is of \
         another version or platform",
    ),
    (
        "In --require-hashes mode",
        "some requirements have hashes and others have none",
        "give every requirement of the file a hash and a version with `==`, or none",
    ),
    (
        "ResolutionImpossible",
        "the requirements contradict each other",
        "pip names who asks for what: loosen one of these versions, or leave one of the packages out",
    ),
    (
        "Cannot find command 'git'",
        "pip needs git for a requirement",
        "add git to system_packages of the case, or install it",
    ),
    (
        "No such file or directory: 'git'",
        "pip needs git for a requirement",
        "add git to system_packages of the case, or install it",
    ),
    (
        "No usable temporary directory",
        "there is no directory for temporary files",
        "name one that can be written to in TMPDIR",
    ),
    (
        "Could not open requirements file",
        "a requirement file is missing",
        "correct the name in the case, or in the -r line of the file that includes it",
    ),
];

/// The cause that these lines tell, if it is known.
pub(super) fn cause(lines: &[String]) -> Option<Cause> {
    if let Some((line, place)) = not_writable(lines) {
        return Some(Cause {
            message: format!("pip cannot write to {place}: {line}"),
            cures: vec![format!("make {place} writable for this user, or name another directory in TMPDIR")],
        });
    }
    let (line, (_, message, cure)) =
        SIGNS.iter().find_map(|sign| Some((lines.iter().find(|line| line.contains(sign.0))?, sign)))?;
    // What a sign is about stands behind it, mostly.
    let detail = line.trim().trim_start_matches("ERROR:").trim();
    Some(Cause {
        message: if detail.contains("ResolutionImpossible") || detail.starts_with("THESE") {
            (*message).to_owned()
        } else {
            format!("{message}: {detail}")
        },
        cures: vec![(*cure).to_owned()],
    })
}

/// `[Errno 13] Permission denied: '/somewhere'`, and its like for a file system that is read-only.
fn not_writable(lines: &[String]) -> Option<(&str, &str)> {
    let line = lines.iter().find(|line| {
        ["[Errno 13] Permission denied", "[Errno 30] Read-only file system"]
            .iter()
            .any(|sign| line.contains(sign))
    })?;
    let place = line.split('\'').nth(1)?;
    Some((line.trim(), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Cause {
        cause(&["Looking in indexes: https://index.example/simple".to_owned(), line.to_owned()]).unwrap()
    }

    #[test]
    fn each_cause_has_a_way_out_that_is_not_the_network() {
        for line in [
            "ERROR: Invalid requirement: 'numpy=>1': Expected end (from line 3 of /case/requirements.txt)",
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated …",
            "ERROR: In --require-hashes mode, all requirements must have their versions pinned with ==.",
            "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/",
            "ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?",
            "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp', '/']",
            "ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'more.txt'",
            "PermissionError: [Errno 13] Permission denied: '/nowhere/pip-unpack-x'",
        ] {
            let Cause { message, cures } = told(line);
            assert!(
                !cures[0].contains("index can be reached") && !message.is_empty(),
                "{message}: {cures:?}"
            );
        }
        assert_eq!(cause(&["ERROR: something new".to_owned()]), None);
    }
}
