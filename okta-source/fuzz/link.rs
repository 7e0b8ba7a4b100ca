//! The `Link` header, as the source reads it: the next link is found, and no link leads to another host.
//!
//! The first byte selects the form of the rest: header lines as they are, or the parts of well-formed links.

#![no_main]

mod org;

use std::cell::RefCell;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::testing::{MemoryCheckpoint, TestClock};
use okta_coralogix_core::{EventSource, Outcome, Result};
use okta_source::OktaSource;
use tokio::runtime::{Builder, Runtime};

use self::org::{LOGS, ORG, Org};

/// Has a character that no link of [`well_formed`] has: libFuzzer would find any other token, and the source redacts the token.
const TOKEN: &str = "00^marked^okta^token";

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(
        Builder::new_current_thread().enable_time().build().expect("a runtime needs nothing"),
    );
}

fuzz_target!(|text: &str| {
    let (lines, expected) = match text.strip_prefix('w') {
        Some(parts) => well_formed(parts),
        None => (text.lines().map(str::to_owned).collect(), None),
    };
    let org = Org::answering_with(&lines);
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            let cursor = polled(&org).await;
            if let Some(expected) = expected {
                let cursor = cursor.as_ref().expect("a good link");
                assert_eq!(*cursor, expected, "{lines:?}");
            }
            if let Ok(cursor) = cursor {
                assert!(cursor.len() <= 8 << 10);
                goes_on_at(&cursor, &org).await;
            }
        });
    });
});

/// Polls once and settles; the cursor that is stored then.
async fn polled(org: &Org) -> Result<String> {
    let store = MemoryCheckpoint::default();
    let delivery = opened(org, &store).await.next().await?.expect("a page");
    assert_eq!(delivery.items.len(), 1);
    delivery.acker.settle(&[Outcome::Settled]).await?;
    org.store(store.clone());
    Ok(store.stored().expect("it was settled").cursor)
}

/// A restart asks for the very cursor that was stored.
async fn goes_on_at(cursor: &str, org: &Org) {
    let store = org.stored();
    let before = org.asked().len();
    drop(opened(org, &store).await.next().await);
    let asked = org.asked();
    assert_eq!(asked[before..], [format!("{ORG}{cursor}")]);
}

async fn opened(org: &Org, store: &MemoryCheckpoint) -> OktaSource {
    let source = OktaSource::builder()
        .org_url(ORG)
        .api_token(TOKEN)
        .checkpoint(Arc::new(store.clone()))
        .clock(Arc::new(TestClock::starting_at(
            "2026-11-22T10:00:00Z".parse().expect("a time"),
        )))
        .transport(Arc::new(org.clone()))
        .once(true);
    source.open().await.expect("good settings")
}

/// Lines of well-formed links, made of one line of text for each (target, relation, title), and the target of the first `next`
/// among them.
fn well_formed(text: &str) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let mut next = None;
    for part in text.lines() {
        let mut parts = part.split('\t');
        let mut plain = |is_plain: fn(&char) -> bool| -> String {
            parts
                .next()
                .unwrap_or("")
                .chars()
                .filter(is_plain)
                .collect()
        };
        // Characters that a URL keeps as they are, and that are valid in a quoted string.
        let target = plain(|c| c.is_ascii_alphanumeric() || "-_.~!$&()*+,;=:@/?%".contains(*c));
        let relation = plain(|c| c.is_ascii_alphanumeric() || "- ".contains(*c));
        let title = plain(|c| (' '..='~').contains(c) && !"\"\\".contains(*c));
        let target = format!("{LOGS}?after={target}");
        if next.is_none()
            && relation
                .split(' ')
                .any(|one| one.eq_ignore_ascii_case("next"))
        {
            next = Some(target.clone());
        }
        let link = match title.len() % 3 {
            0 => format!(r#"<{ORG}{target}>; rel="{relation}""#),
            1 => format!(r#"<{ORG}{target}>;title="{title}";REL="{relation}";rel=next"#),
            _ => format!(r#"<{ORG}{target}> ; rel = "{relation}" ; title="{title}""#),
        };
        // On a line of its own, or behind another on the same.
        match lines.last_mut() {
            Some(last) if title.len() % 2 == 0 => *last = format!("{last}, {link}"),
            _ => lines.push(link),
        }
    }
    (lines, next)
}
