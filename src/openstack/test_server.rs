//! A cloud for tests, on loopback: it answers as Keystone, Nova, Neutron and Glance did when they were recorded, and a test says
//! what it answers otherwise.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::client::Client;
use super::clouds::{self, Surroundings};
use super::doctor::{Findings, look_with};
use super::error::CloudError;
pub(crate) use crate::requests::test_server::{Asked, Reply};
use crate::requests::test_server::{Endpoint, HASTE};

pub(super) const PASSWORD: &str = "hunter2-of-the-chimp";
/// The tokens that are issued are this with their number behind it.
pub(super) const TOKEN: &str = "gAAAAA-token-";
const LOGIN: &str = "POST /identity/v3/auth/tokens";
const UNAUTHORIZED: &str =
    r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#;

/// An error as Nova words it.
pub(crate) fn refused(status: u16, message: &str) -> Reply {
    Reply::Status(status, "", json!({ "badRequest": { "code": status, "message": message } }).to_string())
}

/// An error as Neutron words it.
pub(super) fn refused_by_neutron(kind: &str, message: &str) -> Reply {
    Reply::Status(409, "", json!({ "NeutronError": { "type": kind, "message": message, "detail": "" } }).to_string())
}

/// A server as Nova shows it, in this status and with this task.
pub(crate) fn server(id: &str, status: &str, task: Option<&str>) -> Value {
    json!({
        "id": id, "name": format!("name-of-{id}"), "status": status, "OS-EXT-STS:task_state": task,
        "OS-EXT-STS:power_state": 1, "OS-EXT-AZ:availability_zone": "zone-a", "locked": false, "metadata": {},
        "addresses": { "site": [{ "addr": "198.18.0.7", "version": 4 }] }, "created": "2026-11-29T00:10:18Z",
    })
}

/// A port as Neutron shows it.
pub(crate) fn port(id: &str, description: &Value) -> Value {
    json!({
        "id": id, "name": "web-1", "mac_address": "fa:16:3e:8c:be:c9", "device_id": "", "description": description,
        "fixed_ips": [{ "subnet_id": "s", "ip_address": "198.18.3.78" }], "security_groups": ["default"], "tags": [],
        "created_at": "2026-11-29T00:10:18Z",
    })
}

pub(super) fn unauthorized() -> Reply {
    Reply::Status(401, "", UNAUTHORIZED.into())
}

/// A cloud that lives as long as the test's runtime.
pub(crate) struct TestCloud {
    pub(super) base: String,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(super) folder: tempfile::TempDir,
}

impl TestCloud {
    /// Answers a request by all that came, this one among them; `None`: as the recorded cloud.
    pub(crate) async fn start(script: impl Fn(&[Asked]) -> Option<Reply> + Send + Sync + 'static) -> TestCloud {
        serve(script, None).await
    }

    /// With the certificate of this name of `load/test_certificates`.
    pub(super) async fn with_tls(name: &str) -> TestCloud {
        serve(|_| None, Some(acceptor(name))).await
    }

    /// What the doctor finds, where the cloud's entry has these lines more.
    pub(super) async fn findings(&self, more: &str) -> Findings {
        let findings = look_with(None, &self.described(more), 10_000, HASTE).await;
        let shown = format!("{findings:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains(TOKEN), "a secret is shown: {shown}");
        findings
    }

    /// A user of it, logged in, where the cloud's entry has these lines more.
    pub(crate) async fn log_in(&self, more: &str) -> Result<Client, CloudError> {
        let cloud = clouds::read(None, &self.described(more))?;
        Client::log_in_with(cloud, 10_000, HASTE).await
    }

    /// The same where it is let in.
    pub(super) async fn client(&self) -> Client {
        self.log_in("").await.unwrap_or_else(|why| panic!("{why}"))
    }

    fn described(&self, more: &str) -> Surroundings {
        let base = &self.base;
        let yaml = format!(
            "clouds:\n  test:\n    auth:\n      auth_url: {base}/identity/v3\n      username: chimp\n      password: {PASSWORD}\n      \
             project_name: chimp\n      user_domain_name: Default\n      project_domain_name: Default\n{more}"
        );
        std::fs::write(self.folder.path().join("clouds.yaml"), yaml).unwrap();
        Surroundings { variables: [].into(), folders: vec![self.folder.path().into()] }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.line.clone()).collect()
    }
}

