//! Containers that offer nothing: no shell, no capability, a root that can't be written to; and networks of the user's own.

use std::path::Path;
use std::process::Command;

use crate::support::{Folder, run, stdout};
use crate::{Project, await_clean, docker, ended, events, said};

const CUT: &str =
    "  Scenario: Cut\n    When node \"web-1\" loses network for 2 s\n    Then recovery takes under 60 s\n";

pub fn faults_need_nothing_in_the_image_and_no_capability_of_the_container() {
    for name in ["no-shell", "read-only", "no-caps"] {
        let (folder, project) = (Folder::new(&format!("compose-{name}")), Project::up(name));
        let output = ended(&folder, &project, "\"web\"", CUT);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        assert!(events(&folder, 0).contains("\"fault_confirmed\""), "{name}: {}", events(&folder, 0));
        await_clean();
    }
}

const DELAYED: &str = "  Scenario: Delayed\n    When the network of node \"web-1\" gains 80 ms of delay for 8 s\n    Then recovery takes under 60 s\n";

pub fn a_static_address_and_a_second_network_are_reached_by_faults_too() {
    let (folder, project) = (Folder::new("compose-networks"), Project::up("static-address"));
    let web = docker(&["ps", "-q", "--filter", "name=web_1"]);
    docker(&["network", "create", "second"]);
    docker(&["network", "connect", "second", &web]);
    let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &web]);
    let mut child = crate::run_on(&folder, &project, "\"web\"", DELAYED).spawn().unwrap();
    let interfaces = || {
        let rules = stdout(&run(Command::new("nsenter").args(["-t", &pid, "-n", "iptables-save", "-t", "mangle"])));
        ["eth0", "eth1"].map(|interface| rules.contains(&format!("-o {interface} ")))
    };
    crate::await_run(&mut child, "both interfaces are delayed", || interfaces() == [true, true]);
    assert!(child.wait().unwrap().success());
    await_clean();
    docker(&["network", "disconnect", "second", &web]);
    docker(&["network", "rm", "second"]);
    assert!(!Path::new(&format!("/proc/{pid}/root/dev/.anarcho-chimp")).exists());
}
