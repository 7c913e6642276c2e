//! The containers of a Compose project, which runs while they are looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{run, stderr};

/// A project of three servers. It ends with this.
pub struct Project {
    file: PathBuf,
}

impl Project {
    pub fn up() -> Project {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/docker/projects/three/docker-compose.yml");
        let project = Project { file };
        project.compose(&["up", "-d"]);
        project
    }

    /// As a journal stores it.
    pub fn place(&self) -> Value {
        let socket = std::env::var("DOCKER_HOST").unwrap();
        let socket = socket.strip_prefix("unix://").unwrap();
        json!({ "socket": socket, "file": self.file, "project": "three", "settings": { "attack": ["web"] } })
    }

    /// As `--on` names it.
    pub fn on(&self) -> String {
        format!("compose={}", self.file.display())
    }

    fn compose(&self, words: &[&str]) {
        let output = run(Command::new("docker-compose").arg("-f").arg(&self.file).args(words));
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.compose(&["down", "-t", "0"]);
    }
}
