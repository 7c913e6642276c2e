//! `--on`, or `on` of the settings: where the servers are that a command attacks or keeps. They are there already.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Refused;
use super::what::{NamedBy, set_in};
use crate::environment;
use crate::testbed::SOCKET;

/// Where the servers are.
#[derive(Debug, Clone, Args)]
pub(super) struct OnPlace {
    /// The environment of the servers: `testbed`, `testbed=SOCKET`, `inventory=FILE` or, for attacks, `compose[=FILE]`, whose services under
    /// `attack` of `[compose]` in `chimp.toml` are meant, `swarm=STACK`, whose under `attack` of `[swarm]` are, and `openstack[=CLOUD]`, whose servers with the tag `chimp:attack` are. Default: `on` of `[environment]` in `chimp.toml`, else `testbed`, at the socket at which `chimp up`
    /// listens by default.
    // Several only because `attack fault` once named its victims so.
    #[arg(long, alias = "provider", value_name = "NAME[=VALUE]")]
    on: Vec<String>,
    /// The control socket of `chimp up`, as `--on testbed=PATH`.
    #[arg(long, alias = "keeper", value_name = "PATH")]
    testbed: Option<PathBuf>,
    /// The older spelling of `--on inventory=FILE`.
    #[arg(long, hide = true, value_name = "FILE", conflicts_with = "testbed")]
    inventory: Option<PathBuf>,
}

/// A place whose servers are there already.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// The control socket of a testbed.
    Testbed(PathBuf),
    /// The file of an inventory.
    Inventory(PathBuf),
    /// A Compose file; empty: that of the working directory.
    Compose(String),
    /// A stack's name.
    Swarm(String),
    /// The name of a cloud; empty: the one that the variables `OS_*` mean.
    OpenStack(String),
}

impl OnPlace {
    /// The place; where nothing names it, that of the settings in this file.
    ///
    /// # Errors
    /// An environment that there is not, more than one, or one that has no servers of its own; settings with mistakes.
    pub(super) fn ground(&self, config: Option<&Path>) -> Result<Ground, Refused> {
        let refused = |why| Refused::Environment("--on".into(), why);
        let named = self.named().map_err(refused)?;
        if named.is_empty() && self.testbed.is_none() && self.inventory.is_none() {
            return match NamedBy::find(None, config)? {
                Some(by) => self.read(&by.on).map_err(|why| by.refused(why)),
                None => Ok(Ground::Testbed(SOCKET.into())),
            };
        }
        self.read(named).map_err(refused)
    }

    /// Why the place can't be used, with what names it.
    pub(super) fn refused(&self, config: Option<&Path>, why: &str) -> Refused {
        let is_given = self.on.iter().any(|named| is_place(named));
        Refused::Environment(if is_given { "--on".into() } else { set_in(config) }, why.into())
    }

    /// What `--on` names besides the place: the victims, in the older spelling of `attack fault`.
    pub(super) fn servers(&self) -> impl Iterator<Item = &String> {
        self.on.iter().filter(|named| !is_place(named))
    }

    /// Refuses `--on` with anything but a place.
    ///
    /// # Errors
    /// There is no such environment.
    pub(super) fn only_a_place(&self) -> Result<(), Refused> {
        let other = self.servers().next().map(|named| environment::on(named).map(drop));
        other.unwrap_or(Ok(())).map_err(|why| Refused::Environment("--on".into(), why))
    }

    /// The place that `--on` names; empty: none.
    fn named(&self) -> Result<&str, String> {
        let named: Vec<&String> = self.on.iter().filter(|named| is_place(named)).collect();
        match named.as_slice() {
            [] => Ok(""),
            [one] => Ok(one),
            _ => Err("it is given more than once\n  help: name one environment".into()),
        }
    }

    fn read(&self, named: &str) -> Result<Ground, String> {
        let (kind, value) = match named {
            "" => ("", String::new()),
            named => environment::on(named).map(|on| (on.kind.name(), on.value))?,
        };
        let file = Some(PathBuf::from(&value)).filter(|_| !value.is_empty());
        match (kind, file, &self.inventory, &self.testbed) {
            ("inventory", Some(file), None, None) => Ok(Ground::Inventory(file)),
            ("" | "inventory", None, Some(file), _) => Ok(Ground::Inventory(file.clone())),
            ("inventory", None, None, _) => Err("no file follows `inventory`\n  help: write `inventory=FILE`".into()),
            ("testbed", Some(socket), None, None) => Ok(Ground::Testbed(socket)),
            ("" | "testbed", None, None, socket) => {
                Ok(Ground::Testbed(socket.clone().unwrap_or_else(|| Path::new(SOCKET).into())))
            }
            ("compose", _, None, None) => Ok(Ground::Compose(value)),
            ("swarm", _, None, None) => Ok(Ground::Swarm(value)),
            ("openstack", _, None, None) => Ok(Ground::OpenStack(value)),
            ("inventory" | "testbed" | "compose" | "swarm" | "openstack", ..) => {
                Err("the place is named twice\n  help: leave out `--testbed` and `--inventory`".into())
            }
            ("ec2", ..) => Err(
                "nothing but a scenario finds servers in EC2\n  help: list yours in an inventory, and name `inventory=FILE`".into(),
            ),
            (kind, ..) => Err(format!(
                "the servers of `{kind}` end with the scenario that booted them\n  help: name `testbed`, which `chimp up` keeps up, `inventory=FILE`, `compose=FILE`, `swarm=STACK` or `openstack`"
            )),
        }
    }
}

