//! Instances: run once, found by their tags, and what is done to them.
//!
//! EC2 is consistent in the end only: an instance that was just run may not be found yet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Ec2Error;
use super::query::{Api, Parameters, Service};
use super::tags::{self, Tags};
use super::xml::Element;

/// An instance that is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The same order with the same token makes no second instance: 1 to 64 ASCII characters.
    pub(crate) token: String,
    pub(crate) image: String,
    pub(crate) kind: String,
    /// The id of the network interface that it gets: its subnet, its address and its security groups.
    pub(crate) interface: String,
    /// What cloud-init reads, as it is; at most 16 KiB.
    pub(crate) user_data: Vec<u8>,
    /// On the instance from its first moment.
    pub(crate) tags: Tags,
}

/// An instance as EC2 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`.
    pub(crate) state: String,
    /// Why it is in this state, where EC2 says so; empty where it does not.
    pub(crate) reason: String,
    pub(crate) tags: Tags,
}

/// What is done to instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    /// Without a flush of its disks, as a loss of power.
    StopAtOnce,
    /// Asks the guest; EC2 takes the power from one that has not shut down after a few minutes.
    Reboot,
    Terminate,
}

impl Api {
    /// Runs one instance. Sent again with the same token, it makes no second one.
    ///
    /// # Errors
    /// EC2 refuses, or lacks the capacity.
    pub(crate) async fn run(&self, order: &Order) -> Result<Instance, Ec2Error> {
        let parameters = parameters(order);
        let answer = self.ask_with(Service::Ec2, "RunInstances", &parameters).await?;
        let items = answer.into_items("instancesSet");
        items.first().and_then(instance).ok_or_else(|| self.without("RunInstances", "instance"))
    }

    /// The instances with this tag, those that were terminated within the last hour among them.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn instances(&self, key: &str, value: Option<&str>) -> Result<Vec<Instance>, Ec2Error> {
        let tag = format!("tag:{key}");
        let (name, value) = value.map_or(("tag-key", key), |value| (&tag, value));
        let parameters = [("MaxResults", "1000"), ("Filter.1.Name", name), ("Filter.1.Value.1", value)];
        let reservations = self.list("DescribeInstances", "reservationSet", &parameters).await?;
        let all = reservations.into_iter().flat_map(|reservation| reservation.into_items("instancesSet"));
        Ok(all.filter_map(|item| instance(&item)).collect())
    }

    /// Does this to an instance; what is already so stays so. One that is not found may have been run a moment ago, and is asked for
    /// again; one that is not found in the end is gone, and terminated with that.
    ///
    /// # Errors
    /// EC2 refuses: it is not there, or is protected from it.
    pub(crate) async fn act(&self, action: Action, id: &str) -> Result<(), Ec2Error> {
        let name = match action {
            Action::Start => "StartInstances",
            Action::StopAtOnce => "StopInstances",
            Action::Reboot => "RebootInstances",
            Action::Terminate => "TerminateInstances",
        };
        let force: Parameters<'_> = if action == Action::StopAtOnce { &[("Force", "true")] } else { &[] };
        let parameters = [&[("InstanceId.1", id)], force].concat();
        let again = |why: Ec2Error| {
            let pause = why.is_not_found().then_some(std::time::Duration::ZERO);
            (why, pause)
        };
        let done = self.patience.outlast(async |_| self.done(name, &parameters).await.map_err(again)).await;
        match done {
            Err(why) if action == Action::Terminate && why.is_not_found() => Ok(()),
            done => done,
        }
    }

    /// Whether an instance is protected from termination; one that is gone is not.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(super) async fn is_protected(&self, id: &str) -> Result<bool, Ec2Error> {
        let asked = [("InstanceId", id), ("Attribute", "disableApiTermination")];
        match self.ask(Service::Ec2, "DescribeInstanceAttribute", &asked).await {
            Ok(answer) => Ok(answer.child("disableApiTermination").is_some_and(|set| set.text_of("value") == "true")),
            Err(why) if why.is_not_found() => Ok(false),
            Err(why) => Err(why),
        }
    }

    /// What an instance has printed.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn console(&self, id: &str) -> Result<String, Ec2Error> {
        let answer = self.ask(Service::Ec2, "GetConsoleOutput", &[("InstanceId", id)]).await?;
        let text = STANDARD.decode(answer.text_of("output")).unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// As [`Self::ask`], for an answer that says nothing.
    pub(super) async fn done(&self, action: &str, parameters: Parameters<'_>) -> Result<(), Ec2Error> {
        self.ask(Service::Ec2, action, parameters).await.map(drop)
    }

    /// As [`Self::ask`], with parameters that were made.
    pub(super) async fn ask_with(
        &self,
        service: Service,
        action: &str,
        parameters: &[(String, String)],
    ) -> Result<Element, Ec2Error> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.ask(service, action, &parameters).await
    }

    /// An answer lacks what was made.
    pub(super) fn without(&self, action: &str, what: &str) -> Ec2Error {
        let request = format!("{action} at {}", self.address());
        Ec2Error::Unexpected { request, why: format!("the answer has no {what}") }
    }
}

fn parameters(order: &Order) -> Vec<(String, String)> {
    let encoded = STANDARD.encode(&order.user_data);
    let all = [
        ("ClientToken", order.token.as_str()),
        ("ImageId", &order.image),
        ("InstanceType", &order.kind),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.NetworkInterfaceId", &order.interface),
        ("UserData", &encoded),
    ];
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    all.into_iter().chain(tags::specification("instance", &order.tags)).collect()
}

fn instance(item: &Element) -> Option<Instance> {
    let of =
        |child: &str, name: &str| item.child(child).map(|child| child.text_of(name).to_owned()).unwrap_or_default();
    let id = item.text_of("instanceId");
    (!id.is_empty()).then(|| Instance {
        id: id.into(),
        state: of("instanceState", "name"),
        reason: of("stateReason", "message"),
        tags: tags::read(item),
    })
}
