//! Where an address is.

use serde_json::Number;

use super::object::object;

object! {
    /// Where an address is. Missing where Okta cannot tell, and for jobs.
    pub struct LogGeographicalContext {
        /// The city.
        pub city: Field<String> = "city",
        /// The state or province.
        pub state: Field<String> = "state",
        /// The country.
        pub country: Field<String> = "country",
        /// The postal code; some writers make it a number, which [`Field::text`](super::Field::text) reads too.
        pub postal_code: Field<String> = "postalCode",
        /// The place on the globe.
        pub geolocation: Field<LogGeolocation> = "geolocation",
    }
}

object! {
    /// A place on the globe.
    pub struct LogGeolocation {
        /// Latitude in degrees, north positive.
        pub lat: Field<Number> = "lat",
        /// Longitude in degrees, east positive.
        pub lon: Field<Number> = "lon",
    }
}

impl LogGeolocation {
    /// Latitude and longitude in degrees, if both are numbers.
    #[must_use]
    pub fn degrees(&self) -> Option<(f64, f64)> {
        Some((self.lat.get()?.as_f64()?, self.lon.get()?.as_f64()?))
    }
}
