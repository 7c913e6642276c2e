//! Whether an account can be used, row by row. Looks, and changes nothing.

use std::sync::Arc;

use super::account::{self, Account, Surroundings};
use super::elastic_ips::ElasticIpQuota;
use super::error::Ec2Error;
use super::query::{Api, Parameters, Service};
use super::xml::Element;
use super::{advice, credentials};
use crate::requests::Patience;
use crate::requests::findings::{Findings, Lack};
use crate::settings::Ec2Settings;

/// Looks at the account of this profile, or the one that is meant without.
pub async fn look(asked: Option<&str>, from: &Surroundings, settings: &Ec2Settings) -> Findings {
    look_with(asked, from, settings, Patience::default()).await
}

pub(super) async fn look_with(
    asked: Option<&str>,
    from: &Surroundings,
    settings: &Ec2Settings,
    patience: Patience,
) -> Findings {
    let mut findings = Findings::default();
    let account = match account::read(asked, from) {
        Ok(account) => Arc::new(account),
        Err(why) => {
            let fix = why.hint.clone().unwrap_or_else(|| "correct it".into());
            findings.add_undescribed("account", Lack { detail: without_hint(why), fix });
            return findings;
        }
    };
    match Api::open(account.clone(), settings.requests_per_minute, patience).await {
        Ok(api) => {
            Look { api: &api, account: &account, settings }.at_everything(&mut findings).await;
            findings.requests = api.count();
        }
        Err(why @ Ec2Error::Described(_)) => findings.add_undescribed("region", lack(&why, &account)),
        Err(why) => findings.add("region", Err(lack(&why, &account))),
    }
    findings
}

fn without_hint(why: crate::document::DocumentError) -> String {
    crate::document::DocumentError { hint: None, ..why }.to_string()
}

fn lack(why: &Ec2Error, account: &Account) -> Lack {
    let fix = advice::on(why, account);
    let detail = match why {
        Ec2Error::Described(why) => without_hint(why.clone()),
        why => why.to_string(),
    };
    Lack { detail, fix }
}

/// A look at an account whose region is known.
struct Look<'l> {
    api: &'l Api,
    account: &'l Account,
    settings: &'l Ec2Settings,
}

