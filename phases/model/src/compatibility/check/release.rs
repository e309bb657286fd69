//! Versions, as far as releases go.

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
