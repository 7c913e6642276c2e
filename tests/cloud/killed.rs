//! A run that is killed while a fault of power is in force.

use crate::support::{Folder, chimp, run};
use crate::{await_said, begun, is_empty, run_id, said, servers, until};

pub fn the_servers_of_a_killed_run_heal_themselves_and_go_by_its_id() {
    let folder = Folder::new("cloud-killed");
    let mut child = begun(&folder, &["features/hang.feature", "--name", "A webserver hangs for 3 s"]);
    await_said(&folder, "struck");
    child.kill().unwrap();
    child.wait().unwrap();
    let count = |status: &str| servers().into_iter().filter(|(_, found, _)| found == status).count();
    assert_eq!((count("PAUSED"), count("ACTIVE")), (1, 5), "{:?}", servers());
    until("nothing hangs any more", || count("PAUSED") == 0);
    assert_eq!(count("ACTIVE"), 6, "{:?}", servers());

    let id = run_id(&folder);
    let bundle = folder.path().join(&id).display().to_string();
    let heal = run(&mut chimp(&["heal", &bundle]));
    assert_eq!(heal.status.code(), Some(3));
    let advice = format!("help: remove them with `chimp down --on openstack --run {id}`");
    assert!(said(&heal).contains(&advice), "{}", said(&heal));
    let other = run(&mut chimp(&["down", "--on", "openstack", "--run", "another"]));
    assert!(other.status.success() && servers().len() == 6, "those of another run: {}", said(&other));
    let down = run(&mut chimp(&["down", "--on", "openstack", "--run", &id]));
    assert!(down.status.success() && said(&down).contains("removed: server `web-1`"), "{}", said(&down));
    assert!(is_empty());
    let heal = run(&mut chimp(&["heal", &bundle]));
    assert!(heal.status.success() && said(&heal).contains("nothing is left to undo"), "{}", said(&heal));
}
