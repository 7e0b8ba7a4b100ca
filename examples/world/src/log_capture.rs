//! What the programs report through `tracing`: a part of the trace, and no index for a secret.

use std::fmt::{Debug, Display, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::env::{Env, SECRET};

/// Hears everything that is reported on its thread, which is all that a world has.
#[derive(Debug)]
pub(crate) struct LogCapture(pub(crate) Arc<Env>);

impl LogCapture {
    fn hear(&self, who: impl Display, record: impl FnOnce(&mut dyn Visit)) {
        let mut said = Said(String::new());
        record(&mut said);
        let Said(said) = said;
        if said.contains(SECRET) {
            let what = format!("a secret is reported by {who}: {said}");
            self.0.oracle().violation(what);
        }
        self.0.say(|| format!("{who}:{said}"));
    }
}

impl Subscriber for LogCapture {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.hear(reporter(span.metadata()), |said| span.record(said));
        // Nobody asks which span something belongs to.
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        self.hear("a span", |said| values.record(said));
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.hear(reporter(event.metadata()), |said| event.record(said));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn reporter(metadata: &Metadata<'_>) -> String {
    format!("{} {}", metadata.level(), metadata.target())
}

/// The fields, as a log would have them.
struct Said(String);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = match field.name() {
            "message" => "",
            name => &format!("{name}="),
        };
        write!(self.0, " {name}{value:?}").expect("a string takes any text");
    }
}
