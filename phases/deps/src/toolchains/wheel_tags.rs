//! Platform tags of wheels.

use model::catalog::version_at_least;

/// Whether one of a wheel's platform tags stands for this machine
/// (<https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>).
pub(super) fn runs_here(file: &str, arch: &str, libc: &str) -> bool {
    let tags = file.strip_suffix(".whl").and_then(|stem| stem.rsplit('-').next()).unwrap_or_default();
    tags.split('.').any(|tag| {
        if tag == "any" {
            return false;
        }
        let Some(tag) = tag.strip_suffix(arch).and_then(|tag| tag.strip_suffix('_')) else { return false };
        if libc.starts_with("musl") {
            return tag.starts_with("musllinux");
        }
        let lowest = match tag {
            "manylinux1" => "2.5".to_owned(),
            "manylinux2010" => "2.12".to_owned(),
            "manylinux2014" => "2.17".to_owned(),
            tag => match tag.strip_prefix("manylinux_") {
                Some(version) => version.replace('_', "."),
                None => return false,
            },
        };
        // A libc that did not tell its version is taken for a current one.
        libc.strip_prefix("glibc ").is_none_or(|version| version_at_least(version, &lowest))
    })
}
