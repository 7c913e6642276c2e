//! The chaos target takes our own arguments and libtest's.

use std::path::PathBuf;

use anarcho_chimp::cli::libtest::{ChaosArgs, DEFAULT_TAGS};
use anarcho_chimp::declare::DeclareError;
use anarcho_chimp::settings::Settings;
use clap::Parser;

fn parsed(arguments: &str) -> ChaosArgs {
    ChaosArgs::try_parse_from(["chaos"].into_iter().chain(arguments.split_whitespace()))
        .unwrap_or_else(|why| panic!("{arguments}: {why}"))
}

fn listing(arguments: &str) -> Result<String, DeclareError> {
    let arguments = parsed(arguments);
    arguments.listing(&arguments.declare_options(
        &[PathBuf::from("tests/accepted/forms.feature")],
        1,
        Settings::default(),
    ))
}

const ROW: &str = "tests/accepted/forms::An outline without its values in the name";
const ALL_AT_ONCE: &str = "tests/accepted/forms::Everything said at once";

#[test]
fn what_cargo_test_and_nextest_pass_is_accepted() {
    for arguments in [
        "",
        "some_test --nocapture",
        "--no-capture a b --show-output -q --test-threads 1 --test-threads=2",
        "--exact NAME --nocapture --include-ignored",
        "--color always --format pretty --report-time -Z unstable-options --logfile x.log",
        "--bench --test --shuffle --shuffle-seed 3 --ensure-time --exclude-should-panic",
        "--tags @pr --seed 7 --out reports --on local --config chimp.toml --features features",
    ] {
        parsed(arguments);
    }
}

#[test]
fn what_is_taken_down_depends_on_the_environment() {
    let down = |on: &str| {
        let mut chimp = std::process::Command::new(env!("CARGO_BIN_EXE_chimp"));
        let output = chimp.args(["down", "--on", on]).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), said)
    };
    let nothing = "local: its servers end with the run that booted them, and every fault with them\n";
    assert_eq!(down("local"), (Some(0), nothing.into()));
    let (code, said) = down("testbed=/nowhere/testbed.sock");
    assert!(code == Some(3) && said.starts_with("chimp: no testbed answers at /nowhere/testbed.sock"), "{said}");
    let (code, said) = down("inventory");
    assert!(code == Some(2) && said.contains("help: write `inventory=FILE`"), "{said}");
    let (code, said) = down("staging.yaml");
    assert!(
        code == Some(2) && said.ends_with("help: name the file of an inventory so: `inventory=staging.yaml`\n"),
        "{said}"
    );
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed.yaml");
    std::fs::write(&closed, "hosts: [{ name: web-1, address: 192.0.2.1, role: webserver }]\nhost_keys: ignore\n")
        .unwrap();
    let (code, said) = down(&format!("inventory={}", closed.display()));
    assert!(code == Some(0) && said.contains("no server of it may be attacked, so nothing was looked at"), "{said}");
    let (code, said) = down("inventory=/nowhere.yaml");
    assert!(code == Some(2) && said.starts_with("chimp: /nowhere.yaml: can't be read"), "{said}");
}

