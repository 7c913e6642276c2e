//! What is said between a testbed and its clients: one line of JSON each way, over a unix stream socket.
//!
//! A connection may carry any number of requests, one after the other. A request that was read is carried through,
//! also when its client goes away meanwhile. Only root can open the socket.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hypervisor::CloudServer;
use crate::infrastructure::Infrastructure;
use crate::instance::Question;
use crate::instance::{Instance, InstanceId, InstanceSpec, Plug, PowerOp, ServiceEnd};
use crate::provider::local::Policy;
use crate::render::Addresses;
use crate::units::duration;

/// The longest request that is read, in bytes: a boot, with every file of a server in it.
pub(super) const LONGEST_REQUEST: usize = 4 << 20;
/// The longest answer that is read, in bytes: an infrastructure of 500 servers with its roles has a tenth of it.
pub(super) const LONGEST_ANSWER: usize = 16 << 20;

/// What a testbed can be asked. All but [`Who`](Self::Who) and [`Down`](Self::Down) wait until the site is up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Who keeps what. Answered at once with [`Response::Testbed`].
    Who,
    /// What is kept: [`Response::Kept`].
    Infrastructure,
    /// Every instance with its state measured now: [`Response::Instances`].
    List,
    /// Switches power, as [`crate::provider::Provider::power`] does: [`Response::Done`]. The latest word counts: without
    /// a lease it also ends the lease that another one had left.
    Power {
        /// Whose.
        id: InstanceId,
        /// What to do.
        op: PowerOp,
        /// Undone by the testbed itself this long after it was asked for; for `freeze`, `stop` and `isolate`.
        #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
        lease: Option<Duration>,
    },
    /// Boots an instance, as [`crate::provider::Provider::boot`] does: [`Response::Booted`]. Carried through, once it was
    /// read, also when who asked is gone meanwhile.
    Boot(Box<InstanceSpec>),
    /// The names that are being booted: [`Response::Booting`].
    Booting,
    /// The services of an instance that ended: [`Response::Ended`].
    Ended {
        /// Whose.
        id: InstanceId,
    },
    /// One look whether a server answers, from the sandbox's own network: [`Response::Seen`].
    Look(Question),
    /// The lease on this instance runs from now again: [`Response::Done`], or refused where there is none (any more).
    Renew {
        /// Whose.
        id: InstanceId,
        /// Of what.
        plug: Plug,
    },
    /// Who may log in to every instance: [`Response::Login`].
    Login,
    /// A TCP connection from the sandbox's own network: [`Response::Dialled`] with its descriptor (SCM_RIGHTS), or
    /// [`Response::NotDialled`].
    Dial {
        /// To whom; only the sandbox can be reached.
        address: Ipv4Addr,
        /// At which port.
        port: u16,
        /// It is given up after this long.
        #[serde(with = "duration")]
        timeout: Duration,
    },
    /// Boots a server as a cloud asks for it: [`Response::Booted`]. For a hypervisor, as is what follows.
    Create(Box<CloudServer>),
    /// Terminates an instance and forgets it: [`Response::Done`], also where there is none.
    Destroy {
        /// Whose.
        id: InstanceId,
    },
    /// Decides which packets pass to and from servers, for all of them at once, by name: [`Response::Done`]. A server that is
    /// not named is closed.
    Policies(BTreeMap<String, Policy>),
    /// What a server printed: its boot and its services, by name: [`Response::Console`].
    Console {
        /// Whose, by its name.
        name: String,
    },
    /// Ends the testbed: [`Response::Done`] at once, and the connection closes when everything is gone.
    Down,
    /// For tests: what the testbed's own side sends to this server is lost from now on, so that the path is cut.
    Sever {
        /// By name.
        server: String,
    },
    /// Undoes [`Sever`](Self::Sever).
    Restore {
        /// By name.
        server: String,
    },
}

/// What a testbed answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Who keeps.
    Testbed {
        /// The process that was started, as its own machine counts.
        pid: u32,
        /// The infrastructure's file.
        file: PathBuf,
    },
    /// What is kept.
    Kept(Box<Kept>),
    /// The instances.
    Instances(Vec<Instance>),
    /// It runs.
    Booted(Instance),
    /// What is being booted.
    Booting(BTreeSet<String>),
    /// The services that ended.
    Ended(Vec<ServiceEnd>),
    /// Whether it answers.
    Seen {
        /// What was seen instead.
        otherwise: Option<String>,
    },
    /// It is done.
    Done,
    /// Who may log in.
    Login {
        /// The user.
        user: String,
        /// The private key, in OpenSSH's form.
        key: String,
    },
    /// What was printed.
    Console(String),
    /// The connection's descriptor comes with this line.
    Dialled,
    /// There is no connection.
    NotDialled {
        /// The kernel's number of the error: `ETIMEDOUT` where nobody answered.
        errno: i32,
    },
    /// The testbed could not or would not.
    Refused {
        /// Why.
        detail: String,
    },
}

/// What tells a testbed from every other, also from one that listened at the same socket before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestbedId(String);

impl TestbedId {
    /// A new one.
    pub fn draw() -> TestbedId {
        TestbedId(format!("{:016x}", rand::random::<u64>()))
    }
}

/// What a testbed keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Which testbed this is: drawn when it came up, so that no other has it, before or after. `None`: one of an earlier
    /// version, which can't be told from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<TestbedId>,
    /// What should be.
    pub infrastructure: Infrastructure,
    /// Who is where, in the sandbox.
    pub addresses: Addresses,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_that_can_be_typed() {
        let id = InstanceId("web-1.1".into());
        let lease = Some(Duration::from_secs(2));
        let shown = |request: &Request| serde_json::to_string(request).unwrap();
        assert_eq!(shown(&Request::List), r#""list""#);
        assert_eq!(
            shown(&Request::Power { id: id.clone(), op: PowerOp::Freeze, lease }),
            r#"{"power":{"id":"web-1.1","op":"freeze","lease":"2s"}}"#
        );
        assert_eq!(
            shown(&Request::Power { id, op: PowerOp::Thaw, lease: None }),
            r#"{"power":{"id":"web-1.1","op":"thaw"}}"#
        );
        let dial = Request::Dial { address: [198, 18, 0, 2].into(), port: 22, timeout: Duration::from_secs(1) };
        assert_eq!(serde_json::from_str::<Request>(&shown(&dial)).unwrap(), dial);
    }
}
