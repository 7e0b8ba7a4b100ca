//! `debugContext`, which takes up what an event lacks to its size.

use super::parts::Parts;
use super::writer::Writer;

impl Parts<'_> {
    pub(super) fn debug_context(
        &mut self,
        w: &mut Writer,
        full: bool,
        wanted: Option<usize>,
        others: usize,
    ) {
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
