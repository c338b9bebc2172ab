//! HTTP/1.1 as far as one short exchange needs it (RFC 9112), strict: what is not certain is refused, and everything has a limit.

use std::io::{self, BufRead, ErrorKind, Read};

use super::base64;

/// Most bytes of a status line and its headers.
const HEAD: u64 = 64 * 1024;
/// Most informational responses before the final one.
const INFORMATIONAL: usize = 8;

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code, 200 to 599.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The body, chunks put together.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug)]
pub enum Problem {
    /// The connection failed.
    Io(io::Error),
    /// It was closed before a single byte came.
    Empty,
    /// It was closed before the response was whole.
    Cut,
    /// This is TLS.
    Tls,
    /// The response is longer than allowed.
    TooLarge,
    /// This is no HTTP, and why.
    Garbage(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Io(error),
        }
    }
}

/// The request. `host` is what the Host header says, `login` is `user:password` for basic authentication (RFC 7617).
pub fn get(path: &str, host: &str, login: Option<&str>) -> String {
    let agent = concat!("clusterseed/", env!("CARGO_PKG_VERSION"));
    let login = login.map(|login| format!("Authorization: Basic {}\r\n", base64::encode(login.as_bytes()))).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: application/json, */*\r\nAccept-Encoding: identity\r\n{login}Connection: close\r\n\r\n"
    )
}

/// A request with a body that is JSON, or with none.
pub fn request(method: &str, path: &str, host: &str, login: Option<&str>, body: Option<&[u8]>) -> Vec<u8> {
    let mut text = get(path, host, login).replacen("GET", method, 1).into_bytes();
    if let Some(body) = body {
        text.truncate(text.len() - 2);
        text.extend(format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len()).bytes());
        text.extend(body);
    }
    text
}

/// Reads one response; the connection is not used again. `limit` is for the body, in bytes.
pub fn read(reader: &mut impl BufRead, limit: u64) -> Result<Response, Problem> {
    match reader.fill_buf()? {
        [] => return Err(Problem::Empty),
        // An alert or a handshake record of any version (RFC 8446, 5.1).
        [0x15 | 0x16, 0x03, ..] => return Err(Problem::Tls),
        _ => {}
    }
    for _ in 0..INFORMATIONAL {
        let mut head = reader.take(HEAD);
        let status = status_line(&line(&mut head)?)?;
        let headers = Headers::read(&mut head)?;
        if status < 200 {
            continue;
        }
        let mut body = Vec::new();
        if !matches!(status, 204 | 304) {
            headers.body(reader, limit, &mut body)?;
        }
        return Ok(Response { status, location: headers.location, body });
    }
    Err(garbage("it only announces that an answer will come"))
}

fn garbage(why: impl Into<String>) -> Problem {
    Problem::Garbage(why.into())
}

/// A line without its end; a bare line feed is one too (RFC 9112, 2.2).
fn line(reader: &mut io::Take<&mut impl BufRead>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(if reader.limit() == 0 { garbage("its headers are longer than 64 kB") } else { Problem::Cut });
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    if bytes.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
        return Err(garbage("it is no HTTP"));
    }
    String::from_utf8(bytes).map_err(|_| garbage("it is no HTTP"))
}

fn status_line(line: &str) -> Result<u16, Problem> {
    let code = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 ")).and_then(|rest| {
        let (code, rest) = rest.split_at_checked(3)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some(code)
    });
    let code = code.filter(|code| code.bytes().all(|b| b.is_ascii_digit())).and_then(|code| code.parse().ok());
    code.filter(|code| (100..600).contains(code)).ok_or_else(|| garbage("it does not begin as HTTP does"))
}

#[derive(Default)]
struct Headers {
    length: Option<u64>,
    chunked: bool,
    location: Option<String>,
}

impl Headers {
    fn read(reader: &mut io::Take<&mut impl BufRead>) -> Result<Self, Problem> {
        let mut headers = Self::default();
        loop {
            let line = line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| garbage("it has a header without a colon"))?;
            let value = value.trim_matches([' ', '\t']);
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let number = value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten();
                    let number = number.ok_or_else(|| garbage("its length is no number"))?;
                    if headers.length.replace(number).is_some_and(|other| other != number) {
                        return Err(garbage("it has two lengths"));
                    }
                }
                "transfer-encoding" if value.eq_ignore_ascii_case("chunked") && !headers.chunked => headers.chunked = true,
                "transfer-encoding" => return Err(garbage("it is encoded in a way that was not asked for")),
                "content-encoding" if !value.eq_ignore_ascii_case("identity") => {
                    return Err(garbage("it is compressed, which was not asked for"));
                }
                "location" => headers.location = Some(value.to_string()),
                _ => {}
            }
        }
        if headers.chunked && headers.length.is_some() {
            return Err(garbage("it has a length and chunks"));
        }
        Ok(headers)
    }

    fn body(&self, reader: &mut impl BufRead, limit: u64, body: &mut Vec<u8>) -> Result<(), Problem> {
        match self.length {
            _ if self.chunked => chunks(reader, limit, body),
            Some(length) if length > limit => Err(Problem::TooLarge),
            Some(length) => match reader.take(length).read_to_end(body)? {
                read if read as u64 == length => Ok(()),
                _ => Err(Problem::Cut),
            },
            None => match reader.take(limit + 1).read_to_end(body)? {
                read if read as u64 > limit => Err(Problem::TooLarge),
                _ => Ok(()),
            },
        }
    }
}

fn chunks(reader: &mut impl BufRead, limit: u64, body: &mut Vec<u8>) -> Result<(), Problem> {
    loop {
        let head = line(&mut reader.take(HEAD))?;
        let size = head.split(';').next().unwrap_or_default().trim_end();
        let sound = (1..=15).contains(&size.len()) && size.bytes().all(|b| b.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| sound).ok_or_else(|| garbage("the size of a chunk is no number"))?;
        if size == 0 {
            let mut trailer = reader.take(HEAD);
            while !line(&mut trailer)?.is_empty() {}
            return Ok(());
        }
        if body.len() as u64 + size > limit {
            return Err(Problem::TooLarge);
        }
        if reader.take(size).read_to_end(body)? as u64 != size {
            return Err(Problem::Cut);
        }
        if !line(&mut reader.take(HEAD))?.is_empty() {
            return Err(garbage("a chunk is longer than it says"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, get, read, request};

    fn of(text: &str) -> Result<(u16, String), String> {
        match read(&mut text.as_bytes(), 20) {
            Ok(response) => Ok((response.status, String::from_utf8(response.body).expect("UTF-8"))),
            Err(Problem::Garbage(why)) => Err(why),
            Err(problem) => Err(format!("{problem:?}")),
        }
    }

    #[test]
    fn bodies_end_where_they_say() {
        let good = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabXX", "ab"),
            ("HTTP/1.0 200\n\nabc", "abc"),
            ("HTTP/1.1 200 OK\r\ncontent-length:2 \r\nContent-Length: 2\r\n\r\nab", "ab"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nTrailer: t\r\n\r\n", "abc"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nab", "ab"),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 0\r\n\r\n", ""),
        ];
        for (text, body) in good {
            assert_eq!(of(text), Ok((200, body.to_string())), "{text:?}");
        }
        assert_eq!(of("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Ok((404, String::new())));
        assert_eq!(of("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"), Ok((204, String::new())));
        let redirect = read(&mut "HTTP/1.1 307 T\r\nLocation:  //a:1/b\t\r\nContent-Length: 0\r\n\r\n".as_bytes(), 1).expect("a response");
        assert_eq!(redirect.location.as_deref(), Some("//a:1/b"));
    }

    #[test]
    fn what_is_not_certain_is_refused() {
        let bad = [
            ("", "Empty"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "Cut"),
            ("HTTP/1.1 200 OK\r\nContent-Le", "Cut"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "Cut"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "Cut"),
            ("\x15\x03\x01\0\x02\x02\x46", "Tls"),
            ("\x16\x03\x03", "Tls"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n", "TooLarge"),
            ("HTTP/1.1 200 OK\r\n\r\n123456789012345678901", "TooLarge"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", "TooLarge"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "its length is no number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab", "its length is no number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "it has two lengths"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab", "it has a length and chunks"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "it is encoded in a way that was not asked for"),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "it is compressed, which was not asked for"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "the size of a chunk is no number"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "a chunk is longer than it says"),
            ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "it has a header without a colon"),
            ("HTTP/2 200\r\n\r\n", "it does not begin as HTTP does"),
            ("HTTP/1.1 2000\r\n\r\n", "it does not begin as HTTP does"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "it does not begin as HTTP does"),
            ("HTTP/1.1 200 \x1b[2J\r\n\r\n", "it is no HTTP"),
        ];
        for (text, why) in bad {
            assert_eq!(of(text), Err(why.to_string()), "{text:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(20_000));
        assert_eq!(of(&endless), Err("its headers are longer than 64 kB".into()));
        assert_eq!(of(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(9)), Err("it only announces that an answer will come".into()));
    }

    #[test]
    fn bodies_are_sent_with_their_length() {
        let text = String::from_utf8(request("PUT", "/a", "b:1", None, Some(b"{}"))).expect("UTF-8");
        assert!(text.starts_with("PUT /a HTTP/1.1\r\nHost: b:1\r\n"), "{text}");
        assert!(text.ends_with("\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"), "{text}");
        assert_eq!(request("GET", "/a", "b:1", None, None), get("/a", "b:1", None).into_bytes());
    }

    #[test]
    fn logins_are_base64() {
        assert!(
            get("/", "a:1", Some("Aladdin:open sesame")).contains("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            "RFC 7617, 2"
        );
    }
}
