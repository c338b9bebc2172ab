//! What ZooKeeper answers to four-letter words: lines of a name and a value.
//!
//! `mntr` parts them by a tab, `conf` by `=`, `srvr` by a colon (apache/zookeeper, NIOServerCnxn.java; from 3.5 on the package
//! org.apache.zookeeper.server.command).

use serde_json::{Map, Value};

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Names and values. A name with dots is a path: `server.1` is in a mapping `server`.
    Values(Value),
    /// The server has no quorum.
    NotServing,
    /// The server does not answer this word: `4lw.commands.whitelist` lacks it (3.5 and later).
    Forbidden,
    /// Anything else.
    Garbage,
}

/// Reads an answer.
pub fn parse(bytes: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(bytes) else { return Answer::Garbage };
    if text.starts_with("This ZooKeeper instance is not currently serving requests") {
        return Answer::NotServing;
    }
    if text.contains("is not executed because it is not in the whitelist") {
        return Answer::Forbidden;
    }
    let mut values = Map::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(['\t', '=', ':']).filter(|(name, _)| !name.trim().is_empty()) else {
            return Answer::Garbage;
        };
        insert(&mut values, name.trim(), value.trim());
    }
    if values.is_empty() { Answer::Garbage } else { Answer::Values(Value::Object(values)) }
}

fn insert(values: &mut Map<String, Value>, name: &str, value: &str) {
    let inner = name.split_once('.').and_then(|(first, rest)| {
        let inner = values.entry(first).or_insert_with(|| Value::Object(Map::new()));
        Some((inner.as_object_mut()?, rest))
    });
    match inner {
        Some((inner, rest)) => drop(inner.insert(rest.into(), value.into())),
        None => drop(values.insert(name.into(), value.into())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Answer, parse};

    #[test]
    fn the_three_forms() {
        let cases = [
            (
                "zk_version\t3.4.5-1392090, built on 09/30/2012 17:52 GMT\nzk_server_state\tleader\n",
                json!({"zk_version": "3.4.5-1392090, built on 09/30/2012 17:52 GMT", "zk_server_state": "leader"}),
            ),
            (
                "Zookeeper version: 3.4.5--1, built on 10/10/2012\nMode: follower\n",
                json!({"Zookeeper version": "3.4.5--1, built on 10/10/2012", "Mode": "follower"}),
            ),
            (
                "clientPort=2181\nserverId=2\nmembership: \nserver.1=192.0.2.1:2888:3888:participant\nserver.2=192.0.2.2:2888:3888:participant\nversion=0",
                json!({"clientPort": "2181", "serverId": "2", "membership": "", "server": {"1": "192.0.2.1:2888:3888:participant", "2": "192.0.2.2:2888:3888:participant"}, "version": "0"}),
            ),
        ];
        for (text, values) in cases {
            assert_eq!(parse(text.as_bytes()), Answer::Values(values), "{text}");
        }
    }

    #[test]
    fn what_is_no_answer() {
        assert_eq!(parse(b"This ZooKeeper instance is not currently serving requests\n"), Answer::NotServing);
        assert_eq!(parse(b"mntr is not executed because it is not in the whitelist.\n"), Answer::Forbidden);
        for text in [&b"\xff\xfe"[..], b"", b"\n\n", b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", b"=x\n", b"SSH-2.0-OpenSSH\r\n"] {
            assert_eq!(parse(text), Answer::Garbage, "{text:?}");
        }
        // A name that is a value already keeps it.
        assert_eq!(parse(b"a=1\na.b=2\n"), Answer::Values(json!({"a": "1", "a.b": "2"})));
    }
}
