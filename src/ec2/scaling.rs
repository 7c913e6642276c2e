//! Auto Scaling groups of one instance: each replaces its instance when that has been terminated or stopped.
//!
//! Auto Scaling takes no client token and knows no dry run. So a group's name must be one that no other group has, and whether
//! groups may be made is asked by a request that can't be carried out.

use super::error::Ec2Error;
use super::query::{Api, Service};
use super::tags::{RUN, Tags};
use super::xml::Element;

/// A group that is to be made: it keeps one instance.
#[derive(Debug, Clone)]
pub(crate) struct NewGroup {
    /// Of this account's in the region, no other one has it.
    pub(crate) name: String,
    /// The id of its launch template. That may name a network interface, because the group names a zone and no subnet, and never has
    /// more than one instance.
    pub(crate) template: String,
    /// The zone of the interface.
    pub(crate) zone: String,
    /// On the group and on every instance that it launches.
    pub(crate) tags: Tags,
}

/// A group as Auto Scaling lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// The id of its launch template; empty where it has none.
    pub(crate) template: String,
    pub(crate) members: Vec<Member>,
    pub(crate) tags: Tags,
}

/// An instance of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// Such as `Pending`, `InService` or `Terminating`.
    pub(crate) state: String,
    /// `Healthy` or `Unhealthy`.
    pub(crate) health: String,
}

/// Something that a group did, or does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) id: String,
    /// Such as `Launching a new EC2 instance: i-0123`.
    pub(crate) description: String,
    /// Why, with Amazon's own times.
    pub(crate) cause: String,
    /// Such as `InProgress`, `Successful` or `Failed`.
    pub(crate) status: String,
    /// Why it failed; empty where it did not.
    pub(crate) message: String,
}

impl Activity {
    /// The instance that it launches or terminates.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.description.split([' ', ',']).find(|word| word.starts_with("i-"))
    }

    /// Whether it launches one.
    pub(crate) fn is_launch(&self) -> bool {
        self.description.starts_with("Launching ")
    }
}

/// The most that a page holds.
const PAGE: &str = "100";
/// What only a rehearsal asks for.
const REHEARSED: &str = "anarcho-chimp-rehearsal";

impl Api {
    /// Makes a group. One of its name that is there already is the one that an earlier attempt made.
    ///
    /// # Errors
    /// Auto Scaling refuses.
    pub(crate) async fn create_scaling_group(&self, new: &NewGroup) -> Result<(), Ec2Error> {
        match self.ask_with(Service::AutoScaling, "CreateAutoScalingGroup", &parameters(new, "1")).await {
            Err(why) if why.code() != "AlreadyExists" => Err(why),
            _ => Ok(()),
        }
    }

    /// The groups with this tag.
    ///
    /// # Errors
    /// Auto Scaling refuses.
    pub(crate) async fn scaling_groups(&self, key: &str, value: Option<&str>) -> Result<Vec<Group>, Ec2Error> {
        let tag = format!("tag:{key}");
        let (name, value) = value.map_or(("tag-key", key), |value| (&tag, value));
        let filter = [("Filters.member.1.Name", name), ("Filters.member.1.Values.member.1", value)];
        let found = self.pages("DescribeAutoScalingGroups", "AutoScalingGroups", &filter).await?;
        Ok(found.iter().map(group).collect())
    }

    /// What a group did, the latest first: the last hundred. A group that is not there, or not listed yet, did nothing.
    ///
    /// # Errors
    /// Auto Scaling refuses.
    pub(crate) async fn scaling_activities(&self, group: &str) -> Result<Vec<Activity>, Ec2Error> {
        const ACTION: &str = "DescribeScalingActivities";
        let parameters = [("AutoScalingGroupName", group), ("MaxRecords", PAGE)];
        let answer = match self.ask(Service::AutoScaling, ACTION, &parameters).await {
            Err(why) if why.is_not_found() => return Ok(Vec::new()),
            answer => answer?,
        };
        let listed = answer.find("Activities").map(|list| list.children.as_slice()).unwrap_or_default();
        Ok(listed.iter().map(activity).collect())
    }

    /// Deletes a group with its instances, though one is being launched. It may be listed for a while. One that is gone is no error.
    ///
    /// # Errors
    /// Auto Scaling refuses.
    pub(crate) async fn delete_scaling_group(&self, name: &str) -> Result<(), Ec2Error> {
        let parameters = [("AutoScalingGroupName", name), ("ForceDelete", "true")];
        let again = |why: Ec2Error| {
            let pause = why.is_in_use().then_some(std::time::Duration::ZERO);
            (why, pause)
        };
        let asked = async |_| {
            self.ask(Service::AutoScaling, "DeleteAutoScalingGroup", &parameters).await.map(drop).map_err(again)
        };
        match self.patience.outlast(asked).await {
            Err(why) if why.is_not_found() => Ok(()),
            done => done,
        }
    }

