//! What an error of the HTTP client means, in a sentence that names the cause and what to do.
//!
//! The texts of the libraries are for programmers, and name a kind as the code does (`UnknownIssuer`). So the kind is looked for
//! in the chain of causes, and only the words of the system are kept, in brackets.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::time::Duration;

use super::tls::CertificateVariables;
use super::tls_error;
use crate::text::{sanitize, seconds};

/// Where a request goes, and by which way.
#[derive(Debug)]
pub(super) struct Route<'a> {
    pub(super) https: bool,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    /// Host and port of the proxy.
    pub(super) proxy: Option<&'a str>,
    pub(super) connect_timeout: Duration,
    pub(super) certificates: CertificateVariables,
}

impl Route<'_> {
    fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// The server with its port.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    /// What this machine connects to: the proxy, if there is one.
    fn peer(&self) -> String {
        match self.proxy {
            Some(proxy) => format!("the proxy {proxy}"),
            None => self.server(),
        }
    }
}

/// What `error` means. The chain of its causes must hold no URL.
pub(super) fn explain(error: &(dyn StdError + 'static), route: &Route<'_>) -> String {
    let causes: Vec<_> = successors(Some(error), |error| cause_of(*error)).collect();
    let text = |begin: &str| {
        let text = causes.iter().map(ToString::to_string);
        text.into_iter().find(|text| text.starts_with(begin))
    };
    if let Some(error) = find::<rustls::Error>(&causes) {
        return tls_error::explain(error, route);
    }
    if text("dns error").is_some() {
        return name_not_found(find(&causes), route);
    }
    let io_error = find::<io::Error>(&causes);
    let explained = io_error.and_then(|error| explain_io(error, route));
    if let Some(sentence) = explained {
        return sentence;
    }
    if let Some(tunnel) = text("tunnel error: ") {
        return explain_tunnel(&tunnel, route);
    }
    if let Some(error) = find::<hyper::Error>(&causes) {
        if error.is_parse() {
            return no_http(route);
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return closed(route);
        }
    }
    if find::<reqwest::Error>(&causes).is_some_and(reqwest::Error::is_timeout) {
        return not_accepted(route);
    }
    let mut texts: Vec<_> = causes.iter().map(ToString::to_string).collect();
    texts.dedup();
    sanitize(&texts.join(": "))
}

/// The next cause. An `io::Error` with an error inside skips that one in its `source`.
fn cause_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn find<'a, E: StdError + 'static>(causes: &[&'a (dyn StdError + 'static)]) -> Option<&'a E> {
    causes.iter().rev().find_map(|cause| cause.downcast_ref())
}

fn name_not_found(error: Option<&io::Error>, route: &Route<'_>) -> String {
    let name = match route.proxy {
        Some(proxy) => format!("the name of the proxy {proxy}"),
        None => format!("the name {}", route.host),
    };
    let said = error.map_or_else(String::new, |error| {
        let text = error.to_string();
        let text = text.rsplit(": ").next().unwrap_or_default();
        format!(" ({})", sanitize(text))
    });
    format!(
        "{name} cannot be resolved{said}; check its spelling and the DNS servers of this machine"
    )
}

fn explain_io(error: &io::Error, route: &Route<'_>) -> Option<String> {
    /// `ENFILE` and `EMFILE`, for which the standard library has no stable kind.
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];

    let peer = route.peer();
    if cfg!(unix)
        && error
            .raw_os_error()
            .is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code))
    {
        let advice = "raise its limit, for one with `ulimit -n`";
        return Some(format!(
            "this process or machine has too many open files; {advice}"
        ));
    }
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => format!(
            "{peer} refuses connections; check the host and the port, and that the service runs there"
        ),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => {
            format!(
                "no network route leads to {peer}; check the network and the routes of this machine"
            )
        }
        ErrorKind::PermissionDenied => {
            format!("this machine does not permit a connection to {peer}; check its firewall rules")
        }
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no free address or port for a connection to {peer}")
        }
        ErrorKind::TimedOut => not_accepted(route),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            format!(
                "{peer}, or a firewall or load balancer before it, reset the connection; if this lasts, check what lies on the way"
            )
        }
        ErrorKind::UnexpectedEof => closed(route),
        _ => return None,
    })
}

fn not_accepted(route: &Route<'_>) -> String {
    format!(
        "{} did not complete a connection within {}; check the host and the port, and that no firewall drops the packets",
        route.peer(),
        seconds(route.connect_timeout)
    )
}

