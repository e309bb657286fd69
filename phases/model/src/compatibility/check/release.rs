//! Versions, as far as releases go, and what an index's address says of them.

/// `2.1` is the beginning of `2.1.2+cu118`, and not of `2.10`.
pub(super) fn begins_with(version: &str, release: &str) -> bool {
    let version = version.split('+').next().unwrap_or(version);
    let mut parts = version.split('.');
    release.split('.').all(|part| parts.next() == Some(part))
}

/// `11` of `11.8.0`.
pub(super) fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}

/// `11.8` of `11.8.0`.
pub(super) fn minor(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// `11.8` of an index whose address ends in `/cu118`.
pub(super) fn index_tag(url: &str) -> Option<String> {
    let last = url.trim_end_matches('/').rsplit('/').next()?;
    let digits = last.strip_prefix("cu").filter(|digits| digits.chars().all(|c| c.is_ascii_digit()))?;
    let (major, minor) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    (!major.is_empty()).then(|| format!("{major}.{minor}"))
}
