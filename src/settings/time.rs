//! `[config_agent]` and `[time]`: who configures replacements, and how fast declared waits pass.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::words;
use crate::infrastructure::PUPPET_SERVER;
use crate::units::duration;

/// `[config_agent]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "ConfigAgentForm")]
pub struct ConfigAgentSettings {
    /// Whether there is one. Default no, unless its kind is given: a replacement boots with its role. With one it boots
    /// unconfigured, and becomes what its role says at the agent's next run.
    pub enabled: bool,
    /// What makes servers what their roles say. Default the harness itself.
    #[serde(skip_serializing_if = "ConfigAgentKind::is_default")]
    pub kind: ConfigAgentKind,
    /// How often it runs on every server. Default 1 min, as the paper's cron job.
    #[serde(with = "duration::positive")]
    pub every: Duration,
}

/// What makes servers what their roles say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigAgentKind {
    /// The harness, over SSH.
    #[default]
    BuiltIn,
    /// Puppet's agent on each server, by what the Puppet server of the infrastructure compiles for it.
    Puppet,
}

impl ConfigAgentKind {
    fn is_default(&self) -> bool {
        *self == ConfigAgentKind::default()
    }
}

/// As it is written. A kind that is given is an agent that is wanted.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfigAgentForm {
    enabled: Option<bool>,
    #[serde(deserialize_with = "words::optional_of")]
    kind: Option<ConfigAgentKind>,
    #[serde(with = "duration::positive")]
    every: Duration,
}

impl Default for ConfigAgentForm {
    fn default() -> Self {
        ConfigAgentForm { enabled: None, kind: None, every: Duration::from_secs(60) }
    }
}

impl From<ConfigAgentForm> for ConfigAgentSettings {
    fn from(form: ConfigAgentForm) -> Self {
        let enabled = form.enabled.unwrap_or(form.kind.is_some());
        ConfigAgentSettings { enabled, kind: form.kind.unwrap_or_default(), every: form.every }
    }
}

impl Default for ConfigAgentSettings {
    fn default() -> Self {
        ConfigAgentForm::default().into()
    }
}

impl ConfigAgentSettings {
    /// Whether Puppet makes servers what their roles say.
    pub(crate) fn is_puppet(&self) -> bool {
        self.enabled && self.kind == ConfigAgentKind::Puppet
    }

    /// Whether an agent on this server reports when it is configured.
    pub(crate) fn reports(&self, server: &str) -> bool {
        self.is_puppet() && self.configures(server)
    }

    /// Whether the agent makes this server what its role says. Puppet's own server can't be made by Puppet.
    pub(crate) fn configures(&self, server: &str) -> bool {
        self.enabled && !(self.is_puppet() && server == PUPPET_SERVER)
    }
}

/// `[time]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeSettings {
    /// How many times faster declared waits pass than they are declared: boot, install, configure, the cadences of the
    /// reconciler and of the config agent. Nothing else is scaled. Default 1.
    #[serde(deserialize_with = "at_least_one")]
    pub faster: u32,
}

impl Default for TimeSettings {
    fn default() -> Self {
        TimeSettings { faster: 1 }
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("time can't run 0 times faster: write 1 or more")),
        faster => Ok(faster),
    }
}

impl TimeSettings {
    /// Whether declared waits are shorter than declared.
    pub fn is_scaled(&self) -> bool {
        self.faster > 1
    }

    /// What is really waited where this is declared.
    pub fn waited(&self, declared: Duration) -> Duration {
        declared / self.faster.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_divided() {
        assert_eq!(TimeSettings { faster: 20 }.waited(Duration::from_secs(180)), Duration::from_secs(9));
        assert_eq!(TimeSettings::default().waited(Duration::from_secs(180)), Duration::from_secs(180));
    }

    #[test]
    fn a_kind_that_is_given_is_an_agent_that_is_wanted() {
        let read = |text: &str| toml::from_str::<ConfigAgentSettings>(text).unwrap();
        assert!(!read("every = \"1m\"").enabled);
        assert!(read("kind = \"puppet\"").is_puppet() && read("kind = \"built_in\"").enabled);
        let off = read("enabled = false\nkind = \"puppet\"");
        assert!(!off.is_puppet() && !off.configures("web-1"));
    }

    #[test]
    fn puppet_configures_every_server_but_its_own() {
        let agent = toml::from_str::<ConfigAgentSettings>("kind = \"puppet\"").unwrap();
        assert!(agent.configures("web-1") && !agent.configures("puppet"));
        let built_in = toml::from_str::<ConfigAgentSettings>("enabled = true").unwrap();
        assert!(built_in.configures("puppet") && !ConfigAgentSettings::default().configures("web-1"));
    }

    #[test]
    fn an_unknown_kind_is_refused_with_those_that_there_are() {
        let why = toml::from_str::<ConfigAgentSettings>("kind = \"chef\"").unwrap_err().to_string();
        assert!(why.contains("line 1") && why.contains("`built_in`") && why.contains("`puppet`"), "{why}");
    }

    #[test]
    fn time_does_not_stand_still() {
        let why = toml::from_str::<TimeSettings>("faster = 0").unwrap_err().to_string();
        assert!(why.contains("write 1 or more"), "{why}");
    }
}
