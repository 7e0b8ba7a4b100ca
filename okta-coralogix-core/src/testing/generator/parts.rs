//! The parts of a LogEvent.

use chrono::{DateTime, Utc};
use fastrand::Rng;

use super::Script;
use super::words::{
    ASCII_NAMES, ASCII_PLACES, EVENT_TYPES, TARGET_TYPES, UNICODE_NAMES, UNICODE_PLACES,
    USER_AGENTS,
};
use super::writer::Writer;

/// Below this size an event has only the parts that every event has.
const FULL_SIZE: usize = 2_000;

/// One LogEvent, its keys in Okta's order.
pub(super) fn event(
    rng: &mut Rng,
    script: Script,
    size: Option<usize>,
    uuid: &str,
    published: DateTime<Utc>,
) -> String {
    let full = size.is_none_or(|size| size >= FULL_SIZE);
    let (event_type, legacy, message) = pick(rng, &EVENT_TYPES);
    let mut parts = Parts { rng, script };
    let mut head = Writer::default();
    let mut tail = Writer::default();

    parts.actor(&mut head, "actor");
    parts.client(&mut head, full);
    if full {
        parts.device(&mut head);
        parts.authentication_context(&mut head);
    }
    if !message.is_empty() {
        head.string("displayMessage", message);
    }
    head.string("eventType", event_type);
    parts.outcome(&mut head);
    head.raw("published", published.format("\"%Y-%m-%dT%H:%M:%S%.3fZ\""));
    if full {
        parts.security_context(&mut head);
    }
    head.string("severity", parts.severity());

    match legacy {
        "" => tail.raw("legacyEventType", "null"),
        legacy => tail.string("legacyEventType", legacy),
    }
    parts.transaction(&mut tail, full);
    tail.string("uuid", uuid);
    tail.string("version", "0");
    if full {
        parts.request(&mut tail);
    }
    parts.targets(&mut tail, full);
    if parts.one_in(20) {
        tail.object("systemEnvelope", |w| w.raw("schemaRevision", 3));
    }

    let (head, tail) = (head.finish(), tail.finish());
    let wanted = size.map(|size| parts.rng.usize(size * 9 / 10..=size * 11 / 10));
    let mut debug = Writer::default();
    parts.debug_context(&mut debug, full, wanted, head.len() + tail.len());
    format!("{{{head},{},{tail}}}", debug.finish())
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

struct Parts<'a> {
    rng: &'a mut Rng,
    script: Script,
}

