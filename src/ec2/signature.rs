//! Signature version 4 of a request of the Query API.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Url;

use super::credentials::Credentials;

/// The type of every body.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A service in a region.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) service: &'s str,
    pub(super) region: &'s str,
}

/// The headers that sign a POST of this form at that moment.
///
/// # Errors
/// Why it can't be signed, in words.
pub(super) fn headers(
    url: &Url,
    form: &str,
    scope: Scope<'_>,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<Vec<(String, String)>, String> {
    let Credentials { id, secret, token, expires } = credentials;
    let token = token.as_ref().map(|token| token.reveal().to_owned());
    let identity = aws_credential_types::Credentials::new(id, secret.reveal(), token, *expires, "chimp").into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|why| why.to_string())?
        .into();
    let headers = [("content-type", FORM)].into_iter();
    let request = SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(form.as_bytes()));
    let signed = request.and_then(|request| sign(request, &parameters)).map_err(|why| why.to_string())?;
    let added = signed.output().headers();
    Ok(added.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::provider::secret::Secret;

    /// The keys, the moment and the signature of `post-x-www-form-urlencoded` in the test suite that Amazon
    /// publishes for signature version 4.
    #[test]
    fn a_form_is_signed_as_in_amazons_test_suite() {
        let credentials =
            Credentials::new("AKIDEXAMPLE", Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()), None);
        let scope = Scope { service: "service", region: "us-east-1" };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let headers = headers(&url, "Param1=value1", scope, &credentials, now).unwrap();
        let found = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        assert_eq!(found("x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(
            found("authorization"),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            )
        );
    }
}
