//! Whether a cloud can be used, row by row. Looks, and changes nothing.

use std::sync::Arc;

use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::advice;
use super::api::{Api, ApiError};
use super::catalogue::{below, versioned};
use super::clouds::{self, Cloud, Surroundings};
use super::compute::Compute;
use super::limits::{self, Quota};
use super::session::Session;
use crate::document::DocumentError;
use crate::requests::Patience;
pub use crate::requests::findings::{Findings, Lack};

/// Looks at the cloud of this name, or the one that is meant without; sends at most so many requests per minute.
pub async fn look(asked: Option<&str>, from: &Surroundings, per_minute: u32) -> Findings {
    look_with(asked, from, per_minute, Patience::default()).await
}

pub(super) async fn look_with(
    asked: Option<&str>,
    from: &Surroundings,
    per_minute: u32,
    patience: Patience,
) -> Findings {
    let mut findings = Findings::default();
    let read = || {
        let cloud = clouds::read(asked, from)?;
        let api = Api::new(&cloud, per_minute, patience)?;
        Ok((cloud, Arc::new(api)))
    };
    let (cloud, api) = match read() {
        Ok(read) => read,
        Err(why) => {
            findings.add_undescribed("cloud", of_document(why));
            return findings;
        }
    };
    findings.add("cloud", Ok(format!("`{}`, described by {}", cloud.name, cloud.from)));
    match Session::log_in(cloud.clone(), api.clone()).await {
        Ok(session) => Look { session: &session, cloud: &cloud }.at_everything(&mut findings).await,
        Err(why) => {
            let name = if matches!(why, ApiError::Absent(_)) { "region" } else { "identity" };
            findings.add(name, Err(Lack { detail: why.to_string(), fix: advice::on_login(&why, &cloud) }));
        }
    }
    findings.requests = api.count();
    findings
}

fn of_document(why: DocumentError) -> Lack {
    let fix = why.hint.clone().unwrap_or_else(|| "correct it".into());
    Lack { detail: DocumentError { hint: None, ..why }.to_string(), fix }
}

async fn identity(session: &Session, cloud: &Cloud) -> String {
    let who = session.who().await;
    let region = match session.region() {
        "" => String::new(),
        region => format!(", region `{region}`"),
    };
    let roles = if who.roles.is_empty() { "no role".into() } else { who.roles.join(", ") };
    format!("{} knows the user `{}` in the project `{}` ({roles}){region}", cloud.auth_url, who.user, who.project)
}

/// A look at a cloud whose identity service answers.
struct Look<'l> {
    session: &'l Session,
    cloud: &'l Cloud,
}

impl Look<'_> {
    async fn at_everything(&self, findings: &mut Findings) {
        findings.add("identity", Ok(identity(self.session, self.cloud).await));
        self.at_compute(findings).await;
        self.at_network(findings).await;
        findings.add("image", self.images().await);
    }

    async fn at_compute(&self, findings: &mut Findings) {
        let compute = match Compute::find(self.session).await {
            Ok(compute) => compute,
            Err(why) => return findings.add("compute", Err(self.lack(&why))),
        };
        let (oldest, newest) = compute.offered;
        let Compute { address, spoken, .. } = &compute;
        findings.add("compute", Ok(format!("{address} speaks {oldest} to {newest}, microversion {spoken} is used")));
        let limits = self.session.get(&below(address, "limits"), &compute.headers()).await;
        for (name, names) in [("instances", limits::INSTANCES), ("cores", limits::CORES)] {
            findings.add(name, self.quota(name, limits.as_ref().map(|limits| limits::of_nova(limits, names))));
        }
    }

    async fn at_network(&self, findings: &mut Findings) {
        let address = match self.session.address("network").await {
            Ok(address) => versioned(&address, "v2.0"),
            Err(why) => return findings.add("network", Err(self.lack(&why))),
        };
        let mut url = below(&address, "networks");
        url.set_query(Some("fields=name"));
        findings.add(
            "network",
            self.listed(&url, "networks", "create a network, or ask an operator to share one with the project").await,
        );
        let project = self.session.who().await.project_id;
        let quotas = self.session.get(&below(&address, &format!("quotas/{project}/details.json")), &[]).await;
        findings.add(
            "ports",
            match &quotas {
                Err(why @ ApiError::Refused { status: StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, .. }) => {
                    Ok(format!("not every cloud says how many are left, and this one does not: {why}"))
                }
                quotas => self.quota("ports", quotas.as_ref().map(|quotas| limits::of_neutron(quotas, limits::PORTS))),
            },
        );
    }

    async fn images(&self) -> Result<String, Lack> {
        let address = self.session.address("image").await.map_err(|why| self.lack(&why))?;
        let mut url = below(&versioned(&address, "v2"), "images");
        url.set_query(Some("status=active&limit=100"));
        self.listed(&url, "images", "upload an image that cloud-init configures, or ask an operator to share one").await
    }

    /// The names of what there is of a kind, of which there must be one.
    async fn listed(&self, url: &Url, kind: &str, fix: &str) -> Result<String, Lack> {
        let answer = self.session.get(url, &[]).await.map_err(|why| self.lack(&why))?;
        let Some(all) = answer.get(kind).and_then(Value::as_array) else {
            let why =
                ApiError::Unexpected { request: format!("GET {url}"), why: format!("the answer has no `{kind}`") };
            return Err(self.lack(&why));
        };
        if all.is_empty() {
            return Err(Lack { detail: format!("GET {url}: the project can see no {kind}"), fix: fix.into() });
        }
        let names = all.iter().take(SHOWN).map(|one| one.get("name").and_then(Value::as_str).unwrap_or("(no name)"));
        let more = if all.len() > SHOWN { " and more" } else { "" };
        let mut address = url.clone();
        address.set_query(None);
        Ok(format!("{address} has {}{more}", names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")))
    }

    /// How many are left of a limit and what is used of it.
    fn quota(&self, name: &str, figures: Result<Option<Quota>, &ApiError>) -> Result<String, Lack> {
        match figures.map_err(|why| self.lack(why))? {
            Some(Quota { most: None, used }) => Ok(format!("no limit, {used} used")),
            Some(Quota { most: Some(most), used }) if used < most => Ok(format!("{} of {most} left", most - used)),
            Some(Quota { most: Some(most), used }) => Err(Lack {
                detail: format!("none left: {used} used of a quota of {most}"),
                fix: format!(
                    "delete what is not needed in the project, or ask an operator for a greater quota of {name}"
                ),
            }),
            None => Err(Lack {
                detail: "the answer does not say how many there may be".into(),
                fix: format!("ask an operator of the cloud for the project's quota of {name}"),
            }),
        }
    }

    fn lack(&self, why: &ApiError) -> Lack {
        Lack { detail: why.to_string(), fix: advice::on_request(why, self.cloud) }
    }
}

/// How many names a row shows.
const SHOWN: usize = 5;
