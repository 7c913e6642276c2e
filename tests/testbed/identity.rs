//! Which testbed a journal means.

use anarcho_chimp::instance::{PowerOp, PowerState};
use anarcho_chimp::provider::Provider;
use nix::sys::signal::Signal;

use crate::kept::{Up, instance};
use crate::outputs::leave_frozen;
use crate::support::{Folder, chimp, run, stdout};

#[tokio::main]
pub async fn a_heal_leaves_another_testbed_at_the_same_socket_alone() {
    let (mut up, out) = (Up::start("identity", &[]), Folder::new("identity-out"));
    leave_frozen(&up, &out);
    up.signal(Signal::SIGKILL);
    up.ended();
    up.again();
    let cloud = up.cloud();
    let web = instance(&cloud, "web-1").await;
    cloud.power(&web.id, PowerOp::Freeze).await.unwrap();

    let heal = || run(&mut chimp(&["heal", "--out", out.path().to_str().unwrap()]));
    let healed = heal();
    assert_eq!(healed.status.code(), Some(0), "{healed:?}");
    let told = stdout(&healed);
    assert!(told.contains("nothing is left to undo: the testbed has ended") && told.contains("another one"), "{told}");
    assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Frozen, "somebody else froze it");
    assert!(stdout(&heal()).contains("nothing is open"));
}
