//! The mapping to Coralogix log entries.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

use super::name::{NameFrom, NameSetting, NameSource};
use super::redact::unreadable;
use super::severity::SeverityTable;
use super::{Mapping, MappingError, Redaction, member};
use crate::event::OktaSeverity;
use crate::json::{self, Member, Members};
use crate::{EntryText, Error, JsonString, LogEntry, Names, Origin, RawEvent, Result, Severity};

/// The form of the event in `text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TextForm {
    /// As an escaped JSON string, which Coralogix documents as preferred.
    #[default]
    Escaped,
    /// As embedded JSON.
    Embedded,
}

/// Maps events to Coralogix log entries.
///
/// | entry | from |
/// |---|---|
/// | `applicationName` | `okta`, or as configured |
/// | `subsystemName` | the account name, as configured; default: the Okta log stream (EventBridge), else the Okta org |
/// | `computerName` | the Okta org |
/// | `timestamp` | `published` |
/// | `severity` | `severity`: Debug, Info, Warn or Error as in Okta, Info where Okta gives none that it documents; or as configured |
/// | `category` | `eventType` |
/// | `text` | the event, byte for byte, unless a [`Redaction`] was asked for |
#[derive(Debug)]
pub struct CoralogixMapping {
    application: NameSource,
    /// `None`: the origin's log stream, else its org.
    subsystem: Option<NameSource>,
    severity: SeverityTable,
    text: TextForm,
    bare: bool,
    redaction: Redaction,
    /// Keys and values in plain text.
    labels: Vec<(String, String)>,
    /// Names that were made for an origin, so that its events share them.
    shared: Mutex<Vec<(Arc<Origin>, Arc<Names>)>>,
}

/// How many origins' names are kept at hand; a process rarely has more orgs than this.
const SHARED_NAMES: usize = 16;

/// Builds a [`CoralogixMapping`].
#[derive(Debug, Clone)]
#[must_use]
pub struct CoralogixMappingBuilder {
    application: NameSetting,
    subsystem: Option<NameSetting>,
    severity: SeverityTable,
    text: TextForm,
    bare: bool,
    redaction: Redaction,
    labels: Vec<(String, String)>,
}

impl CoralogixMapping {
    /// A builder with the defaults.
    pub fn builder() -> CoralogixMappingBuilder {
        CoralogixMappingBuilder {
            application: NameSetting::fixed("okta"),
            subsystem: None,
            severity: SeverityTable::default(),
            text: TextForm::default(),
            bare: false,
            redaction: Redaction::default(),
            labels: Vec::new(),
        }
    }

    fn names_of(&self, event: &RawEvent, json: &[u8]) -> Arc<Names> {
        let fixed =
            self.application.is_fixed() && self.subsystem.as_ref().is_none_or(NameSource::is_fixed);
        if !fixed {
            let event_type = event
                .event_type()
                .filter(|_| !self.redaction.touches("eventType"));
            return Arc::new(self.make_names(event.origin(), json, event_type.as_deref()));
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, names)) = shared.iter().find(|(origin, _)| origin == event.origin()) {
            return Arc::clone(names);
        }
        let names = Arc::new(self.make_names(event.origin(), json, None));
        if shared.len() == SHARED_NAMES {
            shared.remove(0);
        }
        shared.push((Arc::clone(event.origin()), Arc::clone(&names)));
        names
    }

    fn make_names(&self, origin: &Origin, json: &[u8], event_type: Option<&str>) -> Names {
        let asked = |name: &Option<String>| {
            name.as_deref()
                .filter(|name| !name.trim().is_empty())
                .map(JsonString::escape)
        };
        let account = || {
            asked(&origin.stream).unwrap_or_else(|| match origin.org.trim() {
                "" => JsonString::escape("okta"),
                org => JsonString::escape(org),
            })
        };
        let subsystem = || {
            self.subsystem
                .as_ref()
                .map_or_else(account, |name| name.of(json, event_type))
        };
        let application =
            asked(&origin.application).unwrap_or_else(|| self.application.of(json, event_type));
        let mut names = Names::new(
            application,
            asked(&origin.subsystem).unwrap_or_else(subsystem),
        );
        names.computer = Some(origin.org.as_str())
            .filter(|org| !org.is_empty())
            .map(JsonString::escape);
        names
    }

    /// The redacted LogEvent, and it in its document.
    fn redact(&self, event: &RawEvent) -> Result<(Bytes, Bytes), MappingError> {
        let redacted = self.redaction.apply(&event.json())?;
        let document = event.document();
        let mut whole = BytesMut::with_capacity(document.len());
        let mut copied = 0;
        for place in self.places(event)? {
            whole.extend_from_slice(&document[copied..place.start]);
            copied = place.end;
            match place == event.json_range() {
                true => whole.extend_from_slice(&redacted),
                false => whole.extend_from_slice(&self.redaction.apply(&document[place])?),
            }
        }
        whole.extend_from_slice(&document[copied..]);
        Ok((redacted, whole.freeze()))
    }

    /// The ranges of the LogEvent in its document, and of the other values that have the same key.
    fn places(&self, event: &RawEvent) -> Result<Vec<Range<usize>>, MappingError> {
        let (document, range) = (event.document(), event.json_range());
        if range == (0..document.len()) {
            return Ok(vec![range]);
        }
        let text = std::str::from_utf8(document).map_err(|_| unreadable())?;
        let Some(members) = Members::of(text) else {
            return Ok(vec![range]);
        };
        let place = |member: Member<'_>| json::substr_range(text, member.value);
        let key = members
            .iter()
            .find(|member| place(*member) == range)
            .map(|member| member.key());
        let same = members
            .iter()
            .filter(|member| Some(member.key()) == key)
            .map(place)
            .collect();
        Ok(if key.is_some() { same } else { vec![range] })
    }
}

