//! A server as a cloud asks for it, and what it is booted from.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::user_data::{self, UserDataError};
use crate::document::names::{RULE, is_name};
use crate::instance::{FileSpec, InstanceSpec};
use crate::provider::local::subnet::Subnet;
use crate::provider::local::{HardwareAddress, Identity};

/// What a cloud decides of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudServer {
    /// No other has it: the cloud's number of the server.
    pub name: String,
    /// Its host name; the user data may say otherwise.
    pub hostname: String,
    /// Its address, of 198.18.0.0/22.
    pub address: Ipv4Addr,
    /// The address of its interface.
    pub hardware_address: HardwareAddress,
    /// Its availability zone.
    #[serde(default)]
    pub zone: Option<String>,
    /// The public keys that may log in, in OpenSSH's form.
    #[serde(default)]
    pub authorized_keys: Vec<String>,
    /// A `#cloud-config` document, or nothing.
    #[serde(default)]
    pub user_data: String,
}

/// Why a server can't be booted as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudServerError {
    #[error("`{0}` is not the name of a server: {RULE}")]
    Name(String),
    #[error("`{0}` is not a host name: letters, digits, `-` and `.`, at most 64 of them")]
    Hostname(String),
    #[error("no server can have the address {0}: they are {1} to {2}")]
    Address(Ipv4Addr, Ipv4Addr, Ipv4Addr),
    #[error("a public key is one line: {0:?}")]
    Key(String),
    #[error("user data: {0}")]
    UserData(#[from] UserDataError),
}

impl CloudServer {
    /// What it is booted from, with the programs that belong to the image.
    pub(super) fn read(
        &self,
        programs: &[FileSpec],
        subnet: Subnet,
    ) -> Result<(InstanceSpec, Identity), CloudServerError> {
        if !is_name(&self.name) {
            return Err(CloudServerError::Name(self.name.clone()));
        }
        // The first one is the bridge's.
        let (first, last) = (subnet.address(2), subnet.address(1022));
        if !(first..=last).contains(&self.address) {
            return Err(CloudServerError::Address(self.address, first, last));
        }
        let asked = user_data::read(&self.user_data, user_data::is_installed)?;
        let hostname = asked.hostname.unwrap_or_else(|| self.hostname.clone());
        if !is_hostname(&hostname) {
            return Err(CloudServerError::Hostname(hostname));
        }
        let authorized_keys = [self.authorized_keys.clone(), asked.authorized_keys].concat();
        let authorized_keys: Vec<String> = authorized_keys.iter().map(|key| key.trim().to_string()).collect();
        if let Some(key) = authorized_keys.iter().find(|key| key.contains(['\n', '\r'])) {
            return Err(CloudServerError::Key(key.clone()));
        }
        let mut data = asked.data;
        data.files.splice(0..0, programs.iter().cloned());
        let spec = InstanceSpec {
            name: self.name.clone(),
            zone: self.zone.clone(),
            tags: Vec::new(),
            address: self.address,
            user_data: data,
            boot_delay: Duration::ZERO,
        };
        let hardware_address = self.hardware_address;
        Ok((spec, Identity { hostname, hardware_address, authorized_keys: Some(authorized_keys) }))
    }
}

/// The kernel takes 64 bytes.
fn is_hostname(text: &str) -> bool {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || "-.".contains(sign);
    (1..=64).contains(&text.len()) && text.chars().all(fits) && !text.starts_with(['-', '.'])
}
