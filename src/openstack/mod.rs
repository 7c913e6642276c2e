//! An OpenStack cloud, asked over its APIs: whose account it is, and whether servers can be made there.
//!
//! | module | owns |
//! |---|---|
//! | [`clouds`] | which cloud is meant, and how it is logged in to: `clouds.yaml`, `secure.yaml`, `OS_*` |
//! | [`session`] | a login at Keystone: its token, renewed in time, and the catalogue of services |
//! | [`api`] | one request: tried again where that helps, within a bound per minute, or one clear error |
//! | [`compute`] | what is particular to Nova's API: its microversions |
//! | [`client`] | requests to Nova, Neutron and Glance, by path; how a thing is made once and never twice |
//! | [`lookup`] | what a user names: images, flavors, networks, groups, zones |
//! | [`servers`], [`actions`] | Nova's servers; what is done to them |
//! | [`ports`], [`groups`], [`floating_ips`] | Neutron's things; [`neutron`] has what they share |
//! | [`moment`] | moments as the services write them |
//! | [`mark`] | what shows that something was made by a run |
//! | [`sweep`] | what runs have left, found by its marks and removed |
//! | [`limits`] | the quotas, and whether what is to be made fits in |
//! | [`doctor`] | whether a cloud can be used, row by row |
//!
//! A thing in a cloud is made once, marked with its run from its first moment, and never made again by a retry.

pub mod clouds;
pub mod doctor;
pub mod sweep;

pub(crate) mod actions;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod floating_ips;
pub(crate) mod groups;
pub(crate) mod limits;
pub(crate) mod lookup;
pub(crate) mod mark;
pub(crate) mod ports;
pub(crate) mod servers;

mod advice;
mod api;
mod catalogue;
mod compute;
mod login;
mod moment;
mod neutron;
mod session;
mod tls;

#[cfg(test)]
mod action_tests;
#[cfg(test)]
mod api_tests;
#[cfg(test)]
mod creation_tests;
#[cfg(test)]
mod lookup_tests;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod real_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
pub(crate) mod test_server;
