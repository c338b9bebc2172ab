//! File contents that YAML, cloud-init, JSON, awk or a shell on the way to a machine could spoil.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Text for `content`, by the name of the file.
fn texts() -> Vec<(&'static str, String)> {
    let controls: String = ('\u{1}'..='\u{1f}').chain('\u{7f}'..='\u{9f}').collect();
    let long = "words with  two blanks, \"quotes\" and \\ ".repeat(200);
    let texts = [
        ("empty", ""),
        ("no-last-newline", "x"),
        ("newlines", "\n\n\n"),
        ("first-newlines", "\n\nx\n"),
        ("last-newlines", "x\n\n\n"),
        ("blanks", "   first\n \n\tsecond \t\nthird   \n    "),
        ("quotes", "'single' \"double\" \\n \\x41 \\\\ \\"),
        ("shell", "$HOME ${HOME} $(id) `id` * ? ~ ! & ; | < > %s %% \\0101\nEOF\n"),
        ("templates", "## template: jinja\n{{ ds }} {% raw %} {# #} ${platform}\n"),
        ("yaml", "---\n- a: b # c\n...\n%YAML 1.1\nyes: no\n? ~\n- |\n  x\n!!python/none &a *a 0o644 012 1e3 1:30\n"),
        ("cloud-config", "#cloud-config\nruncmd: [reboot]\n"),
        ("mime", "From nobody Mon Jan  1 00:00:00 2024\nContent-Type: multipart/mixed; boundary=\"b\"\nMIME-Version: 1.0\n\n--b\n"),
        ("crlf", "one\r\ntwo\r\n\rthree\r"),
        ("unicode", "ünï → 日本語 😀 e\u{301} \u{a0}\u{2028}\u{2029}\u{feff}\u{200b}\u{10ffff}\n"),
        ("bom", "\u{feff}text\n"),
        ("umlaut", "gr\u{fc}n"),
        ("odd(1)[2]{3}#%,:@^=+~", "a file with an odd name\n"),
    ];
    let mut all: Vec<_> = texts.map(|(name, text)| (name, text.to_string())).into();
    all.extend([("controls", controls), ("long", long)]);
    all
}

/// Bytes for `source`, by the name of the file.
fn binaries() -> Vec<(&'static str, Vec<u8>)> {
    let every: Vec<u8> = (0..=255).collect();
    // Numerical Recipes' generator: looks random, is the same in each run.
    let noise = std::iter::successors(Some(1_u32), |n| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    let noise = noise.map(|n| n.to_be_bytes()[0]).take(70_000).collect();
    vec![("bytes", every), ("noise", noise), ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()), ("nothing", Vec::new()), ("nul", vec![0])]
}

/// All of them as `files` of a spec, whose local files are put into a folder; and where each is on a machine, with its bytes.
pub fn files(folder: &Path) -> (String, Vec<(String, Vec<u8>)>) {
    let mut spec = String::from("files:\n");
    let mut wanted = Vec::new();
    for (n, (name, text)) in texts().into_iter().enumerate() {
        let path = format!("/opt/strings/{name}");
        let more = [", mode: '0640'", ", secret: true", ", owner: daemon, group: adm", ""][n % 4];
        let _ = writeln!(spec, "  - {{path: \"{path}\", content: \"{}\"{more}}}", escaped(&text));
        wanted.push((path, text.into_bytes()));
    }
    for (name, bytes) in binaries() {
        let path = format!("/opt/strings/binary/{name}");
        let _ = writeln!(spec, "  - {{path: {path}, source: {name}.bin, mode: '0755'}}");
        fs::write(folder.join(name).with_extension("bin"), &bytes).expect("writing a local file");
        wanted.push((path, bytes));
    }
    (spec, wanted)
}

/// What may stand between the quotes of a double-quoted YAML scalar, in printable ASCII.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        c => format!("\\U{:08x}", u32::from(c)),
    };
    text.chars().map(escape).collect()
}
