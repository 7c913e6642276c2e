//! From what is given of a cloud to a [`Cloud`], or the first mistake in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::given::{Field, Given};
use super::{Cloud, CredentialOf, Domain, Interface, Login, Named, Surroundings, Trust, region};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::provider::secret::Secret;

const AUTH_TYPES: [&str; 5] = ["password", "v3password", "v3applicationcredential", "token", "v3token"];

/// A field, by all its names, and how it counts.
type Find = for<'g> fn(&'g Given) -> Option<&'g Field>;

/// The fields whose places are kept, for advice about what a cloud answers.
const PLACES: [(&str, Find); 7] = [
    ("auth_url", |given| given.option(&["auth_url"])),
    ("username", |given| given.option(&["username", "user_name", "user_id"])),
    ("password", |given| given.option(&["password"])),
    ("application_credential_secret", |given| given.option(&["application_credential_secret"])),
    ("token", |given| given.scope(&["auth_token", "token"])),
    ("project", |given| project_id(given).or_else(|| project_name(given))),
    ("cacert", |given| given.beside_auth(&["cacert"])),
];

fn project_id(given: &Given) -> Option<&Field> {
    given.scope(&["tenant_id", "project_id"])
}

fn project_name(given: &Given) -> Option<&Field> {
    given.scope(&["tenant_name", "project_name"])
}

/// Reads it.
///
/// # Errors
/// The first field that is missing, malformed, or asks for what this program does not do.
pub(super) fn cloud(mut given: Given, from: &Surroundings) -> Result<Cloud, DocumentError> {
    let region = region::region(&mut given, from)?;
    refuse_unsupported(&given)?;
    let found = PLACES.iter().filter_map(|(name, find)| Some((*name, find(&given)?.origin.place())));
    let mut places: BTreeMap<&'static str, String> = found.collect();
    places.extend(region.as_ref().map(|region| ("region_name", region.origin.place())));
    let region = region.map(|region| region.name);
    Ok(Cloud {
        auth_url: auth_url(&given, region.as_deref())?,
        login: login(&given)?,
        interface: interface(&given)?,
        trust: trust(&given)?,
        answer_within: answer_within(&given)?,
        name: given.name,
        from: given.from,
        region,
        places,
    })
}

fn refuse_unsupported(given: &Given) -> Result<(), DocumentError> {
    for field in given.fields().filter(|field| field.value.as_str() != Some("") && !field.value.is_null()) {
        let hint = match field.name.as_str() {
            "profile" | "cloud" => "write what the vendor's profile says here: `auth_url`, `region_name` and the like",
            "cert" | "key" => "log in with a password or an application credential, without a client certificate",
            name if name.ends_with("_endpoint_override") => "leave it out: addresses are those of the catalogue",
            _ => continue,
        };
        return Err(field.error("is not supported", hint));
    }
    Ok(())
}

fn text(field: Option<&Field>) -> Result<Option<String>, DocumentError> {
    field.map_or(Ok(None), Field::text)
}

/// A field that must be there.
fn needed(given: &Given, names: &[&str]) -> Result<String, DocumentError> {
    text(given.option(names))?.ok_or_else(|| missing(given, names[0]))
}

fn missing(given: &Given, name: &str) -> DocumentError {
    let detail = format!("the cloud `{}` has no `{name}`", given.name);
    match given.home {
        super::given::Origin::File(..) => {
            given.home.error(detail, format!("write `{name}: …` below its `auth:`, here or in `secure.yaml`"))
        }
        super::given::Origin::Variable(_) => DocumentError::new(format!("{detail}; {} make it", given.from))
            .with_hint(format!("set `OS_{}`, or name another cloud by `OS_CLOUD`", name.to_uppercase())),
    }
}

fn auth_url(given: &Given, region: Option<&str>) -> Result<Url, DocumentError> {
    let names = &["auth_url"];
    let written = needed(given, names)?.replace("{region_name}", region.unwrap_or_default());
    let wrong = |detail: &str| match given.option(names) {
        Some(field) => field.error(detail, "the form is `https://HOST:5000/v3`"),
        None => missing(given, "auth_url"),
    };
    let mut url = Url::parse(&written).map_err(|why| wrong(&format!("is not a URL: {why}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("is not an HTTP URL, which is expected"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a user or a password in it, where none is expected"));
    }
    let path = url.path().trim_end_matches('/').to_string();
    match path.rsplit('/').next() {
        Some("v3") => url.set_path(&path),
        Some("v2.0") => return Err(wrong("is that of Keystone's version 2, expected version 3")),
        _ => url.set_path(&format!("{path}/v3")),
    }
    Ok(url)
}

