//! Where the listener is: `--admin-listen`.

use okta_coralogix_core::Result;

use crate::program::Environment;
use crate::program::listen::ListenAddress;
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

/// In messages.
const EXAMPLE_PORT: u16 = 9090;

/// The flag of programs with a listener for their operators.
#[derive(Debug)]
pub struct AdminGroup;

impl Group for AdminGroup {
    const SETTINGS: &'static [&'static About] = &[&ADMIN_LISTEN.about];
}

/// That of [`AdminGroup`].
pub type AdminArgs = Flags<AdminGroup>;

impl AdminArgs {
    /// `None`: it is off.
    ///
    /// # Errors
    /// `Config` if the value is neither a port nor an address with a port.
    pub fn address(&self, environment: &Environment) -> Result<Option<ListenAddress>> {
        let written = self.values(environment).find(&ADMIN_LISTEN.about)?;
        let parsed = written.map(|Written { setting, value }| {
            ListenAddress::parse(&setting, value.trim(), EXAMPLE_PORT)
        });
        parsed.transpose()
    }
}