#[test]
fn runs_are_named_only_where_what_they_made_carries_their_marks() {
    let down = |words: &str| {
        let mut chimp = std::process::Command::new(env!("CARGO_BIN_EXE_chimp"));
        let output = chimp.arg("down").args(words.split(' ')).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    for words in ["--on local --run 7", "--on inventory=a.yaml --all --older-than 2h", "--on testbed --run 7 --dry-run"]
    {
        let (code, said) = down(words);
        let help = "carries the mark of a run\n  help: leave out `--run`, `--all` and `--older-than`\n";
        assert!(code == Some(2) && said.ends_with(help), "{words}: {said}");
    }
    for (words, expected) in [
        ("--on local --all", "--older-than <DURATION>"),
        ("--on local --older-than 2h", "--all"),
        ("--on local --run 7 --all --older-than 2h", "cannot be used with"),
        ("--run 7", "nothing names the environment, and `--dry-run`, `--run` and `--all` look for what is left in one"),
        ("--on local --all --older-than soon", "`soon` is not a duration"),
    ] {
        let (code, said) = down(words);
        assert!(code == Some(2) && said.contains(expected), "{words}: {said}");
    }
}

#[test]
fn arguments_become_options() {
    let arguments = parsed("NAME --tags @pr --seed 7 --skip slow --skip long --features a --features b");
    let options = arguments.declare_options(&[PathBuf::from("features")], 1, Settings::default());
    assert_eq!(options.paths, ["a", "b"].map(PathBuf::from));
    assert_eq!((options.tags.as_deref(), options.seed), (Some("@pr"), 7));
    assert_eq!((options.names, options.skip), (vec!["NAME".to_string()], vec!["slow".into(), "long".into()]));
    assert_eq!((options.exact, options.environment), (false, None));
}

#[test]
fn the_long_scenarios_run_only_when_asked_for() {
    let tags = |arguments: &str| parsed(arguments).declare_options(&["features".into()], 1, Settings::default()).tags;
    assert_eq!(tags("").as_deref(), Some(DEFAULT_TAGS));
    assert_eq!(tags("NAME").as_deref(), Some(DEFAULT_TAGS));
    assert_eq!(tags("--tags @nightly").as_deref(), Some("@nightly"));
    assert_eq!(tags("--exact NAME"), None);
    assert_eq!(tags("--include-ignored"), None);
    assert_eq!(tags("--ignored").as_deref(), Some("@nightly or @slow"));
    assert_eq!(tags("--ignored --tags @pr").as_deref(), Some("(@pr) and (@nightly or @slow)"));
    assert_eq!(tags("--ignored --exact NAME"), None, "nextest runs so what was listed as ignored");
    assert!(include_str!("../scripts/nightly.sh").contains("-- --include-ignored"), "every night all of them run");
}

#[test]
fn a_terse_list_has_one_line_a_scenario_and_nothing_else() {
    let expected = format!("{ROW} (25%, 99%): test\n{ROW} (50%, 98%): test\n{ALL_AT_ONCE}: test\n");
    assert_eq!(listing("--list --format terse"), Ok(expected));
}

#[test]
fn a_pretty_list_ends_with_a_count() {
    assert!(listing("--list").unwrap().ends_with("said at once: test\n\n3 tests, 0 benchmarks\n"));
}

#[test]
fn the_list_of_ignored_scenarios_has_the_long_ones_alone() {
    let listed = |words: &str| listing(&format!("--list --format terse {words}"));
    assert_eq!(listed("--ignored"), Ok(format!("{ALL_AT_ONCE}: test\n")));
    assert_eq!(listed("--ignored --tags @nosuch"), Ok(String::new()));
    assert_eq!(listed("--ignored --skip Everything"), Ok(String::new()));
}

#[test]
fn a_name_that_no_scenario_has_lists_nothing_and_is_no_error() {
    assert_eq!(listing("some_unit_test --list --format terse"), Ok(String::new()));
}

#[test]
fn an_exact_address_lists_that_scenario_even_if_it_is_a_long_one() {
    let name = ALL_AT_ONCE;
    let arguments =
        ChaosArgs { names: vec![name.into()], exact: true, list: true, format: "terse".into(), ..parsed("") };
    let options = arguments.declare_options(&["tests/accepted".into()], 1, Settings::default());
    assert_eq!(arguments.listing(&options), Ok(format!("{name}: test\n")));
}

#[test]
fn a_list_of_features_that_are_refused_is_refused() {
    let arguments = parsed("--list --format terse --features tests/refused/names.feature");
    let options = arguments.declare_options(&[], 1, Settings::default());
    assert!(matches!(arguments.listing(&options), Err(DeclareError::Refused(_))));
}

/// What `chimp` ends with and complains.
fn chimp(arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_chimp")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn where_nothing_is_to_run_a_plan_ends_as_a_run_does() {
    let (code, said) = chimp(&["plan", "features/card.feature", "--tags", "@nosuch"]);
    assert_eq!(code, Some(7), "{said}");
}

#[test]
fn an_environment_that_there_is_not_is_refused_with_what_named_it() {
    let (code, said) = chimp(&["run", "features/card.feature", "--on", "mars"]);
    assert_eq!(
        (code, said.as_str()),
        (
            Some(2),
            "chimp: --on: there is no environment `mars`\n  help: known environments: `local`, `testbed`, `inventory`, `compose`, `swarm`, `openstack`, `ec2`, `site`\n"
        )
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chimp.toml");
    std::fs::write(&file, "[environment]\non = \"locale\"\n").unwrap();
    let (code, said) = chimp(&["plan", "features/card.feature", "--config", file.to_str().unwrap()]);
    let by = format!("chimp: {}: `on` of `[environment]`: there is no environment `locale`", file.display());
    assert!(code == Some(2) && said.starts_with(&by) && said.contains("did you mean `local`?"), "{said}");
}

#[test]
fn an_environment_that_can_t_carry_a_scenario_out_is_refused_with_what_would_be_needed() {
    let testbed = "needs an environment that can boot servers, and `testbed` can't\n  help: environments that can: `local`, `openstack`, `ec2`\n";
    let inventory = "declares servers, and an inventory's are there already\n  help: name the inventory whose servers it \
                     runs on: `--on inventory=FILE`\n";
    for (verb, environment, refused) in [("plan", "testbed", testbed), ("run", "inventory", inventory)] {
        let (code, said) = chimp(&[verb, "features/card.feature", "--on", environment]);
        assert!(code == Some(2) && said.contains("features/card.feature:6: `The highest-degree node dies`"), "{said}");
        assert!(said.contains(refused) && said.ends_with("nothing was touched\n"), "{said}");
    }
}

#[test]
fn a_plan_notes_what_a_run_would_skip() {
    let (code, said) = chimp(&["plan", "features/card.feature", "--on", "ec2"]);
    let note = "note: features/card.feature:6: a run would skip it: its servers share the address `www`";
    assert!(code == Some(0) && said.contains(note) && said.contains("virtual_ips = \"elastic\""), "{said}");
    let (code, said) = chimp(&["plan", "features/power.feature", "--on", "openstack"]);
    assert!(code == Some(0) && !said.contains("skip"), "{said}");
}

/// What a plan of a feature in an environment ends with and says, standard output first, with a file of settings.
fn planned(feature: &str, settings: &str, on: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("any.feature"), feature).unwrap();
    std::fs::write(path("chimp.toml"), settings).unwrap();
    let mut plan = std::process::Command::new(env!("CARGO_BIN_EXE_chimp"));
    let words = ["plan", &path("any.feature"), "--on", on, "--config", &path("chimp.toml"), "--seed", "7"];
    let output = plan.args(words).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), said.replace(&path(""), ""))
}

