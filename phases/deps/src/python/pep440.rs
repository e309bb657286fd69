//! Whether a text is a version as PEP 440 has it: one that is none makes pip refuse the whole file that it stands in.

/// Whether resolvers take this for a version (<https://peps.python.org/pep-0440/>, appendix B).
pub(super) fn is_version(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let (public, local) = match text.split_once('+') {
        Some((public, local)) => (public, Some(local)),
        None => (text.as_str(), None),
    };
    let local_holds = local.is_none_or(|local| {
        local
            .split(['.', '-', '_'])
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
    });
    local_holds && is_public(public.strip_prefix('v').unwrap_or(public))
}

fn is_public(text: &str) -> bool {
    let rest = match text.split_once('!') {
        Some((epoch, rest)) if is_number(epoch) => rest,
        Some(_) => return false,
        None => text,
    };
    let Some(mut rest) = release(rest) else { return false };
    for words in
        [&["alpha", "beta", "preview", "pre", "rc", "a", "b", "c"][..], &["post", "rev", "r"], &["dev"]]
    {
        if let Some(behind) = part(rest, words) {
            rest = behind;
        } else if words.contains(&"post") {
            // `1.0-1` is `1.0.post1`.
            let digits =
                rest.strip_prefix('-').map(|number| number.trim_start_matches(|c: char| c.is_ascii_digit()));
            rest = digits.filter(|behind| behind.len() + 1 < rest.len()).unwrap_or(rest);
        }
    }
    rest.is_empty()
}

/// What follows `1.2.3`.
fn release(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if behind.len() == rest.len() {
            return None;
        }
        match behind.strip_prefix('.') {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            _ => return Some(behind),
        }
    }
}

/// What follows `.rc1`, in each of its spellings.
fn part<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    let bare = text.strip_prefix(['.', '-', '_']).unwrap_or(text);
    let behind = words.iter().find_map(|word| bare.strip_prefix(word))?;
    let number = behind.strip_prefix(['.', '-', '_']).unwrap_or(behind);
    let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(if rest.len() == number.len() { behind } else { rest })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_other_words() {
        for version in [
            "1",
            "2.1.0+cu118",
            "2.1.0a0+29c30b1",
            "1.14.0a0+44dac51c.nv23.01",
            "1.0.post1",
            "8.6.1.post1",
            "1!2.0",
            "1.0rc1.dev2",
            "2023.4.post1",
            "1.0-1",
            "v1.2",
            "1.0.dev0",
            "0.9.0.alpha.1",
            "1.0c",
        ] {
            assert!(is_version(version), "{version}");
        }
        for other in [
            "",
            "unknown",
            "1.0-ubuntu3",
            "1.0+",
            "1.0+a..b",
            "0.0.0-unknown",
            "x1",
            "1..2",
            "2.4.0.debian",
            "!1",
        ] {
            assert!(!is_version(other), "{other}");
        }
    }
}
