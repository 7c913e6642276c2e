//! The first steps on a stack: a look without a fault, and what `chimp init` writes.

use std::fs;

use crate::cluster::Stack;
use crate::support::{Folder, chimp, run};
use crate::{ENTRY, said};

pub fn a_first_look_and_the_first_files() {
    let (folder, stack) = (Folder::new("swarm-begun"), Stack::up("site", "swarm"));
    let in_folder = |words: &[&str]| {
        let output = run(chimp(words).current_dir(folder.path()));
        (output.status.code(), said(&output))
    };
    let (code, told) = in_folder(&["observe", &stack.on(), "--for", "1s"]);
    assert_eq!(code, Some(2), "four ports are published: {told}");
    assert!(told.contains("http://198.18.4.1:8080, http://198.18.4.1:8081"), "{told}");
    folder.write("chimp.toml", &format!("[swarm]\n{ENTRY}\n"));
    let (code, told) = in_folder(&["observe", &stack.on(), "--for", "2s", "--slo", "availability > 99%"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("the users of swarm=site enter at http://198.18.4.1:8080/"), "{told}");
    let (code, told) = in_folder(&["init", &stack.on()]);
    assert_eq!(code, Some(0), "{told}");
    let feature = fs::read_to_string(folder.path().join("features/first.feature")).unwrap();
    for expected in
        ["    Given the stack \"site\"\n", "#   web: web-1, web-2, web-3\n", "under `[swarm]` of chimp.toml"]
    {
        assert!(feature.contains(expected), "{expected}: {feature}");
    }
    let (code, told) = in_folder(&["plan", "features"]);
    assert_eq!(code, Some(0), "{told}");
}
