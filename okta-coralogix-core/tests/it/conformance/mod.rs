//! The stores, sources and sinks of this crate keep their contracts, and broken ones do not pass.

mod broken_dead_letters;
mod broken_sinks;
mod broken_sources;
mod broken_stores;
mod own;
mod page_source;

pub(crate) use own::{check as check_sink, memory_source};

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use okta_coralogix_core::testing::conformance::Rule;

/// What a suite panics with.
async fn panic_of(suite: impl Future<Output = ()>) -> Option<String> {
    let panic = AssertUnwindSafe(suite).catch_unwind().await.err()?;
    match panic.downcast::<String>() {
        Ok(message) => Some(*message),
        Err(panic) => panic.downcast::<&str>().ok().map(|text| (*text).to_owned()),
    }
}

/// A suite fails with the number of this rule.
async fn violates(of: &str, number: usize, suite: impl Future<Output = ()>, what: &str) {
    let message = panic_of(suite).await;
    let message = message.unwrap_or_else(|| panic!("{what} passes the suite"));
    let cited = format!("rule {number} of `{of}` (");
    assert!(message.starts_with(&cited), "{what}: {message}");
}

#[test]
fn rules_that_messages_cite_are_those_of_the_documentation() {
    let documents = [
        (Rule::EVENT_SOURCE, include_str!("../../../src/source.rs")),
        (Rule::ACKER, include_str!("../../../src/delivery.rs")),
        (Rule::LOG_SINK, include_str!("../../../src/sink/mod.rs")),
        (
            Rule::CHECKPOINT_STORE,
            include_str!("../../../src/checkpoint/mod.rs"),
        ),
        (
            Rule::DEAD_LETTERS,
            include_str!("../../../src/dead_letter/mod.rs"),
        ),
    ];
    for (rules, document) in documents {
        for rule in rules {
            let heading = format!("/// {}. **{}**", rule.number, rule.text);
            assert!(document.contains(&heading), "{rule}");
        }
        let next = format!("/// {}. **", rules.len() + 1);
        assert!(
            !document.contains(&next),
            "{next} is not in the suite's list"
        );
    }
}
