//! Sends one request, and learns from its answer for the next one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::internal::exchange::Verdict;
use okta_coralogix_core::{AnswerCounter, Error, Origin, Result};
use tokio::time::Instant;

use crate::api::error::{self, refused};
use crate::api::judged::Judged;
use crate::api::org_clock::OrgClock;
use crate::api::org_url::OrgUrl;
use crate::api::page_size::PageSize;
use crate::api::query::Query;
use crate::api::rate_limit::{RateBudget, asked_wait};
use crate::api::retry_headers::RetryHeaders;
use crate::client::Client;
use crate::config::Settings;
use crate::poll::doubt::{Decision, Doubts};
use crate::poll::page::{self, Page};
use crate::position::page_request::{PageRequest, check_path};

/// Sends one request at a time and learns from each answer: the request budget, the org's clock, the page size, and the id of a
/// request that is made again.
///
/// It has no position: the caller gives the request and decides on the next one. An answer is one of
/// * a page: the page size is the usual one again, and the next request is a new one;
/// * a refusal of Okta's own (any status but 200): the next request names the first that failed, as a repeat of it, until
///   [`forget_attempts`](Self::forget_attempts); a 429 also blocks the budget for as long as Okta asks;
/// * one that is not Okta's: an error, and nothing is learned from it but how long a 429 asks to wait;
/// * none, or one that cannot be read or [believed](Doubts): an error. If it was too long or took too long, or if this repeats itself,
///   the page size is halved, down to one event.
///
/// It must never send a request before [`ready_at`](Self::ready_at), for which the caller waits.
#[derive(Debug)]
pub(crate) struct Poller {
    client: Client,
    query: Query,
    origin: Arc<Origin>,
    clock: OrgClock,
    budget: RateBudget,
    /// The usual share of the org's limit, and the one for a backlog near the age limit.
    shares: (f64, f64),
    page_size: PageSize,
    retry_headers: RetryHeaders,
    answers: AnswerCounter,
    doubts: Doubts,
    /// A bounded range ends with a page without a `next` link; polling never does.
    is_bounded: bool,
}

/// The answer of Okta.
pub(crate) enum Answer {
    Page(Page),
    /// Any status but 200, by Okta's own word.
    Refused(StatusCode, Error),
}

impl Poller {
    pub(crate) fn new(client: Client, clock: OrgClock, settings: &Settings) -> Self {
        let share = settings.rate_share;
        Self {
            origin: Arc::new(Origin::org(client.org().subdomain())),
            client,
            query: settings.query.clone(),
            clock,
            budget: RateBudget::new(share),
            shares: (share, share.max(settings.catch_up_share)),
            page_size: PageSize::new(settings.page_size),
            retry_headers: RetryHeaders::default(),
            answers: AnswerCounter::default(),
            doubts: Doubts::default(),
            is_bounded: settings.range.is_some(),
        }
    }

    pub(crate) fn org(&self) -> &OrgUrl {
        self.client.org()
    }

    pub(crate) fn clock(&self) -> &OrgClock {
        &self.clock
    }

    /// Counts the pages.
    pub(crate) fn answers(&self) -> AnswerCounter {
        self.answers.clone()
    }

    /// When the budget allows the next request; `None`: now.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        self.budget.ready_at(now)
    }

    /// How many requests may still be sent in this window, where it is known.
    pub(crate) fn budget_left(&self) -> Option<u32> {
        self.budget.left()
    }

    /// How long so many requests must last if they may take no more than `part` of our share of the limit, where it is known.
    pub(crate) fn spacing(&self, requests: u32, part: f64) -> Option<Duration> {
        self.budget.spacing(requests, part)
    }

    /// Whether to use the larger share of the org's limit from now on.
    pub(crate) fn catch_up(&mut self, catches_up: bool) {
        let (usual, larger) = self.shares;
        self.budget
            .set_share(if catches_up { larger } else { usual });
    }

    /// The next request is no repeat of the last one.
    pub(crate) fn forget_attempts(&mut self) {
        self.retry_headers.end();
    }

    /// Asks for one page.
    pub(crate) async fn poll(&mut self, request: &PageRequest) -> Result<Answer> {
        let judged = self.send(request).await?;
        if !is_success(&judged) {
            let error = refused(&judged);
            return match judged.is_refusal() {
                true => Ok(Answer::Refused(judged.status(), error)),
                false => Err(error),
            };
        }
        let mut page = self.read(request, &judged.response)?;
        page.is_full = page.items.len() >= request.limit(self.page_size);
        let next = page.next.take();
        page.next = next.map(|next| request.follow(next, self.page_size));
        self.page_size.restore();
        self.doubts.end();
        self.retry_headers.end();
        Ok(Answer::Page(page))
    }

    /// The page, unless the request must be made again to believe it.
    fn read(&mut self, request: &PageRequest, response: &Response<Bytes>) -> Result<Page> {
        let body = response.body();
        let asked = request.limit(self.page_size);
        let read = Page::read(response, self.client.org(), &self.origin, self.is_bounded);
        let (decision, elements, error) = match read {
            Ok(page) => {
                // Also one that is asked for again shows who answers.
                self.answers.increment();
                let Some(doubt) = page.doubt else {
                    return Ok(page);
                };
                let decision = self.doubts.decide(doubt, request, asked, body);
                if decision == Decision::Believe {
                    return Ok(page);
                }
                (decision, page.items.len(), page::doubtful(response, doubt))
            }
            Err(failed) if failed.wants_smaller_page => {
                (self.doubts.unreadable(request, body), asked, failed.error)
            }
            Err(failed) => return Err(failed.error),
        };
        if decision == Decision::AskForLess {
            // The page may have far fewer events than were asked for.
            self.page_size.halve(asked.min(elements.max(2)));
        }
        Err(error)
    }

    async fn send(&mut self, request: &PageRequest) -> Result<Judged> {
        self.budget.sent(Instant::now());
        let path = request.path(self.page_size, &self.query);
        let asked = request.limit(self.page_size);
        let answer = self.client.get(&path, self.retry_headers.headers());
        let judged = match answer.await {
            Ok(judged) => judged,
            Err(failed) => {
                self.retry_headers.failed(None);
                let is_blocked = failed.wants_smaller_page && !self.page_size.halve(asked);
                return Err(match is_blocked {
                    true => error::blocked(&failed.error),
                    false => failed.error,
                });
            }
        };
        let headers = judged.headers();
        let okta = judged.is_okta().then_some(headers);
        if let Some(headers) = okta {
            self.budget.observe(Instant::now(), headers);
            self.clock.observe(self.client.org(), headers);
        }
        if !is_success(&judged) {
            self.retry_headers.failed(okta);
        }
        if error::is_query_timeout(&judged) {
            self.page_size.halve(asked);
        }
        if judged.status() == StatusCode::TOO_MANY_REQUESTS
            && let Some(wait) = asked_wait(headers)
        {
            self.budget.block(Instant::now(), wait);
        }
        Ok(judged)
    }

    /// Sends one request for one event, to check the address, the credential and its rights.
    pub(crate) async fn check(&self) -> Result<()> {
        let path = check_path(&self.query);
        let judged = self.client.get(&path, HeaderMap::new()).await?;
        if !is_success(&judged) {
            return Err(refused(&judged));
        }
        // A doubtful page will do.
        Page::read(&judged.response, self.client.org(), &self.origin, false)?;
        Ok(())
    }
}

fn is_success(judged: &Judged) -> bool {
    judged.status() == StatusCode::OK && judged.verdict == Verdict::Success
}
