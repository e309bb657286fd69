//! Times in UTC, as they stand in names and in messages.

use std::time::SystemTime;

/// `20261121T104500Z`: a time in seconds since 1970, in UTC. Days become dates as in Howard Hinnant's "chrono-Compatible
/// Low-Level Date Algorithms" (`civil_from_days`).
pub fn compact(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on, so that a leap day is a year's last.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// `2026-11-21 10:45:00 UTC`.
pub fn told(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |duration| duration.as_secs());
    let text = compact(seconds);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{} {}:{}:{} UTC",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(9, 11),
        part(11, 13),
        part(13, 15)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        let at = |seconds| told(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(at(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(at(1_795_236_688), "2026-11-21 04:51:28 UTC");
    }

    #[test]
    fn seconds_become_dates() {
        assert_eq!(compact(0), "19700101T000000Z");
        assert_eq!(compact(951_782_399), "20000228T235959Z");
        assert_eq!(compact(951_782_400), "20000229T000000Z");
        assert_eq!(compact(1_795_257_900), "20261121T104500Z");
    }
}
