//! From variables and files to an account.

use super::profiles::Profiles;
use super::{Account, Surroundings, endpoint, source};
use crate::document::DocumentError;
use crate::ec2::account::Given;

/// See [`super::read`].
pub(super) fn account(asked: Option<&str>, from: &Surroundings) -> Result<Account, DocumentError> {
    let profiles = Profiles::read(from)?;
    let named =
        asked.map(|name| Given::new(name, "--on")).or_else(|| from.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
    let profile = profiles.profile(named.as_ref().map_or("default", Given::text));
    if let (Some(name), None) = (&named, &profile) {
        return Err(profiles.unknown(name));
    }
    let of_profile = |key: &str| profile.as_ref().and_then(|profile| profile.get(key)).cloned();
    let metadata = endpoint::metadata(from, &of_profile)?;
    let source = source::choose(asked.is_some(), from, &profiles, profile.as_ref(), metadata.is_some())?;
    let region = from.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).or_else(|| of_profile("region"));
    if let Some(region) = region.as_ref().filter(|region| !is_region(region.text())) {
        let detail = format!("`{}` can't be a region", region.text());
        return Err(region.error(&detail, "write its name alone, such as `eu-central-1`"));
    }
    let ca_bundle = from.first(&["AWS_CA_BUNDLE"]).or_else(|| of_profile("ca_bundle"));
    Ok(Account {
        profile: profile.as_ref().map(|profile| profile.name.into()),
        source,
        region,
        endpoints: endpoint::endpoints(from, &profiles, profile.as_ref())?,
        ca_bundle: ca_bundle.map(|given| (from.path(given.text()), given)),
        metadata,
    })
}

/// It becomes part of a host's name.
fn is_region(text: &str) -> bool {
    text.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-')
}
