use std::error::Error as _;
use std::sync::{Arc, Mutex};

use okta_coralogix_core::{Error, EventSource};
use okta_source::simulator::Fault;

use crate::world::{TOKEN, World, given};

pub(crate) fn everything(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("{error} {error:?}");
        cause = error.source();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn the_token_is_in_nothing_that_can_be_printed() {
    let world = World::new();
    let builder = world.builder();
    let mut printed = format!("{builder:?} {builder:#?}");
    let mut source = builder.open().await.unwrap();
    let delivery = given(&mut source).await;
    printed += &format!(
        "{source:?} {source:#?} {delivery:?} {:?} {:?}",
        world.org,
        world.org.ledger()
    );
    drop(delivery);
    for fault in [
        Fault::Status(401, String::new()),
        Fault::Status(403, String::new()),
        Fault::Status(400, String::new()),
        Fault::Status(503, String::new()),
        Fault::Html,
        Fault::HalfBody,
        Fault::Unreachable,
        Fault::Status(
            401,
            format!(r#"{{"errorSummary":"Invalid token {TOKEN}"}}"#),
        ),
        Fault::Status(
            503,
            format!(r#"{{"errorSummary":"{}"}}"#, TOKEN.to_uppercase()),
        ),
        Fault::Status(200, format!("<html>{TOKEN}")),
        Fault::NextLink(format!("https://{TOKEN}.evil.example/")),
        Fault::Redirect("https://evil.example/".into()),
        Fault::NextLink("https://evil.example/".into()),
    ] {
        world.org.script(fault);
        let error = source.next().await.unwrap_err();
        let text = everything(&error);
        assert!(
            !text.contains("since=") && !text.contains("after="),
            "no query: {text}"
        );
        printed += &text;
    }
    let printed = printed.to_ascii_lowercase();
    assert!(
        !printed.contains(&TOKEN[2..].to_ascii_lowercase()),
        "{printed}"
    );
}

/// Collects what is logged on this thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logged(pub(crate) Arc<Mutex<String>>);

impl tracing::Subscriber for Logged {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text<'a>(&'a mut String);
        impl tracing::field::Visit for Text<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                *self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        let mut text = self.0.lock().unwrap();
        event.record(&mut Text(&mut text));
        text.push('\n');
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_and_a_refused_link_are_said_once_and_without_the_token() {
    let logged = Logged::default();
    let guard = tracing::subscriber::set_default(logged.clone());
    let world = World::with(|org| org.clock_skew(chrono::TimeDelta::hours(-2)));
    let mut source = world.open().await;
    crate::world::settle(given(&mut source).await)
        .await
        .unwrap();
    for number in 0..3 {
        world.append(number..number + 1);
        crate::world::settle(given(&mut source).await)
            .await
            .unwrap();
    }
    world.org.script(Fault::Status(400, String::new()));
    crate::world::settle(given(&mut source).await)
        .await
        .unwrap();
    drop(guard);
    let text = logged.0.lock().unwrap().clone();
    assert_eq!(text.matches("5 minutes apart").count(), 1, "{text}");
    assert_eq!(text.matches("refuses the stored link").count(), 1, "{text}");
    assert!(!text.contains(TOKEN));
}
