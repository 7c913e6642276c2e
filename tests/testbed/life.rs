//! How a testbed comes and goes.

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::instance::{Command, PowerOp, PowerState};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::testbed::SocketLock;
use nix::sys::signal::Signal;

use crate::kept::{Up, exit_of, instance, started, until};
use crate::support::{chimp, run, stderr};

pub fn it_says_what_is_there_and_ends_when_it_is_told() {
    let mut up = Up::start("testbed-down", &[]);
    assert!(up.said.contains("web-2   webserver  198.18.0.3"), "{}", up.said);
    let processes = up.processes();
    assert!(processes.len() > 4, "launcher, first process, harness, two servers: {processes:?}");
    let down = run(&mut chimp(&["down", "--testbed", up.socket.to_str().unwrap()]));
    assert!(down.status.success());
    assert!(SocketLock::is_free(&up.socket) && !up.socket.parent().unwrap().exists(), "gone before `down` returns");
    assert_eq!(exit_of(up.ended()), Ok(0));
    let left: Vec<_> = processes.into_iter().filter(|(pid, since)| started(*pid).as_ref() == Some(since)).collect();
    assert_eq!(left, []);
    let again = run(&mut chimp(&["down", "--testbed", up.socket.to_str().unwrap()]));
    assert!(again.status.code() == Some(3) && stderr(&again).contains("no testbed answers"));
}

pub fn ctrl_c_ends_it() {
    let mut up = Up::start("testbed-interrupted", &[]);
    up.signal(Signal::SIGINT);
    assert_eq!(exit_of(up.ended()), Ok(0));
    assert!(SocketLock::is_free(&up.socket));
}

pub fn a_killed_testbed_takes_all_with_it_and_the_next_one_copes() {
    let mut up = Up::start("testbed-killed", &[]);
    let processes = up.processes();
    up.signal(Signal::SIGKILL);
    assert_eq!(exit_of(up.ended()), Err(Some(9)));
    until("every process of it is gone", || {
        processes.iter().all(|(pid, since)| started(*pid).as_ref() != Some(since)).then_some(())
    });
    until("its socket and the folder of that are gone", || (!up.socket.parent().unwrap().exists()).then_some(()));
    up.again();
    assert_eq!(up.testbed().kept().unwrap().infrastructure.servers.len(), 2);
    up.testbed().down().unwrap();
    assert!(!up.socket.exists());
}

/// As a build does while a testbed runs.
#[tokio::main]
pub async fn its_servers_power_on_though_its_program_was_replaced() {
    let up = Up::from_own_program("testbed-replaced");
    let (program, built) = (up.folder.path().join("chimp"), up.folder.write("built", "another program"));
    std::fs::rename(built, program).unwrap();
    let cloud = up.cloud();
    let web = instance(&cloud, "web-1").await;
    cloud.power(&web.id, PowerOp::Stop).await.unwrap();
    cloud.power(&web.id, PowerOp::Start).await.unwrap();
    let web = instance(&cloud, "web-1").await;
    assert_eq!(web.state, PowerState::Running, "{}", web.evidence);
    let remote = cloud.connect(&web).await.unwrap();
    assert!(
        Agent::new(&*remote).held().await.unwrap().is_empty(),
        "it has the program that the testbed was started from"
    );
    let written = remote.exec(&Command::new(["touch", "/var/lib/anarcho-chimp/mine"])).await.unwrap();
    assert_ne!(written.status, Some(0), "the servers share it");
}

pub fn a_second_testbed_at_the_same_place_is_refused() {
    let up = Up::start("testbed-twice", &[]);
    let site = up.folder.path().join("site.yaml");
    let second = run(&mut chimp(&["up", site.to_str().unwrap(), "--testbed", up.socket.to_str().unwrap()]));
    assert_eq!(second.status.code(), Some(3));
    let told = stderr(&second);
    assert!(told.contains("a testbed is at") && told.contains("chimp down --testbed"), "{told}");
    assert!(up.testbed().kept().is_ok(), "the first one is none the worse");
}

pub fn a_site_that_is_wrong_is_told_before_anything_happens() {
    let wrong = run(&mut chimp(&["up", "fixtures/infrastructures/nowhere.yaml"]));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("fixtures/infrastructures/nowhere.yaml: can't be read"));
}