/// Whether it is an environment and no server.
fn is_place(named: &str) -> bool {
    named.contains('=') || environment::named(named).is_ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Any {
        #[command(flatten)]
        at: OnPlace,
    }

    fn at(words: &str) -> OnPlace {
        Any::try_parse_from(["any"].into_iter().chain(words.split_whitespace())).unwrap().at
    }

    fn ground(words: &str) -> Result<Ground, String> {
        let folder = tempfile::tempdir().unwrap();
        let nothing = folder.path().join("chimp.toml");
        std::fs::write(&nothing, "").unwrap();
        at(words).ground(Some(&nothing)).map_err(|why| why.to_string())
    }

    #[test]
    fn where_nothing_names_a_place_the_settings_do() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("chimp.toml");
        let set = |on: &str, words: &str| {
            std::fs::write(&config, format!("[environment]\non = \"{on}\"\n")).unwrap();
            let ground = at(words).ground(Some(&config));
            ground.map_err(|why| why.to_string().replace(&format!("{}/", folder.path().display()), ""))
        };
        assert_eq!(set("openstack=x", ""), Ok(Ground::OpenStack("x".into())));
        assert_eq!(set("inventory=a.yaml", ""), Ok(Ground::Inventory("a.yaml".into())));
        assert_eq!(set("openstack=x", "--on testbed"), Ok(Ground::Testbed(SOCKET.into())));
        assert_eq!(set("openstack=x", "--testbed a.sock"), Ok(Ground::Testbed("a.sock".into())));
        assert_eq!(set("openstack=x", "--inventory a.yaml"), Ok(Ground::Inventory("a.yaml".into())));
        assert_eq!(
            set("openstack=x", "--on web-1"),
            Ok(Ground::OpenStack("x".into())),
            "the older spelling of a victim"
        );
        let why = set("local", "").unwrap_err();
        assert!(why.starts_with("chimp.toml: `on` of `[environment]`: the servers of `local` end with"), "{why}");
        let why = set("mars", "").unwrap_err();
        assert!(why.starts_with("chimp.toml: `on` of `[environment]`: there is no environment `mars`"), "{why}");
    }

    #[test]
    fn a_place_has_one_spelling_and_older_ones_are_read() {
        let inventory = || Ok(Ground::Inventory("a.yaml".into()));
        let testbed = |socket: &str| Ok(Ground::Testbed(socket.into()));
        for words in ["--on inventory=a.yaml", "--inventory a.yaml", "--provider inventory --inventory a.yaml"] {
            assert_eq!(ground(words), inventory(), "{words}");
        }
        for words in ["--on testbed=a.sock", "--testbed a.sock", "--provider testbed --testbed a.sock"] {
            assert_eq!(ground(words), testbed("a.sock"), "{words}");
        }
        assert_eq!(ground("--on compose=a.yml"), Ok(Ground::Compose("a.yml".into())));
        assert_eq!(ground("--on swarm=shop"), Ok(Ground::Swarm("shop".into())));
        let openstack = |cloud: &str| Ok(Ground::OpenStack(cloud.into()));
        assert_eq!((ground("--on openstack"), ground("--on openstack=x")), (openstack(""), openstack("x")));
        assert_eq!((ground(""), ground("--on testbed")), (testbed(SOCKET), testbed(SOCKET)));
    }

    #[test]
    fn what_is_no_one_place_is_refused() {
        let refused = |words: &str| ground(words).unwrap_err();
        assert!(refused("--on inventory").ends_with("help: write `inventory=FILE`"));
        assert!(refused("--on inventory=a.yaml --on inventory=b.yaml").contains("more than once"));
        assert!(refused("--on inventory=a.yaml --testbed a.sock").contains("named twice"));
        assert!(refused("--on local").contains("end with the scenario"), "{}", refused("--on local"));
        assert!(refused("--on ec2").contains("list yours in an inventory"), "{}", refused("--on ec2"));
        assert!(refused("--on invntory=a.yaml").contains("did you mean `inventory`?"));
    }

    #[test]
    fn a_server_that_is_named_in_the_older_spelling_is_told_from_a_place() {
        let old = at("--on web-1 --on inventory=a.yaml --on web-2");
        assert_eq!(old.servers().collect::<Vec<_>>(), ["web-1", "web-2"]);
        assert_eq!(old.ground(None).ok(), Some(Ground::Inventory("a.yaml".into())));
        assert!(old.only_a_place().is_err() && at("--on inventory=a.yaml").only_a_place().is_ok());
    }
}
