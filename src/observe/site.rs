//! The URL of a site, as its users type it.

use std::fmt;

use crate::infrastructure::EntryUrl;
use crate::infrastructure::entry::EntryUrlError;
use crate::load::{NoAddress, Site};

/// Where a site is, and what is asked of it: `https://shop.test`, `http://192.0.2.10:8080/health?deep=1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteUrl {
    entry: EntryUrl,
    /// The path and query, where one is written.
    pub path: Option<String>,
}

/// Why it is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}\n  help: write for example `https://www.example.org/`")]
pub struct SiteError(#[from] EntryUrlError);

impl SiteUrl {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, with an example.
    pub fn read(text: &str) -> Result<SiteUrl, SiteError> {
        let after_scheme = text.find("://").map_or(0, |at| at + 3);
        let path_at = text[after_scheme..].find(['/', '?', '#']).map(|at| at + after_scheme);
        let (entry, path) = text.split_at(path_at.unwrap_or(text.len()));
        let path = path.split('#').next().unwrap_or_default();
        let path = match path {
            "" => None,
            path if path.starts_with('/') => Some(path.to_string()),
            query => Some(format!("/{query}")),
        };
        Ok(SiteUrl { entry: entry.parse()?, path })
    }

    /// Scheme, host and port alone.
    pub fn entry(&self) -> &EntryUrl {
        &self.entry
    }

    /// Whether users come over TLS.
    pub fn is_https(&self) -> bool {
        self.entry.is_https()
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        self.entry.host()
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.entry.port()
    }

    /// Where it is.
    ///
    /// # Errors
    /// Its name has no address.
    pub async fn look_up(&self) -> Result<Site, NoAddress> {
        Site::at(&self.entry).await
    }
}

impl From<EntryUrl> for SiteUrl {
    fn from(entry: EntryUrl) -> SiteUrl {
        SiteUrl { entry, path: None }
    }
}

impl fmt::Display for SiteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.entry, self.path.as_deref().unwrap_or("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_a_path_where_one_is_written() {
        let read = |text: &str| {
            let url = SiteUrl::read(text).expect(text);
            (url.to_string(), url.path.clone())
        };
        assert_eq!(read("https://shop.test"), ("https://shop.test/".into(), None));
        assert_eq!(read("http://[::1]:8080/"), ("http://[::1]:8080/".into(), Some("/".into())));
        assert_eq!(read("http://shop.test/a/b?c=d#e"), ("http://shop.test/a/b?c=d".into(), Some("/a/b?c=d".into())));
        assert_eq!(read("http://shop.test?c=d").1, Some("/?c=d".into()));
    }

    #[test]
    fn what_is_none_is_refused_with_an_example() {
        for text in ["shop.test", "ftp://shop.test", "http://", "https://anna:secret@shop.test/"] {
            let why = SiteUrl::read(text).unwrap_err().to_string();
            assert!(why.contains("help: write for example") && !why.contains("secret"), "{why}");
        }
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_one_error() {
        let why = SiteUrl::read("http://no-such-site.invalid").unwrap().look_up().await.unwrap_err().to_string();
        assert!(why.starts_with("http://no-such-site.invalid can't be reached: "), "{why}");
        let found = SiteUrl::read("http://127.0.0.1:81/x").unwrap().look_up().await.unwrap();
        assert_eq!((found.address.to_string(), found.port), ("127.0.0.1".into(), 81));
    }
}
