//! The name that was probably meant.

/// The known name that is nearest to `wanted`, if one is near.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let wanted = plain(wanted);
    let length = wanted.chars().count();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, &plain(name)), name))
        .filter(|(distance, name)| {
            let longer = length.max(name.chars().count());
            *distance <= (longer / 3).max(1) && *distance < length
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `` did you mean `driver`? ``, or the whole list when none is near.
pub(crate) fn advice(wanted: &str, known: &[&str], what: &str) -> String {
    match nearest(wanted, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => format!("there are no {what}"),
        None => format!("{what}: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_understood_and_other_words_are_not() {
        let known = ["driver", "needs", "source", "system", "options", "base_image"];
        assert_eq!(nearest("drvier", known), Some("driver"));
        assert_eq!(nearest("base-image", known), Some("base_image"));
        assert_eq!(nearest("Sources", known), Some("source"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
