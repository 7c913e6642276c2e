//! `chimp hypervisor`: what a cloud asks for, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anarcho_chimp::instance::{Instance, InstanceId, PowerOp, PowerState};
use anarcho_chimp::provider::local::{Direction, Policy, Rule};
use anarcho_chimp::provider::ssh::Dial;
use anarcho_chimp::testbed::hypervisor::CloudServer;
use anarcho_chimp::testbed::protocol::{Request, Response};
use anarcho_chimp::testbed::{SocketLock, Testbed, TestbedError};

use crate::kept::{LIMIT, exit_of, until};
use crate::support::{Folder, chimp};

/// As a cloud names its servers.
const NAME: &str = "13e65b4f-b4ce-4d48-a555-105a66b29bf8";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 3, 107);
/// The bridge, from where a testbed's own connections come.
const OWN: &str = "198.18.0.1";
/// What does not come within this is not let through: a connection takes less than a millisecond.
const SHORT: Duration = Duration::from_millis(300);

const USER_DATA: &str = r#"#cloud-config
hostname: "web-1"
write_files:
- path: "/srv/site/index.html"
  content: "hello"
- path: "/etc/systemd/system/site.service"
  content: |
    [Service]
    WorkingDirectory=/srv/site
    ExecStart=python3 -u -m http.server --protocol HTTP/1.1 80
runcmd:
- ["sh", "-c", "cat /etc/hostname /sys/class/net/eth0/address /etc/ssh/authorized_keys >/srv/site/who"]
- ["systemctl", "enable", "--now", "site.service"]
"#;

struct Hypervisor {
    testbed: Testbed,
    child: Child,
    _folder: Folder,
}

impl Hypervisor {
    /// Waits until it answers.
    fn start(name: &str) -> Hypervisor {
        let folder = Folder::new(name);
        let socket = folder.path().join("run/hypervisor.sock");
        let mut command = chimp(&["hypervisor", "--socket", socket.to_str().unwrap()]);
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let testbed = Testbed::at(&socket);
        until("it answers", || testbed.ask(&Request::Who).ok());
        Hypervisor { testbed, child, _folder: folder }
    }

    fn create(&self, server: CloudServer) -> Result<Instance, TestbedError> {
        match self.testbed.ask(&Request::Create(Box::new(server)))? {
            Response::Booted(instance) => Ok(instance),
            other => panic!("{other:?}"),
        }
    }

    fn decide(&self, policy: Policy) {
        self.testbed.tell(&Request::Policies([(NAME.to_string(), policy)].into())).unwrap();
    }

    fn power(&self, id: &InstanceId, op: PowerOp) {
        self.testbed.tell(&Request::Power { id: id.clone(), op, lease: None }).unwrap();
    }

