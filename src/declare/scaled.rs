//! Whether Auto Scaling can replace the servers that are left to it: it launches each by a template that was made before the first fault,
//! and does no more than that.

use std::path::Path;

use super::check::called;
use super::error::{Problem, ProblemKind};
use super::listing::{self, Listed};
use crate::infrastructure::Infrastructure;
use crate::settings::lines::line_of;
use crate::settings::{Settings, auto_scaling};
use crate::text;
use crate::units::show_duration;

/// Why a replacement that Auto Scaling launches would not be what its predecessor was: at the step that leaves servers to it, else
/// where the settings do.
pub(super) fn wrong(
    listed: &Listed,
    infrastructure: &Infrastructure,
    settings: &Settings,
    config: Option<&Path>,
) -> Option<Problem> {
    let why = makes_sense(infrastructure, settings).err()?;
    let steps = listed.steps.iter().map(|step| listing::step_text(&step.step));
    let step = steps.into_iter().find(|step| step.text.starts_with(auto_scaling::STEP));
    let (file, line) = match (step, config) {
        (Some(step), _) => (listed.file.path.as_path(), Some(step.line)),
        (None, Some(config)) => {
            (config, line_of(&text::read(config).unwrap_or_default(), &["auto_scaling", "replaces"]))
        }
        (None, None) => (listed.file.path.as_path(), Some(listed.line)),
    };
    Some(Problem {
        file: Some(file.into()),
        line,
        column: None,
        kind: ProblemKind::Meaning,
        detail: why,
        used_at: Vec::new(),
    })
}

/// # Errors
/// In words, with a hint.
fn makes_sense(infrastructure: &Infrastructure, settings: &Settings) -> Result<(), String> {
    for word in &settings.auto_scaling.replaces {
        called(infrastructure, word)?;
    }
    let scaled = settings.auto_scaling.servers(infrastructure);
    if scaled.is_empty() {
        return Ok(());
    }
    let servers = || infrastructure.servers.values();
    if let Some(database) = scaled.iter().find(|server| infrastructure.databases.has(server)) {
        let why = format!("{database} is a database, and only the reconciler gives a replacement its data");
        return Err(refused(&why, "name the roles without data: `Auto Scaling replaces the webservers`"));
    }
    if let Some(spare) = servers().find(|server| server.spare) {
        let why = format!("{} is a spare, and what takes a place is in no launch template", spare.name);
        return Err(refused(&why, "leave the spares out, or let the reconciler replace all servers"));
    }
    if settings.config_agent.enabled {
        let why = "a config agent is to give replacements their roles, and the launch template has them already";
        return Err(refused(why, "leave the config agent out, or let the reconciler replace all servers"));
    }
    let slow = servers().find(|server| scaled.contains(&server.name) && !server.boot_delay.is_zero());
    match slow.or_else(|| servers().find(|server| scaled.contains(&server.name) && !server.install_delay.is_zero())) {
        None => Ok(()),
        Some(server) => {
            let takes = show_duration(server.boot_delay + server.install_delay);
            let why = format!("{} is declared to take {takes} to boot, and EC2 boots as fast as it does", server.name);
            Err(refused(&why, "leave out what it takes, or let the reconciler replace it"))
        }
    }
}

fn refused(why: &str, hint: &str) -> String {
    format!("Auto Scaling can't replace these servers: {why}\n  help: {hint}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::infrastructure::{Delay, Draft};

    /// What is said of two webservers that Auto Scaling replaces.
    fn said(change: impl FnOnce(&mut Draft, &mut Settings)) -> String {
        let (mut draft, mut settings) = (Draft::default(), Settings::default());
        draft.behind(2, "webserver", 1, "load balancer").unwrap();
        settings.auto_scaling.replace("webserver");
        change(&mut draft, &mut settings);
        makes_sense(&draft.build().unwrap(), &settings).err().unwrap_or_default()
    }

    #[test]
    fn what_a_launch_template_does_not_hold_is_refused() {
        assert_eq!(said(|_, _| {}), "");
        let minute = Duration::from_secs(60);
        let boots = |role: &'static str| said(move |draft, _| draft.delay(Delay::Boot, role, minute).unwrap());
        assert!(boots("webserver").contains("web-1 is declared to take 1 min to boot"));
        assert_eq!(boots("load balancer"), "", "the reconciler replaces it");
        assert!(said(|draft, _| draft.spares(1, "webserver").unwrap()).contains("web-3 is a spare"));
        assert!(said(|_, settings| settings.config_agent.enabled = true).contains("config agent"));
        assert!(said(|_, settings| settings.auto_scaling.replace("cache")).contains("`cache`"));
    }
}
