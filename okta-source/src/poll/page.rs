//! A page of events, read from a 200.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use http::header::CONTENT_ENCODING;
use okta_coralogix_core::event::{PageEnd, PageError, split_whole_page};
use okta_coralogix_core::internal::exchange::is_complete;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, MalformedEvent, Origin, RawEvent, Result};

use crate::api::error::unreadable;
use crate::api::link_header;
use crate::api::org_url::OrgUrl;
use crate::auth::RequestError;
use crate::poll::doubt::Doubt;
use crate::position::cursor::Cursor;

/// One page of the System Log.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Result<RawEvent, MalformedEvent>>,
    /// The `next` link. A bounded range ends with a page without one.
    pub(crate) next: Option<Cursor>,
    /// It has as many items as were asked for, so that there may be more.
    pub(crate) is_full: bool,
    /// Why something of it may be missing.
    pub(crate) doubt: Option<Doubt>,
}

impl Page {
    /// Checks the `next` link first: a response that links to another host is discarded.
    pub(crate) fn read(
        response: &Response<Bytes>,
        org: &OrgUrl,
        origin: &Arc<Origin>,
        bounded: bool,
    ) -> Result<Self, RequestError> {
        let headers = response.headers();
        let next = link_header::next(headers)
            .map(|target| Cursor::from_link(target, org))
            .transpose()?;
        let page = split_whole_page(response.body(), origin)
            .map_err(|error| unreadable_page(response, &error))?;
        if next.is_none() && (!bounded || link_header::is_missing(headers)) {
            return Err(no_next(response).into());
        }
        let doubt = match (page.end, is_complete(response)) {
            (PageEnd::Sound, _) | (PageEnd::Probable, true) => None,
            (_, false) => Some(Doubt::Unframed),
            (PageEnd::LastBroken, true) => Some(Doubt::LastElement),
            (PageEnd::Open, true) => Some(Doubt::CutOff),
        };
        Ok(Self {
            items: page.elements,
            next,
            is_full: false,
            doubt,
        })
    }

    /// `published` of each event.
    pub(crate) fn published(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        self.items.iter().flatten().map(RawEvent::published)
    }
}

/// A body that is no page. A smaller one may be: a gateway may cut off what is too long for it.
fn unreadable_page(response: &Response<Bytes>, error: &PageError) -> RequestError {
    let headers = response.headers();
    let mut what = format!(
        "something that is no page of the System Log ({})",
        sanitize(&error.to_string())
    );
    if let Some(encoding) = headers.get(CONTENT_ENCODING) {
        let encoding = sanitize(&String::from_utf8_lossy(encoding.as_bytes()));
        what = format!(
            "a page that is encoded as {encoding}, which it was asked not to be, and cannot be decoded: if this lasts, find the \
             gateway or proxy on the way to the org that compresses responses, and have it leave them as they are"
        );
    } else if !is_complete(response) {
        what.push_str(UNFRAMED);
    }
    RequestError {
        error: unreadable(headers, &what),
        wants_smaller_page: matches!(error, PageError::Truncated | PageError::Unsplittable),
    }
}

/// A page of which the end may be missing.
pub(crate) fn doubtful(response: &Response<Bytes>, doubt: Doubt) -> Error {
    let what = match doubt {
        Doubt::LastElement => "a page whose last element is broken: it is asked for again, and used if it stays as it is".to_owned(),
        Doubt::CutOff => "a page whose last element has no end, as if the page had been cut off: it is asked for again, and then \
                          event by event; if this lasts, find the gateway or proxy on the way to the org that shortens responses"
            .to_owned(),
        Doubt::Unframed => {
            format!("a page with a broken element, of which the end may be missing{UNFRAMED}")
        }
    };
    unreadable(response.headers(), &what)
}

/// Behind what the org sent, if HTTP does not tell where it ends.
const UNFRAMED: &str = ", in a response without Content-Length and chunks, which ends wherever the connection does: if this lasts, \
                        find the gateway or proxy on the way to the org that strips Content-Length or Transfer-Encoding, and \
                        have it pass them on";

/// Okta documents a `next` link in each answer to a polling request, and a link to itself in every page; without them the source cannot
/// tell how to go on, or that a bounded range ends here.
fn no_next(response: &Response<Bytes>) -> Error {
    let headers = response.headers();
    let what = match link_header::is_missing(headers) {
        true => {
            "a page without a Link header, which Okta puts into every page, and so no way to go on: a gateway or proxy on the way to \
             the org has most likely removed it; find the one that does, and have it pass Link on"
        }
        false => {
            "a page with links of which none is the next one, and so no way to go on: if this lasts, find the gateway or proxy on the \
             way to the org that changes the Link header, and have it pass Link on as it is"
        }
    };
    unreadable(headers, what)
}
