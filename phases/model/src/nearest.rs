//! "did you mean": which known word a user meant.

/// The known word that `word` was probably meant to be: one that differs in `-` and `_` alone, then one with a slip of a
/// letter, then one that begins with it, then one that is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter words begin too many others.
    const LEAST: usize = 5;
    let limit = (word.chars().count() / 3).max(1);
    let wanted = plain(word);
    let rank = |candidate: &str| {
        let distance = strsim::damerau_levenshtein(word, candidate);
        let begins = wanted.len() >= LEAST && plain(candidate).starts_with(&wanted);
        match distance {
            _ if plain(candidate) == wanted => Some((0, distance)),
            0..=1 => Some((1, distance)),
            _ if begins => Some((2, distance)),
            _ => (distance <= limit).then_some((3, distance)),
        }
    };
    known
        .into_iter()
        .filter_map(|candidate| Some((rank(candidate)?, candidate)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// Without what people mix up in names.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !"-_. ".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// The known word that is nearest to `word`, however far it is; with a limit none that more slips of letters lie between.
pub fn closest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    limit: Option<usize>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| limit.is_none_or(|limit| *distance <= limit))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let known = ["torch_version", "torchvision_version", "torch", "install_prefix"];
        assert_eq!(nearest("torch_vision", known), Some("torchvision_version"));
        assert_eq!(nearest("torch_versoin", known), Some("torch_version"));
        assert_eq!(nearest("TorchVersion", known), Some("torch_version"));
        assert_eq!(nearest("nothing", known), None);
    }

    #[test]
    fn the_closest_is_found_within_a_limit_and_without() {
        let known = ["ffmpeg", "opencv", "openssl"];
        assert_eq!(closest("opnecv", known, None), Some("opencv"));
        assert_eq!(closest("zzz", known, Some(2)), None);
        assert!(closest("zzz", known, None).is_some());
    }
}
