//! Where users enter a site.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Where users enter the site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The name of a virtual IP or of a server; empty where none is known to have the address of `url`.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How users call it, of a site that is there already: they are led to it by this alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<EntryUrl>,
}

/// Scheme, host and port, and nothing more: `https://www.example.org`, `http://192.0.2.10:8080`, `https://[2001:db8::1]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryUrl(Url);

/// What is wrong with a URL, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` {problem}")]
pub struct EntryUrlError {
    found: String,
    problem: String,
}

impl Entry {
    /// At this server or virtual IP.
    pub fn at(host: impl Into<String>, port: u16) -> Entry {
        Entry { host: host.into(), port, url: None }
    }
}

impl EntryUrl {
    /// Whether users come over TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host name or the address, this one without brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The TCP port; the scheme's own where none is written.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// What stands in the Host header: the host, in brackets where it is an IPv6 address, and the port unless it is the
    /// scheme's own.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
    }
}

impl FromStr for EntryUrl {
    type Err = EntryUrlError;

    fn from_str(text: &str) -> Result<Self, EntryUrlError> {
        let wrong = |problem: &str| EntryUrlError { found: text.into(), problem: problem.into() };
        let url = Url::parse(text).map_err(|why| match text.contains("://") {
            false => wrong("has no scheme"),
            true => wrong(&format!("is no URL: {why}")),
        })?;
        match url {
            _ if !matches!(url.scheme(), "http" | "https") => Err(wrong("is neither http nor https")),
            _ if !url.username().is_empty() || url.password().is_some() => {
                // It may be a secret, and is not shown.
                let found = format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or_default());
                Err(EntryUrlError {
                    found,
                    problem: "holds a user's name: a header is set by `headers` of `[request]`".into(),
                })
            }
            _ if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
                Err(wrong("holds a path: the path is set by `path` of `[request]`"))
            }
            _ if url.port() == Some(0) => Err(wrong("has the port 0, which no server has")),
            url => Ok(EntryUrl(url)),
        }
    }
}

impl TryFrom<String> for EntryUrl {
    type Error = EntryUrlError;

    fn try_from(text: String) -> Result<Self, EntryUrlError> {
        text.parse()
    }
}

impl From<EntryUrl> for String {
    fn from(url: EntryUrl) -> String {
        url.to_string()
    }
}

impl fmt::Display for EntryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> EntryUrl {
        text.parse().expect(text)
    }

    #[test]
    fn it_has_a_scheme_a_host_and_a_port() {
        let parts = |text| {
            let url = read(text);
            (url.is_https(), url.host().to_string(), url.port(), url.authority())
        };
        assert_eq!(parts("https://www.example.org"), (true, "www.example.org".into(), 443, "www.example.org".into()));
        assert_eq!(parts("http://192.0.2.1:8080/"), (false, "192.0.2.1".into(), 8080, "192.0.2.1:8080".into()));
        assert_eq!(parts("https://[2001:db8::1]"), (true, "2001:db8::1".into(), 443, "[2001:db8::1]".into()));
        assert_eq!(
            parts("http://[2001:db8::1]:8080"),
            (false, "2001:db8::1".into(), 8080, "[2001:db8::1]:8080".into())
        );
        assert_eq!(parts("https://www.example.org:443").3, "www.example.org", "the scheme's own port is not written");
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["https://www.example.org", "http://192.0.2.1:8080", "https://[2001:db8::1]:8443"] {
            assert_eq!(read(text).to_string(), text);
            let written = serde_json::to_string(&read(text)).unwrap();
            assert_eq!(serde_json::from_str::<EntryUrl>(&written).unwrap(), read(text));
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_with_the_reason() {
        let why = |text: &str| text.parse::<EntryUrl>().unwrap_err().to_string();
        assert!(why("www.example.org").starts_with("`www.example.org` has no scheme"), "{}", why("www.example.org"));
        assert!(why("ftp://www.example.org").ends_with("is neither http nor https"));
        let with_secret = why("https://anna:secret@www.example.org");
        assert!(with_secret.contains("holds a user's name") && !with_secret.contains("secret"), "{with_secret}");
        assert!(why("https://www.example.org/shop").contains("holds a path"));
        assert!(why("https://www.example.org?a=b").contains("holds a path"));
        assert!(why("http://www.example.org:0").contains("the port 0"));
        assert!(why("https://").starts_with("`https://` is no URL: "));
    }
}