/// A feature and a file of settings, and where they are complained of.
fn complained(feature: &str, settings: &str) -> String {
    let (code, said) = planned(feature, settings, "ec2");
    assert_eq!(code, Some(2), "{said}");
    said
}

/// Two webservers behind a balancer in two zones; one of them is struck so.
fn struck(how: &str) -> String {
    format!(
        "Feature: Any\n  Scenario: It dies\n    Given 2 webservers behind a load balancer\n    And the nodes are spread over 2 zones\n    \
         When node \"web-1\" dies\n    Then recovery < 8 min\n  Scenario: Something else\n    \
         Given 2 webservers behind a load balancer\n    When node \"web-1\" {how}\n    Then recovery < 8 min\n"
    )
}

const ON_EC2: &str = "[ec2]\nimage = \"ami-1\"\nzones = { a = \"eu-central-1a\", b = \"subnet-1\" }\n";

#[test]
fn a_scenario_that_asks_for_what_an_environment_lacks_is_skipped_and_the_others_are_not() {
    let (code, said) = planned(&struck("hangs for 2 s"), ON_EC2, "ec2");
    let note = "note: any.feature:7: a run would skip it: `node \"web-1\" hangs for 2 s` (line 9) needs an environment that can freeze \
                a server, and `ec2` can't; `local`, `inventory`, `compose`, `swarm`, `openstack` can\n";
    assert!(code == Some(0) && said.contains(note) && said.matches("would skip it").count() == 1, "{said}");
    let rackspace = "[openstack]\nprofile = \"rackspace\"\n";
    let (code, said) = planned(&struck("is isolated for 2 s"), rackspace, "openstack");
    let note = "any.feature:7: a run would skip it: `node \"web-1\" is isolated for 2 s` (line 9) needs";
    assert!(code == Some(0) && said.contains(note), "{said}");
    let scaled = struck("dies").replacen("    When", "    And Auto Scaling replaces the webservers\n    When", 1);
    let (code, said) = planned(&scaled, "", "local");
    let note = "any.feature:2: a run would skip it: `Auto Scaling replaces the webservers` (line 5) needs";
    assert!(code == Some(0) && said.contains(note) && said.contains("; `ec2` can; leave it out"), "{said}");
    let (code, said) = planned(&struck("dies"), "\n[auto_scaling]\nreplaces = [\"webserver\"]\n", "local");
    let refused = "chimp.toml:3: `auto_scaling.replaces` needs an environment that can replace servers by Auto Scaling";
    assert!(code == Some(2) && said.starts_with(refused) && said.contains("1 error; nothing was touched"), "{said}");
}

