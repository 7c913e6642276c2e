//! Addresses that are named in place of Amazon's own.

use reqwest::Url;

use super::profiles::{Profile, Profiles};
use super::{Endpoints, Given, Surroundings};
use crate::document::DocumentError;
use crate::document::error::one_of;

/// The address of the instance metadata, where nothing else is named.
const METADATA: &str = "http://169.254.169.254/";

/// The addresses of EC2, STS, Auto Scaling and the single sign-on.
pub(super) fn endpoints(
    from: &Surroundings,
    profiles: &Profiles,
    profile: Option<&Profile<'_>>,
) -> Result<Endpoints, DocumentError> {
    let of_profile = |key: &str| profile.and_then(|profile| profile.get(key)).cloned();
    let ignored =
        from.first(&["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]).or_else(|| of_profile("ignore_configured_endpoint_urls"));
    if ignored.is_some_and(|given| is_true(&given)) {
        return Ok(Endpoints::default());
    }
    let services = match of_profile("services") {
        None => None,
        Some(name) => Some(profiles.section("services", name.text()).ok_or_else(|| {
            name.error(&format!("there is no section `[services {}]`", name.text()), "add it to the config file")
        })?),
    };
    let of = |service: &str| {
        let in_section = || services?.get(service)?.nested.get("endpoint_url").cloned();
        let variable = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
        let given =
            from.first(&[&variable, "AWS_ENDPOINT_URL"]).or_else(in_section).or_else(|| of_profile("endpoint_url"));
        given.map(|given| Ok((address(&given)?, given))).transpose()
    };
    Ok(Endpoints { ec2: of("ec2")?, sts: of("sts")?, auto_scaling: of("auto_scaling")?, sso: of("sso")? })
}

/// Where the instance metadata is asked; `None` where that is disabled.
pub(super) fn metadata(
    from: &Surroundings,
    of_profile: &dyn Fn(&str) -> Option<Given>,
) -> Result<Option<Url>, DocumentError> {
    if from.first(&["AWS_EC2_METADATA_DISABLED"]).is_some_and(|given| is_true(&given)) {
        return Ok(None);
    }
    let named = from
        .first(&["AWS_EC2_METADATA_SERVICE_ENDPOINT"])
        .or_else(|| of_profile("ec2_metadata_service_endpoint"))
        .unwrap_or_else(|| Given::new(METADATA, "the default"));
    address(&named).map(Some)
}

fn is_true(given: &Given) -> bool {
    given.text().eq_ignore_ascii_case("true")
}

/// With a slash at its end.
fn address(given: &Given) -> Result<Url, DocumentError> {
    let hint = "write it as `https://HOST[:PORT]`";
    let mut url = Url::parse(given.text()).map_err(|why| given.error(&format!("is not a URL: {why}"), hint))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(
            given.error("is not an HTTP URL, which is expected", one_of(url.scheme(), "schemes", ["http", "https"]))
        );
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(given.error("has a user, a password or a query in it, where none is expected", hint));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}
