//! What git says when it fails, and what helps.

use engine::runner::{Finished, StepError};

use crate::http::url::{redact, secrets};

/// Whether a transfer may go better next time.
pub(super) fn passing(message: &str) -> bool {
    [
        "Could not resolve",
        "timed out",
        "Connection",
        "early EOF",
        "RPC failed",
        "error: 5",
        "hung up",
        "unexpected disconnect",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

pub(super) fn failed(finished: &Finished, url: &str) -> StepError {
    let telling = finished
        .tail
        .iter()
        .find(|line| line.starts_with("fatal:") || line.starts_with("error:"))
        .or(finished.tail.last())
        .cloned()
        .unwrap_or_else(|| format!("git ended with status {}", finished.status));
    let telling = secrets(url).iter().fold(telling, |text, secret| text.replace(secret, "***"));
    let cure = cure(&telling);
    StepError::new(format!("git failed for {}: {telling}", redact(url)), cure)
}

/// What helps against what git says. Each server and transport has its own words.
fn cure(telling: &str) -> &'static str {
    let lower = telling.to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if says(&[
        "authentication failed",
        "could not read username",
        "could not read password",
        "permission denied",
    ]) || says(&["error: 401", "error: 403", "access denied", "terminal prompts disabled"])
    {
        "give it credentials: in `url` of the source, below [git.rewrites] in site.toml, or with a key that ssh offers"
    } else if says(&["no space left", "disk quota"]) {
        "free space on the file system of the cache, or choose another one with --cache-dir"
    } else if says(&[
        "not found",
        "does not exist",
        "does not appear to be a git repository",
        "not a git repository",
    ]) {
        "correct `url` of the source in the case; a server says the same of a repository that needs credentials"
    } else if passing(telling)
        || says(&["unable to access", "failed to connect", "could not read from remote"])
    {
        "check that its server can be reached from here (proxies, no_proxy; `installer doctor` shows them); what is \
         fetched is kept"
    } else {
        "correct `url` or `revision` of the source in the case"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_blamed_only_where_git_does() {
        for (telling, word) in [
            ("fatal: Authentication failed for 'https://h.test/x.git/'", "credentials"),
            ("fatal: could not read Username for 'https://h.test': terminal prompts disabled", "credentials"),
            ("fatal: repository 'https://h.test/x.git/' not found", "correct `url`"),
            ("fatal: '/x' does not appear to be a git repository", "correct `url`"),
            ("fatal: unable to access 'https://h.test/': Could not resolve host: h.test", "can be reached"),
            ("error: RPC failed; curl 28 Operation too slow.", "can be reached"),
            ("fatal: write error: No space left on device", "free space"),
            ("fatal: bad config line 1 in file .gitmodules", "`revision`"),
        ] {
            assert!(cure(telling).contains(word), "{telling}: {}", cure(telling));
            assert_eq!(cure(telling).contains("reach"), word == "can be reached", "{telling}");
            assert!(!cure(telling).contains("same command"), "{telling}");
        }
    }
}
