//! Network interfaces: made before the instances that use them, so that their addresses are known, and kept for replacements.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::error::Ec2Error;
use super::query::{Api, Service};
use super::tags::{self, Tagged, Tags};

/// One that is to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewInterface {
    /// The same order with the same token makes no second one: 1 to 64 ASCII characters.
    pub(crate) token: String,
    pub(crate) subnet: String,
    /// Ids of security groups.
    pub(crate) groups: Vec<String>,
    /// The address; one that is free where there is none.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) tags: Tags,
}

/// One that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) id: String,
    /// Its primary private address.
    pub(crate) address: Ipv4Addr,
}

impl Api {
    /// Makes one. Sent again with the same token, it makes no second one.
    ///
    /// # Errors
    /// EC2 refuses: the subnet has no address left, a quota is used up.
    pub(crate) async fn create_interface(&self, new: &NewInterface) -> Result<Interface, Ec2Error> {
        const ACTION: &str = "CreateNetworkInterface";
        let mut parameters = vec![("ClientToken".into(), new.token.clone()), ("SubnetId".into(), new.subnet.clone())];
        parameters.extend(new.address.map(|address| ("PrivateIpAddress".into(), address.to_string())));
        parameters.extend((1..).zip(&new.groups).map(|(number, id)| (format!("SecurityGroupId.{number}"), id.clone())));
        parameters.extend(tags::specification("network-interface", &new.tags));
        let answer = self.ask_with(Service::Ec2, ACTION, &parameters).await?;
        let made = answer.child("networkInterface").and_then(|made| {
            let id = made.text_of("networkInterfaceId").to_owned();
            Some(Interface { id, address: made.text_of("privateIpAddress").parse().ok()? })
        });
        made.ok_or_else(|| self.without(ACTION, "network interface"))
    }

    /// The id of the network interface of an instance.
    ///
    /// # Errors
    /// It has none, or EC2 refuses.
    pub(crate) async fn interface_of(&self, instance: &str) -> Result<String, Ec2Error> {
        const ACTION: &str = "DescribeNetworkInterfaces";
        let filter = [("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", instance)];
        let found = self.list(ACTION, "networkInterfaceSet", &filter).await?;
        let id = found.first().map(|interface| interface.text_of("networkInterfaceId").to_owned());
        id.ok_or_else(|| self.without(ACTION, "network interface"))
    }

    /// All that runs have made, each with the instance that uses it, if any, and the ids of its security groups.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(super) async fn interfaces_of_runs(&self) -> Result<Vec<(Tagged, Option<String>, Vec<String>)>, Ec2Error> {
        let ours = [("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", tags::RUN)];
        let items = self.list("DescribeNetworkInterfaces", "networkInterfaceSet", &ours).await?;
        let each = items.iter().filter_map(|item| {
            let tagged = Tagged::new(item.text_of("networkInterfaceId"), &tags::read(item))?;
            let instance = item.child("attachment").map(|attachment| attachment.text_of("instanceId"));
            let groups = item.child("groupSet").map(|set| set.children.as_slice()).unwrap_or_default();
            let groups = groups.iter().map(|group| group.text_of("groupId").to_owned()).collect();
            Some((tagged, instance.filter(|id| !id.is_empty()).map(String::from), groups))
        });
        Ok(each.collect())
    }

    /// Gives a network interface these security groups in place of those that it has.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn set_groups(&self, interface: &str, groups: &[String]) -> Result<(), Ec2Error> {
        let numbered: Vec<String> = (1..=groups.len()).map(|number| format!("SecurityGroupId.{number}")).collect();
        let mut parameters = vec![("NetworkInterfaceId", interface)];
        parameters.extend(numbered.iter().map(String::as_str).zip(groups.iter().map(String::as_str)));
        self.done("ModifyNetworkInterfaceAttribute", &parameters).await
    }

    /// Deletes one; that of an instance that was just terminated is still in use for a moment, and is asked for again.
    ///
    /// # Errors
    /// It stays in use, or EC2 refuses.
    pub(crate) async fn delete_interface(&self, id: &str) -> Result<(), Ec2Error> {
        self.delete("DeleteNetworkInterface", ("NetworkInterfaceId", id)).await
    }

    /// Deletes something that others may still use for a moment; what is gone is no error.
    pub(super) async fn delete(&self, action: &str, what: (&str, &str)) -> Result<(), Ec2Error> {
        let again = |why: Ec2Error| {
            let pause = why.is_in_use().then_some(Duration::ZERO);
            (why, pause)
        };
        match self.patience.outlast(async |_| self.done(action, &[what]).await.map_err(again)).await {
            Err(why) if why.is_not_found() => Ok(()),
            done => done,
        }
    }
}
