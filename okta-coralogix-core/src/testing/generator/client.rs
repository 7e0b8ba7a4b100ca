//! The client, its place and its device.

use super::event_generator::Script;
use super::parts::{Parts, pick};
use super::words::{ASCII_PLACES, UNICODE_PLACES, USER_AGENTS, pick_row};
use super::writer::Writer;

impl Parts<'_> {
    pub(super) fn client(&mut self, w: &mut Writer, full: bool) {
        if !full || self.one_in(25) {
            return w.raw("client", "null");
        }
        w.object("client", |w| {
            let [raw, os, browser] = pick(self.rng, &USER_AGENTS);
            w.object("userAgent", |w| {
                w.string("rawUserAgent", raw);
                w.string("os", os);
                w.string("browser", browser);
            });
            w.string(
                "zone",
                pick(self.rng, &["null", "OFF_NETWORK", "Büro"][..self.zones()]),
            );
            w.string("device", pick(self.rng, &["Computer", "Mobile", "Unknown"]));
            w.raw("id", "null");
            match self.rng.u32(..50) {
                0 => w.string("ipAddress", "null"),
                _ => w.string("ipAddress", &self.ip()),
            }
            self.place(w);
        });
    }

    fn zones(&self) -> usize {
        if self.style.script == Script::Ascii {
            2
        } else {
            3
        }
    }

    pub(super) fn place(&mut self, w: &mut Writer) {
        if self.one_in(12) {
            return w.raw("geographicalContext", "null");
        }
        let places = if self.is_unicode() {
            UNICODE_PLACES
        } else {
            ASCII_PLACES
        };
        let [city, state, country, postal_code, lat, lon] = pick_row(self.rng, places);
        w.object("geographicalContext", |w| {
            w.string("city", city);
            match state {
                "" => w.raw("state", "null"),
                state => w.string("state", state),
            }
            w.string("country", country);
            w.string("postalCode", postal_code);
            w.object("geolocation", |w| {
                w.raw("lat", lat);
                w.raw("lon", lon);
            });
        });
    }

    pub(super) fn device(&mut self, w: &mut Writer) {
        if self.rarely() {
            let id = self.id("guo");
            return w.object("device", |w| {
                w.string("id", &id);
                w.string("platform", "OSX");
                w.string("osVersion", "15.6.1");
                w.string("deviceIntegrator", r#"{"com.example.agent":{"score":90}}"#);
                w.string("screenLockType", "BIOMETRIC");
            });
        }
        match self.rng.u32(..10) {
            0 => {
                let (id, name) = (self.id("guo"), self.name());
                w.object("device", |w| {
                    w.string("id", &id);
                    w.string("name", name);
                    w.string("os_platform", "OSX");
                    w.string("os_version", "15.6.1");
                    w.raw("managed", false);
                    w.raw("registered", true);
                    w.raw("device_integrator", "null");
                    w.string("disk_encryption_type", "ALL_INTERNAL_VOLUMES");
                    w.string("screen_lock_type", "BIOMETRIC");
                    w.raw("jailbreak", "null");
                    w.raw("secure_hardware_present", true);
                });
            }
            1..4 => {}
            _ => w.raw("device", "null"),
        }
    }
}
