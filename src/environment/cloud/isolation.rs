//! A server that no packet reaches: its ports have a group without rules, and get back the groups that they had.
//!
//! What is needed to undo it is told by [`Isolation`], also to another process.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::provider::ProviderError;

/// Where a cloud's servers are plugged into its network, and which security groups decide there what passes.
#[async_trait]
pub(in crate::environment) trait Ports: Send + Sync {
    /// The ids of a port's groups; `None`: there is no such port any more.
    async fn groups(&self, port: &str) -> Result<Option<Vec<String>>, ProviderError>;
    /// Gives a port these groups and no others. Idempotent.
    async fn give(&self, port: &str, groups: &[String]) -> Result<(), ProviderError>;
}

/// A cloud whose servers are isolated by the groups of their ports.
#[async_trait]
pub(in crate::environment) trait Isolates: Ports {
    /// What isolates a server. Nothing is made or changed yet.
    async fn isolation(&self, id: &str, name: &str) -> Result<Isolation, ProviderError>;
    /// The id of the group that lets nothing pass, which is made if it is missing.
    async fn empty_group(&self) -> Result<String, ProviderError>;
    /// The same where it was made, by this process or by one that was killed; `None`: it was not.
    async fn find_empty_group(&self) -> Result<Option<String>, ProviderError>;
    /// The words by which this program is asked to end it.
    fn undo_isolation(&self, id: &str, isolation: &Isolation) -> Vec<String>;
}

/// What the ports of a server have when nothing isolates it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::environment) struct Isolation {
    /// The id of the group that lets nothing pass, in journals of older versions. Now this is recorded before the group is made, whose mark
    /// leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<String>,
    /// All ports of the server.
    pub ports: Vec<OwnGroups>,
}

/// A port, and the ids of its own groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::environment) struct OwnGroups {
    pub port: String,
    pub groups: Vec<String>,
}

impl Isolation {
    /// The group that lets nothing pass; `None`: it was never made, so no port has it.
    ///
    /// # Errors
    /// The cloud can't be asked.
    pub async fn made(&self, by: &dyn Isolates) -> Result<Option<String>, ProviderError> {
        match &self.empty {
            Some(empty) => Ok(Some(empty.clone())),
            None => by.find_empty_group().await,
        }
    }

    /// Gives every port the empty group and no other. Idempotent.
    ///
    /// # Errors
    /// A port or the group is not there any more, or the cloud can't be asked; some ports may have it then.
    pub async fn begin(&self, ports: &(impl Ports + ?Sized), empty: &str) -> Result<(), ProviderError> {
        for own in &self.ports {
            ports.give(&own.port, &[empty.into()]).await?;
        }
        Ok(())
    }

    /// Takes the empty group from every port that still has it, and gives back its own ones; groups that it got meanwhile stay. A
    /// port that is gone, or has been given other groups, is left alone. Idempotent.
    ///
    /// # Errors
    /// All that failed, after all were tried: a group is not there any more, or the cloud can't be asked.
    pub async fn end(&self, ports: &(impl Ports + ?Sized), empty: &str) -> Result<(), ProviderError> {
        let mut failed = Vec::new();
        for own in &self.ports {
            failed.extend(give_back(ports, own, empty).await.err());
        }
        ProviderError::of_all(failed)
    }
}

async fn give_back(ports: &(impl Ports + ?Sized), own: &OwnGroups, empty: &str) -> Result<(), ProviderError> {
    let Some(now) = ports.groups(&own.port).await? else { return Ok(()) };
    if !now.iter().any(|group| group == empty) {
        return Ok(());
    }
    let more = now.into_iter().filter(|group| group != empty && !own.groups.contains(group));
    let groups: Vec<String> = own.groups.iter().cloned().chain(more).collect();
    match ports.give(&own.port, &groups).await {
        // It may have gone with its server in between.
        Err(_) if ports.groups(&own.port).await?.is_none() => Ok(()),
        given => given,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    /// Ports with their groups, one of which may refuse to be given any.
    #[derive(Default)]
    struct Fake {
        all: Mutex<BTreeMap<String, Vec<String>>>,
        refuses: Option<&'static str>,
        given: Mutex<usize>,
    }

    #[async_trait]
    impl Ports for Fake {
        async fn groups(&self, port: &str) -> Result<Option<Vec<String>>, ProviderError> {
            Ok(self.all.lock().unwrap().get(port).cloned())
        }

        async fn give(&self, port: &str, groups: &[String]) -> Result<(), ProviderError> {
            *self.given.lock().unwrap() += 1;
            let mut all = self.all.lock().unwrap();
            match all.get_mut(port).filter(|_| self.refuses != Some(port)) {
                Some(own) => own.clone_from(&groups.to_vec()),
                None => return Err(ProviderError::Agent(format!("{port} refuses"))),
            }
            Ok(())
        }
    }

    fn texts(groups: &[&str]) -> Vec<String> {
        groups.iter().map(ToString::to_string).collect()
    }

    fn isolation() -> Isolation {
        let own = |port: &str, groups: &[&str]| OwnGroups { port: port.into(), groups: texts(groups) };
        Isolation { empty: None, ports: vec![own("p-1", &["default", "web"]), own("p-2", &[])] }
    }

    impl Fake {
        fn own() -> Fake {
            let all = isolation().ports.into_iter().map(|own| (own.port, own.groups)).collect();
            Fake { all: Mutex::new(all), ..Fake::default() }
        }

        fn set(&self, port: &str, groups: &[&str]) {
            self.all.lock().unwrap().insert(port.into(), texts(groups));
        }

        fn shown(&self) -> Vec<String> {
            self.all.lock().unwrap().values().map(|groups| groups.join(",")).collect()
        }
    }

    #[tokio::test]
    async fn each_port_has_the_empty_group_alone_and_gets_its_own_ones_back() {
        let ports = Fake::own();
        for _ in 0..2 {
            isolation().begin(&ports, "empty").await.unwrap();
            assert_eq!(ports.shown(), ["empty", "empty"]);
        }
        // Another process undoes it, by what it was handed as a text.
        let handed: Isolation = serde_json::from_str(&serde_json::to_string(&isolation()).unwrap()).unwrap();
        handed.end(&ports, "empty").await.unwrap();
        assert_eq!(ports.shown(), ["default,web", ""]);
        let before = *ports.given.lock().unwrap();
        isolation().end(&ports, "empty").await.unwrap();
        assert_eq!(*ports.given.lock().unwrap(), before, "it was undone before");
    }

    #[tokio::test]
    async fn what_became_of_a_port_meanwhile_is_respected() {
        let ports = Fake::own();
        ports.set("p-1", &["empty", "more"]);
        ports.set("p-2", &["another"]);
        isolation().end(&ports, "empty").await.unwrap();
        assert_eq!(ports.shown(), ["default,web,more", "another"]);
        ports.all.lock().unwrap().remove("p-1");
        ports.set("p-2", &["empty"]);
        isolation().end(&ports, "empty").await.unwrap();
        assert_eq!(ports.shown(), [""], "one that is gone keeps no other from its groups");
    }

    #[tokio::test]
    async fn one_port_that_can_t_be_given_its_groups_keeps_no_other_from_them() {
        let ports = Fake { refuses: Some("p-1"), ..Fake::own() };
        ports.set("p-1", &["empty"]);
        ports.set("p-2", &["empty"]);
        let why = isolation().end(&ports, "empty").await.unwrap_err().to_string();
        assert_eq!((why.as_str(), ports.shown()), ("p-1 refuses", texts(&["empty", ""])));
    }
}
