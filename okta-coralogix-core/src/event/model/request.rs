//! The HTTP request and the addresses that it passed.

use std::net::IpAddr;

use super::LogGeographicalContext;
use super::object::object;
use super::open_enum::open_enum;

object! {
    /// The HTTP request. There for other events too, with an empty chain.
    pub struct LogRequest {
        /// The client's address, then that of each proxy.
        pub ip_chain: Field<Vec<LogIpAddress>> = "ipChain",
    }
}

object! {
    /// An address that a request passed.
    pub struct LogIpAddress {
        /// The address.
        pub ip: Field<String> = "ip",
        /// Where it is.
        pub geographical_context: Field<LogGeographicalContext> = "geographicalContext",
        /// `V4` or `V6`.
        pub version: Field<String> = "version",
        /// More about where it comes from.
        pub source: Field<String> = "source",
        /// More about its network (since 2026.03.0).
        pub ip_details: Field<LogIpDetails> = "ipDetails",
    }
}

impl LogIpAddress {
    /// `ip`, if it is an address.
    #[must_use]
    pub fn addr(&self) -> Option<IpAddr> {
        self.ip.as_str()?.parse().ok()
    }
}

object! {
    /// The network of an address.
    pub struct LogIpDetails {
        /// The autonomous system number.
        pub as_number: Field<i64> = "asNumber",
        /// The organisation of the autonomous system.
        pub as_org: Field<String> = "asOrg",
        /// The domain.
        pub domain: Field<String> = "domain",
        /// The internet service provider.
        pub isp: Field<String> = "isp",
        /// The services that are known behind it.
        pub ip_service_categories: Field<Vec<LogIpServiceCategory>> = "ipServiceCategories",
    }
}

object! {
    /// A service that hides who sends.
    pub struct LogIpServiceCategory {
        /// Its kind.
        pub r#type: Field<LogIpServiceCategoryType> = "type",
        /// Who runs it.
        pub operator: Field<String> = "operator",
        /// Whether it hides the sender.
        pub is_anonymous: Field<bool> = "isAnonymous",
    }
}

open_enum! {
    /// A kind of service that hides who sends. Some are written with a space.
    pub enum LogIpServiceCategoryType {
        /// `VPN`
        Vpn = "VPN",
        /// `Proxy`
        Proxy = "Proxy",
        /// `Tor`
        Tor = "Tor",
        /// `Residential Proxy`
        ResidentialProxy = "Residential Proxy",
        /// `Blockchain VPN`
        BlockchainVpn = "Blockchain VPN",
    }
}
