//! HTTP, as much as fetching files needs: GET from a byte on, redirects, proxies, limits of time, and failures that say whether
//! another try may help.

mod absolute;
mod proxy;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

use crate::format::base64;
use proxy::Proxies;

/// Most redirects that are followed.
const REDIRECTS: usize = 10;
/// How long a connection, an answer, and any further part of it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server gave.
pub struct Answer {
    /// The first byte of the file that `reader` gives: what was asked for, or 0 where the server gives files only whole.
    pub from: u64,
    /// How many bytes the server says `reader` gives.
    pub length: Option<u64>,
    /// The bytes.
    pub reader: Box<dyn Read + Send>,
}

/// Why a file did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words, with the URL.
    pub words: String,
    /// What can be done.
    pub kind: Kind,
}

/// What can be done about a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The server has no such file.
    Missing,
    /// It may pass: try again.
    Passing,
    /// The server does not give it to us; where folders cannot be listed, that may mean that it is missing.
    Refused,
    /// It will not.
    Lasting,
    /// The part that is there already fits no file of the server: begin anew.
    Range,
}

/// Fetches files; connections are kept between them.
#[derive(Debug)]
pub struct Client {
    proxies: Proxies,
    agents: Mutex<BTreeMap<String, Agent>>,
    patience: Duration,
}

impl Client {
    /// With the proxies of the environment.
    pub fn new() -> Self {
        Self { proxies: Proxies::read(|name| std::env::var(name).ok()), agents: Mutex::default(), patience: patience() }
    }

    /// Asks for a file from byte `from` on.
    pub fn get(&self, url: &str, from: u64) -> Result<Answer, Failure> {
        let fail = |kind, words: String| Failure { words: format!("{url}: {words}"), kind };
        let mut at = url.to_string();
        let mut seen = vec![at.clone()];
        loop {
            let uri: Uri = at.parse().map_err(|_| fail(Kind::Lasting, format!("`{at}` is not a URL")))?;
            let (agent, login) = self.agent(&uri).map_err(|why| fail(Kind::Lasting, why))?;
            let mut request = agent.get(&at);
            if from > 0 {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            if let Some(login) = login {
                request = request.header(header::PROXY_AUTHORIZATION, login);
            }
            let response = request
                .call()
                .map_err(|error| refused(&error).map_or_else(|| fail(Kind::Passing, words(&error)), |why| fail(Kind::Lasting, why)))?;
            let status = response.status().as_u16();
            match status {
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                    let location =
                        location.ok_or_else(|| fail(Kind::Lasting, format!("it redirects ({status}) without saying where to")))?;
                    let next = join(&at, location)
                        .ok_or_else(|| fail(Kind::Lasting, format!("it redirects to `{location}`, which is no web address")))?;
                    if at.starts_with("https:") && !next.starts_with("https:") {
                        return Err(fail(
                            Kind::Lasting,
                            format!("it redirects from https to `{next}`, where anybody on the way could change it"),
                        ));
                    }
                    if seen.contains(&next) {
                        return Err(fail(Kind::Lasting, format!("it redirects in a loop, to `{next}` again")));
                    }
                    if seen.len() > REDIRECTS {
                        return Err(fail(Kind::Lasting, format!("it redirects more than {REDIRECTS} times, last to `{next}`")));
                    }
                    seen.push(next.clone());
                    at = next;
                }
                200 => return Ok(answer(response, 0)),
                206 => {
                    let start = content_range(&response);
                    return if start == Some(from) {
                        Ok(answer(response, from))
                    } else {
                        Err(fail(Kind::Range, "it gives another part than was asked for".into()))
                    };
                }
                416 if from > 0 => return Err(fail(Kind::Range, "it has no such part".into())),
                404 | 410 => return Err(fail(Kind::Missing, format!("the server has no such file ({status})"))),
                407 => {
                    return Err(fail(
                        Kind::Lasting,
                        "the proxy wants a user and password: `http_proxy=http://USER:PASSWORD@HOST:PORT`".into(),
                    ));
                }
                401 | 403 => return Err(fail(Kind::Refused, format!("the server refuses it ({status})"))),
                408 | 425 | 429 | 500..=599 => return Err(fail(Kind::Passing, format!("the server answers {status}"))),
                _ => return Err(fail(Kind::Lasting, format!("the server answers {status}"))),
            }
        }
    }

