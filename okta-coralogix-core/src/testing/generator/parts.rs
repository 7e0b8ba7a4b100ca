//! The parts of a LogEvent.

use fastrand::Rng;

use super::event_generator::{Script, Style};
use super::words::{ASCII_NAMES, EVENT_TYPES, TARGET_TYPES, UNICODE_NAMES, pick_row};
use super::writer::Writer;

/// Below this size an event has only the parts that every event has.
const FULL_SIZE: usize = 2_000;

/// One LogEvent, its keys in Okta's order.
pub(super) fn event(rng: &mut Rng, style: Style, uuid: &str, published: &str) -> String {
    let size = style.size;
    let full = size.is_none_or(|size| size >= FULL_SIZE);
    let [event_type, legacy, message] = pick_row(rng, EVENT_TYPES);
    let mut parts = Parts { rng, style };
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
    head.string("published", published);
    if full {
        parts.security_context(&mut head);
    }
    if !parts.rarely() {
        head.string("severity", parts.severity());
    }

    match legacy {
        "" => tail.raw("legacyEventType", "null"),
        legacy => tail.string("legacyEventType", legacy),
    }
    if !parts.rarely() {
        parts.transaction(&mut tail, full);
    }
    tail.string("uuid", uuid);
    tail.string("version", "0");
    if full {
        parts.request(&mut tail);
    }
    if !parts.rarely() {
        parts.targets(&mut tail, full);
    }
    if parts.one_in(20) {
        tail.object("systemEnvelope", |w| w.raw("schemaRevision", 3));
    }

    let (head, tail) = (head.finish(), tail.finish());
    if parts.rarely() {
        return format!("{{{head},{tail}}}");
    }
    let wanted = size.map(|size| parts.rng.usize(size * 9 / 10..=size * 11 / 10));
    let mut debug = Writer::default();
    parts.debug_context(&mut debug, full, wanted, head.len() + tail.len());
    format!("{{{head},{},{tail}}}", debug.finish())
}

pub(super) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

pub(super) struct Parts<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) style: Style,
}

impl Parts<'_> {
    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.rng.u32(..count) == 0
    }

    /// For the shapes that only rare events have, and of these every fourth.
    pub(super) fn rarely(&mut self) -> bool {
        self.style.is_rare && self.one_in(4)
    }

    pub(super) fn is_unicode(&mut self) -> bool {
        match self.style.script {
            Script::Mixed => self.one_in(3),
            Script::Ascii => false,
            Script::Unicode => true,
        }
    }

    pub(super) fn name(&mut self) -> &'static str {
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
    pub(super) fn id(&mut self, prefix: &str) -> String {
        let random = (0..17).map(|_| self.rng.alphanumeric());
        prefix.chars().chain(random).collect()
    }

    pub(super) fn ip(&mut self) -> String {
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
        if self.style.script == Script::Mixed && self.one_in(8) {
            w.escaped("displayName", name);
        } else {
            w.string("displayName", name);
        }
        match self.rarely() {
            true => w.object("detailEntry", |w| w.string("methodTypeUsed", "Password")),
            false => w.raw("detailEntry", "null"),
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
        if self.rarely() {
            return w.raw("securityContext", "null");
        }
        if self.rarely() {
            return w.object("securityContext", |w| {
                for key in ["asNumber", "asOrg", "isp", "domain", "isProxy"] {
                    w.raw(key, "null");
                }
            });
        }
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
        if self.rarely() {
            return w.raw("target", "[]");
        }
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
                    if self.rarely() {
                        w.object("changeDetails", |w| {
                            w.object("from", |w| w.string("displayName", "before"));
                            w.object("to", |w| w.raw("active", true));
                        });
                    }
                });
            }
        });
    }
}
