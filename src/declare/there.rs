//! A site that is there already, as a step names it.

use std::path::{Component, Path, PathBuf};

use super::world::{Declaration, StepError};
use crate::environment::{COMPOSE, INVENTORY, On, SITE, SWARM};
use crate::settings::{LoadSettings, Settings};

/// Where a scenario runs, which is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct There {
    /// The environment's name.
    pub environment: &'static str,
    /// What follows it: a file, relative to the working directory, a stack's name, or a URL.
    pub value: String,
    /// The step's line.
    pub line: usize,
}

impl There {
    /// As after `--on`.
    pub fn on(&self) -> String {
        format!("{}={}", self.environment, self.value)
    }

    /// Whether a run in this environment is on it.
    pub fn is(&self, on: &On) -> bool {
        let is_file = [INVENTORY, COMPOSE].contains(&self.environment);
        let is_same = || is_file && same_file(Path::new(&self.value), Path::new(&on.value));
        on.kind.name() == self.environment && (self.value == on.value || is_same())
    }

    /// Why no servers can be declared beside it, and what to do.
    pub fn refuses_servers(&self) -> (&'static str, &'static str) {
        match self.environment {
            SITE => (
                "nothing is known of the servers of a site but its URL",
                "leave it out, or list the servers in an inventory: `Given the inventory in \"FILE\"`",
            ),
            COMPOSE => (
                "the containers of a Compose project are what its file says",
                "leave it out; what steps call a service stands under `words` of `[compose]` in chimp.toml",
            ),
            SWARM => (
                "the tasks of a stack are what it was deployed as",
                "leave it out; what steps call a service stands under `words` of `[swarm]` in chimp.toml",
            ),
            _ => (
                "the servers of an inventory are there already, as they are",
                "leave it out; zones, tags, links and virtual IPs stand in the inventory's file",
            ),
        }
    }
}

/// The Givens that name a site that is there already.
impl Declaration {
    /// Runs the scenario on the servers of an inventory, which are there already. A relative path is relative to the
    /// feature.
    ///
    /// # Errors
    /// Servers that were declared before; a Given after the first When or Then; a path that is not UTF-8.
    pub fn inventory(&mut self, file: &str) -> Result<(), StepError> {
        let file = tidy(self.beside_the_feature(file));
        let Some(file) = file.to_str() else {
            let detail = format!("the path of this inventory is not UTF-8: {}", file.display());
            return Err(StepError::refused(detail, "rename the folder or the file, so that plans can name it"));
        };
        self.attach(INVENTORY, file.to_string())
    }

    /// Runs the scenario on the containers of a Compose project. A relative path is relative to the feature.
    ///
    /// # Errors
    /// As [`inventory`](Self::inventory).
    pub fn compose(&mut self, file: &str) -> Result<(), StepError> {
        let file = tidy(self.beside_the_feature(file)).display().to_string();
        self.attach(COMPOSE, file)
    }

    /// Runs the scenario on the tasks of a Swarm's stack.
    ///
    /// # Errors
    /// Servers that were declared before; a Given after the first When or Then.
    pub fn stack(&mut self, name: &str) -> Result<(), StepError> {
        self.attach(SWARM, name.into())
    }

    /// Only probes and loads the site at a URL, modestly where `chimp.toml` does not say otherwise.
    ///
    /// # Errors
    /// Servers that were declared before; a Given after the first When or Then.
    pub fn site(&mut self, url: &str) -> Result<(), StepError> {
        self.attach(SITE, url.into())?;
        modestly(&mut self.settings);
        Ok(())
    }

    fn attach(&mut self, environment: &'static str, value: String) -> Result<(), StepError> {
        self.before_any_act()?;
        if self.broken {
            self.provisioned = true;
            return Ok(());
        }
        if self.provisioned {
            let hint = "leave out the other step; a scenario runs on one site that is there, or on what it boots";
            return Err(StepError::refused("servers were declared before", hint));
        }
        self.provisioned = true;
        self.there = Some(There { environment, value, line: self.step.line });
        Ok(())
    }
}

/// Loads a site of which nothing more is known as gently as it is observed, where `chimp.toml` does not say otherwise.
fn modestly(settings: &mut Settings) {
    let usual = LoadSettings::default();
    let (load, observe) = (&mut settings.load, &settings.observe);
    if load.rate == usual.rate {
        load.rate = observe.rate;
    }
    if load.users == usual.users {
        load.users = 0;
    }
}

/// `features/../compose.yml` as `compose.yml`, unless that is another file, as where a folder is a link to one elsewhere.
fn tidy(path: PathBuf) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if matches!(tidied.components().next_back(), Some(Component::Normal(_))) => {
                tidied.pop();
            }
            Component::CurDir => {}
            other => tidied.push(other),
        }
    }
    if path.exists() && !same_file(&path, &tidied) { path } else { tidied }
}

fn same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
    one == other || whole(one) == whole(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_without_detours_unless_they_lead_elsewhere() {
        let shown = |path: &str| tidy(path.into()).display().to_string();
        assert_eq!(shown("features/../docker-compose.yml"), "docker-compose.yml");
        assert_eq!(shown("./a/b/../../../compose.yml"), "../compose.yml");
        assert_eq!(shown("/srv/./shop/../compose.yml"), "/srv/compose.yml");
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("there/features")).unwrap();
        std::fs::write(at("there/compose.yml"), "").unwrap();
        std::os::unix::fs::symlink(at("there/features"), at("linked")).unwrap();
        assert_eq!(
            tidy(at("linked/../compose.yml")),
            at("linked/../compose.yml"),
            "the folder is a link to one elsewhere"
        );
    }
}