impl Mapping for CoralogixMapping {
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
        let (json, document) = if self.redaction.is_empty() {
            (event.json(), event.document().clone())
        } else {
            self.redact(event)?
        };
        let names = self.names_of(event, &json);
        let mut document = if self.bare { json } else { document };
        for (key, value) in &self.labels {
            document = member::with_label(&document, key, value)?;
        }
        let text = match self.text {
            TextForm::Escaped => EntryText::Escaped(document),
            TextForm::Embedded => EntryText::Embedded(document),
        };
        let mut entry = LogEntry::new(names, text);
        entry.timestamp = Some(event.published());
        entry.severity = self.severity.of(event.severity());
        if !self.redaction.touches("eventType") {
            entry.category = event.event_type_json();
        }
        if !self.redaction.touches("uuid") {
            entry.event_uuid = event.uuid_json();
        }
        Ok(entry)
    }

    fn names(&self, origin: &Origin, event: Option<&RawEvent>) -> Option<Arc<Names>> {
        let Some(event) = event else {
            return Some(Arc::new(self.make_names(origin, &[], None)));
        };
        // Those that its entry has, or would have.
        let json = match self.redaction.is_empty() {
            true => event.json(),
            false => self.redact(event).ok()?.0,
        };
        Some(self.names_of(event, &json))
    }
}

impl CoralogixMappingBuilder {
    /// `applicationName` for all entries.
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = NameSetting::fixed(name);
        self
    }

    /// `applicationName` from the field at `path` (`$.actor.type`); `fallback` where that is absent, empty, or no scalar.
    pub fn application_from(
        mut self,
        path: impl Into<String>,
        fallback: impl Into<String>,
    ) -> Self {
        self.application = NameSetting {
            fallback: fallback.into(),
            from: NameFrom::Field(path.into()),
        };
        self
    }

    /// `applicationName` by event type: pairs of a type, or a prefix such as `user.session.*`, and a name. The first pair that matches
    /// counts; `fallback` where none does.
    pub fn application_by_event_type<P: Into<String>, N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = (P, N)>,
        fallback: impl Into<String>,
    ) -> Self {
        self.application = by_event_type(names, fallback);
        self
    }

    /// `subsystemName` for all entries: the account name.
    pub fn subsystem(mut self, name: impl Into<String>) -> Self {
        self.subsystem = Some(NameSetting::fixed(name));
        self
    }

    /// `subsystemName` from the field at `path`; `fallback` where that is absent, empty, or no scalar.
    pub fn subsystem_from(mut self, path: impl Into<String>, fallback: impl Into<String>) -> Self {
        self.subsystem = Some(NameSetting {
            fallback: fallback.into(),
            from: NameFrom::Field(path.into()),
        });
        self
    }

    /// `subsystemName` by event type, as [`application_by_event_type`](Self::application_by_event_type).
    pub fn subsystem_by_event_type<P: Into<String>, N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = (P, N)>,
        fallback: impl Into<String>,
    ) -> Self {
        self.subsystem = Some(by_event_type(names, fallback));
        self
    }

    /// What a severity of Okta becomes; `None` is that of an event that has none, or one that Okta does not document. Default: DEBUG,
    /// INFO, WARN and ERROR become the same, none becomes Info.
    pub fn severity(mut self, okta: impl Into<Option<OktaSeverity>>, becomes: Severity) -> Self {
        self.severity.set(okta.into(), becomes);
        self
    }

    /// The form of the event in `text`. Default: a string of JSON.
    pub fn text(mut self, form: TextForm) -> Self {
        self.text = form;
        self
    }

    /// Sends the bare LogEvent even where it came in an EventBridge envelope.
    pub fn bare_event(mut self, bare: bool) -> Self {
        self.bare = bare;
        self
    }

    /// Fields to drop or hash. Default: none.
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Adds a member with a constant text to every event, at its end: `label("tenant", "acme")`. An event that has a member of this name
    /// keeps its own. Without a label nothing is added.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Builds the mapping.
    ///
    /// # Errors
    /// `Config` if a name is empty, a path or a pattern cannot be read, or a label has no key or one that is there already.
    pub fn build(self) -> Result<CoralogixMapping> {
        for (index, (key, _)) in self.labels.iter().enumerate() {
            if key.is_empty() || self.labels[..index].iter().any(|(other, _)| other == key) {
                let detail = format!("{key:?} is empty, or the key of another label");
                return Err(Error::config("label", detail));
            }
        }
        Ok(CoralogixMapping {
            application: NameSource::new("application", self.application)?,
            subsystem: self
                .subsystem
                .map(|setting| NameSource::new("subsystem", setting))
                .transpose()?,
            severity: self.severity,
            text: self.text,
            bare: self.bare,
            redaction: self.redaction,
            labels: self.labels,
            shared: Mutex::default(),
        })
    }
}

fn by_event_type<P: Into<String>, N: Into<String>>(
    names: impl IntoIterator<Item = (P, N)>,
    fallback: impl Into<String>,
) -> NameSetting {
    let names = names.into_iter();
    NameSetting {
        fallback: fallback.into(),
        from: NameFrom::EventType(
            names
                .map(|(pattern, name)| (pattern.into(), name.into()))
                .collect(),
        ),
    }
}
