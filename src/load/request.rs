//! From `[request]` of the settings to a request that can be sent: validated, secrets filled in, trust loaded.
//!
//! All that can be wrong is found here, before anything boots; each error names the field to fix. Values taken from
//! the environment are never shown: not in errors, not by `Debug`.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};

use crate::history::Outcome;
use crate::settings::{RequestSettings, Scheme};

use super::Site;

/// Where distributions keep the authorities that everybody trusts, for HTTPS without an own `ca`.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// How many redirects are followed before the last one is judged by its own status.
pub const REDIRECTS_MAX: usize = 5;

/// A request ready to be sent to one site, and what counts as a good answer to it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PreparedRequest {
    pub(super) scheme: Scheme,
    pub(super) address: SocketAddr,
    /// The Host header.
    pub(super) host: String,
    /// The host without its port: the TLS server name.
    pub(super) server_name: String,
    pub(super) path: String,
    pub(super) pages: Vec<String>,
    pub(super) method: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) follow_redirects: bool,
    good_status: Vec<u16>,
    body_contains: Option<String>,
    authorities: Option<String>,
}

/// A `[request]` that cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// A value that HTTP does not allow.
    #[error("`request.{field}`: `{found}` {problem}")]
    Invalid { field: String, found: String, problem: &'static str },
    /// A header asks for an environment variable that is not set.
    #[error("`request.headers.{header}`: the environment variable `{variable}` is not set")]
    NotInEnvironment { header: String, variable: String },
    /// A header's value, with the environment filled in, is not one. The value is not shown: it may be secret.
    #[error("`request.headers.{header}`: {problem}")]
    Header { header: String, problem: &'static str },
    /// The certificate authority cannot be used.
    #[error("`request.ca`: {}: {detail}", .path.display())]
    Authority { path: PathBuf, detail: String },
    /// HTTPS, but nobody to trust.
    #[error(
        "`request.ca` is not set and this machine has no list of certificate authorities (install ca-certificates)"
    )]
    NoAuthorities,
}

impl RequestError {
    /// The field of `[request]` that is to be changed; a header by its name.
    pub fn field(&self) -> &str {
        match self {
            RequestError::Invalid { field, .. } => field,
            RequestError::NotInEnvironment { header, .. } | RequestError::Header { header, .. } => header,
            RequestError::Authority { .. } => "ca",
            RequestError::NoAuthorities => "scheme",
        }
    }

    /// What to do, where the message does not say it.
    pub fn help(&self) -> Option<String> {
        match self {
            RequestError::NotInEnvironment { variable, .. } => {
                Some(format!("set it where chimp is started: export {variable}=…"))
            }
            RequestError::Authority { .. } => {
                Some("name a PEM file, by its path relative to the working directory".into())
            }
            RequestError::Invalid { .. } | RequestError::Header { .. } | RequestError::NoAuthorities => None,
        }
    }
}

impl PreparedRequest {
    /// Everything that can't be sent, whatever the site: of each header and of each other field the first.
    pub fn wrong(settings: &RequestSettings) -> Vec<RequestError> {
        let environment = |name: &str| std::env::var(name).ok();
        let site = Site { address: std::net::Ipv4Addr::LOCALHOST.into(), port: 80, host: "localhost".into() };
        let headers = settings.headers.iter().filter_map(|(name, value)| {
            let alone =
                RequestSettings { headers: [(name.clone(), value.clone())].into(), ..RequestSettings::default() };
            resolve_headers(&alone, &environment).err()
        });
        let rest = RequestSettings { headers: Default::default(), scheme: Scheme::Http, ca: None, ..settings.clone() };
        let rest = Self::with_environment(&rest, &site, &environment).err();
        headers.chain(read_authorities(settings).err()).chain(rest).collect()
    }

