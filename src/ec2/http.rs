//! One exchange with a service over HTTP.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode, Url};

use super::account::Account;
use crate::document::DocumentError;
use crate::requests::failure::Failure;
use crate::requests::{self, Patience, authorities};

/// An answer, good or not.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A client for a service of this account.
///
/// # Errors
/// The file of certificates can't be read or has none.
pub(super) fn client(service: &Url, account: &Account, patience: Patience) -> Result<Client, DocumentError> {
    let mut builder = requests::client(service, patience);
    if let Some((path, given)) = &account.ca_bundle {
        let hint = format!("{} names it: name a PEM file with the certificates of the authorities", given.place);
        builder = builder.tls_certs_only(authorities(path, &hint)?);
    }
    builder.build().map_err(|why| DocumentError::new(format!("no HTTP client can be made: {why}")))
}

/// Sends a request once, as attempt of this number.
///
/// # Errors
/// It had no answer.
pub(super) async fn send(
    request: RequestBuilder,
    shown: &str,
    within: Duration,
    attempts: u32,
) -> Result<Answer, Failure> {
    let met = |why: reqwest::Error| Failure::of(shown.into(), &why, within, attempts);
    let answer = request.send().await.map_err(met)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.map_err(met)?.to_vec();
    tracing::debug!(request = shown, status = status.as_u16(), "the service answered");
    Ok(Answer { status, headers, body })
}