impl Look<'_> {
    async fn at_everything(&self, findings: &mut Findings) {
        findings.add("credentials", self.credentials().await);
        findings.add("region", Ok(self.region()));
        if findings.are_good() {
            findings.add("identity", self.identity().await);
        }
        if !findings.are_good() {
            return;
        }
        findings.add("zones", self.zones().await);
        let fix = "make one with a subnet, or `aws ec2 create-default-vpc`";
        findings.add("networks", self.listed("DescribeVpcs", "vpcSet", "vpcId", fix).await);
        findings.add("subnets", self.listed("DescribeSubnets", "subnetSet", "subnetId", fix).await);
        let fix = "make a security group";
        findings.add("groups", self.listed("DescribeSecurityGroups", "securityGroupInfo", "groupId", fix).await);
        findings.add("elastic IPs", self.addresses().await);
        findings.add("instances", self.dry_run().await);
    }

    async fn credentials(&self) -> Result<String, Lack> {
        let held = self.api.credentials().await.map_err(|why| lack(&why, self.account))?;
        let until = match held.expires.map(jiff::Timestamp::try_from) {
            Some(Ok(at)) => format!(", good until {at:.0}"),
            _ => String::new(),
        };
        let profile = self.account.profile.as_ref().filter(|_| !credentials::are_of_variables(self.account));
        let profile = profile.map_or(String::new(), |name| format!(" (profile `{name}`)"));
        Ok(format!("the key {} from {}{profile}{until}", held.id, credentials::source(self.account)))
    }

    fn region(&self) -> String {
        let region = &self.api.region;
        let by = self.account.endpoints.ec2.as_ref().map_or(String::new(), |(_, given)| format!(" ({})", given.place));
        format!("`{}` from {}, at {}{by}", region.text(), region.place, self.api.address())
    }

    async fn identity(&self) -> Result<String, Lack> {
        let answer = self.ask(Service::Sts, "GetCallerIdentity", &[]).await?;
        let found = |name: &str| answer.find(name).map_or("", |element| element.text.trim()).to_owned();
        Ok(format!("{} of the account {}", found("Arn"), found("Account")))
    }

    async fn zones(&self) -> Result<String, Lack> {
        let zones = self.list("DescribeAvailabilityZones", "availabilityZoneInfo", &[]).await?;
        let available = zones.iter().filter(|zone| zone.text_of("zoneState") == "available");
        named(available.map(|zone| zone.text_of("zoneName"))).ok_or_else(|| Lack {
            detail: "DescribeAvailabilityZones: the region has no zone that is available".into(),
            fix: "take another region".into(),
        })
    }

    /// The ids of what there is of a kind, of which there must be one.
    async fn listed(&self, action: &str, list: &str, id: &str, fix: &str) -> Result<String, Lack> {
        let items = self.list(action, list, &[]).await?;
        named(items.iter().map(|item| item.text_of(id)))
            .ok_or_else(|| Lack { detail: format!("{action}: the account has none in this region"), fix: fix.into() })
    }

    /// How many may still be allocated; a floating IP needs one.
    async fn addresses(&self) -> Result<String, Lack> {
        let ElasticIpQuota { used, most } =
            self.api.elastic_ip_quota().await.map_err(|why| lack(&why, self.account))?;
        match most {
            None => Ok(format!("{used} used; the account does not say how many there may be")),
            Some(most) if used < most => Ok(format!("{} of {most} left", most - used)),
            Some(most) => {
                let detail = format!("none left: {used} used of a quota of {most}");
                let fix = advice::ELASTIC_IPS_ARE_USED_UP.into();
                match self.settings.virtual_ips {
                    Some(_) => Err(Lack { detail, fix }),
                    None => Ok(format!("{detail}; only scenarios with a floating IP need one")),
                }
            }
        }
    }

    /// Whether an instance could be run: EC2 says so without running one.
    async fn dry_run(&self) -> Result<String, Lack> {
        let Some(image) = &self.settings.image else {
            return Ok("not asked whether one could be run: `[ec2]` of `chimp.toml` names no `image`".into());
        };
        let image = match image.starts_with("ami-") {
            true => image.clone(),
            false => self.api.image(image).await.map_err(|why| lack(&why, self.account))?,
        };
        let kind = &self.settings.instance_type;
        let what = [("ImageId", image.as_str()), ("InstanceType", kind.as_str())];
        let parameters = [&what[..], &[("MinCount", "1"), ("MaxCount", "1"), ("DryRun", "true")]].concat();
        match self.api.ask(Service::Ec2, "RunInstances", &parameters).await {
            Err(why) if why.code() == "DryRunOperation" => Ok(format!("a {kind} with the image {image} may be run")),
            Err(why) if why.code().starts_with("InvalidAMIID") => Err(Lack {
                detail: why.to_string(),
                fix: "correct `image` of `[ec2]` in `chimp.toml`: images differ from region to region".into(),
            }),
            Err(why) => Err(lack(&why, self.account)),
            Ok(_) => Err(Lack {
                detail: "RunInstances was asked for a dry run, and answered as if it ran an instance".into(),
                fix: "look at the instances of the region, and terminate what is not yours".into(),
            }),
        }
    }

    async fn ask(&self, service: Service, action: &str, parameters: Parameters<'_>) -> Result<Element, Lack> {
        self.api.ask(service, action, parameters).await.map_err(|why| lack(&why, self.account))
    }

    async fn list(&self, action: &str, list: &str, parameters: Parameters<'_>) -> Result<Vec<Element>, Lack> {
        self.api.list(action, list, parameters).await.map_err(|why| lack(&why, self.account))
    }
}

/// How many names a row shows.
const SHOWN: usize = 6;

/// The first few names; `None` where there are none.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    (!names.is_empty()).then(|| if more > 0 { format!("{shown} and {more} more") } else { shown })
}