#[test]
fn what_a_cloud_needs_and_the_settings_lack_is_refused_before_it_is_asked() {
    let dies = struck("dies");
    let said = complained(&dies, "[load]\nusers = 3\n\n[ec2]\nzones = { a = \"subnet-1\", b = \"subnet-2\" }\n");
    let help =
        "name one under `[ec2]` by its id or name, `image = \"ami-…\"`: it must have Debian's packages and cloud-init";
    let image = "`ec2.image`: it is not set, and EC2 has no image of its own choice";
    assert_eq!(said, format!("chimp.toml:4: {image}\n  help: {help}\n1 error; nothing was touched\n"));
    let said = complained(&dies, "[ec2]\nimage = \"\"\n");
    assert!(said.starts_with("chimp: chimp.toml:2:9: `ec2.image`: found an empty text, expected"), "{said}");
    let said = complained(&dies, "[ec2]\nimage = \"ami-1\"\nzones = { a = \"eu-central-1a\" }\n");
    let zone = "chimp.toml:3: `ec2.zones`: nothing stands for the zone `b`, in which any.feature:2 has servers\n  help: add `b = \"…\"`";
    assert!(said.starts_with(zone), "{said}");
    let (code, said) =
        planned(&dies, "[openstack]\nprofile = \"rackspace\"\nsecurity_groups = [\"site\"]\n", "openstack");
    assert!(code == Some(2) && said.starts_with("chimp.toml:3: `openstack.security_groups`: a cloud of"), "{said}");
}

#[test]
fn a_plan_in_a_cloud_shows_which_zones_stand_for_those_of_servers_and_notes_the_others() {
    let zones = ON_EC2.replace(" }", ", c = \"subnet-2\" }");
    let (code, said) = planned(&struck("dies"), &zones, "ec2");
    let shown =
        "  zone     a, for which eu-central-1a stands: lb-1, web-2\n  zone     b, for which subnet-1 stands: web-1\n";
    assert!(code == Some(0) && said.matches(shown).count() == 1, "{said}");
    let note = "note: chimp.toml:3: `ec2.zones.c`: no scenario here has servers in a zone `c`\n";
    assert!(said.contains(note), "{said}");
    let (code, said) = planned(&struck("dies"), "", "openstack");
    assert!(code == Some(0) && said.contains("  zone     a, for which a stands: "), "{said}");
    let (code, said) = planned(&struck("dies"), "", "local");
    assert!(code == Some(0) && !said.contains("  zone "), "{said}");
}

