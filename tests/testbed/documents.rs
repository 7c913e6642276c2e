//! What the guide says to type does what it says.

use std::fs;

use crate::kept::Up;
use crate::support::{chimp, run, stderr, stdout};

/// The commands of a section: what stands in its blocks of `sh`, without comments.
fn commands(section: &str) -> Vec<String> {
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or_default().trim().to_string()).collect()
}

/// The words of a command, as a shell reads them: only single quotes occur.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(nth, part)| match nth % 2 {
        0 => part.split_whitespace().map(str::to_string).collect(),
        _ => vec![part.to_string()],
    });
    words.collect()
}

pub fn every_attack_of_the_guide_can_be_carried_out_on_the_testbed_that_it_starts() {
    let guide = fs::read_to_string("docs/how-to/inventory.md").unwrap();
    let section = guide.split("## A testbed on your machine").nth(1).unwrap().split("\n## ").next().unwrap();
    let commands = commands(section);
    let file = commands.iter().find_map(|command| command.strip_prefix("chimp up ")).expect("it starts a testbed");
    let up = Up::keeping("testbed-guide", &fs::read_to_string(file).unwrap(), &[]);
    let attacks: Vec<&String> = commands.iter().filter(|command| command.starts_with("chimp attack ")).collect();
    assert!(attacks.len() >= 6, "{attacks:?}");
    for attack in attacks {
        let words = words(attack);
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).filter(|word| *word != "--dry-run").collect();
        let planned = run(chimp(&words).arg("--dry-run").arg("--testbed").arg(&up.socket));
        assert_eq!(planned.status.code(), Some(0), "{attack}: {}", stderr(&planned));
        assert!(stdout(&planned).ends_with("dry run: nothing was touched\n"), "{}", stdout(&planned));
    }
}
