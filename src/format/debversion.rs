//! Order of Debian package versions (deb-version(7)).

use std::cmp::Ordering;

/// Compares two versions as `dpkg --compare-versions` does.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| part(a.1, b.1)).then_with(|| part(a.2, b.2))
}

/// The first two numbers of the upstream part, for tables that know one release of each series.
pub fn series(version: &str) -> (u64, u64) {
    let mut numbers = split(version).1.split(['.', '+', '~']).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn split(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch.parse().unwrap_or(0), upstream, revision)
}

fn part(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (left, right) = (take(&mut a, |c| !c.is_ascii_digit()), take(&mut b, |c| !c.is_ascii_digit()));
        let order = letters(left, right);
        if order != Ordering::Equal {
            return order;
        }
        let (left, right) = (take(&mut a, |c| c.is_ascii_digit()), take(&mut b, |c| c.is_ascii_digit()));
        let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
        let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
        if order != Ordering::Equal {
            return order;
        }
        if a.is_empty() && b.is_empty() {
            return Ordering::Equal;
        }
    }
}

fn take<'t>(text: &mut &'t str, keep: impl Fn(char) -> bool) -> &'t str {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    let (head, tail) = text.split_at(end);
    *text = tail;
    head
}

/// Letters sort before other signs, `~` before everything, even the end.
fn letters(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<u8>| match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(c),
        Some(c) => i32::from(c) + 256,
    };
    let length = a.len().max(b.len());
    let (a, b) = (a.as_bytes(), b.as_bytes());
    (0..length)
        .map(|i| weight(a.get(i).copied()).cmp(&weight(b.get(i).copied())))
        .find(|o| *o != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::{compare, series};

    #[test]
    fn orders_as_dpkg() {
        // Each list in ascending order; pairs checked against `dpkg --compare-versions` in the slow suite as well.
        let ordered = [
            "0.7.5-1.0",
            "0.8.2",
            "0.8.2+dfsg",
            "0.10.0~rc1",
            "0.10.0",
            "0.10.0-1",
            "0.28.2-2.0.27",
            "1.0~~",
            "1.0~",
            "1.0",
            "1.0a",
            "1.0.1",
            "1:0.1",
        ];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(compare("1.0", "1.0-0"), std::cmp::Ordering::Equal);
        assert_eq!(compare("1.01", "1.1"), std::cmp::Ordering::Equal);
    }

    #[test]
    fn series_takes_two_numbers() {
        assert_eq!(series("0.28.2-2.0.27.ubuntu1404"), (0, 28));
        assert_eq!(series("1.4"), (1, 4));
    }
}
