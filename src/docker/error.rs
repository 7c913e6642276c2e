//! Why the Docker Engine could not be asked, or what is wrong with what it says.

use std::io;
use std::path::PathBuf;

/// Why the daemon, or a project of it, can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// Nothing listens at its socket.
    #[error(
        "no Docker Engine answers at {}: {source}\n  help: start it, or name its socket: `DOCKER_HOST=unix:///run/…/docker.sock`",
        .socket.display()
    )]
    Absent {
        /// Where it was looked for.
        socket: PathBuf,
        /// What connecting said.
        source: io::Error,
    },
    /// The socket is another user's.
    #[error(
        "the Docker Engine at {} can't be asked by this user\n  help: run it as root, or as a member of the group that owns the socket",
        .socket.display()
    )]
    Forbidden {
        /// The socket.
        socket: PathBuf,
    },
    /// `DOCKER_HOST` names no socket of this machine.
    #[error(
        "`DOCKER_HOST` is {host:?}, and containers are entered from the machine that runs them\n  help: run it there, with `DOCKER_HOST=unix:///var/run/docker.sock`"
    )]
    Elsewhere {
        /// What it says.
        host: String,
    },
    /// It refused.
    #[error("the Docker Engine answers {status} to {what}: {message}")]
    Refused {
        /// The request: `GET /containers/json`.
        what: String,
        /// The status of HTTP.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The exchange broke, or the answer is none that is understood.
    #[error("the Docker Engine, asked {what}: {detail}")]
    Broken {
        /// The request.
        what: String,
        /// What happened.
        detail: String,
    },
    /// Containers of one project name come from several files.
    #[error(
        "two Compose projects are called `{name}`: {}\n  help: end one of them, or start it again under another name: `docker-compose -p NAME up -d`",
        .files.join(" and ")
    )]
    Mixed {
        /// Their name.
        name: String,
        /// The files.
        files: Vec<String>,
    },
    /// One file runs under several names.
    #[error("{} runs as several projects: {}\n  help: say which of them is meant, under `[compose]` of chimp.toml: `project = \"NAME\"`", .file.display(), .names.join(", "))]
    Several {
        /// The Compose file.
        file: PathBuf,
        /// The projects' names.
        names: Vec<String>,
    },
    /// The settings name another project than those that the file runs as.
    #[error("{} runs as {}, and not as `{named}`, as `compose.project` says\n  help: name one of them, or leave `project` out", .file.display(), .names.join(", "))]
    OtherName {
        /// The Compose file.
        file: PathBuf,
        /// What the settings say.
        named: String,
        /// The projects' names.
        names: Vec<String>,
    },
    /// Its containers are there, and none of them runs.
    #[error(
        "the Compose project `{name}` is stopped: its containers are there, and none of them runs\n  help: start it with `docker-compose start`; or remove \
         its containers with `docker-compose down`, and a run brings it up for itself"
    )]
    Stopped {
        /// Its name.
        name: String,
    },
    /// It is in no Swarm.
    #[error(
        "the Docker Engine at {} is in no Swarm: it is {state}\n  help: make one, `docker swarm init`, or name a manager's socket: \
         `DOCKER_HOST=unix:///run/…/docker.sock`",
        .socket.display()
    )]
    NoSwarm {
        /// Where it listens.
        socket: PathBuf,
        /// What it says of itself: `inactive`.
        state: String,
    },
    /// It is in a Swarm, and knows nothing of it.
    #[error(
        "the Docker Engine at {} is a worker of its Swarm, and only a manager knows the stacks\n  help: name the socket of a manager by DOCKER_HOST; \
         managers: {}",
        .socket.display(), .managers.join(", ")
    )]
    Worker {
        /// Where it listens.
        socket: PathBuf,
        /// The managers that it knows: `192.0.2.1:2377`.
        managers: Vec<String>,
    },
    /// Compose is not installed.
    #[error(
        "{} does not run, and neither `docker compose` nor `docker-compose` is here to bring it up\n  help: start it, or install Compose",
        .file.display()
    )]
    NoCompose {
        /// The Compose file.
        file: PathBuf,
    },
    /// Compose refused.
    #[error("`{command}` ended with {status}: {complaint}")]
    Compose {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it complained.
        complaint: String,
    },
}

impl DockerError {
    /// Whether it says that there is no such container.
    pub fn is_absent(&self) -> bool {
        matches!(self, DockerError::Refused { status: 404, .. })
    }

    /// Whether it says that the container is in no state for this. Version 20.10 calls an `unpause` too many an error of its own.
    pub fn is_conflict(&self) -> bool {
        let DockerError::Refused { status, message, .. } = self else { return false };
        *status == 409 || message.contains("is not paused") || message.contains("is already paused")
    }
}
