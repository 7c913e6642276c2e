//! The Docker Engine of this machine: what its API says of the containers of a Compose project or of a Swarm's stack, and a way into them.
//!
//! Start with [`project`] (which containers belong together) and [`remote`] (commands in a container's namespaces, by
//! programs of this machine: an image needs nothing for it, no shell either). Podman's socket answers the same requests.

pub mod client;
pub mod container;
pub mod doctor;
pub(crate) mod enter;
mod error;
pub mod events;
mod knock;
pub mod logs;
pub mod project;
pub mod remote;
pub mod swarm;
pub mod tool;

pub use client::Docker;
pub use container::Container;
pub use error::DockerError;
pub use project::Project;

/// The labels by which Compose and Swarm mark what they make.
pub mod labels {
    /// The project's name.
    pub const PROJECT: &str = "com.docker.compose.project";
    /// The service.
    pub const SERVICE: &str = "com.docker.compose.service";
    /// Which container of its service, from 1.
    pub const NUMBER: &str = "com.docker.compose.container-number";
    /// `True` for a container of `run`, which belongs to no service.
    pub const ONE_OFF: &str = "com.docker.compose.oneoff";
    /// The project's files, with commas between; relative to the folder in older versions.
    pub const FILES: &str = "com.docker.compose.project.config_files";
    /// The project's folder.
    pub const FOLDER: &str = "com.docker.compose.project.working_dir";
    /// The services that it depends on: `db:service_healthy:false,cache` or `db,cache`.
    pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
    /// The stack, of its services and their containers.
    pub const STACK: &str = "com.docker.stack.namespace";
    /// The name of the service of a task: `shop_web`.
    pub const SWARM_SERVICE: &str = "com.docker.swarm.service.name";
    /// The name of a task: `shop_web.1.ID`, or `shop_web.NODE.ID` of a service that has one on each node.
    pub const SWARM_TASK: &str = "com.docker.swarm.task.name";
    /// The id of a task's node.
    pub const SWARM_NODE: &str = "com.docker.swarm.node.id";
    /// Ours, of a project that a run has brought up: the run's id.
    pub const RUN: &str = "anarcho-chimp.run";
}
