//! An OpenStack cloud, asked over its APIs: whose account it is, and whether servers can be made there.
//!
//! | module | owns |
//! |---|---|
//! | [`clouds`] | which cloud is meant, and how it is logged in to: `clouds.yaml`, `secure.yaml`, `OS_*` |
//! | [`session`] | a login at Keystone: its token, renewed in time, and the catalogue of services |
//! | [`api`] | one request: tried again where that helps, within a bound per minute, or one clear error |
//! | [`compute`] | what is particular to Nova's API: its microversions |
//! | [`doctor`] | whether a cloud can be used, row by row |
//!
//! No server is made here yet. Nothing here changes a cloud: the only request that is no GET is the login.

pub mod clouds;
pub mod doctor;

mod advice;
mod api;
mod catalogue;
mod compute;
mod login;
mod pace;
mod session;
mod tls;

#[cfg(test)]
mod api_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod test_server;
