//! Where the listener is: `--admin-listen`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};

use okta_coralogix_core::{Error, Result};

use crate::program::Environment;
use crate::program::settings::{About, Flags, Group, Setting, Written, parse};

/// The listener for operators.
pub static ADMIN_LISTEN: Setting<String> = Setting {
    about: About {
        flag: "--admin-listen",
        value: "ADDR",
        default: "off",
        example: "9090",
        help: "Show metrics, health and status here, without authentication; a bare port is on 127.0.0.1",
        reason: "status shows names of orgs and positions to all who ask",
        ..About::NONE
    },
    parse: parse::text,
};

const ADVICE: &str = "write a port such as 9090, which is then on 127.0.0.1, or an address and a port such as 0.0.0.0:9090";

/// The flag of programs with a listener for their operators.
#[derive(Debug)]
pub struct AdminGroup;

impl Group for AdminGroup {
    const SETTINGS: &'static [&'static About] = &[&ADMIN_LISTEN.about];
}

/// That of [`AdminGroup`].
pub type AdminArgs = Flags<AdminGroup>;

/// An address to listen on, and the setting that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAddress {
    setting: String,
    /// A host and a port.
    address: String,
}

impl AdminArgs {
    /// `None`: it is off.
    ///
    /// # Errors
    /// `Config` if the value is neither a port nor an address with a port.
    pub fn address(&self, environment: &Environment) -> Result<Option<AdminAddress>> {
        let written = self.values(environment).find(&ADMIN_LISTEN.about)?;
        let parsed =
            written.map(|Written { setting, value }| AdminAddress::parse(&setting, value.trim()));
        parsed.transpose()
    }
}

impl AdminAddress {
    /// The address in `value`; errors name `setting`.
    ///
    /// # Errors
    /// `Config` if it is neither a port nor an address with a port.
    pub fn parse(setting: &str, value: &str) -> Result<Self> {
        let wrong = |fault: &str| Error::config(setting, format!("{value:?} {fault}; {ADVICE}"));
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
        })
    }

    /// A host and a port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// # Errors
    /// `Config`, which names both settings, if the address of `setting` is the same one, or one of them contains the other.
    pub fn check_apart(&self, setting: &str, address: &str) -> Result<()> {
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
        let (own, others) = (addresses(&self.address), addresses(address));
        if !own
            .iter()
            .any(|own| others.iter().any(|other| collide(own, other)))
        {
            return Ok(());
        }
        let detail = format!(
            "is {address}, and {} is {}: two listeners cannot have one port; write another port for one of them",
            self.setting, self.address
        );
        Err(Error::config(setting, detail))
    }

    /// # Errors
    /// `Config` if the port is taken, or the address is none of this host.
    pub(super) fn bind(&self) -> Result<TcpListener> {
        let listen = || -> io::Result<TcpListener> {
            let addresses: Vec<_> = self.address.to_socket_addrs()?.collect();
            let listener = TcpListener::bind(&addresses[..])?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        listen().map_err(|error| {
            let detail = format!("cannot listen on {} ({error}); {ADVICE}", self.address);
            Error::config(&self.setting, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Result<String> {
        AdminAddress::parse(ADMIN_LISTEN.about.flag, value).map(|parsed| parsed.address)
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
        let admin = AdminAddress::parse("--admin-listen", "9090").unwrap();
        for (listen, is_apart) in [
            ("127.0.0.1:9090", false),
            ("0.0.0.0:9090", false),
            ("[::]:9090", false),
            ("[::ffff:127.0.0.1]:9090", false),
            ("127.0.0.2:9090", true),
            ("127.0.0.1:9091", true),
            ("no address", true),
        ] {
            let checked = admin.check_apart("LISTEN", listen);
            assert_eq!(checked.is_ok(), is_apart, "{listen}");
        }
        let error = admin.check_apart("LISTEN", "0.0.0.0:9090").unwrap_err();
        let text = error.to_string();
        let named = "LISTEN: is 0.0.0.0:9090, and --admin-listen is 127.0.0.1:9090: ";
        assert!(text.starts_with(named), "{text}");
        let any_port = AdminAddress::parse("--admin-listen", "0").unwrap();
        assert!(any_port.check_apart("LISTEN", "127.0.0.1:0").is_ok());
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
                error.starts_with(&format!("--admin-listen: {value:?} ")),
                "{error}"
            );
            assert!(error.ends_with(ADVICE), "{error}");
        }
    }
}
