//! Amazon's EC2, asked over its Query API: whose account it is, and whether servers can be made there.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | which account and region are meant, and where its credentials come from: files and `AWS_*` |
//! | [`credentials`] | getting credentials from there, and renewing them before they expire |
//! | [`query`] | one signed request: tried again where that helps, within a bound per minute, or one clear error |
//! | [`xml`] | its answer, as a tree |
//! | [`lookup`] | images, subnets, zones, types and groups that settings name |
//! | [`instances`], [`interfaces`], [`elastic_ips`], [`groups`] | what is made, done and removed there |
//! | [`templates`], [`scaling`] | launch templates, and the Auto Scaling groups that launch instances by them |
//! | [`tags`] | by what it is found again |
//! | [`mod@sweep`] | what runs have left, found by its tags and removed |
//! | [`doctor`] | whether the account can be used, row by row |

pub mod account;
pub mod doctor;
pub(crate) mod elastic_ips;
pub(crate) mod groups;
pub(crate) mod instances;
pub(crate) mod interfaces;
pub(crate) mod lookup;
pub(crate) mod scaling;
pub(crate) mod sweep;
pub(crate) mod tags;
pub(crate) mod templates;

pub(crate) mod advice;
mod credentials;
mod endpoint;
pub(crate) mod error;
mod http;
pub(crate) mod query;
mod signature;
mod xml;

use std::sync::Arc;

use self::account::Surroundings;
use self::error::Ec2Error;
use self::query::Api;
use crate::requests::Patience;

#[cfg(test)]
mod credentials_tests;
#[cfg(test)]
mod elastic_ips_tests;
#[cfg(test)]
mod instances_tests;
#[cfg(test)]
mod query_tests;
#[cfg(test)]
mod scaling_tests;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod test_server;

/// The way to the account of this profile; of none: to the one that the surroundings mean. Nothing is asked of EC2 yet.
///
/// # Errors
/// It is not described, or no region is named.
pub(crate) async fn open(profile: &str, per_minute: u32) -> Result<Api, Ec2Error> {
    let asked = Some(profile).filter(|profile| !profile.is_empty());
    let account = account::read(asked, &Surroundings::here())?;
    Api::open(Arc::new(account), per_minute, Patience::default()).await
}
