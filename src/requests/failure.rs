//! Why a request had no answer, in the words of the part that failed.

use std::error::Error as _;
use std::time::Duration;

use crate::units::show_duration;

/// Why a request had no answer. `attempts`: how often it was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection.
    #[error("{request}: no connection: {why}")]
    Unreachable { request: String, why: String },
    /// The service's certificate is not trusted.
    #[error("{request}: the certificate is not trusted: {why}")]
    Untrusted { request: String, why: String },
    /// No answer in time.
    #[error("{request}: no answer within {}{}", show_duration(*.within), tries(*.attempts))]
    TimedOut { request: String, within: Duration, attempts: u32 },
    /// The connection ended before the answer did.
    #[error("{request}: the connection broke: {why}{}", tries(*.attempts))]
    Broken { request: String, why: String, attempts: u32 },
}

impl Failure {
    /// What a request met.
    pub(crate) fn of(request: String, why: &reqwest::Error, within: Duration, attempts: u32) -> Failure {
        let shown = innermost(why);
        if is_untrusted(why) {
            Failure::Untrusted { request, why: shown }
        } else if why.is_connect() {
            Failure::Unreachable { request, why: shown }
        } else if why.is_timeout() {
            Failure::TimedOut { request, within, attempts }
        } else {
            Failure::Broken { request, why: shown, attempts }
        }
    }

    /// Whether the request reached the service, perhaps: then it may have been carried out, and another attempt may have an answer.
    pub(crate) fn may_have_arrived(&self) -> bool {
        matches!(self, Failure::TimedOut { .. } | Failure::Broken { .. })
    }
}

/// That it was sent more than once, for the end of a message.
pub(crate) fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(" (asked {attempts} times)") } else { String::new() }
}

/// What failed, without the address, which the caller knows.
pub(crate) fn innermost(why: &reqwest::Error) -> String {
    causes(why).last().map_or_else(|| "it was not carried out".into(), ToString::to_string)
}

/// Whether the service's certificate is not trusted.
pub(crate) fn is_untrusted(why: &reqwest::Error) -> bool {
    causes(why).any(is_of_certificate)
}

fn causes(why: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(why.source(), |why| (*why).source())
}

/// An I/O error does not count what it wraps among its sources, and may wrap another one.
fn is_of_certificate(why: &(dyn std::error::Error + 'static)) -> bool {
    match (why.downcast_ref::<rustls::Error>(), why.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref))
    {
        (Some(why), _) => matches!(why, rustls::Error::InvalidCertificate(_)),
        (None, Some(inner)) => is_of_certificate(inner),
        (None, None) => false,
    }
}