    /// Prepares what `[request]` says for a site, with `${NAME}` taken from the environment.
    ///
    /// # Errors
    /// Names the field that cannot be used.
    pub fn new(settings: &RequestSettings, site: &Site) -> Result<Self, RequestError> {
        Self::with_environment(settings, site, &|name| std::env::var(name).ok())
    }

    /// The same request, sent to a proxy that leads to the site.
    #[must_use]
    pub fn by_way_of(self, proxy: SocketAddr) -> Self {
        PreparedRequest { address: proxy, ..self }
    }

    /// Where it is sent.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn with_environment(
        settings: &RequestSettings,
        site: &Site,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, RequestError> {
        let host = settings.host.clone().unwrap_or_else(|| host_of(site, settings.scheme));
        let pages = if settings.pages.is_empty() { vec![settings.path.clone()] } else { settings.pages.clone() };
        let prepared = PreparedRequest {
            scheme: settings.scheme,
            address: SocketAddr::new(site.address, site.port),
            server_name: without_port(&host).to_string(),
            host,
            path: settings.path.clone(),
            pages,
            method: settings.method.clone(),
            headers: resolve_headers(settings, environment)?,
            body: settings.body.clone(),
            follow_redirects: settings.follow_redirects,
            good_status: settings.good_status.clone(),
            body_contains: settings.body_contains.clone(),
            authorities: read_authorities(settings)?,
        };
        prepared.validate()?;
        Ok(prepared)
    }

    fn validate(&self) -> Result<(), RequestError> {
        let invalid = |field: &str, found: &str, problem| {
            Err(RequestError::Invalid { field: field.into(), found: found.into(), problem })
        };
        if Method::from_bytes(self.method.as_bytes()).is_err() {
            return invalid("method", &self.method, "is not an HTTP method");
        }
        let paths = [("path", &self.path)].into_iter().chain(self.pages.iter().map(|page| ("pages", page)));
        for (field, path) in paths {
            if !path.starts_with('/') || path.parse::<Uri>().is_err() {
                return invalid(field, path, "is not a path: it begins with `/` and is percent-encoded");
            }
        }
        if HeaderValue::from_str(&self.host).is_err() || ServerName::try_from(self.server_name.as_str()).is_err() {
            return invalid("host", &self.host, "is not a host name or address, with or without a port");
        }
        if self.good_status.is_empty() {
            return invalid("good_status", "[]", "is empty, so that no answer could ever be good");
        }
        if let Some(status) = self.good_status.iter().find(|status| !(100..=599).contains(*status)) {
            return invalid("good_status", &status.to_string(), "is not an HTTP status");
        }
        Ok(())
    }

    /// Whether an answer that came whole is good.
    pub(super) fn judge(&self, status: u16, body: &[u8]) -> Outcome {
        if !self.good_status.contains(&status) {
            return Outcome::Status(status);
        }
        match &self.body_contains {
            Some(text) if !String::from_utf8_lossy(body).contains(text.as_str()) => Outcome::WrongBody,
            _ => Outcome::Good,
        }
    }

    /// Whether judging needs the body itself, not only its end.
    pub(super) fn needs_body(&self) -> bool {
        self.body_contains.is_some()
    }

