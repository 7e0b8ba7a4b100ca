//! A page of events, read from a 200.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use okta_coralogix_core::event::{MalformedEvent, Origin, RawEvent, split_page, split_whole_page};
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, Result};

use crate::api::error::unreadable;
use crate::api::link_header;
use crate::api::org_url::OrgUrl;
use crate::position::cursor::Cursor;

/// One page of the System Log.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Result<RawEvent, MalformedEvent>>,
    /// The `next` link. A bounded range ends with a page without one.
    pub(crate) next: Option<Cursor>,
    /// It has as many items as were asked for, so that there may be more.
    pub(crate) is_full: bool,
}

impl Page {
    /// Checks the `next` link first: a response that links to another host is discarded.
    pub(crate) fn read(
        response: &Response<Bytes>,
        org: &OrgUrl,
        origin: &Arc<Origin>,
        bounded: bool,
    ) -> Result<Self> {
        let headers = response.headers();
        let next = link_header::next(headers)
            .map(|target| Cursor::from_link(target, org))
            .transpose()?;
        // Where HTTP announces the length of the body, the transport has refused a shorter one.
        let is_whole =
            headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        let split = if is_whole {
            split_whole_page
        } else {
            split_page
        };
        let items = split(response.body(), origin).map_err(|error| {
            let what = format!(
                "something that is no page of the System Log ({})",
                sanitize(&error.to_string())
            );
            unreadable(headers, &what)
        })?;
        if next.is_none() && !bounded {
            return Err(no_next(response));
        }
        Ok(Self {
            items,
            next,
            is_full: false,
        })
    }

    /// `published` of each event.
    pub(crate) fn published(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        self.items.iter().flatten().map(RawEvent::published)
    }
}

/// Okta documents a `next` link in each answer to a polling request; without one the source cannot go on.
fn no_next(response: &Response<Bytes>) -> Error {
    unreadable(
        response.headers(),
        "a page without a next link, and so no way to go on",
    )
}
