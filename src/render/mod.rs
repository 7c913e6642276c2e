//! From a role to what one server is booted from: its templates are filled in with the site's addresses, settings and
//! secrets.
//!
//! [`template`] renders, over what [`context`] offers; [`cloud_config`] writes the outcome as a document that other
//! tools read, [`puppet`] what Puppet's server compiles; [`programs`] finds what must be on this machine.

pub mod addresses;
pub mod cloud_config;
pub mod context;
pub mod monit;
pub mod programs;
mod puppet;
pub mod secrets;
pub mod template;

#[cfg(test)]
mod own_role_tests;
#[cfg(test)]
mod tests;

pub use addresses::Addresses;
pub use programs::{MissingProgram, missing_programs};
pub use secrets::Secrets;
pub use template::{check_templates, render, secrets_asked_for};