    /// The path and query that a `Location` names, relative to the path it was received at; `None` if it leads to
    /// another site or is no location.
    pub(super) fn on_this_site(&self, from: &str, location: &str) -> Option<Uri> {
        let location = location.split('#').next().unwrap_or_default();
        let scheme = match self.scheme {
            Scheme::Http => "http:",
            Scheme::Https => "https:",
        };
        if let Some(rest) = location.strip_prefix(scheme).unwrap_or(location).strip_prefix("//") {
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let same = authority == self.host || authority == self.address.to_string();
            let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
            return same.then(|| path.parse().ok()).flatten();
        }
        if location.starts_with('/') {
            return location.parse().ok();
        }
        if location.is_empty() || location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
            return None;
        }
        if location.starts_with('?') {
            return format!("{from}{location}").parse().ok();
        }
        let folder = &from[..=from.rfind('/').unwrap_or(0)];
        format!("{folder}{location}").parse().ok()
    }

    /// Every header that goes with the request, Host among them.
    pub(super) fn header_map(&self) -> hyper::HeaderMap {
        let mut map = hyper::HeaderMap::new();
        map.insert(HOST, HeaderValue::from_str(&self.host).expect("validated"));
        for (name, value) in &self.headers {
            let mut value = HeaderValue::from_str(value).expect("validated");
            value.set_sensitive(true);
            map.insert(HeaderName::from_bytes(name.as_bytes()).expect("validated"), value);
        }
        map
    }

    /// Whom HTTPS trusts; nobody, where the request is plain HTTP.
    pub(super) fn trust(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let pem = self.authorities.as_deref().unwrap_or_default();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedRequest")
            .field("scheme", &self.scheme)
            .field("address", &self.address)
            .field("host", &self.host)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// How a request ended that met this error of the network.
pub(super) fn outcome_of(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Outcome::Refused
        }
        // No port or file was left to send it from: as if too many were under way.
        io::ErrorKind::AddrNotAvailable => Outcome::NotSent,
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => Outcome::NotSent,
        _ => Outcome::Broken,
    }
}

fn host_of(site: &Site, scheme: Scheme) -> String {
    let usual = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    if site.port == usual { site.host.clone() } else { format!("{}:{}", site.host, site.port) }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() && !name.ends_with(':') => {
            name.trim_start_matches('[').trim_end_matches(']')
        }
        _ => host.trim_start_matches('[').trim_end_matches(']'),
    }
}

fn resolve_headers(
    settings: &RequestSettings,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, RequestError> {
    let mut headers = Vec::new();
    for (header, template) in &settings.headers {
        let name = HeaderName::from_bytes(header.as_bytes());
        let problem = match &name {
            Err(_) => Some("this is not a header name"),
            Ok(name) if *name == HOST => Some("set `request.host` instead"),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            return Err(RequestError::Header { header: header.clone(), problem });
        }
        let value = fill_in(header, template, environment)?;
        if HeaderValue::from_str(&value).is_err() {
            let problem = "with the environment filled in, the value has a character that headers may not have";
            return Err(RequestError::Header { header: header.clone(), problem });
        }
        headers.push((header.clone(), value));
    }
    Ok(headers)
}

fn fill_in(header: &str, template: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, RequestError> {
    let (mut value, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((variable, after)) = after.split_once('}') else {
            return Err(RequestError::Header { header: header.into(), problem: "`${` without `}`" });
        };
        value.push_str(before);
        value.push_str(
            &environment(variable)
                .ok_or_else(|| RequestError::NotInEnvironment { header: header.into(), variable: variable.into() })?,
        );
        rest = after;
    }
    value.push_str(rest);
    Ok(value)
}

fn read_authorities(settings: &RequestSettings) -> Result<Option<String>, RequestError> {
    match (settings.scheme, &settings.ca) {
        (Scheme::Http, None) => Ok(None),
        (Scheme::Http, Some(ca)) => {
            Err(RequestError::Authority { path: ca.clone(), detail: "`request.scheme` is `http`: set `https`".into() })
        }
        (Scheme::Https, Some(ca)) => {
            let wrong = |detail| RequestError::Authority { path: ca.clone(), detail };
            let pem = crate::text::read(ca).map_err(|why| wrong(why.to_string()))?;
            let usable = CertificateDer::pem_slice_iter(pem.as_bytes())
                .filter(|der| der.as_ref().is_ok_and(|der| RootCertStore::empty().add(der.clone()).is_ok()))
                .count();
            if usable == 0 { Err(wrong("no certificate in PEM in it".into())) } else { Ok(Some(pem)) }
        }
        (Scheme::Https, None) => SYSTEM_AUTHORITIES
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .map(Some)
            .ok_or(RequestError::NoAuthorities),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
