//! A run that is killed while a fault of power is in force.

use crate::account::{LOSES_POWER, instances, is_empty, killed, run_id, said, until};
use crate::support::{Folder, chimp, run};

pub fn the_servers_of_a_killed_run_start_again_by_themselves_and_go_by_its_id() {
    let folder = Folder::new("ec2-killed");
    killed(&folder, LOSES_POWER, "struck");
    let count = |state: &str| instances().into_iter().filter(|(_, found, _)| found == state).count();
    assert_eq!((count("stopped"), count("running")), (1, 2), "{:?}", instances());
    until("none is off any more", || count("running") == 3);

    let id = run_id(&folder);
    let bundle = folder.path().join(&id).display().to_string();
    let heal = run(&mut chimp(&["heal", &bundle]));
    assert_eq!(heal.status.code(), Some(3));
    let advice = format!("help: remove them with `chimp down --on ec2 --run {id}`");
    assert!(said(&heal).contains(&advice), "{}", said(&heal));
    let other = run(&mut chimp(&["down", "--on", "ec2", "--run", "another"]));
    assert!(other.status.success() && instances().len() == 3, "those of another run: {}", said(&other));
    let young = run(&mut chimp(&["down", "--on", "ec2", "--all", "--older-than", "2h"]));
    assert!(young.status.success() && instances().len() == 3, "those of a young run: {}", said(&young));
    let down = run(&mut chimp(&["down", "--on", "ec2", "--run", &id]));
    assert!(down.status.success() && said(&down).contains("removed: server `web-1`"), "{}", said(&down));
    assert!(is_empty());
    let heal = run(&mut chimp(&["heal", &bundle]));
    assert!(heal.status.success() && said(&heal).contains("nothing is left to undo"), "{}", said(&heal));
}