fn closed(route: &Route<'_>) -> String {
    format!(
        "{}, or something before it, closed the connection without a complete answer; if this lasts, check what lies on the way, \
         and that the port is the right one",
        route.peer()
    )
}

fn no_http(route: &Route<'_>) -> String {
    let server = route.server();
    match route.https {
        true => format!("{server} answers with something other than HTTP; check the port"),
        false => format!(
            "{server} answers with something other than HTTP, as a port for TLS does; write `https://`, or check the port"
        ),
    }
}

/// The answer of a proxy that was asked for a connection to the server.
fn explain_tunnel(text: &str, route: &Route<'_>) -> String {
    let (proxy, server) = (route.peer(), route.server());
    match text {
        text if text.ends_with("proxy authorization required") => format!(
            "{proxy} wants a user name and a password, or refuses those that it got (407); write them into the URL of the proxy, as \
             `http://user:password@host:port`"
        ),
        text if text.ends_with("unexpected end of file") => {
            format!(
                "{proxy} closed the connection instead of opening one to {server}; check the URL of the proxy"
            )
        }
        _ => format!(
            "{proxy} refuses to open a connection to {server}, or cannot reach it; allow this host and port in the proxy, or see why it \
             does not get there"
        ),
    }
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    /// An error of a library: its text and its cause.
    #[derive(Debug, Error)]
    #[error("{text}")]
    struct Caused {
        text: &'static str,
        source: Option<io::Error>,
    }

    fn caused(text: &'static str, source: impl Into<Option<io::Error>>) -> Caused {
        let source = source.into();
        Caused { text, source }
    }

    fn sentence(error: &Caused, proxy: Option<&str>) -> String {
        let route = Route {
            https: true,
            host: "a.example",
            port: None,
            proxy,
            connect_timeout: Duration::from_secs(10),
            certificates: CertificateVariables::default(),
        };
        explain(error, &route)
    }

    #[test]
    fn causes_of_a_connection_error_are_told_in_words() {
        use ErrorKind::*;
        let kind = |kind| caused("tcp connect error", io::Error::from(kind));
        let os = |code| caused("tcp connect error", io::Error::from_raw_os_error(code));
        let dns =
            io::Error::other("failed to lookup address information: Name or service not known");
        for (error, expected) in [
            (
                caused("dns error", dns),
                "the name a.example cannot be resolved (Name or service not known); check its spelling",
            ),
            (
                caused("dns error", None),
                "the name a.example cannot be resolved; check its spelling",
            ),
            (
                kind(ConnectionRefused),
                "a.example:443 refuses connections; check the host and the port",
            ),
            (
                kind(HostUnreachable),
                "no network route leads to a.example:443; check",
            ),
            (
                kind(NetworkUnreachable),
                "no network route leads to a.example:443; check",
            ),
            (
                kind(PermissionDenied),
                "this machine does not permit a connection to a.example:443; ",
            ),
            (
                kind(AddrNotAvailable),
                "this machine has no free address or port",
            ),
            (
                kind(TimedOut),
                "a.example:443 did not complete a connection within 10 s; check",
            ),
            (
                kind(ConnectionReset),
                "a.example:443, or a firewall or load balancer before it, reset",
            ),
            (
                kind(BrokenPipe),
                "a.example:443, or a firewall or load balancer before it, reset",
            ),
            (
                kind(UnexpectedEof),
                "a.example:443, or something before it, closed the connection",
            ),
            (
                os(24),
                "this process or machine has too many open files; raise its limit",
            ),
            (
                caused("tunnel error: unexpected end of file", None),
                "a.example:443 closed the connection instead of opening one",
            ),
            (
                caused("something\nnew", io::Error::other("deeper")),
                "something\\nnew: deeper",
            ),
        ] {
            let sentence = sentence(&error, None);
            assert!(sentence.starts_with(expected), "{sentence}");
        }
    }

    #[test]
    fn proxy_is_the_one_that_cannot_be_reached() {
        let proxy = Some("proxy.example:3128");
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        for (error, expected) in [
            (
                caused("dns error", None),
                "the name of the proxy proxy.example:3128 cannot be resolved; ",
            ),
            (
                caused(
                    "tunnel error: failed to create underlying connection",
                    refused,
                ),
                "the proxy proxy.example:3128 refuses connections; ",
            ),
            (
                caused("tunnel error: unsuccessful", None),
                "the proxy proxy.example:3128 refuses to open a connection to a.example:443, or cannot reach it; ",
            ),
        ] {
            let sentence = sentence(&error, proxy);
            assert!(sentence.starts_with(expected), "{sentence}");
        }
    }
}
