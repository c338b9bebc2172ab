//! Which proxy a URL is reached through, as curl(1) reads it from the environment.

use ureq::http::Uri;

/// The variables that count.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    except: Vec<String>,
}

impl Proxies {
    /// Reads `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, and all but the first in capitals too: HTTP_PROXY is what a web
    /// server hands on as a request's header.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| names.iter().filter_map(|name| variable(name)).find(|value| !value.is_empty());
        let all = ["all_proxy", "ALL_PROXY"];
        let except = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self {
            http: first(&["http_proxy"]).or_else(|| first(&all)),
            https: first(&["https_proxy", "HTTPS_PROXY"]).or_else(|| first(&all)),
            except: except.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect(),
        }
    }

    /// The proxy for a URL, as it was written.
    pub fn of(&self, url: &Uri) -> Option<&str> {
        let host = url.host()?.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        if self.except.iter().any(|pattern| excepts(pattern, &host, url.port_u16())) {
            return None;
        }
        if url.scheme_str() == Some("https") { self.https.as_deref() } else { self.http.as_deref() }
    }
}

/// `*` is every host; a name is the host and all below it, with or without a point before; a port must be the same.
fn excepts(pattern: &str, host: &str, port: Option<u16>) -> bool {
    if pattern == "*" || pattern == host {
        return true;
    }
    let (name, own) = match pattern.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
        _ => (pattern, None),
    };
    if own.is_some() && own != port {
        return false;
    }
    let name = name.trim_start_matches('.').trim_end_matches('.');
    host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.') && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Proxies;

    fn of(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let read = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_string());
        Proxies::read(read).of(&url.parse().unwrap()).map(str::to_string)
    }

    #[test]
    fn as_curl_reads_them() {
        let proxy = Some("http://p:3128".to_string());
        assert_eq!(of(&[("http_proxy", "http://p:3128")], "http://a.example/x"), proxy);
        assert_eq!(of(&[("HTTP_PROXY", "http://p:3128")], "http://a.example/x"), None);
        assert_eq!(of(&[("http_proxy", "http://p:3128")], "https://a.example/x"), None);
        assert_eq!(of(&[("HTTPS_PROXY", "http://p:3128")], "https://a.example/x"), proxy);
        assert_eq!(of(&[("ALL_PROXY", "http://p:3128")], "http://a.example/x"), proxy);
        assert_eq!(of(&[("all_proxy", "http://p:3128"), ("http_proxy", "")], "http://a.example/x"), proxy);
    }

    #[test]
    fn exceptions() {
        let except = |list: &str, url: &str| of(&[("all_proxy", "p"), ("no_proxy", list)], url).is_none();
        for (list, url) in [
            ("*", "http://a.example/"),
            ("a.example", "http://A.example/"),
            ("example", "http://a.example/"),
            (".example", "https://a.example/"),
            ("b, a.example:8080", "http://a.example:8080/"),
            ("127.0.0.1", "http://127.0.0.1:99/"),
            ("::1", "http://[::1]:99/"),
        ] {
            assert!(except(list, url), "{list} {url}");
        }
        for (list, url) in [("", "http://a.example/"), ("xample", "http://a.example/"), ("a.example:80", "http://a.example:8080/")] {
            assert!(!except(list, url), "{list} {url}");
        }
    }
}
