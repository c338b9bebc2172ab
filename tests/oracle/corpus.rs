//! Strings that trip YAML readers, the same ones on every run.

use std::collections::BTreeSet;

use clusterseed::yaml::write::Yaml;

pub struct Corpus {
    /// All different, so that each can be a key of one map.
    pub strings: Vec<String>,
    /// Values of the other types.
    pub others: Vec<Yaml<'static>>,
}

impl Corpus {
    pub fn new() -> Self {
        let hand_made = hand_made();
        let generated = [per_character(), long(), fuzzed(7_000, &hand_made)].concat();
        let mut strings = [hand_made, generated].concat();
        let mut seen = BTreeSet::new();
        strings.retain(|text| seen.insert(text.clone()));
        assert!(strings.len() >= 7_000, "only {} strings", strings.len());
        let others = others();
        Corpus { strings, others }
    }

    /// The strings, then the others.
    pub fn values(&self) -> impl Iterator<Item = Yaml<'_>> {
        let strings = self.strings.iter().map(|text| text.as_str().into());
        strings.chain(self.others.iter().cloned())
    }
}

/// Words that some reader takes for another type, and texts whose form trips readers.
fn hand_made() -> Vec<String> {
    let groups: serde_json::Value = serde_json::from_str(include_str!("strings.json")).unwrap();
    let groups = groups.as_object().unwrap().values();
    let strings = groups.flat_map(|group| group.as_array().unwrap());
    strings.map(|text| text.as_str().unwrap().to_string()).collect()
}

/// Each of the first 256 characters and the borders of the rest: alone, inside a line, at a line's
/// start and at its end.
fn per_character() -> Vec<String> {
    let borders =
        [0x100, 0xfff, 0x1000, 0x2027, 0x2028, 0x2029, 0x202a, 0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0xfffd, 0xffff, 0x10000, 0x1ffff, 0x10ffff];
    let forms = ["@", "a@b", "@a\n@b", "a@\nb@"];
    let characters = (0..0x100).chain(borders).filter_map(char::from_u32);
    characters.flat_map(|c| forms.map(|form| form.replace('@', &c.to_string()))).collect()
}

/// Around the 128 and 1024 characters that readers look ahead for a key, and texts of many lines.
fn long() -> Vec<String> {
    let lengths = [126, 127, 128, 129, 1021, 1022, 1023, 1024, 1025, 1026, 5_000, 100_000];
    let parts = ["k", "+", "éééé", "a\n", "a b: ", "\\n", "  indented line\nline\n\n"];
    let of_length = |length| parts.map(|part| part.repeat(length / part.chars().count()));
    lengths.into_iter().flat_map(of_length).collect()
}

/// Pseudo-random strings: of the characters of one alphabet, or several hand-made ones in a row.
fn fuzzed(count: usize, hand_made: &[String]) -> Vec<String> {
    let alphabets = [
        "ab  \n\n",
        "a \t\n\r\\\"",
        "a-:#?|>&*!%@`'\"\\[]{}, \n",
        "0179_.:-+eExboTZ ",
        "aé日😀\u{10ffff}\u{ffff}\u{feff}\u{2028}\u{2029}\u{85}\u{9f}\u{a0}\0\u{1b}\u{7f} \n",
    ];
    let mut alphabets = alphabets.map(|characters| characters.chars().map(String::from).collect::<Vec<_>>()).to_vec();
    alphabets.push(hand_made.to_vec());

    let mut random = XorShift(0x2545_F491_4F6C_DD1D);
    let one = |n: usize| {
        let alphabet = &alphabets[n % alphabets.len()];
        let longest = if random.below(200) == 0 { 1_200 } else { 30 };
        let length = 1 + random.below(longest);
        (0..length).map(|_| alphabet[random.below(alphabet.len())].as_str()).collect()
    };
    (0..count).map(one).collect()
}

/// Marsaglia's generator: enough to scatter characters.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn others() -> Vec<Yaml<'static>> {
    let seq = |items: &[Yaml<'static>]| Yaml::Seq(items.to_vec());
    let map = |key: &'static str, value: Yaml<'static>| (key.into(), value);
    let file = vec![map("path", "/x".into()), map("content", "a\n  b\n".into()), map("on", Yaml::Int(5))];
    let deep = Yaml::Map(vec![map("a", Yaml::Map(vec![map("b", "c\nd".into())]))]);
    let ints = [0, -1, 644, i64::MIN, i64::MAX].map(Yaml::Int);
    let empty = [Yaml::Seq(vec![]), Yaml::Map(vec![])];
    let in_seqs = seq(&[seq(&empty), seq(&[seq(&["a\nb\n\n".into()]), "c".into()])]);
    let in_maps = Yaml::Map(vec![map("no", seq(&[deep, Yaml::Bool(true)])), map("", "".into())]);
    let mut others = vec![Yaml::Bool(true), Yaml::Bool(false), Yaml::Map(file), in_seqs, in_maps];
    others.extend(ints);
    others.extend(empty);
    others
}