impl Parts<'_> {
    fn one_in(&mut self, count: u32) -> bool {
        self.rng.u32(..count) == 0
    }

    fn is_unicode(&mut self) -> bool {
        match self.script {
            Script::Mixed => self.one_in(3),
            Script::Ascii => false,
            Script::Unicode => true,
        }
    }

    fn name(&mut self) -> &'static str {
        let names = if self.is_unicode() {
            &UNICODE_NAMES
        } else {
            &ASCII_NAMES
        };
        pick(self.rng, names)
    }

    fn severity(&mut self) -> &'static str {
        match self.rng.u32(..100) {
            0..3 => "DEBUG",
            3..85 => "INFO",
            85..97 => "WARN",
            _ => "ERROR",
        }
    }

    /// An Okta id: a prefix and 17 letters and digits.
    fn id(&mut self, prefix: &str) -> String {
        let random = (0..17).map(|_| self.rng.alphanumeric());
        prefix.chars().chain(random).collect()
    }

    fn ip(&mut self) -> String {
        if self.one_in(10) {
            return format!("2001:db8::{:x}:{:x}", self.rng.u16(..), self.rng.u16(..));
        }
        let [a, b, c] = [(); 3].map(|()| self.rng.u8(..));
        format!("{}.{a}.{b}.{c}", self.rng.u8(1..224))
    }

    fn actor(&mut self, w: &mut Writer, key: &str) {
        let id = self.id("00u");
        w.object(key, |w| {
            w.string("id", &id);
            w.string("type", "User");
            self.principal(w);
        });
    }

    fn principal(&mut self, w: &mut Writer) {
        let number = self.rng.u32(..100_000);
        match self.rng.u32(..20) {
            0 => w.string("alternateId", "unknown"),
            1 => w.raw("alternateId", "null"),
            _ => w.string("alternateId", &format!("user{number}@example.com")),
        }
        let name = self.name();
        if self.script == Script::Mixed && self.one_in(8) {
            w.escaped("displayName", name);
        } else {
            w.string("displayName", name);
        }
        w.raw("detailEntry", "null");
    }

    fn client(&mut self, w: &mut Writer, full: bool) {
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
        if self.script == Script::Ascii { 2 } else { 3 }
    }

    fn place(&mut self, w: &mut Writer) {
        if self.one_in(12) {
            return w.raw("geographicalContext", "null");
        }
        let places = if self.is_unicode() {
            &UNICODE_PLACES
        } else {
            &ASCII_PLACES
        };
        let [city, state, country, postal_code, lat, lon] = pick(self.rng, places);
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

    fn device(&mut self, w: &mut Writer) {
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

    fn authentication_context(&mut self, w: &mut Writer) {
        let session = self.id("trs");
        w.object("authenticationContext", |w| {
            w.string("externalSessionId", &session);
            w.raw("authenticationProvider", "null");
            match self.rng.u32(..4) {
                0 => w.string("credentialType", "OAuth 2.0"),
                1 => w.string("credentialType", "PASSWORD"),
                _ => w.raw("credentialType", "null"),
            }
            w.raw("credentialProvider", "null");
            w.raw("issuer", "null");
            w.raw("interface", "null");
            w.raw("authenticationStep", 0);
            if self.rng.bool() {
                w.string("rootSessionId", &session);
            }
        });
    }

    fn outcome(&mut self, w: &mut Writer) {
        match self.rng.u32(..20) {
            0 => w.raw("outcome", "null"),
            1..4 => w.object("outcome", |w| {
                w.string("result", "FAILURE");
                w.string("reason", "INVALID_CREDENTIALS");
            }),
            4 => w.object("outcome", |w| w.string("result", "CHALLENGE")),
            _ => w.object("outcome", |w| {
                w.string("result", "SUCCESS");
                w.raw("reason", "null");
            }),
        }
    }

    fn security_context(&mut self, w: &mut Writer) {
        w.object("securityContext", |w| {
            if self.one_in(5) {
                return;
            }
            w.raw("asNumber", self.rng.u32(1..400_000));
            w.string("asOrg", "example telecom");
            w.string("isp", "example telecom \\ fibre");
            w.string("domain", ".");
            w.raw("isProxy", self.rng.bool());
        });
    }

    fn transaction(&mut self, w: &mut Writer, full: bool) {
        let id = self.id("aXb");
        w.object("transaction", |w| {
            w.string("type", if self.one_in(6) { "JOB" } else { "WEB" });
            w.string("id", &id);
            if !full || self.rng.bool() {
                w.raw("detail", "{}");
            } else {
                let token = self.id("00T");
                w.object("detail", |w| w.string("requestApiTokenId", &token));
            }
        });
    }

    fn request(&mut self, w: &mut Writer) {
        let hops = self.rng.u32(..3);
        w.object("request", |w| {
            w.array("ipChain", |w| {
                for _ in 0..hops {
                    w.element(|w| {
                        w.string("ip", &self.ip());
                        self.place(w);
                        w.string("version", "V4");
                        w.raw("source", "null");
                    });
                }
            });
        });
    }

    fn targets(&mut self, w: &mut Writer, full: bool) {
        let count = match self.rng.u32(..20) {
            _ if !full => 0,
            0..4 => 0,
            4..12 => 1,
            12..16 => 2,
            few => few - 14,
        };
        if count == 0 {
            return w.raw("target", "null");
        }
        w.array("target", |w| {
            for _ in 0..count.min(5) {
                let id = self.id("0oa");
                w.element(|w| {
                    w.string("id", &id);
                    w.string("type", pick(self.rng, &TARGET_TYPES));
                    self.principal(w);
                });
            }
        });
    }

    fn debug_context(&mut self, w: &mut Writer, full: bool, wanted: Option<usize>, others: usize) {
        let request = self.id("aXb");
        w.object("debugContext", |w| {
            w.object("debugData", |w| {
                w.string("requestId", &request);
                if full {
                    self.debug_data(w);
                }
                let wanted = match wanted {
                    Some(wanted) => wanted.saturating_sub(others),
                    None if self.one_in(100) => self.rng.usize(4_000..40_000),
                    None => 0,
                };
                self.fill(w, wanted);
            });
        });
    }

    /// Okta writes numbers and booleans as strings here, and JSON and Java maps into strings.
    fn debug_data(&mut self, w: &mut Writer) {
        w.string("requestUri", "/idp/idx/authenticators/poll");
        w.string(
            "url",
            "/idp/idx/authenticators/poll?stateToken=******&x=1%2F2",
        );
        w.string("threatSuspected", "false");
        if self.one_in(3) {
            w.string(
                "risk",
                "{reasons=Anomalous Location, Anomalous Device, level=HIGH}",
            );
            w.string(
                "logOnlySecurityData",
                r#"{"risk":{"level":"LOW"},"behaviors":{"New Device":"NEGATIVE"}}"#,
            );
        }
    }

    /// Adds members until `w` holds `wanted` bytes or a little more.
    fn fill(&mut self, w: &mut Writer, wanted: usize) {
        const CLOSING: usize = 32;
        let mut number = 0;
        while w.len() + CLOSING < wanted {
            let left = wanted - w.len() - CLOSING;
            let mut text = String::new();
            let length = self.rng.usize(20..200).min(left);
            while text.len() < length {
                text.push_str(self.name());
                text.push(' ');
                text.extend((0..8).map(|_| self.rng.alphanumeric()));
            }
            number += 1;
            w.string(&format!("attribute{number}"), &text);
        }
    }
}