    fn states(&self) -> Vec<PowerState> {
        match self.testbed.ask(&Request::List).unwrap() {
            Response::Instances(all) => all.iter().map(|instance| instance.state).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn answers(&self, port: u16) -> bool {
        self.testbed.dial(ADDRESS, port, SHORT).is_ok()
    }

    /// Waits until the site is served.
    fn connect(&self) -> TcpStream {
        until("the site is served", || self.testbed.dial(ADDRESS, 80, LIMIT).ok())
    }

    fn ended(&mut self) -> ExitStatus {
        until("the hypervisor ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Hypervisor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server() -> CloudServer {
    CloudServer {
        name: NAME.into(),
        hostname: "not-this-one".into(),
        address: ADDRESS,
        hardware_address: "fa:16:3e:f0:11:72".parse().unwrap(),
        zone: Some("zone-a".into()),
        authorized_keys: vec!["ssh-ed25519 AAAA somebody".into()],
        user_data: USER_DATA.into(),
    }
}

/// HTTP may come in from the bridge.
fn http_only() -> Policy {
    let remotes = Some(vec![OWN.parse().unwrap()]);
    let rule = Rule { direction: Direction::Ingress, protocol: Some(6), ports: Some((80, Some(80))), remotes };
    Policy::Rules { sources: vec![ADDRESS.to_string().parse().unwrap()], rules: vec![rule] }
}

fn nothing() -> Policy {
    Policy::Rules { sources: vec![], rules: vec![] }
}

fn ask(connection: &mut TcpStream, path: &str) {
    write!(connection, "GET {path} HTTP/1.1\r\nHost: web\r\n\r\n").unwrap();
}

/// What comes back until the page ends so.
fn answer(connection: &mut TcpStream, end: &str) -> String {
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.ends_with(end) {
        let length = connection.read(&mut buffer).unwrap();
        assert!(length > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

pub fn a_server_is_what_a_cloud_says_and_gone_without_a_trace() {
    let mut hypervisor = Hypervisor::start("hypervisor-server");
    let booted = hypervisor.create(server()).unwrap();
    assert_eq!((booted.name.as_str(), booted.address), (NAME, ADDRESS));
    hypervisor.decide(Policy::Open);
    let mut connection = hypervisor.connect();
    ask(&mut connection, "/who");
    let who = "web-1\nfa:16:3e:f0:11:72\nssh-ed25519 AAAA somebody\n";
    assert!(answer(&mut connection, who).contains("200 OK"));
    match hypervisor.testbed.ask(&Request::Console { name: NAME.into() }).unwrap() {
        Response::Console(text) => {
            assert!(text.starts_with("[boot]\nnot-this-one at 198.18.3.107: boots\n"), "{text}");
            assert!(text.contains("[site]\n") && text.contains("\"GET /who HTTP/1.1\" 200"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let again = hypervisor.create(server()).unwrap_err().to_string();
    assert!(again.contains("a server of this name runs already"), "{again}");
    hypervisor.power(&booted.id, PowerOp::Terminate);
    assert_eq!(hypervisor.states(), [PowerState::Terminated], "whoever asked for it is not told that it never was");
    hypervisor.testbed.tell(&Request::Destroy { id: booted.id.clone() }).unwrap();
    hypervisor.testbed.tell(&Request::Destroy { id: booted.id }).unwrap();
    assert_eq!(hypervisor.states(), []);
    hypervisor.testbed.down().unwrap();
    assert_eq!(exit_of(hypervisor.ended()), Ok(0));
    assert!(SocketLock::is_free(hypervisor.testbed.socket()));
}

pub fn what_cannot_be_carried_out_boots_nothing_and_is_said() {
    let hypervisor = Hypervisor::start("hypervisor-refusals");
    let cases = [
        (CloudServer { name: "../web".into(), ..server() }, "`../web` is not the name of a server"),
        (
            CloudServer { address: Ipv4Addr::new(198, 18, 0, 1), ..server() },
            "no server can have the address 198.18.0.1",
        ),
        (CloudServer { hostname: "a b".into(), user_data: String::new(), ..server() }, "`a b` is not a host name"),
        (CloudServer { user_data: "#!/bin/sh\n".into(), ..server() }, "must begin with the line `#cloud-config`"),
        (CloudServer { user_data: "#cloud-config\nruncmd: ['false']\n".into(), ..server() }, "status 1"),
    ];
    for (server, expected) in cases {
        let why = hypervisor.create(server).unwrap_err().to_string();
        assert!(why.contains(expected), "{expected}: {why}");
    }
    assert_eq!(hypervisor.states(), []);
    let why = hypervisor.testbed.kept().unwrap_err().to_string();
    assert!(why.contains("no infrastructure"), "{why}");
}

pub fn only_what_is_decided_passes_and_open_connections_are_cut() {
    let hypervisor = Hypervisor::start("hypervisor-filter");
    let booted = hypervisor.create(server()).unwrap();
    assert!(!hypervisor.answers(80), "nothing is decided yet");
    hypervisor.decide(http_only());
    let mut connection = hypervisor.connect();
    assert!(!hypervisor.answers(22), "no rule lets SSH in");
    hypervisor.decide(nothing());
    assert!(!hypervisor.answers(80));
    ask(&mut connection, "/");
    connection.set_read_timeout(Some(SHORT)).unwrap();
    let cut = connection.read(&mut [0; 1]).unwrap_err();
    assert!(matches!(cut.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{cut}");
    hypervisor.decide(http_only());
    assert!(answer(&mut connection, "hello").contains("200 OK"), "it goes on where it was cut");
    hypervisor.power(&booted.id, PowerOp::Freeze);
    assert!(!hypervisor.answers(80), "a paused server is silent");
    hypervisor.power(&booted.id, PowerOp::Thaw);
    assert!(hypervisor.testbed.dial(ADDRESS, 80, LIMIT).is_ok(), "its kernel answers at once");
    hypervisor.power(&booted.id, PowerOp::Suspend);
    assert!(!hypervisor.answers(80), "a suspended server is silent");
    hypervisor.power(&booted.id, PowerOp::Resume);
    assert!(hypervisor.testbed.dial(ADDRESS, 80, LIMIT).is_ok(), "its kernel answers at once");
    hypervisor.power(&booted.id, PowerOp::SoftReboot);
    assert!(!hypervisor.answers(22), "what was decided holds after a reboot");
    until("it serves again", || hypervisor.answers(80).then_some(()));
}
