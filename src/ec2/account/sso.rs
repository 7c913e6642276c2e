//! What a profile says of single sign-on.

use std::path::PathBuf;

use sha1::{Digest as _, Sha1};

use super::profiles::{Profile, Profiles};
use super::{Given, Surroundings};
use crate::document::DocumentError;

/// A role in an account, for who is signed in. The sign-in itself is the CLI's: its token is in a file.
pub(in crate::ec2) struct Sso {
    /// The profile's name.
    pub(in crate::ec2) profile: String,
    /// Where the CLI keeps the token of who is signed in.
    pub(in crate::ec2) token_file: PathBuf,
    pub(in crate::ec2) region: Given,
    pub(in crate::ec2) account: Given,
    pub(in crate::ec2) role: Given,
}

/// `None` where the profile has nothing of it.
///
/// # Errors
/// It is incomplete.
pub(super) fn read(
    profile: &Profile<'_>,
    profiles: &Profiles,
    from: &Surroundings,
) -> Result<Option<Sso>, DocumentError> {
    let all = ["sso_account_id", "sso_role_name", "sso_start_url", "sso_region"];
    let Some(first) = all.iter().find_map(|key| profile.get(key)) else { return Ok(None) };
    let missing = |key: &str| {
        let detail = format!("the profile `{}` signs on, but has no `{key}`", profile.name);
        first.error(&detail, "run `aws configure sso`")
    };
    let needed = |key: &str| profile.get(key).cloned().ok_or_else(|| missing(key));
    let (token_of, region) = match profile.get("sso_session") {
        Some(name) => {
            let section = profiles.section("sso-session", name.text()).ok_or_else(|| {
                name.error(&format!("there is no section `[sso-session {}]`", name.text()), "run `aws configure sso`")
            })?;
            let region = section.get("sso_region").map(|entry| entry.value.clone());
            (name.clone(), region.ok_or_else(|| missing("sso_region"))?)
        }
        None => (needed("sso_start_url")?, needed("sso_region")?),
    };
    let (account, role) = (needed("sso_account_id")?, needed("sso_role_name")?);
    let token_file = from.home.join(".aws/sso/cache").join(file_name(token_of.text()));
    Ok(Some(Sso { profile: profile.name.into(), token_file, region, account, role }))
}

/// Made of the session's name, or of the start URL where there is no session.
fn file_name(of: &str) -> String {
    let digest = Sha1::digest(of.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ".json"
}
