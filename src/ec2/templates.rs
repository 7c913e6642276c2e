//! Launch templates: what an Auto Scaling group launches instances by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Ec2Error;
use super::instances::Order;
use super::query::{Api, Service};
use super::tags;

/// A kind of resource that has tags.
const RESOURCE: &str = "launch-template";

impl Api {
    /// Makes a template of this name for instances such as this order asks for; returns its id. The order's tags are the template's:
    /// its instances get theirs from their group. Sent again with the same token, it makes no second one.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn create_template(&self, name: &str, order: &Order) -> Result<String, Ec2Error> {
        const ACTION: &str = "CreateLaunchTemplate";
        let answer = self.ask_with(Service::Ec2, ACTION, &parameters(name, order)).await?;
        match answer.child("launchTemplate").map(|made| made.text_of("launchTemplateId")) {
            None | Some("") => Err(self.without(ACTION, "launch template")),
            Some(id) => Ok(id.into()),
        }
    }

    /// Deletes one; what is gone is no error.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(crate) async fn delete_template(&self, id: &str) -> Result<(), Ec2Error> {
        self.delete("DeleteLaunchTemplate", ("LaunchTemplateId", id)).await
    }
}

fn parameters(name: &str, order: &Order) -> Vec<(String, String)> {
    let encoded = STANDARD.encode(&order.user_data);
    let data = [
        ("ImageId", order.image.as_str()),
        ("InstanceType", &order.kind),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.NetworkInterfaceId", &order.interface),
        ("UserData", &encoded),
    ];
    let named = [("ClientToken", order.token.as_str()), ("LaunchTemplateName", name)];
    let named = named.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter();
    let data = data.map(|(name, value)| (format!("LaunchTemplateData.{name}"), value.to_owned()));
    named.chain(data).chain(tags::specification(RESOURCE, &order.tags)).collect()
}
