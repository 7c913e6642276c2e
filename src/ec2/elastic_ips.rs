//! Elastic IPs: public addresses of the account, each of which leads to one network interface, and can be led to another.
//!
//! EC2 takes no client token with the request that allocates one, so that one is sent again only where it surely was not carried out.
//! After an unclear answer the address is looked for by a tag that no other has. One that is listed too late for that still carries
//! the run's tags, and goes with the run's others.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::error::Ec2Error;
use super::query::{Api, Parameters};
use super::tags::{self, Tags};
use super::xml::Element;

/// The tag that no other address has.
const ORDER: &str = "chimp_order";
/// The quota, among the attributes of an account.
const QUOTA: &str = "vpc-max-elastic-ips";

/// One that is allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ElasticIp {
    /// Its allocation's.
    pub(crate) id: String,
    pub(crate) address: Ipv4Addr,
    /// The network interface that it leads to, if any.
    pub(crate) interface: Option<String>,
    /// The id of that it leads there.
    association: Option<String>,
    pub(crate) tags: Tags,
}

/// How many are allocated, and how many may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ElasticIpQuota {
    pub(crate) used: usize,
    /// `None`: the account does not say.
    pub(crate) most: Option<usize>,
}

impl ElasticIpQuota {
    /// Whether so many more may be allocated, as far as is known.
    pub(crate) fn has_room_for(self, more: usize) -> bool {
        self.most.is_none_or(|most| self.used + more <= most)
    }
}

impl Api {
    /// Allocates one, once. It leads nowhere yet.
    ///
    /// # Errors
    /// EC2 refuses: the quota is used up, above all.
    pub(crate) async fn allocate_elastic_ip(&self, tags: &Tags) -> Result<ElasticIp, Ec2Error> {
        const ACTION: &str = "AllocateAddress";
        let order = format!("{:032x}", rand::random::<u128>());
        let tags: Tags = tags
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([(ORDER.into(), order.clone())])
            .collect();
        let vpc = ("Domain".to_owned(), "vpc".to_owned());
        let parameters: Vec<_> = [vpc].into_iter().chain(tags::specification("elastic-ip", &tags)).collect();
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.patience
            .outlast(async |_| match self.ask_once(ACTION, &parameters).await {
                Ok(answer) => made(&answer, &tags).ok_or_else(|| (self.without(ACTION, "address"), None)),
                Err(why) if why.is_unclear() => match self.ordered(&order).await {
                    Ok(Some(found)) => Ok(found),
                    Ok(None) => Err((why, Some(Duration::ZERO))),
                    Err(_) => Err((why, None)),
                },
                Err(why) => Err((why, None)),
            })
            .await
    }

    /// The one that was ordered so; EC2 may list it a little late.
    async fn ordered(&self, order: &str) -> Result<Option<ElasticIp>, Ec2Error> {
        let mut pause = self.patience.first_pause;
        for _ in 1..self.patience.attempts {
            let found = self.elastic_ips(&[(ORDER, order)]).await?.into_iter().next();
            if found.is_some() {
                return Ok(found);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(self.elastic_ips(&[(ORDER, order)]).await?.into_iter().next())
    }

    /// Those that have all these tags.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn elastic_ips(&self, tags: &[(&str, &str)]) -> Result<Vec<ElasticIp>, Ec2Error> {
        let filters: Vec<(String, String)> = (1..)
            .zip(tags)
            .flat_map(|(number, (key, value))| {
                let one = |name: &str, value: String| (format!("Filter.{number}.{name}"), value);
                [one("Name", format!("tag:{key}")), one("Value.1", (*value).to_owned())]
            })
            .collect();
        let filters: Vec<_> = filters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.listed(&filters).await
    }

    /// All that runs have made.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(super) async fn elastic_ips_of_runs(&self) -> Result<Vec<ElasticIp>, Ec2Error> {
        self.listed(&[("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", tags::RUN)]).await
    }

    /// The network interface that one leads to now, if any.
    ///
    /// # Errors
    /// It is not there, or EC2 refuses.
    pub(crate) async fn elastic_ip_leads_to(&self, id: &str) -> Result<Option<String>, Ec2Error> {
        let found = self.listed(&[("AllocationId.1", id)]).await?;
        let found = found.into_iter().next().ok_or_else(|| self.without(LIST, "address"))?;
        Ok(found.interface)
    }

    /// Leads one to a network interface, wherever it led to. Idempotent. One that is not found may have been allocated a moment ago,
    /// and is asked for again.
    ///
    /// # Errors
    /// There is no such thing, the VPC has no internet gateway, or EC2 refuses.
    pub(crate) async fn lead_elastic_ip(&self, id: &str, interface: &str) -> Result<(), Ec2Error> {
        let parameters = [("AllocationId", id), ("NetworkInterfaceId", interface), ("AllowReassociation", "true")];
        let again = |why: Ec2Error| {
            let pause = why.is_not_found().then_some(Duration::ZERO);
            (why, pause)
        };
        self.patience.outlast(async |_| self.done("AssociateAddress", &parameters).await.map_err(again)).await
    }

    /// Has one lead nowhere, and releases it; what is gone is no error. One that was led elsewhere meanwhile is asked for again.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn release_elastic_ip(&self, id: &str) -> Result<(), Ec2Error> {
        let again = |why: Ec2Error| {
            let pause = why.is_in_use().then_some(Duration::ZERO);
            (why, pause)
        };
        match self.patience.outlast(async |_| self.release_once(id).await.map_err(again)).await {
            Err(why) if why.is_not_found() => Ok(()),
            done => done,
        }
    }

    async fn release_once(&self, id: &str) -> Result<(), Ec2Error> {
        let found = self.listed(&[("AllocationId.1", id)]).await?;
        if let Some(association) = found.into_iter().find_map(|found| found.association) {
            match self.done("DisassociateAddress", &[("AssociationId", &association)]).await {
                Err(why) if !why.is_not_found() => return Err(why),
                _ => {}
            }
        }
        self.done("ReleaseAddress", &[("AllocationId", id)]).await
    }

    /// How many there are in the region, whoever allocated them.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn elastic_ip_quota(&self) -> Result<ElasticIpQuota, Ec2Error> {
        let asked = [("AttributeName.1", QUOTA)];
        let attributes = self.list("DescribeAccountAttributes", "accountAttributeSet", &asked).await?;
        let most = attributes.iter().find(|attribute| attribute.text_of("attributeName") == QUOTA);
        let most = most.and_then(|most| most.find("attributeValue")?.text.trim().parse().ok());
        Ok(ElasticIpQuota { used: self.list(LIST, ADDRESSES, &[]).await?.len(), most })
    }

    async fn listed(&self, parameters: Parameters<'_>) -> Result<Vec<ElasticIp>, Ec2Error> {
        let items = self.list(LIST, ADDRESSES, parameters).await?;
        Ok(items.iter().filter_map(elastic_ip).collect())
    }
}

const LIST: &str = "DescribeAddresses";
const ADDRESSES: &str = "addressesSet";

/// What the answer to an order says.
fn made(answer: &Element, tags: &Tags) -> Option<ElasticIp> {
    Some(ElasticIp { tags: tags.clone(), ..elastic_ip(answer)? })
}

fn elastic_ip(item: &Element) -> Option<ElasticIp> {
    let some = |name: &str| Some(item.text_of(name)).filter(|text| !text.is_empty()).map(String::from);
    Some(ElasticIp {
        id: some("allocationId")?,
        address: item.text_of("publicIp").parse().ok()?,
        interface: some("networkInterfaceId"),
        association: some("associationId"),
        tags: tags::read(item),
    })
}
