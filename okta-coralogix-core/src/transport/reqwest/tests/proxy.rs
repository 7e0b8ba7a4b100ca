//! Requests through a forward proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

use super::{Authority, OK, answer, assert_plain, call, closed_port, serve};
use crate::Secret;
use crate::transport::{ProxySettings, ReqwestTransport};

fn through(proxy: &Secret) -> ReqwestTransport {
    let proxy = ProxySettings::url("--proxy", proxy).unwrap();
    ReqwestTransport::builder().proxy(proxy).build()
}

/// A forward proxy that opens one tunnel, to `server` whatever host it is asked for. It wants these credentials, and hands on the first
/// line that it got.
fn tunnel(
    server: SocketAddr,
    credentials: Option<&'static str>,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let (heads, head) = mpsc::channel();
    let address = serve(move |mut client| {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        let asked = String::from_utf8(asked).unwrap().to_lowercase();
        heads
            .send(asked.lines().next().unwrap().to_owned())
            .unwrap();
        let wanted = credentials.map(|text| format!("proxy-authorization: basic {text}\r\n"));
        if !wanted.is_none_or(|wanted| asked.contains(&wanted.to_lowercase())) {
            let refusal = b"HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n";
            client.write_all(refusal).unwrap();
            return;
        }
        client.write_all(b"HTTP/1.1 200 x\r\n\r\n").unwrap();
        let mut server = TcpStream::connect(server).unwrap();
        let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut up, &mut to));
        // The client may close first.
        std::io::copy(&mut server, &mut client).ok();
    });
    (address, head)
}

#[tokio::test]
async fn request_goes_through_a_proxy_to_a_server_of_an_added_authority() {
    let authority = Authority::new("inspecting proxy");
    // hunter2 and user, in base64.
    let credentials = "dXNlcjpodW50ZXIy";
    for (userinfo, wanted, status) in [
        ("", None, Ok(200)),
        ("user:hunter2@", Some(credentials), Ok(200)),
        ("user:wrong@", Some(credentials), Err("(407)")),
        ("", Some(credentials), Err("(407)")),
    ] {
        let server = authority.server("acme.okta.com", |_| {});
        let (proxy, head) = tunnel(server, wanted);
        let proxy = Secret::from(format!("http://{userinfo}{proxy}"));
        let builder = ReqwestTransport::builder()
            .proxy(ProxySettings::url("--proxy", &proxy).unwrap())
            .root_certificates("--ca-file", authority.pem().as_bytes())
            .unwrap();
        let answer = call(&builder.build(), "https://acme.okta.com/").await;
        assert_eq!(head.recv().unwrap(), "connect acme.okta.com:443 http/1.1");
        match (answer, status) {
            (Ok(status), Ok(expected)) => assert_eq!(status, expected),
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part) && text.contains("of --proxy"), "{text}");
                assert!(!format!("{error:?}").contains("hunter2"));
            }
            (answer, _) => panic!("{userinfo}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn proxy_is_not_asked_for_a_server_on_this_machine() {
    let server = serve(|stream| {
        answer(stream, OK).ok();
    });
    let client = through(&"http://user:hunter2@127.0.0.1:1".into());
    let status = call(&client, &format!("http://{server}/")).await;
    assert_eq!(status.unwrap(), 200);
}

#[tokio::test]
async fn proxy_errors_name_the_proxy_and_no_password() {
    let behind = |address: SocketAddr| {
        let url = Secret::from(format!("http://user:hunter2@{address}"));
        let client = through(&url);
        assert!(format!("{client:?}").contains(&address.to_string()));
        client
    };
    let refusing = |status: &'static str| {
        serve(move |stream| {
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            answer(stream, head.as_bytes()).ok();
        })
    };
    let cases = [
        (closed_port(), "refuses connections"),
        (
            refusing("407 x"),
            "wants a user name and a password, or refuses those that it got (407)",
        ),
        (
            refusing("403 x"),
            "refuses to open a connection to a.example:443, or cannot reach it; allow this host",
        ),
    ];
    for (address, part) in cases {
        let client = behind(address);
        let error = call(&client, "https://a.example/").await.unwrap_err();
        let message = error.to_string();
        let expected = format!("no connection: the proxy {address} (of --proxy) {part}");
        assert!(message.starts_with(&expected), "{message}");
        assert_plain(&message);
        assert!(!format!("{error:?}{client:?}").contains("hunter2"));
    }
}

#[test]
fn host_that_excepts_nothing_is_found() {
    for hosts in [
        "",
        "*",
        "localhost, .example.org,*.example.org:8443",
        "10.0.0.0/8,10.1.2.3:80,::1,[fd00::1]:443,fd00::/8",
        "my_host,ex\u{e4}mple.org",
    ] {
        assert_eq!(ProxySettings::unusable_host(hosts), None, "{hosts}");
    }
    for host in [
        "10.0.0.0/40",
        "10.0.0.0/",
        "10.0.0/8",
        "fd00::/129",
        "https://example.org",
        "example.org:https",
        "example.org/path",
        "10.*",
        "*example.org",
        "<local>",
        ".",
        "a;b",
    ] {
        let hosts = format!("localhost,{host},*");
        assert_eq!(ProxySettings::unusable_host(&hosts), Some(host));
    }
}
