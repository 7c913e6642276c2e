//! The settings that were in force, one a line, and which of them were not the defaults.

use serde::Serialize;
use serde_json::Value;

use crate::settings::Settings;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// As in `chimp.toml`: `load.rate`.
    pub name: String,
    pub value: String,
    /// The default, where it was changed.
    pub default: Option<String>,
}

/// The sections that say how servers are made and repaired.
const OF_SERVERS: [&str; 6] = ["balancer.", "config_agent.", "database.", "final_state.", "reconciler.", "time."];

/// Every setting in the order of `chimp.toml`'s sections and names; where servers were there already, without those that
/// say how servers are made.
pub fn in_force(settings: &Settings, attached: bool) -> Vec<Setting> {
    let (used, defaults) = (flat(settings), flat(&Settings::default()));
    let default_of = |name: &str| defaults.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    used.into_iter()
        .filter(|(name, _)| !attached || !OF_SERVERS.iter().any(|section| name.starts_with(section)))
        .map(|(name, value)| {
            let default = default_of(&name).filter(|default| *default != value);
            Setting { name, value, default }
        })
        .collect()
}

fn flat(settings: &Settings) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    // Settings hold no maps but those with text keys, so this can't fail; if it did, no setting would be shown.
    flatten("", &serde_json::to_value(settings).unwrap_or_default(), &mut lines);
    lines
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, lines);
            }
        }
        // A section in which nothing is set.
        Value::Object(_) if !prefix.contains('.') => {}
        Value::Object(_) | Value::Null => lines.push((prefix.into(), "none".into())),
        Value::String(text) => lines.push((prefix.into(), text.clone())),
        Value::Array(items) if items.is_empty() => lines.push((prefix.into(), "none".into())),
        other => lines.push((prefix.into(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_changed_setting_shows_its_default() {
        let mut settings = Settings::default();
        settings.balancer.advert = Duration::from_secs(1);
        let all = in_force(&settings, false);
        let advert = all.iter().find(|setting| setting.name == "balancer.advert").unwrap();
        assert_eq!((advert.value.as_str(), advert.default.as_deref()), ("1s", Some("50ms")));
        assert_eq!(all.iter().filter(|setting| setting.default.is_some()).count(), 1);
        assert!(all.iter().any(|setting| setting.name == "load.rate" && setting.value == "500.0"));
        assert!(all.iter().any(|setting| setting.name == "request.headers" && setting.value == "none"));
        assert!(all.iter().all(|setting| setting.name.contains('.')), "a section alone is no setting");
        let attached = in_force(&settings, true);
        assert!(attached.iter().any(|setting| setting.name == "load.rate"));
        assert!(!attached.iter().any(|setting| setting.name.starts_with("balancer.")), "the site's own are not known");
    }
}
