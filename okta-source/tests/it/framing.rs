//! Where a page ends, as HTTP tells it: an org behind a gateway, on a raw socket.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::transport::ReqwestTransport;
use okta_coralogix_core::{Error, ErrorKind, EventSource, SystemClock};
use okta_source::OktaSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{MemoryStore, TOKEN, settle};

const EVENTS: usize = 40;

/// Every framing that does not prove the end of a body.
const UNPROVEN: [&str; 5] = [
    "",
    "transfer-encoding: identity\r\n",
    "transfer-encoding: gzip\r\n",
    "transfer-encoding: chunked, identity\r\n",
    "transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n",
];

/// The headers that frame a body, and the body as it is sent.
type Framed = (String, Vec<u8>);

/// Frames a page, by the number of its request.
type Gateway = Box<dyn Fn(usize, &str) -> Framed + Send + Sync>;

fn event(number: usize) -> String {
    format!(
        r#"{{"uuid":"{number}","target":[{{"id":"a"}},{{"id":"b"}}],"published":"2026-11-22T10:00:00.000Z"}}"#
    )
}

struct Org {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Org {
    /// An org with these events, which answers through the gateway.
    async fn serve(events: Vec<String>, gateway: Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let served = Self {
            url: url.clone(),
            requests: Arc::clone(&requests),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (path, mut stream) = request(stream).await;
                let number = {
                    let mut requests = requests.lock().unwrap();
                    requests.push(path.clone());
                    requests.len() - 1
                };
                let parameter = |name: &str| {
                    let (_, value) = path.split_once(name)?;
                    value.split('&').next()?.parse::<usize>().ok()
                };
                let start = parameter("after=").unwrap_or(0);
                let limit = parameter("limit=").unwrap();
                let end = events.len().min(start + limit);
                let page = format!("[{}]", events[start..end].join(","));
                let (framing, body) = gateway(number, &page);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\nlink: <{url}/api/v1/logs?after={end}&limit={limit}>; rel=\"next\"\r\n{framing}\r\n"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&body).await.unwrap();
                stream.shutdown().await.ok();
            }
        });
        served
    }

    /// What the source gives, and the errors on the way: numbers of events, and `None` for a malformed element.
    async fn read(&self) -> (Vec<Option<usize>>, Vec<Error>) {
        let mut source = OktaSource::builder()
            .org_url(&self.url)
            .api_token(TOKEN)
            .checkpoint(Arc::new(MemoryStore::default()) as Arc<dyn CheckpointStore>)
            .clock(Arc::new(SystemClock))
            .transport(Arc::new(ReqwestTransport::new()))
            .once(true)
            .open()
            .await
            .unwrap();
        let answers = source.answers();
        let (mut items, mut errors) = (Vec::new(), Vec::new());
        loop {
            match source.next().await {
                Ok(None) => return (items, errors),
                Ok(Some(delivery)) => {
                    let number = |event: &okta_coralogix_core::RawEvent| {
                        event.uuid().unwrap().parse::<usize>().unwrap()
                    };
                    items.extend(delivery.items.iter().map(|i| i.as_ref().ok().map(number)));
                    settle(delivery).await.unwrap();
                }
                Err(error) => {
                    assert!(error.is_temporary(), "{error}");
                    // A page that is not believed yet shows who answers all the same.
                    let is_page = error.detail().contains("last element");
                    assert!(!is_page || answers.get() > 0, "{error}");
                    errors.push(error);
                    assert!(errors.len() < 200, "no progress: {}", errors[199]);
                }
            }
        }
    }

    fn request_count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// The path of a request, and the connection to answer on.
async fn request(mut stream: TcpStream) -> (String, TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    (path.to_owned(), stream)
}

fn events() -> Vec<String> {
    (0..EVENTS).map(event).collect()
}

fn all() -> Vec<Option<usize>> {
    (0..EVENTS).map(Some).collect()
}

fn with_length(body: impl Into<Vec<u8>>) -> Framed {
    let body = body.into();
    (format!("content-length: {}\r\n", body.len()), body)
}

fn chunked(body: &str) -> Framed {
    let body = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    ("transfer-encoding: chunked\r\n".to_owned(), body.into())
}

/// The page up to behind the last `]` within so many bytes, which is inside of an event.
fn cut_behind_bracket(page: &str, bytes: usize) -> &str {
    match page.len() <= bytes {
        true => page,
        false => &page[..=page[..bytes].rfind(']').unwrap()],
    }
}

#[tokio::test]
async fn page_cut_behind_a_bracket_without_proof_of_its_end_is_asked_for_again() {
    for framing in UNPROVEN {
        let gateway = move |number, page: &str| match number {
            0 => {
                let cut = cut_behind_bracket(page, page.len() / 2);
                (framing.to_owned(), cut.as_bytes().to_vec())
            }
            _ => with_length(page),
        };
        let org = Org::serve(events(), Box::new(gateway)).await;
        let (items, errors) = org.read().await;
        assert_eq!(items, all(), "{framing}");
        let [error] = &errors[..] else {
            panic!("{framing}: {errors:?}");
        };
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
        assert!(error.detail().contains("Content-Length"), "{error}");
    }
}

#[tokio::test]
async fn gateway_without_framing_lets_sound_pages_pass() {
    for framing in UNPROVEN {
        let gateway = move |_, page: &str| (framing.to_owned(), page.as_bytes().to_vec());
        let org = Org::serve(events(), Box::new(gateway)).await;
        let (items, errors) = org.read().await;
        assert_eq!(items, all(), "{framing}");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(org.request_count(), 2, "one more to see the end");
    }
}

