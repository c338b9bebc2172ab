//! Plain HTTP through a proxy, in the form that proxies expect: the whole URL in the request line (RFC 9112, 3.2.2).
//!
//! ureq by itself asks for a tunnel (CONNECT) whatever the scheme, which caches such as Squid and apt-cacher-ng refuse for port 80.

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Agent, Error};

/// An agent whose requests all go to `proxy`.
pub fn agent(config: Config, proxy: &Uri) -> Agent {
    let connector: ureq::unversioned::transport::DefaultConnector = Default::default();
    Agent::with_parts(config, connector.chain(Absolute), Through { proxy: proxy.clone(), names: DefaultResolver::default() })
}

/// Finds the proxy, whatever is asked for.
#[derive(Debug)]
struct Through {
    proxy: Uri,
    names: DefaultResolver,
}

impl Resolver for Through {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.names.resolve(&self.proxy, config, timeout)
    }
}

#[derive(Debug)]
struct Absolute;

impl<In: Transport> Connector<In> for Absolute {
    type Out = Rewriting<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let base = format!("http://{}", details.uri.authority().map_or("", |authority| authority.as_str()));
        Ok(chained.map(|inner| Rewriting { inner, base }))
    }
}

/// Puts the scheme and host of the connection before the path of each request.
#[derive(Debug)]
struct Rewriting<T> {
    inner: T,
    base: String,
}

impl<T: Transport> Transport for Rewriting<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        const GET: &[u8] = b"GET ";
        let output = self.inner.buffers().output();
        let Some(rest) = output[..amount].strip_prefix(GET).filter(|rest| rest.starts_with(b"/")).map(<[u8]>::to_vec) else {
            return self.inner.transmit_output(amount, timeout);
        };
        let request = [GET, self.base.as_bytes(), &rest].concat();
        let Some(room) = output.get_mut(..request.len()) else { return Err(Error::BodyExceedsLimit(request.len() as u64)) };
        room.copy_from_slice(&request);
        self.inner.transmit_output(request.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
