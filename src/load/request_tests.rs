use std::collections::BTreeMap;
use std::net::IpAddr;

use super::*;

fn site() -> Site {
    Site { address: IpAddr::from([198, 18, 0, 7]), port: 80, host: "www".into() }
}

fn settings(change: impl FnOnce(&mut RequestSettings)) -> RequestSettings {
    let mut settings = RequestSettings::default();
    change(&mut settings);
    settings
}

fn complaint(change: impl FnOnce(&mut RequestSettings)) -> String {
    let environment = |name: &str| (name == "TOKEN").then(|| "hush\nhush".to_string());
    PreparedRequest::with_environment(&settings(change), &site(), &environment).unwrap_err().to_string()
}

#[test]
fn headers_take_values_from_the_environment_and_never_show_them() {
    let with_header = settings(|s| s.headers = BTreeMap::from([("Authorization".into(), "Bearer ${TOKEN}!".into())]));
    let environment = |name: &str| (name == "TOKEN").then(|| "hush".to_string());
    let prepared = PreparedRequest::with_environment(&with_header, &site(), &environment).unwrap();
    assert_eq!(prepared.header_map()["authorization"], "Bearer hush!");
    let shown = format!("{prepared:?} {:?}", prepared.header_map());
    assert!(shown.contains("Authorization") && !shown.contains("hush"), "{shown}");
}

#[test]
fn each_wrong_setting_is_one_error_that_names_its_field() {
    let header = |name: &str, value: &str| {
        let headers = BTreeMap::from([(name.to_string(), value.to_string())]);
        move |s: &mut RequestSettings| s.headers = headers
    };
    assert_eq!(
        complaint(header("X-Key", "a ${NO_SUCH} b")),
        "`request.headers.X-Key`: the environment variable `NO_SUCH` is not set"
    );
    assert_eq!(complaint(header("X-Key", "${TOKEN")), "`request.headers.X-Key`: `${` without `}`");
    let secret = complaint(header("X-Key", "${TOKEN}"));
    assert!(secret.starts_with("`request.headers.X-Key`: ") && !secret.contains("hush"), "{secret}");
    assert_eq!(complaint(header("Host", "www")), "`request.headers.Host`: set `request.host` instead");
    assert_eq!(complaint(header("not one", "x")), "`request.headers.not one`: this is not a header name");
    for (change, field) in [
        (
            Box::new(|s: &mut RequestSettings| s.method = "GE T".into()) as Box<dyn FnOnce(&mut RequestSettings)>,
            "method",
        ),
        (Box::new(|s| s.path = "index.html".into()), "path"),
        (Box::new(|s| s.path = "/a b".into()), "path"),
        (Box::new(|s| s.pages = vec!["/".into(), "x".into()]), "pages"),
        (Box::new(|s| s.host = Some("a b".into())), "host"),
        (Box::new(|s| s.good_status = vec![]), "good_status"),
        (Box::new(|s| s.good_status = vec![200, 7]), "good_status"),
        (Box::new(|s| s.ca = Some("/nowhere/ca.pem".into())), "ca"),
        (
            Box::new(|s| {
                s.scheme = Scheme::Https;
                s.ca = Some("/nowhere/ca.pem".into());
            }),
            "ca",
        ),
        (
            Box::new(|s| {
                s.scheme = Scheme::Https;
                s.ca = Some("/dev/null".into());
            }),
            "ca",
        ),
    ] {
        let complaint = complaint(change);
        assert!(complaint.starts_with(&format!("`request.{field}`: ")), "{complaint}");
    }
}

#[test]
fn the_host_header_names_an_unusual_port() {
    let host = |port| PreparedRequest::new(&RequestSettings::default(), &Site { port, ..site() }).unwrap().host;
    assert_eq!((host(80), host(8080)), ("www".into(), "www:8080".into()));
    let own = settings(|s| s.host = Some("shop.example:81".into()));
    let prepared = PreparedRequest::new(&own, &site()).unwrap();
    assert_eq!((prepared.host.as_str(), prepared.server_name.as_str()), ("shop.example:81", "shop.example"));
}

#[test]
fn an_answer_is_good_by_status_and_body() {
    let prepared = |change: fn(&mut RequestSettings)| PreparedRequest::new(&settings(change), &site()).unwrap();
    let plain = prepared(|_| {});
    assert_eq!(plain.judge(200, b""), Outcome::Good);
    assert_eq!(plain.judge(204, b""), Outcome::Status(204));
    let picky = prepared(|s| {
        s.good_status = vec![200, 404];
        s.body_contains = Some("wel".into());
    });
    assert_eq!(picky.judge(404, "\u{fc} welcome".as_bytes()), Outcome::Good);
    assert_eq!(picky.judge(200, b"\xff\xfe welcome"), Outcome::Good);
    assert_eq!(picky.judge(200, b"we l"), Outcome::WrongBody);
    assert_eq!(picky.judge(503, b"welcome"), Outcome::Status(503));
}

#[test]
fn redirects_lead_on_only_within_the_site() {
    let prepared = PreparedRequest::new(&RequestSettings::default(), &Site { port: 8080, ..site() }).unwrap();
    let to = |location| prepared.on_this_site("/shop/cart", location).map(|uri| uri.to_string());
    let here = |path: &str| Some(path.to_string());
    assert_eq!(to("/login?next=1#top"), here("/login?next=1"));
    assert_eq!(to("pay"), here("/shop/pay"));
    assert_eq!(to("?step=2"), here("/shop/cart?step=2"));
    assert_eq!(to("http://www:8080/a"), here("/a"));
    assert_eq!(to("http://www:8080"), here("/"));
    assert_eq!(to("http://198.18.0.7:8080/a"), here("/a"));
    assert_eq!(to("//www:8080/a"), here("/a"));
    for elsewhere in ["http://www/a", "https://www:8080/a", "http://other:8080/a", "mailto:me", "", "//other/a"] {
        assert_eq!(to(elsewhere), None, "{elsewhere}");
    }
}
