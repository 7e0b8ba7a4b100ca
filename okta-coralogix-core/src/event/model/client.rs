//! The program that sent the request.

use std::net::IpAddr;

use super::object::object;
use super::{LogGeographicalContext, LogIpAddress};

object! {
    /// The program that sent the request.
    pub struct LogClient {
        /// The OAuth client, or the agent of an API token.
        pub id: Field<String> = "id",
        /// What it says about itself.
        pub user_agent: Field<LogUserAgent> = "userAgent",
        /// The network zone. Real events write the *string* `null` as well as null.
        pub zone: Field<String> = "zone",
        /// The kind of device, such as `Computer` or `Unknown`. Not to be mixed up with the event's `device`, an object.
        pub device: Field<String> = "device",
        /// Its address. The string `null` has been seen: [`ip`](Self::ip) reads what is one.
        pub ip_address: Field<String> = "ipAddress",
        /// Where it is.
        pub geographical_context: Field<LogGeographicalContext> = "geographicalContext",
        /// In the copy of an event that an event hook delivers, which has no `request`.
        pub ip_chain: Field<Vec<LogIpAddress>> = "ipChain",
    }
}

impl LogClient {
    /// `ip_address`, if it is an address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip_address.as_str()?.parse().ok()
    }
}

object! {
    /// What a client says about itself.
    pub struct LogUserAgent {
        /// The `User-Agent` header as it came.
        pub raw_user_agent: Field<String> = "rawUserAgent",
        /// The operating system; `Unknown` where Okta does not know.
        pub os: Field<String> = "os",
        /// The browser; `UNKNOWN` where Okta does not know.
        pub browser: Field<String> = "browser",
    }
}
