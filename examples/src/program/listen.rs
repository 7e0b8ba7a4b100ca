//! Addresses to listen on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};

use okta_coralogix_core::{Error, Result};

/// An address to listen on, and the setting that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    setting: String,
    /// A host and a port.
    address: String,
    example_port: u16,
}

impl ListenAddress {
    /// The address in `value`, where a bare port is on loopback. Errors name `setting`, and this port as an example.
    ///
    /// # Errors
    /// `Config` if it is neither a port nor an address with a port.
    pub fn parse(setting: &str, value: &str, example_port: u16) -> Result<Self> {
        let advice = advice(example_port);
        let wrong = |fault: &str| Error::config(setting, format!("{value:?} {fault}; {advice}"));
        let address = match value.rsplit_once(':') {
            _ if value.is_empty() => return Err(wrong("is empty")),
            None if value.parse::<u16>().is_ok() => format!("{}:{value}", Ipv4Addr::LOCALHOST),
            None => return Err(wrong("is no port and has none")),
            // Some programs take it for every address, others for loopback.
            Some(("", _)) => return Err(wrong("does not say on which address")),
            Some((_, port)) if port.parse::<u16>().is_err() => {
                return Err(wrong("has no port from 0 to 65535 behind its last colon"));
            }
            Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
                return Err(wrong("has an IPv6 address that is not in brackets"));
            }
            Some(_) => value.to_owned(),
        };
        Ok(Self {
            setting: setting.to_owned(),
            address,
            example_port,
        })
    }

    /// The setting that it came from.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// A host and a port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// # Errors
    /// `Config`, which names both settings, if `other` is the same address, or one of them contains the other.
    pub fn check_apart(&self, other: &Self) -> Result<()> {
        let addresses = |address: &str| -> Vec<_> {
            // One that is none is found where it is listened on.
            address.to_socket_addrs().into_iter().flatten().collect()
        };
        let collide = |one: &SocketAddr, other: &SocketAddr| {
            let is_every = |address: &SocketAddr| address.ip().is_unspecified();
            let is_same = one.ip().to_canonical() == other.ip().to_canonical();
            let same_ip = is_same || is_every(one) || is_every(other);
            one.port() != 0 && one.port() == other.port() && same_ip
        };
        let (own, others) = (addresses(&self.address), addresses(&other.address));
        if !own
            .iter()
            .any(|own| others.iter().any(|other| collide(own, other)))
        {
            return Ok(());
        }
        let detail = format!(
            "is {}, and {} is {}: two listeners cannot have one port; write another port for one of them",
            other.address, self.setting, self.address
        );
        Err(Error::config(&other.setting, detail))
    }

    /// # Errors
    /// `Config` if the port is taken, or the address is none of this host.
    pub fn bind(&self) -> Result<TcpListener> {
        let listen = || -> io::Result<TcpListener> {
            let addresses: Vec<_> = self.address.to_socket_addrs()?.collect();
            let listener = TcpListener::bind(&addresses[..])?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        listen().map_err(|error| self.unusable(&error))
    }

    /// That nobody can listen there.
    #[must_use]
    pub fn unusable(&self, error: &io::Error) -> Error {
        let taken = match error.kind() {
            io::ErrorKind::AddrInUse => "end the program that has it, or ",
            _ => "",
        };
        let advice = advice(self.example_port);
        let detail = format!(
            "cannot listen on {} ({error}); {taken}{advice}",
            self.address
        );
        Error::config(&self.setting, detail)
    }
}

fn advice(example_port: u16) -> String {
    format!(
        "write a port such as {example_port}, which is then on 127.0.0.1, or an address and a port such as 0.0.0.0:{example_port}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Result<String> {
        ListenAddress::parse("--listen", value, 9090).map(|parsed| parsed.address)
    }

    fn endpoint(value: &str) -> ListenAddress {
        ListenAddress::parse("LISTEN", value, 8080).unwrap()
    }

    #[test]
    fn bare_port_is_on_loopback() {
        assert_eq!(parsed("9090").unwrap(), "127.0.0.1:9090");
        for value in ["0.0.0.0:9090", "[::]:9090", "localhost:0"] {
            assert_eq!(parsed(value).unwrap(), value);
        }
    }

    #[test]
    fn address_of_another_setting_is_refused_on_the_same_port() {
        let admin = ListenAddress::parse("--admin-listen", "9090", 9090).unwrap();
        for (listen, is_apart) in [
            ("127.0.0.1:9090", false),
            ("0.0.0.0:9090", false),
            ("[::]:9090", false),
            ("[::ffff:127.0.0.1]:9090", false),
            ("127.0.0.2:9090", true),
            ("127.0.0.1:9091", true),
            ("no.such.host.invalid:9090", true),
        ] {
            let checked = admin.check_apart(&endpoint(listen));
            assert_eq!(checked.is_ok(), is_apart, "{listen}");
        }
        let error = admin.check_apart(&endpoint("0.0.0.0:9090")).unwrap_err();
        let text = error.to_string();
        let named = "LISTEN: is 0.0.0.0:9090, and --admin-listen is 127.0.0.1:9090: ";
        assert!(text.starts_with(named), "{text}");
        let any_port = ListenAddress::parse("--admin-listen", "0", 9090).unwrap();
        assert!(any_port.check_apart(&endpoint("127.0.0.1:0")).is_ok());
    }

    #[test]
    fn wrong_addresses_are_refused_with_what_to_write() {
        for value in [
            "",
            ":9090",
            "abc",
            "65536",
            "-1",
            "host:",
            "host:http",
            "::1:9090",
            "1.2.3.4",
        ] {
            let error = parsed(value).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("--listen: {value:?} ")),
                "{error}"
            );
            assert!(error.ends_with(&advice(9090)), "{error}");
        }
    }
}