#[tokio::test]
async fn gateway_that_cuts_long_pages_lets_small_ones_pass() {
    for (at, is_framed) in [(1_000, false), (1_000, true), (150, false), (150, true)] {
        let gateway = move |_, page: &str| {
            let cut = cut_behind_bracket(page, at);
            match is_framed {
                // The length is that of the part.
                true => with_length(cut),
                false => (UNPROVEN[1].to_owned(), cut.as_bytes().to_vec()),
            }
        };
        let org = Org::serve(events(), Box::new(gateway)).await;
        let (items, errors) = org.read().await;
        assert_eq!(items, all());
        assert!(errors.iter().all(|e| e.detail().contains("gateway")));
        assert!(org.request_count() < 5 * EVENTS, "{}", org.request_count());
    }
}

#[tokio::test]
async fn gateway_without_framing_does_not_hold_a_broken_element_for_ever() {
    for framing in UNPROVEN {
        for broken in [0, 17, EVENTS - 1] {
            let mut events = events();
            events[broken] = r#"{"uuid":"a","published":"2026-11-22T10:00:00.000Z"]"#.to_owned();
            let gateway = move |_, page: &str| (framing.to_owned(), page.as_bytes().to_vec());
            let org = Org::serve(events, Box::new(gateway)).await;
            let (items, errors) = org.read().await;
            let mut expected = all();
            expected[broken] = None;
            assert_eq!(items, expected, "{framing}");
            assert!(errors.iter().all(|e| e.detail().contains("gateway")));
            assert!(org.request_count() < 60, "{}", org.request_count());
        }
    }
}

#[tokio::test]
async fn broken_last_element_of_a_whole_page_is_asked_for_once_more() {
    let frames: [fn(&str) -> Framed; 2] = [|page| with_length(page), chunked];
    for frame in frames {
        let mut broken = events();
        broken[EVENTS - 1] = r#"{"uuid":"a","target":[{"id":1}]]"#.to_owned();
        let org = Org::serve(broken, Box::new(move |_, page| frame(page))).await;
        let (items, errors) = org.read().await;
        let mut expected = all();
        expected[EVENTS - 1] = None;
        assert_eq!(items, expected);
        assert_eq!((errors.len(), org.request_count()), (1, 3));
        assert!(errors[0].detail().contains("last element"), "{}", errors[0]);

        // One without an end is isolated, as the page may have been cut off in it.
        let mut broken = events();
        broken[EVENTS - 1] = r#"{"uuid":"a","target":[{"id":1}"#.to_owned();
        let org = Org::serve(broken, Box::new(move |_, page| frame(page))).await;
        let (items, _) = org.read().await;
        assert_eq!(items, expected);
        assert!(org.request_count() < 30, "{}", org.request_count());

        // What was cut off on the way is whole the second time.
        let gateway = move |number, page: &str| match number {
            0 => frame(cut_behind_bracket(page, page.len() / 2)),
            _ => frame(page),
        };
        let org = Org::serve(events(), Box::new(gateway)).await;
        let (items, errors) = org.read().await;
        assert_eq!((items, errors.len()), (all(), 1));
    }
}

#[tokio::test]
async fn broken_element_before_the_last_of_a_whole_page_is_believed_at_once() {
    let mut broken = events();
    broken[3] = r#"{"uuid":"a"}}"#.to_owned();
    let org = Org::serve(broken, Box::new(|_, page| with_length(page))).await;
    let (items, errors) = org.read().await;
    assert_eq!(items.iter().filter(|item| item.is_none()).count(), 1);
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn response_that_ends_early_is_a_temporary_network_error() {
    let gateway = |number: usize, page: &str| {
        let (framing, mut body) = match number {
            0 => with_length(page),
            1 => chunked(page),
            _ => return with_length(page),
        };
        // Behind a bracket inside of an event.
        let end = cut_behind_bracket(page, page.len() / 2).len();
        body.truncate(end);
        (framing, body)
    };
    let org = Org::serve(events(), Box::new(gateway)).await;
    let (items, errors) = org.read().await;
    assert_eq!(items, all());
    let kinds: Vec<_> = errors.iter().map(Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::Network; 2]);
}

#[tokio::test]
async fn content_encoding_that_was_not_asked_for_is_decoded_or_named() {
    fn gzip(page: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(page.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }
    let gateway = |number: usize, page: &str| {
        let (encoding, mut body) = match number {
            0 => ("br", vec![0x0b, 0x02, 0x80]),
            1 => ("gzip", gzip(page)),
            _ => return with_length(page),
        };
        if number == 2 {
            body.truncate(20);
        }
        let (mut framing, body) = with_length(body);
        write!(framing, "content-encoding: {encoding}\r\n").unwrap();
        (framing, body)
    };
    let org = Org::serve(events(), Box::new(gateway)).await;
    let (items, errors) = org.read().await;
    assert_eq!(items, all());
    assert_eq!((errors.len(), org.request_count()), (1, 3));
    let said = errors[0].detail();
    assert!(
        said.contains("encoded as br") && said.contains("proxy"),
        "{said}"
    );
}

#[tokio::test]
async fn byte_that_is_not_utf_8_costs_one_event_of_2300() {
    let mut events: Vec<String> = (0..2_300).map(event).collect();
    events[1_234] = events[1_234].replace("\"a\"", "\"caf!\"");
    let gateway = |_, page: &str| {
        let bytes = page
            .bytes()
            .map(|byte| if byte == b'!' { 0xE9 } else { byte });
        with_length(bytes.collect::<Vec<_>>())
    };
    let org = Org::serve(events, Box::new(gateway)).await;
    let (items, errors) = org.read().await;
    assert!(errors.is_empty(), "{errors:?}");
    let expected: Vec<_> = (0..2_300).map(|n| (n != 1_234).then_some(n)).collect();
    assert_eq!(items, expected);
}
