//! Where the credentials come from: the first of the AWS CLI's places that has some.

use super::profiles::{Profile, Profiles};
use super::sso;
use super::{Given, Keys, Source, Surroundings};
use crate::document::DocumentError;

/// In the CLI's order: variables (unless a profile is asked for), a role to assume, a web identity, single sign-on, the file
/// `credentials`, a command, the file `config`, a container, instance metadata.
///
/// # Errors
/// The first place that has something has it incomplete, or is not supported.
pub(super) fn choose(
    is_asked: bool,
    from: &Surroundings,
    profiles: &Profiles,
    profile: Option<&Profile<'_>>,
    has_metadata: bool,
) -> Result<Source, DocumentError> {
    if let (false, Some(keys)) = (is_asked, of_variables(from)?) {
        return Ok(Source::Keys(keys));
    }
    refuse_identities(from, profile)?;
    if let Some(source) = profile.map(|profile| of_profile(profile, profiles, from)).transpose()?.flatten() {
        return Ok(source);
    }
    let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    if let Some(given) = from.first(&container) {
        let hint = "unset it, and set `AWS_ACCESS_KEY_ID` and its like from what it leads to";
        return Err(given.error("a container's credentials are not supported", hint));
    }
    if has_metadata { Ok(Source::Metadata) } else { Err(nothing(profiles, profile)) }
}

fn of_variables(from: &Surroundings) -> Result<Option<Keys>, DocumentError> {
    let Some(id) = from.first(&["AWS_ACCESS_KEY_ID"]) else { return Ok(None) };
    let Some(secret) = from.first(&["AWS_SECRET_ACCESS_KEY"]) else {
        let detail = "there is a key's id, but no secret";
        return Err(id.error(detail, "set the variable `AWS_SECRET_ACCESS_KEY`, too, or unset both"));
    };
    let token = from.first(&["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]);
    Ok(Some(Keys { id, secret, token }))
}

fn refuse_identities(from: &Surroundings, profile: Option<&Profile<'_>>) -> Result<(), DocumentError> {
    let of_profile = |key: &str| profile.and_then(|profile| profile.get(key)).cloned();
    let roles = "print its credentials by `credential_process`, or `aws configure export-credentials --format env` sets the variables";
    if let Some(given) = from.first(&["AWS_WEB_IDENTITY_TOKEN_FILE"]).or_else(|| of_profile("web_identity_token_file"))
    {
        return Err(given.error("a web identity is not supported: it would need a request that assumes a role", roles));
    }
    if let Some(given) = of_profile("role_arn") {
        let by = ["source_profile", "credential_source"].into_iter().find_map(|key| Some((key, of_profile(key)?)));
        let by = by.map_or(String::new(), |(key, given)| format!(" by the `{key}` at {}", given.place));
        let detail = format!("`role_arn` is not supported: the role would have to be assumed{by}");
        return Err(given.error(&detail, roles));
    }
    match of_profile("login_session") {
        Some(given) => Err(given.error("`login_session` is not supported", roles)),
        None => Ok(()),
    }
}

fn of_profile(
    profile: &Profile<'_>,
    profiles: &Profiles,
    from: &Surroundings,
) -> Result<Option<Source>, DocumentError> {
    if let Some(sso) = sso::read(profile, profiles, from)? {
        return Ok(Some(Source::Sso(sso)));
    }
    if let Some(id) = profile.of_credentials("aws_access_key_id") {
        return keys(id, profile).map(Some);
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(Some(Source::Process(command.clone())));
    }
    profile.get("aws_access_key_id").map(|id| keys(id, profile)).transpose()
}

fn keys(id: &Given, profile: &Profile<'_>) -> Result<Source, DocumentError> {
    let secret = profile.get("aws_secret_access_key").ok_or_else(|| {
        let detail = format!("the profile `{}` has a key's id, but no secret", profile.name);
        id.error(&detail, "add `aws_secret_access_key = …` to it")
    })?;
    let token = profile.get("aws_session_token").or_else(|| profile.get("aws_security_token"));
    Ok(Source::Keys(Keys { id: id.clone(), secret: secret.clone(), token: token.cloned() }))
}

fn nothing(profiles: &Profiles, profile: Option<&Profile<'_>>) -> DocumentError {
    let hint = "run `aws configure`, or set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`";
    let files = profiles.files();
    let detail = match profile {
        Some(profile) => format!("the profile `{}` of {files} has no credentials", profile.name),
        None => format!("no credentials: no variable has them, and there is no profile `default` in {files}"),
    };
    DocumentError::new(format!("{detail}; instance metadata is disabled")).with_hint(hint)
}
