//! What settings name: found by name or id before anything is made. Always by a filter: a list of all images takes many seconds.

use super::error::Ec2Error;
use super::query::{Api, Parameters, Service};
use super::xml::Element;
use crate::document::DocumentError;

/// A subnet, which is in one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) vpc: String,
    /// The length of the prefix of its range.
    pub(crate) prefix: u8,
}

/// How the ids of subnets begin.
const SUBNET: &str = "subnet-";

impl Api {
    /// The id of the image of this id or name.
    ///
    /// # Errors
    /// There is none, or there are several of this name.
    pub(crate) async fn image(&self, named: &str) -> Result<String, Ec2Error> {
        let by_name: Parameters<'_> = &[("Filter.1.Name", "name"), ("Filter.1.Value.1", named)];
        let by_id: Parameters<'_> = &[("ImageId.1", named)];
        let parameters = if named.starts_with("ami-") { by_id } else { by_name };
        let found = match self.list("DescribeImages", "imagesSet", parameters).await {
            Err(why) if why.code().starts_with("InvalidAMIID") => Vec::new(),
            found => found?,
        };
        self.one("image", named, found.iter().map(|image| image.text_of("imageId")).collect())
    }

    /// Looks whether there is such a type of instances.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn look_for_type(&self, kind: &str) -> Result<(), Ec2Error> {
        match self.list("DescribeInstanceTypes", "instanceTypeSet", &[("InstanceType.1", kind)]).await {
            Err(why) if why.code().starts_with("InvalidInstanceType") => self.none("instance type", kind),
            Ok(found) if found.is_empty() => self.none("instance type", kind),
            found => found.map(drop),
        }
    }

    /// The subnet of this id; of none: the default one of the default VPC in its first zone.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn subnet(&self, id: Option<&str>) -> Result<Subnet, Ec2Error> {
        let Some(id) = id else {
            let mut found = self.subnets(&[("Filter.1.Name", "default-for-az"), ("Filter.1.Value.1", "true")]).await?;
            found.sort_by(|one, other| one.zone.cmp(&other.zone));
            let hint = "name one by `subnet`";
            return found.into_iter().next().ok_or_else(|| {
                DocumentError::new(format!("the region `{}` has no default subnet", self.region.text()))
                    .with_hint(hint)
                    .into()
            });
        };
        let found = match self.subnets(&[("SubnetId.1", id)]).await {
            Err(why) if why.code().starts_with("InvalidSubnetI") => Vec::new(),
            found => found?,
        };
        found.into_iter().next().map_or_else(|| self.none("subnet", id), Ok)
    }

    /// The subnet that stands for a zone: the one of this id, or the only one of a VPC in the availability zone of this name.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(crate) async fn subnet_in(&self, zone: &str, vpc: &str) -> Result<Subnet, Ec2Error> {
        if zone.starts_with(SUBNET) {
            return self.subnet(Some(zone)).await;
        }
        let filters = [
            ("Filter.1.Name", "availability-zone"),
            ("Filter.1.Value.1", zone),
            ("Filter.2.Name", "vpc-id"),
            ("Filter.2.Value.1", vpc),
        ];
        let found = self.subnets(&filters).await?;
        let what = format!("subnet of {vpc} in the availability zone");
        let id = self.one(&what, zone, found.iter().map(|subnet| subnet.id.as_str()).collect())?;
        Ok(found.into_iter().find(|subnet| subnet.id == id).expect("it is one of them"))
    }

    /// The ids of the security groups of these ids or names in a VPC.
    ///
    /// # Errors
    /// One is not there.
    pub(crate) async fn groups(&self, named: &[String], vpc: &str) -> Result<Vec<String>, Ec2Error> {
        let mut ids = Vec::new();
        for name in named {
            let found = match name.starts_with("sg-") {
                true => match self.list("DescribeSecurityGroups", "securityGroupInfo", &[("GroupId.1", name)]).await {
                    Err(why) if why.code().starts_with("InvalidGroup") => None,
                    found => found?.first().map(|_| name.clone()),
                },
                false => self.group_named(name, vpc).await?,
            };
            ids.push(found.map_or_else(|| self.none("security group", name), Ok)?);
        }
        Ok(ids)
    }

    /// Asks whether a request would be carried out, without it: for the rights, above all.
    ///
    /// # Errors
    /// It would not be.
    pub(crate) async fn rehearse(&self, action: &str, parameters: Parameters<'_>) -> Result<(), Ec2Error> {
        match self.ask(Service::Ec2, action, &[parameters, &[("DryRun", "true")]].concat()).await {
            Err(why) if why.code() != "DryRunOperation" => Err(why),
            _ => Ok(()),
        }
    }

    /// The same about things that there are none of yet: whether the account has the right to it, and no more.
    ///
    /// # Errors
    /// It has not, or EC2 can't be asked.
    pub(crate) async fn rehearse_right(&self, action: &str, parameters: Parameters<'_>) -> Result<(), Ec2Error> {
        match self.rehearse(action, parameters).await {
            Err(why) if why.code().is_empty() || why.is_forbidden() => Err(why),
            _ => Ok(()),
        }
    }

    async fn subnets(&self, parameters: Parameters<'_>) -> Result<Vec<Subnet>, Ec2Error> {
        let found = self.list("DescribeSubnets", "subnetSet", parameters).await?;
        Ok(found.iter().filter_map(subnet).collect())
    }

    fn one(&self, what: &str, named: &str, ids: Vec<&str>) -> Result<String, Ec2Error> {
        match ids.as_slice() {
            [] => self.none(what, named),
            [id] => Ok((*id).to_owned()),
            several => {
                let hint = format!("name one of them by its id: {}", several.join(", "));
                Err(DocumentError::new(format!("there are {} times {what} `{named}`", several.len()))
                    .with_hint(hint)
                    .into())
            }
        }
    }

    fn none<T>(&self, what: &str, named: &str) -> Result<T, Ec2Error> {
        let (region, place) = (self.region.text(), &self.region.place);
        let hint = format!("correct it, or the region, which {place} names");
        Err(DocumentError::new(format!("the region `{region}` has no {what} `{named}`")).with_hint(hint).into())
    }
}

fn subnet(item: &Element) -> Option<Subnet> {
    let text = |name: &str| item.text_of(name).to_owned();
    let prefix = item.text_of("cidrBlock").split_once('/')?.1.parse().ok()?;
    Some(Subnet { id: text("subnetId"), zone: text("availabilityZone"), vpc: text("vpcId"), prefix })
}
