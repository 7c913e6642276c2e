//! What can't be done to a server is refused before anything is touched, and a journal does not stay open for ever.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::support::{Folder, chimp, run, stderr, stdout};

/// An inventory with a server of this `power`, whose port accepts connections for as long as the listener lives.
fn inventory(folder: &Folder, power: &str) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = folder.write("key", "a private key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    folder.write(
        "inventory.yaml",
        &format!(
            "hosts:\n  - {{ name: box, address: 127.0.0.1, port: {port}, key: key, attack: allowed, power: {{ {power} }} }}\n  \
             - {{ name: peer, address: 127.0.0.2, port: {port}, key: key }}\nlinks: [{{ from: box, to: peer }}]\nhost_keys: ignore\n"
        ),
    );
    listener
}

fn attack(folder: &Folder, words: &[&str]) -> Output {
    let inventory = format!("inventory={}", folder.path().join("inventory.yaml").display());
    let out = folder.path().join("reports");
    let place = ["--on", &inventory, "--out", out.to_str().unwrap(), "--seed", "1"];
    run(chimp(&[&["attack"], words, &place].concat()).env_remove("SSH_AUTH_SOCK"))
}

pub fn a_fault_that_no_command_can_do_or_undo_is_refused_before_anything_is_touched() {
    let folder = Folder::new("inventory-refuses");
    for (power, words, missing) in [
        (
            "",
            &["fault", "hangs", "--server", "box", "--for", "5s"][..],
            "freeze: [virsh, …, box], thaw: [virsh, …, box]",
        ),
        ("freeze: [touch, struck]", &["fault", "hangs", "--server", "box", "--for", "5s"], "thaw: [virsh, …, box]"),
        ("stop: [touch, struck]", &["fault", "power-off", "--server", "box", "--for", "5s"], "start: [virsh, …, box]"),
        ("stop: [touch, struck]", &["fault", "reboots", "--server", "box"], "start: [virsh, …, box]"),
        ("stop: [touch, struck]", &["random"], "terminate: [virsh, …, box]"),
        ("stop: [touch, struck]", &["random", "--for", "5s"], "start: [virsh, …, box]"),
        ("", &["graph"], "terminate: [virsh, …, box]"),
    ] {
        let _listener = inventory(&folder, power);
        for dry in [&[][..], &["--dry-run"]] {
            let refused = attack(&folder, &[words, dry].concat());
            let told = stderr(&refused);
            assert_eq!(refused.status.code(), Some(2), "{words:?} {dry:?}: {told}");
            assert!(told.contains("inventory.yaml:2: `power: { ") && told.contains(missing), "{told}");
            assert_eq!(stdout(&refused), "", "nothing is planned that can't be done");
        }
    }
    assert!(!folder.path().join("struck").exists() && !folder.path().join("reports").exists());
}

pub fn a_server_without_a_way_in_is_refused_before_anything_is_touched() {
    let folder = Folder::new("inventory-no-way-in");
    folder.write(
        "inventory.yaml",
        "hosts:\n  - { name: box, address: 127.0.0.1, port: 1, attack: allowed }\nhost_keys: ignore\n",
    );
    let refused = attack(&folder, &["network", "--dry-run"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("inventory.yaml:2: box (127.0.0.1): `box` has no password and no `key`"),
        "{}",
        stderr(&refused)
    );
}

/// As a version that planned such faults left it: what could not be done could not be undone either.
fn left_open(folder: &Folder, inject: &str, heal: &str) -> std::path::PathBuf {
    let bundle = folder.path().join("reports/2026-11-27T10-00-00Z-1");
    fs::create_dir_all(&bundle).unwrap();
    let place = folder.path().join("inventory.yaml");
    let note = |rest: &str| format!("{{\"at\":\"2026-11-27T10:00:00Z\",{rest}}}\n");
    let reached = |stage: &str| {
        note(&format!(r#""note":"reached","id":"2026-11-27t10-00-00z-1-0-0","stage":"{stage}","detail":"""#))
    };
    let state = |state: &str| format!(r#"{{"state":"{state}"}}"#);
    let journal = [
        note(&format!(
            r#""note":"began","place":{{"inventory":{{"file":"{}"}}}},"seed":1,"plan_sha256":"00""#,
            place.display()
        )),
        note(&format!(
            r#""note":"planned","id":"2026-11-27t10-00-00z-1-0-0","strike":{{"server":"box","before":{running},"inject":{{"power":"{inject}"}},"witness":{frozen},"then":null,"heal":{{"action":{{"power":"{heal}"}},"witness":{running}}}}},"instance":"box","lease":"30s""#,
            running = state("running"),
            frozen = state("frozen"),
        )),
        reached("witnessed"),
        reached("healing"),
        reached("heal_failed"),
    ];
    fs::write(bundle.join("journal.ndjson"), journal.concat()).unwrap();
    bundle
}

fn heal(bundle: &Path) -> Output {
    run(&mut chimp(&["heal", bundle.to_str().unwrap()]))
}

pub fn a_journal_that_was_left_open_by_what_could_never_be_done_is_closed_once_the_server_is_seen_to_run() {
    let folder = Folder::new("inventory-old-journal");
    for (power, inject, undo) in [("", "freeze", "thaw"), ("", "stop", "start")] {
        let listener = inventory(&folder, power);
        let bundle = left_open(&folder, inject, undo);
        let healed = heal(&bundle);
        assert_eq!(healed.status.code(), Some(0), "{}{}", stdout(&healed), stderr(&healed));
        assert!(stdout(&healed).contains("box: healed"), "{}", stdout(&healed));
        assert!(stdout(&heal(&bundle)).contains("nothing is open"));

        let bundle = left_open(&folder, inject, undo);
        drop(listener);
        let unseen = heal(&bundle);
        assert_eq!(unseen.status.code(), Some(5), "a server that does not answer was not seen to run");
        let journal = fs::read_to_string(bundle.join("journal.ndjson")).unwrap();
        assert!(journal.contains(&format!("`power: {{ {undo}: [")), "the journal says what to declare: {journal}");
    }
}
