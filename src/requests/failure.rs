//! Why a request had no answer, in the words of the part that failed.

use std::error::Error as _;

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