    /// Whether the account may make groups, list them and what they do, and delete them. No group is made: the only one that is asked
    /// for has a launch template that there is not.
    ///
    /// # Errors
    /// It may not, or Auto Scaling can't be asked.
    pub(crate) async fn rehearse_scaling(&self, zone: &str) -> Result<(), Ec2Error> {
        let data = [("LaunchTemplateName", REHEARSED), ("LaunchTemplateData.InstanceType", "t3.micro")];
        self.rehearse("CreateLaunchTemplate", &data).await?;
        self.scaling_groups(RUN, Some(REHEARSED)).await?;
        self.delete_scaling_group(REHEARSED).await?;
        let new = NewGroup {
            name: REHEARSED.into(),
            template: "lt-00000000000000000".into(),
            zone: zone.into(),
            tags: Tags::new(),
        };
        match self.ask_with(Service::AutoScaling, "CreateAutoScalingGroup", &parameters(&new, "0")).await {
            Ok(_) => self.delete_scaling_group(REHEARSED).await,
            Err(why) if why.code() == "ValidationError" || why.code().starts_with("InvalidLaunchTemplate") => Ok(()),
            Err(why) => Err(why),
        }
    }

    async fn pages(&self, action: &str, list: &str, parameters: &[(&str, &str)]) -> Result<Vec<Element>, Ec2Error> {
        let (mut items, mut next) = (Vec::new(), String::new());
        loop {
            let mut page = [parameters, &[("MaxRecords", PAGE)]].concat();
            page.extend(Some(("NextToken", next.as_str())).filter(|(_, token)| !token.is_empty()));
            let answer = self.ask(Service::AutoScaling, action, &page).await?;
            items.extend(answer.find(list).map(|list| list.children.clone()).unwrap_or_default());
            let after = answer.find("NextToken").map_or("", |token| token.text.trim()).to_owned();
            if after.is_empty() {
                return Ok(items);
            }
            if after == next {
                let request = format!("{action} at {}", self.address_of(Service::AutoScaling));
                return Err(Ec2Error::Unexpected { request, why: "a page leads to itself".into() });
            }
            next = after;
        }
    }
}

fn parameters(new: &NewGroup, size: &str) -> Vec<(String, String)> {
    let all = [
        ("AutoScalingGroupName", new.name.as_str()),
        ("AvailabilityZones.member.1", &new.zone),
        ("LaunchTemplate.LaunchTemplateId", &new.template),
        ("LaunchTemplate.Version", "1"),
        ("MinSize", size),
        ("MaxSize", size),
        ("DesiredCapacity", size),
        ("HealthCheckType", "EC2"),
        ("HealthCheckGracePeriod", "0"),
    ];
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter();
    let one = |number: i32, name: &str, value: &str| (format!("Tags.member.{number}.{name}"), value.to_owned());
    let tags = (1..).zip(&new.tags).flat_map(|(number, (key, value))| {
        [one(number, "Key", key), one(number, "Value", value), one(number, "PropagateAtLaunch", "true")]
    });
    all.chain(tags).collect()
}

fn group(item: &Element) -> Group {
    let members = |list: &str| item.child(list).map(|list| list.children.as_slice()).unwrap_or_default();
    let member = |member: &Element| Member {
        id: member.text_of("InstanceId").into(),
        state: member.text_of("LifecycleState").into(),
        health: member.text_of("HealthStatus").into(),
    };
    Group {
        name: item.text_of("AutoScalingGroupName").into(),
        template: item.child("LaunchTemplate").map_or("", |template| template.text_of("LaunchTemplateId")).into(),
        members: members("Instances").iter().map(member).collect(),
        tags: members("Tags").iter().map(|tag| (tag.text_of("Key").into(), tag.text_of("Value").into())).collect(),
    }
}

fn activity(item: &Element) -> Activity {
    let text = |name: &str| item.text_of(name).split_whitespace().collect::<Vec<_>>().join(" ");
    Activity {
        id: text("ActivityId"),
        description: text("Description"),
        cause: text("Cause"),
        status: text("StatusCode"),
        message: text("StatusMessage"),
    }
}