#[test]
fn a_cloud_that_nothing_describes_is_the_same_mistake_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("any.feature"), struck("dies")).unwrap();
    std::fs::write(at("chimp.toml"), "[ec2]\nimage = \"ami-1\"\nzones = { a = \"subnet-1\", b = \"subnet-2\" }\n")
        .unwrap();
    let ended = |words: &str| {
        let mut chimp = std::process::Command::new(env!("CARGO_BIN_EXE_chimp"));
        chimp
            .env_clear()
            .env("HOME", folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(folder.path());
        let output = chimp.args(words.split(' ')).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    for words in [
        "run any.feature --on openstack=nowhere",
        "attack random --on openstack=nowhere",
        "down --on openstack=nowhere --run 7",
        "doctor --on openstack=nowhere",
        "run any.feature --on ec2=nowhere",
        "down --on ec2=nowhere --run 7",
        "doctor --on ec2=nowhere",
    ] {
        let (code, said) = ended(words);
        let told = said.contains("no file describes a cloud") || said.contains("nowhere") && said.contains("profile");
        assert!(code == Some(2) && told, "{words}: {code:?} {said}");
    }
}

#[test]
fn where_no_on_is_given_the_settings_name_the_environment_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let ended = |on: &str, words: &str| {
        std::fs::write(folder.path().join("chimp.toml"), format!("[environment]\non = \"{on}\"\n")).unwrap();
        let mut chimp = std::process::Command::new(env!("CARGO_BIN_EXE_chimp"));
        chimp
            .env_clear()
            .env("HOME", folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(folder.path());
        let output = chimp.args(words.split(' ')).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    for (on, words, told) in [
        ("openstack=nowhere", "attack random --dry-run", "no file describes a cloud"),
        ("openstack=nowhere", "doctor", "no file describes a cloud"),
        ("openstack=nowhere", "down --run 7 --dry-run", "no file describes a cloud"),
        ("openstack=nowhere", "down", "nothing says which runs are meant in the environment `openstack`"),
        (
            "openstack",
            concat!("reconcile ", env!("CARGO_MANIFEST_DIR"), "/fixtures/infrastructures/two-zones.yaml"),
            "chimp.toml: `on` of `[environment]`: in a cloud only scenarios replace servers",
        ),
        ("ec2", "attack random", "chimp.toml: `on` of `[environment]`: nothing but a scenario finds servers in EC2"),
        ("ec2=nowhere", "doctor", "nowhere"),
        ("mars", "doctor", "chimp.toml: `on` of `[environment]`: `mars` is nothing that can be checked"),
        ("mars", "down", "chimp.toml: `on` of `[environment]`: there is no environment `mars`"),
        ("mars", "attack random", "chimp.toml: `on` of `[environment]`: there is no environment `mars`"),
    ] {
        let (code, said) = ended(on, words);
        assert!(code == Some(2) && said.contains(told), "{on}: {words}: {code:?} {said}");
    }
    let (code, said) = ended("local", "down");
    assert!(code == Some(0) && said.starts_with("local: its servers end with the run"), "{said}");
    assert!(said.contains("a testbed is ended by `chimp down --on testbed`"), "{said}");
    let (code, said) = ended("openstack=nowhere", "down --testbed nothing.sock");
    assert!(code == Some(3) && said.contains("no testbed answers at nothing.sock"), "{said}");
    let (_, said) = ended("openstack=nowhere", "doctor --on local");
    assert!(said.contains("scenarios can"), "what is given counts: {said}");
}

#[test]
fn what_auto_scaling_can_t_replace_is_refused_where_that_is_written() {
    let feature = "Feature: Any\n  Scenario: Any\n    Given 2 webservers behind a load balancer\n\
                   STEPS    When node \"web-1\" dies\n    Then recovery < 8 min\n";
    let config = "[ec2]\nimage = \"ami-1\"\n";
    let steps = "    And 1 spare webserver\n    And Auto Scaling replaces the webservers\n";
    let said = complained(&feature.replace("STEPS", steps), config);
    assert!(said.starts_with("any.feature:5: Auto Scaling can't replace these servers: web-3 is a spare"), "{said}");
    let said =
        complained(&feature.replace("STEPS", ""), &format!("{config}[auto_scaling]\nreplaces = [\"webservr\"]\n"));
    assert!(said.starts_with("chimp.toml:4: no server here is called `webservr`"), "{said}");
}

#[test]
fn a_folder_that_is_no_bundle_is_refused_with_what_would_be_one() {
    let folder = tempfile::tempdir().unwrap();
    for verb in ["report", "replay"] {
        let (code, said) = chimp(&[verb, folder.path().to_str().unwrap()]);
        assert!(
            code == Some(2) && said.contains("there is no recorded plan\n  help: name the folder"),
            "{verb}: {said}"
        );
    }
}