fn login(given: &Given) -> Result<Login, DocumentError> {
    let field = given.beside_auth(&["auth_type", "auth_plugin"]);
    let auth_type = text(field)?.unwrap_or_else(|| "password".into());
    let secret = |names: &[&str]| needed(given, names).map(Secret::new);
    match (auth_type.as_str(), field) {
        ("password" | "v3password", _) => {
            Ok(Login::Password { user: user(given)?, project: project(given)?, password: secret(&["password"])? })
        }
        ("v3applicationcredential", _) => Ok(Login::ApplicationCredential {
            of: credential(given)?,
            secret: secret(&["application_credential_secret"])?,
        }),
        ("token" | "v3token", _) => {
            let token = text(given.scope(&["auth_token", "token"]))?.ok_or_else(|| missing(given, "token"))?;
            Ok(Login::Token { token: Secret::new(token), project: project(given)? })
        }
        (other, Some(field)) => {
            let detail = format!("names a way to log in that is not supported: `{other}`");
            Err(field.error(&detail, one_of(other, "ways", AUTH_TYPES)))
        }
        (_, None) => Err(missing(given, "auth_type")),
    }
}

fn credential(given: &Given) -> Result<CredentialOf, DocumentError> {
    if let Some(id) = text(given.option(&["application_credential_id"]))? {
        return Ok(CredentialOf::Id(id));
    }
    match text(given.option(&["application_credential_name"]))? {
        Some(name) => Ok(CredentialOf::Name(name, user(given)?)),
        None => Err(missing(given, "application_credential_id")),
    }
}

fn user(given: &Given) -> Result<Named, DocumentError> {
    if let Some(id) = text(given.option(&["user_id"]))? {
        return Ok(Named::Id(id));
    }
    let name = needed(given, &["username", "user_name"])?;
    Ok(Named::Name(name, domain(given, ["user_domain_id", "user_domain_name"])?))
}

fn project(given: &Given) -> Result<Named, DocumentError> {
    if let Some(id) = text(project_id(given))? {
        return Ok(Named::Id(id));
    }
    let name = text(project_name(given))?.ok_or_else(|| missing(given, "project_name"))?;
    Ok(Named::Name(name, domain(given, ["project_domain_id", "project_domain_name"])?))
}

/// The domain of a user or a project: its own, that of both, or the default one that is given.
fn domain(given: &Given, [id, name]: [&str; 2]) -> Result<Domain, DocumentError> {
    for (id, name) in [(id, name), ("domain_id", "domain_name"), ("default_domain_id", "default_domain_name")] {
        if let Some(id) = text(given.scope(&[id]))? {
            return Ok(Domain::Id(id));
        }
        if let Some(name) = text(given.scope(&[name]))? {
            return Ok(Domain::Name(name));
        }
    }
    Err(missing(given, name))
}

fn interface(given: &Given) -> Result<Interface, DocumentError> {
    let Some(field) = given.beside_auth(&["interface", "endpoint_type"]) else { return Ok(Interface::Public) };
    match field.text()?.unwrap_or_default().trim_end_matches("URL") {
        "public" => Ok(Interface::Public),
        "internal" => Ok(Interface::Internal),
        "admin" => Ok(Interface::Admin),
        other => {
            Err(field.error(&format!("is `{other}`"), one_of(other, "interfaces", ["public", "internal", "admin"])))
        }
    }
}

fn trust(given: &Given) -> Result<Trust, DocumentError> {
    let insecure = flag(given.beside_auth(&["insecure"]))?.unwrap_or(false);
    let verify = flag(given.beside_auth(&["verify"]))?.unwrap_or(true);
    if insecure || !verify {
        return Ok(Trust::Anything);
    }
    Ok(text(given.beside_auth(&["cacert"]))?.map_or(Trust::Machine, |path| Trust::File(of_home(&path))))
}

fn of_home(path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").zip(std::env::var_os("HOME"));
    home.map_or_else(|| path.into(), |(rest, home)| PathBuf::from(home).join(rest))
}

fn flag(field: Option<&Field>) -> Result<Option<bool>, DocumentError> {
    let Some((field, text)) = field.and_then(|field| Some((field, field.text().transpose()?))) else { return Ok(None) };
    match text?.to_lowercase().as_str() {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        other => Err(field.error(&format!("is `{other}`"), "write `true` or `false`")),
    }
}

fn answer_within(given: &Given) -> Result<Option<Duration>, DocumentError> {
    let Some(field) = given.beside_auth(&["api_timeout"]) else { return Ok(None) };
    let seconds = field.text()?.and_then(|text| text.parse::<f64>().ok()).filter(|seconds| *seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration
        .map(Some)
        .ok_or_else(|| field.error("is not a number of seconds above 0", "write, for example, `api_timeout: 30`"))
}
