//! Times as they stand in names.

/// `20261121T104500Z`: a time in seconds since 1970, in UTC. Days become dates as in Howard Hinnant's "chrono-Compatible
/// Low-Level Date Algorithms" (`civil_from_days`).
pub(super) fn compact(seconds: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn seconds_become_dates() {
        assert_eq!(compact(0), "19700101T000000Z");
        assert_eq!(compact(951_782_399), "20000228T235959Z");
        assert_eq!(compact(951_782_400), "20000229T000000Z");
        assert_eq!(compact(1_795_257_900), "20261121T104500Z");
    }
}
