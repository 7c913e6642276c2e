//! Where an nginx says what it counts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The port of HTTP.
const HTTP: u16 = 80;
/// What to write.
pub const HINT: &str = "write the address at which the server itself reaches it, its port and the `location` that has `stub_status`: \
                        `http://127.0.0.1:8081/nginx_status`";

/// The URL of nginx's `stub_status`, as the server itself reaches it: usually of its loopback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StubStatusUrl {
    /// Where nginx listens.
    pub at: SocketAddrV4,
    /// The path, with a slash in front.
    pub path: String,
}

impl FromStr for StubStatusUrl {
    type Err = String;

    /// # Errors
    /// Anything but `http://`, an IPv4 address or `localhost`, and a path.
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (authority, path) = text.strip_prefix("http://")?.split_once('/')?;
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
                None => (authority, HTTP),
            };
            let address = if host == "localhost" { Ipv4Addr::LOCALHOST } else { host.parse().ok()? };
            let is_plain = path.chars().all(|letter| letter.is_ascii_graphic() && letter != '#');
            is_plain.then(|| StubStatusUrl { at: SocketAddrV4::new(address, port), path: format!("/{path}") })
        };
        read().ok_or_else(|| format!("`{text}` is no URL of nginx's `stub_status`"))
    }
}

impl fmt::Display for StubStatusUrl {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "http://{}{}", self.at, self.path)
    }
}

impl TryFrom<String> for StubStatusUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{why}: {HINT}"))
    }
}

impl From<StubStatusUrl> for String {
    fn from(url: StubStatusUrl) -> String {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_the_server_itself_reaches_it() {
        let read = |text: &str| text.parse::<StubStatusUrl>().map(|url| url.to_string());
        assert_eq!(read("http://127.0.0.1:8081/nginx_status").unwrap(), "http://127.0.0.1:8081/nginx_status");
        assert_eq!(read("http://localhost/status?x=1").unwrap(), "http://127.0.0.1:80/status?x=1");
        for wrong in [
            "",
            "/nginx_status",
            "http://127.0.0.1",
            "https://127.0.0.1/s",
            "http://web/s",
            "http://127.0.0.1:0/s",
            "http://127.0.0.1/a b",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
