//! Dotted versions.

use std::cmp::Ordering;

/// Whether dotted version `have` is at least `want`: numbers compare as numbers, missing parts count as zero.
pub fn version_at_least(have: &str, want: &str) -> bool {
    fn parts(version: &str) -> Vec<u64> {
        version
            .split(['.', '-', '+', '~'])
            .map_while(|part| {
                let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().ok()
            })
            .collect()
    }
    let (mut have, mut want) = (parts(have), parts(want));
    let length = have.len().max(want.len());
    have.resize(length, 0);
    want.resize(length, 0);
    have.cmp(&want) != Ordering::Less
}
