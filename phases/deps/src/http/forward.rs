//! `http://` requests through a plain HTTP proxy, in the absolute form of RFC 9112, section 3.2.2.
//!
//! ureq asks a proxy for a tunnel (CONNECT) for every request, which proxies commonly refuse for port 80. So the
//! connection goes to the proxy as if it were the server, and the request line is put into the absolute form on its way.

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport,
};
use ureq::{Agent, Error};

/// An agent whose requests all go to the proxy at `proxy` (with credentials where it asks for them).
pub fn agent(config: Config, proxy: Uri, authorization: Option<String>) -> Agent {
    let connector = TcpConnector::default().chain(AbsoluteForm { authorization });
    Agent::with_parts(config, connector, ProxyAddress { proxy, resolver: DefaultResolver::default() })
}

/// Answers every question with the proxy's address.
#[derive(Debug)]
struct ProxyAddress {
    proxy: Uri,
    resolver: DefaultResolver,
}

impl Resolver for ProxyAddress {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.resolver.resolve(&self.proxy, config, timeout)
    }
}

struct AbsoluteForm {
    authorization: Option<String>,
}

impl std::fmt::Debug for AbsoluteForm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AbsoluteForm").finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for AbsoluteForm {
    type Out = Rewriting<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let authority = details.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Ok(chained.map(|inner| Rewriting {
            inner,
            server: format!("http://{host}"),
            authorization: self.authorization.clone(),
            head_sent: false,
        }))
    }
}

/// Changes the first line of the one request that goes over it.
struct Rewriting<In> {
    inner: In,
    server: String,
    authorization: Option<String>,
    head_sent: bool,
}

impl<In> std::fmt::Debug for Rewriting<In> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rewriting").field("server", &self.server).finish_non_exhaustive()
    }
}

impl<In: Transport> Transport for Rewriting<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.head_sent {
            return self.inner.transmit_output(amount, timeout);
        }
        self.head_sent = true;
        let output = self.inner.buffers().output();
        let head = absolute_form(&output[..amount], &self.server, self.authorization.as_deref())
            .ok_or_else(|| Error::ConnectProxyFailed("the request has no complete first line".to_owned()))?;
        let room = output
            .get_mut(..head.len())
            .ok_or_else(|| Error::ConnectProxyFailed("the request is too long for a proxy".to_owned()))?;
        room.copy_from_slice(&head);
        self.inner.transmit_output(head.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        // One request a connection: a second one would find its head sent.
        false
    }
}

fn absolute_form(head: &[u8], server: &str, authorization: Option<&str>) -> Option<Vec<u8>> {
    let end = head.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&head[..end]).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let mut changed = format!("{method} {server}{rest}\r\n");
    if let Some(authorization) = authorization {
        changed.push_str("proxy-authorization: ");
        changed.push_str(authorization);
        changed.push_str("\r\n");
    }
    let mut bytes = changed.into_bytes();
    bytes.extend_from_slice(&head[end + 2..]);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_line_names_the_server() {
        let head = b"GET /a?b HTTP/1.1\r\nhost: h.test\r\n\r\n";
        let changed = absolute_form(head, "http://h.test:81", Some("Basic eA==")).unwrap();
        assert_eq!(
            String::from_utf8(changed).unwrap(),
            "GET http://h.test:81/a?b HTTP/1.1\r\nproxy-authorization: Basic eA==\r\nhost: h.test\r\n\r\n"
        );
    }
}
