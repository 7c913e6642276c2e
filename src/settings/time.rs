//! `[config_agent]` and `[time]`: who configures replacements, and how fast declared waits pass.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::units::duration;

/// `[config_agent]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigAgentSettings {
    /// Whether there is one. Default no: a replacement boots with its role. With one it boots unconfigured, and becomes what its
    /// role says at the agent's next run.
    pub enabled: bool,
    /// How often it runs on every server. Default 1 min, as the paper's cron job.
    #[serde(with = "duration::positive")]
    pub every: Duration,
}

impl Default for ConfigAgentSettings {
    fn default() -> Self {
        ConfigAgentSettings { enabled: false, every: Duration::from_secs(60) }
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
    fn time_does_not_stand_still() {
        let why = toml::from_str::<TimeSettings>("faster = 0").unwrap_err().to_string();
        assert!(why.contains("write 1 or more"), "{why}");
    }
}
