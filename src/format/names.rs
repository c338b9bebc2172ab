//! Many things in few words: `slave[1-200]`, as a spec writes hosts; `2 files`.

/// `1 file`, `2 files`.
pub fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// Names as ranges, in the order of the list: each run of consecutive numbers after the same letters is one.
pub fn brief<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut runs: Vec<Run<'n>> = Vec::new();
    for name in names {
        let (stem, digits) = name.split_at(name.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        // A number that does not fit, and a name without one, stand alone.
        let number = digits.parse::<u32>().ok();
        if let (Some(last), Some(number)) = (runs.last_mut(), number)
            && last.stem == stem
            && last.to.is_some_and(|to| to.checked_add(1) == Some(number))
            && same_form(last.first, digits)
        {
            last.to = Some(number);
            last.last = digits;
            continue;
        }
        runs.push(Run { stem, first: digits, last: digits, to: number });
    }
    let words = runs.iter().map(|run| match run.first == run.last {
        true => format!("{}{}", run.stem, run.first),
        false => format!("{}[{}-{}]", run.stem, run.first, run.last),
    });
    words.collect::<Vec<_>>().join(" ")
}

struct Run<'n> {
    stem: &'n str,
    first: &'n str,
    last: &'n str,
    to: Option<u32>,
}

/// `01` goes on as `02`, `9` as `10`; a range of a spec never mixes the two.
fn same_form(first: &str, next: &str) -> bool {
    if first.starts_with('0') && first.len() > 1 { first.len() == next.len() } else { !next.starts_with('0') }
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn ranges_are_those_of_a_spec() {
        for (names, short) in [
            ("slave1 slave2 slave3", "slave[1-3]"),
            ("slave9 slave10", "slave[9-10]"),
            ("s08 s09 s10 s11", "s[08-11]"),
            ("s1 s3 edge", "s1 s3 edge"),
            ("s99 s100 t101", "s[99-100] t101"),
            ("s0 s1 s01", "s[0-1] s01"),
            ("a99999999999 a1", "a99999999999 a1"),
            ("a4294967294 a4294967295 a0", "a[4294967294-4294967295] a0"),
        ] {
            assert_eq!(brief(names.split(' ')), short);
        }
    }
}
