//! Amazon's EC2, asked over its Query API: whose account it is, and whether servers can be made there.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | which account and region are meant, and where its credentials come from: files and `AWS_*` |
//! | [`credentials`] | getting credentials from there, and renewing them before they expire |
//! | [`query`] | one signed request: tried again where that helps, within a bound per minute, or one clear error |
//! | [`xml`] | its answer, as a tree |
//! | [`doctor`] | whether the account can be used, row by row |
//!
//! No server is made here yet. Nothing here changes an account: the only request that could is a dry run.

pub mod account;
pub mod doctor;

mod advice;
mod credentials;
mod endpoint;
mod error;
mod http;
mod query;
mod signature;
mod xml;

#[cfg(test)]
mod credentials_tests;
#[cfg(test)]
mod query_tests;
#[cfg(test)]
mod test_server;
