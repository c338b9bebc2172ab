//! Dates of Release files: RFC 1123 in UTC (deb-release(5)), as `date -R -u` and C's strftime write them.

/// Names of months, in their order.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of `Sat, 09 Sep 2023 12:34:56 UTC`; also with `GMT`, `Z` or `+0000`, and with a day of one digit.
pub fn seconds(text: &str) -> Option<i64> {
    let rest = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [day, month, year, time, zone] = words.as_slice() else { return None };
    if !matches!(*zone, "UTC" | "GMT" | "Z" | "+0000") {
        return None;
    }
    let month = MONTHS.iter().position(|name| name == month)?;
    let number = |text: &str, most: i64| text.parse().ok().filter(|n| (0..=most).contains(n) && !text.starts_with('+'));
    let (day, year) = (number(day, 31).filter(|day| *day > 0)?, number(year, 9999)?);
    let clock: Vec<i64> = time.split(':').map(|part| number(part, 60)).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    (*hours < 24 && *minutes < 60).then(|| days(year, month as i64 + 1, day) * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

/// Days since 1970 of a day of the Gregorian calendar; years begin in March, so that the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn reads_what_date_writes() {
        // Each pair from `date -u -d @N -R`.
        let pairs = [
            ("Thu, 01 Jan 1970 00:00:00 +0000", 0),
            ("Tue, 29 Feb 2000 23:59:59 UTC", 951_868_799),
            ("Sat,  9 Sep 2023 08:58:03 GMT", 1_694_249_883),
            ("Mon, 01 Mar 2100 00:00:00 Z", 4_107_542_400),
            ("Thu, 08 May 2014 14:20:33 UTC", 1_399_558_833),
        ];
        for (text, wanted) in pairs {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        for text in ["", "yesterday", "Sat, 09 Sep 2023 12:34:56 +0200", "Sat, 32 Sep 2023 12:34:56 UTC", "Sat, 09 Sep 2023 25:34:56 UTC"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
