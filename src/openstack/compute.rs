//! Nova's microversions: the newest that both sides know is asked for.

use std::fmt;

use reqwest::Url;
use serde_json::Value;

use super::api::ApiError;
use super::session::Session;

/// The newest that this program was written for; it was tried with Nova 34.
const NEWEST: Microversion = Microversion(2, 90);

/// Which header asks for one.
const HEADER: &str = "X-OpenStack-Nova-API-Version";

/// A version of Nova's API, such as 2.90.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Microversion(u16, u16);

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Microversion {
    fn parse(text: &str) -> Option<Microversion> {
        let (major, minor) = text.split_once('.')?;
        Some(Microversion(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// Nova's API in one region, and the microversion that is spoken.
#[derive(Clone)]
pub(super) struct Compute {
    /// Its address, up to the version.
    pub(super) address: Url,
    /// The oldest and the newest that it speaks.
    pub(super) offered: (Microversion, Microversion),
    /// The one that is asked for.
    pub(super) spoken: Microversion,
}

impl Compute {
    /// Asks Nova what it speaks.
    ///
    /// # Errors
    /// It is not there, refuses, can't be asked, or speaks no version that is known here.
    pub(super) async fn find(session: &Session) -> Result<Compute, ApiError> {
        let address = up_to_version(&session.address("compute").await?);
        let answer = session.get(&address, &[]).await?;
        let unexpected = |why: String| ApiError::Unexpected { request: format!("GET {address}"), why };
        let offered = offered(&answer).ok_or_else(|| unexpected("the answer has no microversions".into()))?;
        let spoken = agreed(offered).ok_or_else(|| {
            let (oldest, newest) = offered;
            unexpected(format!("it speaks the microversions {oldest} to {newest}, expected one from 2.1 to {NEWEST}"))
        })?;
        Ok(Compute { address, offered, spoken })
    }

    /// What goes with each request.
    pub(super) fn headers(&self) -> [(&'static str, String); 1] {
        [(HEADER, self.spoken.to_string())]
    }
}

/// `https://…/v2.1/PROJECT` without the project, which older catalogues have.
fn up_to_version(address: &Url) -> Url {
    let is_version = |part: &&str| part.starts_with('v') && part[1..].starts_with(|c: char| c.is_ascii_digit());
    let parts: Vec<&str> = address.path_segments().into_iter().flatten().collect();
    let Some(at) = parts.iter().position(is_version) else { return address.clone() };
    let mut url = address.clone();
    url.set_path(&format!("{}/", parts[..=at].join("/")));
    url
}

/// An API without microversions gives them empty.
fn offered(answer: &Value) -> Option<(Microversion, Microversion)> {
    let version = answer.get("version")?;
    let of = |name: &str| version.get(name).and_then(Value::as_str).and_then(Microversion::parse);
    Some((of("min_version")?, of("version")?))
}

fn agreed((oldest, newest): (Microversion, Microversion)) -> Option<Microversion> {
    Some(newest.min(NEWEST)).filter(|spoken| *spoken >= oldest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spoken(oldest: &str, newest: &str) -> Option<String> {
        agreed(offered(&json!({ "version": { "min_version": oldest, "version": newest } }))?)
            .map(|spoken| spoken.to_string())
    }

    #[test]
    fn the_newest_microversion_that_both_know_is_spoken() {
        assert_eq!(spoken("2.1", "2.100").as_deref(), Some("2.90"));
        assert_eq!(spoken("2.1", "2.9").as_deref(), Some("2.9"), "9 is older than 90");
        assert_eq!(spoken("2.91", "2.100"), None);
        assert_eq!(spoken("", ""), None);
    }

    #[test]
    fn the_address_of_compute_ends_with_its_version() {
        let cut = |text: &str| up_to_version(&Url::parse(text).unwrap()).to_string();
        assert_eq!(cut("http://nova:8774/v2.1/0a1b"), "http://nova:8774/v2.1/");
        assert_eq!(cut("https://cloud/compute/v2.1"), "https://cloud/compute/v2.1/");
        assert_eq!(cut("https://cloud/volume"), "https://cloud/volume");
    }
}