    /// The agent for a URL, and what it tells a proxy of plain HTTP about us.
    fn agent(&self, url: &Uri) -> Result<(Agent, Option<String>), String> {
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err("only http:// and https:// are fetched".into());
        }
        let proxy = self.proxies.of(url);
        let tunnel = url.scheme_str() == Some("https");
        let key = format!("{tunnel} {}", proxy.unwrap_or_default());
        let parsed = proxy.map(parse_proxy).transpose()?;
        // SOCKS carries whatever comes, and has its own login.
        let plain = !tunnel && parsed.as_ref().is_some_and(|proxy| !socks(proxy));
        let login = parsed.as_ref().filter(|_| plain).and_then(|proxy| {
            let pair = format!("{}:{}", proxy.username()?, proxy.password().unwrap_or_default());
            Some(format!("Basic {}", base64::encode(pair.as_bytes())))
        });
        let mut agents = self.agents.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let agent = agents.entry(key).or_insert_with(|| match &parsed {
            Some(proxy) if plain => absolute::agent(self.config(None), proxy.uri()),
            _ => self.config(parsed).new_agent(),
        });
        Ok((agent.clone(), login))
    }

    fn config(&self, proxy: Option<ureq::Proxy>) -> Config {
        let patience = Some(self.patience);
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .user_agent(concat!("clusterseed/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .proxy(proxy)
            .tls_config(tls)
            .build()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// `CLUSTERSEED_PATIENCE` in seconds, for servers that are slower than most; and for tests, which are not patient.
fn patience() -> Duration {
    let set = std::env::var("CLUSTERSEED_PATIENCE").ok().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
    set.map_or(PATIENCE, Duration::from_secs)
}

fn parse_proxy(text: &str) -> Result<ureq::Proxy, String> {
    // The words of the variable may hold a password.
    let proxy = ureq::Proxy::new(text).map_err(|_| "the proxy that the environment names is none: write `http://HOST:PORT`".to_string())?;
    match proxy.protocol() {
        ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https => Ok(proxy),
        // `socks://` is version 4 to curl.
        _ if socks(&proxy) && text.to_ascii_lowercase().starts_with("socks5") => Ok(proxy),
        _ => {
            Err("the environment names a proxy of SOCKS 4, which is not spoken here: write `socks5h://HOST:PORT` or `http://HOST:PORT`"
                .into())
        }
    }
}

/// SOCKS 5 (RFC 1928): `socks5://` finds the host's address here, `socks5h://` leaves that to the proxy, as with curl.
fn socks(proxy: &ureq::Proxy) -> bool {
    matches!(proxy.protocol(), ureq::ProxyProtocol::Socks5 | ureq::ProxyProtocol::Socks5h)
}

fn answer(response: Response<Body>, from: u64) -> Answer {
    let body = response.into_body();
    Answer { from, length: body.content_length(), reader: Box::new(body.into_with_config().limit(u64::MAX).reader()) }
}

/// The first byte of `Content-Range: bytes 100-199/200`.
fn content_range(response: &Response<Body>) -> Option<u64> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Where a redirect leads (RFC 3986, 5.2). `ureq::http` reads addresses and joins none.
fn join(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    let begins = |scheme: &str| location.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if begins("http://") || begins("https://") {
        return Some(location.to_string());
    }
    let (scheme, rest) = base.split('#').next()?.split_once("://")?;
    if let Some(other) = location.strip_prefix("//") {
        return Some(format!("{scheme}://{other}"));
    }
    let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let own = rest.split('?').next().unwrap_or_default();
    let (path, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    if location.is_empty() || path.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let path = match path {
        "" => own.to_string(),
        path if path.starts_with('/') => path.to_string(),
        path => format!("{}/{path}", own.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    Some(format!("{scheme}://{host}{}{query}", without_dots(&path)))
}

/// A path without `.` and `..` (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next().unwrap_or_default();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if matches!(last, "." | "..") { "/" } else { "" };
    match parts[..] {
        [] => "/".to_string(),
        _ => format!("/{}{end}", parts.join("/")),
    }
}

/// What will not be better at the next try.
fn refused(error: &Error) -> Option<String> {
    match error {
        Error::Rustls(why) => Some(format!("its certificate is not trusted here: {why}")),
        Error::Tls(why) => Some(format!("TLS fails: {why}")),
        Error::ConnectProxyFailed(why) => Some(format!("the proxy does not let it through: {why}")),
        Error::BadUri(_) | Error::InvalidProxyUrl | Error::Http(_) => Some(error.to_string()),
        Error::Io(inner) if inner.to_string().contains("certificate") => Some(format!("its certificate is not trusted here: {inner}")),
        _ => None,
    }
}

/// Words for what a connection died of.
pub fn words(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "it takes too long to answer".into(),
        Error::HostNotFound => "there is no such host".into(),
        Error::Io(inner) => inner.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn redirects_lead_where_they_say() {
        let base = "http://a.example:80/x/y?q";
        for (location, wanted) in [
            ("https://b/z", Some("https://b/z")),
            ("//b/z", Some("http://b/z")),
            ("/z", Some("http://a.example:80/z")),
            ("z#f", Some("http://a.example:80/x/z")),
            ("?r", Some("http://a.example:80/x/y?r")),
            ("z?r=/../s", Some("http://a.example:80/x/z?r=/../s")),
            ("../z", Some("http://a.example:80/z")),
            ("./z/", Some("http://a.example:80/x/z/")),
            ("/a/./b/..", Some("http://a.example:80/a/")),
            ("../../..", Some("http://a.example:80/")),
            ("HTTPS://b/z", Some("HTTPS://b/z")),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(join(base, location).as_deref(), wanted, "{location}");
        }
        assert_eq!(join("http://a.example", "z").as_deref(), Some("http://a.example/z"));
        assert_eq!(join("http://a.example?q", "?r").as_deref(), Some("http://a.example/?r"));
    }
}
