//! Security groups of a run's own. Their names are as unique as their runs, so that none is made twice.

use super::error::Ec2Error;
use super::query::{Api, Service};
use super::tags::{self, Tags};

impl Api {
    /// Makes a security group that lets everything pass, in both directions; returns its id. One of this name that is there already
    /// is taken.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn create_open_group(&self, name: &str, vpc: &str, tags: &Tags) -> Result<String, Ec2Error> {
        let id = self.create_group(name, vpc, tags).await?;
        match self.done("AuthorizeSecurityGroupIngress", &everything_of(&id)).await {
            Err(why) if why.code() != "InvalidPermission.Duplicate" => Err(why),
            _ => Ok(id),
        }
    }

    /// Makes a security group that lets nothing pass, in either direction; returns its id. One of this name that is there already is
    /// taken.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn create_closed_group(&self, name: &str, vpc: &str, tags: &Tags) -> Result<String, Ec2Error> {
        let id = self.create_group(name, vpc, tags).await?;
        match self.done("RevokeSecurityGroupEgress", &everything_of(&id)).await {
            Err(why) if why.code() != "InvalidPermission.NotFound" => Err(why),
            _ => Ok(id),
        }
    }

    async fn create_group(&self, name: &str, vpc: &str, tags: &Tags) -> Result<String, Ec2Error> {
        const ACTION: &str = "CreateSecurityGroup";
        let named = [("GroupName", name), ("GroupDescription", "made by anarcho-chimp"), ("VpcId", vpc)];
        let named = named.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters: Vec<_> = named.into_iter().chain(tags::specification("security-group", tags)).collect();
        let answer = match self.ask_with(Service::Ec2, ACTION, &parameters).await {
            Err(why) if why.code() == "InvalidGroup.Duplicate" => return self.group_named(name, vpc).await?.ok_or(why),
            answer => answer?,
        };
        match answer.text_of("groupId") {
            "" => Err(self.without(ACTION, "id of a group")),
            id => Ok(id.into()),
        }
    }

    /// The id of the group of this name in a VPC, if there is one.
    pub(super) async fn group_named(&self, name: &str, vpc: &str) -> Result<Option<String>, Ec2Error> {
        let filters = [
            ("Filter.1.Name", "group-name"),
            ("Filter.1.Value.1", name),
            ("Filter.2.Name", "vpc-id"),
            ("Filter.2.Value.1", vpc),
        ];
        let found = self.list("DescribeSecurityGroups", "securityGroupInfo", &filters).await?;
        Ok(found.first().map(|group| group.text_of("groupId").to_owned()))
    }

    /// Deletes one; what is gone is no error.
    ///
    /// # Errors
    /// It stays in use, or EC2 refuses.
    pub(crate) async fn delete_group(&self, id: &str) -> Result<(), Ec2Error> {
        self.delete("DeleteSecurityGroup", ("GroupId", id)).await
    }
}

/// A rule of a group that lets everything pass.
fn everything_of(group: &str) -> [(&'static str, &str); 3] {
    [("GroupId", group), ("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0")]
}