/// Folder of the certificates.
pub(super) fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/load/test_certificates")
}

fn acceptor(name: &str) -> TlsAcceptor {
    let at = |suffix: &str| certificates().join(format!("{name}-{suffix}"));
    let chain = CertificateDer::pem_file_iter(at("site.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(at("site.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

async fn serve(
    script: impl Fn(&[Asked]) -> Option<Reply> + Send + Sync + 'static,
    tls: Option<TlsAcceptor>,
) -> TestCloud {
    let Endpoint { base, asked } = Endpoint::start(tls, move |asked, base| {
        let tokens = asked.iter().filter(|asked| asked.line == LOGIN).count();
        let last = asked.last().expect("a request has come");
        let reply = script(asked).unwrap_or_else(|| recorded(last, base, tokens));
        (reply, format!("X-Subject-Token: {TOKEN}{tokens}\r\n"))
    })
    .await;
    TestCloud { base, asked, folder: tempfile::tempdir().unwrap() }
}

/// A token that is good for an hour.
pub(super) fn token(base: &str) -> Value {
    let service = |kind: &str, path: &str| {
        let address = |interface: &str| json!({ "interface": interface, "region": "RegionOne", "region_id": "RegionOne", "url": format!("{base}{path}") });
        json!({ "type": kind, "name": kind, "endpoints": [address("internal"), address("public")] })
    };
    let catalog = [
        service("identity", "/identity/v3"),
        service("compute", "/compute/v2.1"),
        service("network", "/network"),
        service("image", "/image"),
    ];
    json!({ "token": {
        "methods": ["password"],
        "user": { "domain": { "id": "default", "name": "Default" }, "id": "cd5b", "name": "chimp", "password_expires_at": null },
        "issued_at": "2026-11-29T01:10:18.000000Z", "expires_at": "2026-11-29T02:10:18.000000Z",
        "project": { "domain": { "id": "default", "name": "Default" }, "id": "ade7", "name": "chimp" },
        "roles": [{ "id": "cbe5", "name": "member" }, { "id": "8b4b", "name": "reader" }],
        "catalog": catalog,
    }})
}

/// As Keystone 30, Nova 34, Neutron 29 and Glance 33 answered, in short.
fn recorded(asked: &Asked, base: &str, tokens: usize) -> Reply {
    let line = asked.line.split('?').next().unwrap_or_default();
    if line != LOGIN && !asked.head.contains(&format!("x-auth-token: {TOKEN}{tokens}").to_lowercase()) {
        return unauthorized();
    }
    match line {
        LOGIN if asked.body.contains(PASSWORD) => Reply::Json(token(base)),
        LOGIN => unauthorized(),
        "GET /compute/v2.1/" => {
            Reply::Json(json!({ "version": { "id": "v2.1", "version": "2.104", "min_version": "2.1" } }))
        }
        "GET /compute/v2.1/limits" if asked.head.contains("x-openstack-nova-api-version: 2.90") => {
            let absolute =
                json!({ "maxTotalInstances": 10, "totalInstancesUsed": 3, "maxTotalCores": -1, "totalCoresUsed": 4 });
            Reply::Json(json!({ "limits": { "rate": [], "absolute": absolute } }))
        }
        "GET /network/v2.0/networks" => Reply::Json(json!({ "networks": [{ "name": "site" }] })),
        "GET /network/v2.0/quotas/ade7/details.json" => {
            Reply::Json(json!({ "quota": { "port": { "limit": 500, "used": 10, "reserved": 2 } } }))
        }
        "GET /image/v2/images" => Reply::Json(json!({ "images": [{ "name": "empty", "status": "active" }] })),
        _ => Reply::Status(
            404,
            "",
            r#"{"itemNotFound": {"code": 404, "message": "The resource could not be found."}}"#.into(),
        ),
    }
}
