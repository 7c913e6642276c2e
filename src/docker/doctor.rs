//! Whether faults can be made in the containers of this machine's Docker Engine, row by row. Looks, and changes nothing.

use std::collections::BTreeSet;

use super::container::list;
use super::swarm::{self, Service};
use super::{Docker, DockerError, labels, tool};
use crate::requests::findings::{Findings, Lack};

/// Looks at the daemon that `DOCKER_HOST` names, else at the usual one.
pub async fn look() -> Findings {
    let mut findings = Findings::default();
    match Docker::of_this_machine() {
        Err(why) => findings.add_undescribed("Docker Engine", of(&why)),
        Ok(docker) => findings.add("Docker Engine", daemon(&docker, labels::PROJECT, "Compose projects").await),
    }
    findings.add("Compose", compose());
    findings.add("rights", rights());
    findings.add("kernel", kernel());
    findings
}

/// The same for the stacks of a Swarm, of which that daemon must be a manager.
pub async fn look_at_swarm() -> Findings {
    let mut findings = Findings::default();
    match Docker::of_this_machine() {
        Err(why) => findings.add_undescribed("Docker Engine", of(&why)),
        Ok(docker) => {
            findings.add("Docker Engine", daemon(&docker, labels::STACK, "stacks").await);
            findings.add("Swarm", manager(&docker).await);
        }
    }
    findings.add("rights", rights());
    findings.add("kernel", kernel());
    findings
}

fn of(why: &DockerError) -> Lack {
    let text = why.to_string();
    let (detail, fix) = text.split_once("\n  help: ").unwrap_or((&text, "see its log: `journalctl -u docker`"));
    Lack { detail: detail.into(), fix: fix.into() }
}

/// `label`: what its containers of interest have; `whose`: what they belong to.
async fn daemon(docker: &Docker, label: &str, whose: &str) -> Result<String, Lack> {
    let found = list(docker, label).await.map_err(|why| of(&why))?;
    let running = found.iter().filter(|one| one.state == "running").count();
    Ok(format!("it answers at {}; {running} containers of {whose} run", docker.socket().display()))
}

async fn manager(docker: &Docker) -> Result<String, Lack> {
    let found = async {
        swarm::manager(docker).await?;
        Ok::<_, DockerError>((swarm::nodes(docker).await?, swarm::services(docker).await?))
    };
    let (nodes, services) = found.await.map_err(|why| of(&why))?;
    let stacks: BTreeSet<&str> = services.iter().filter_map(Service::stack).collect();
    let stacks = match stacks.is_empty() {
        true => "no stack is deployed".to_string(),
        false => format!("stacks: {}", Vec::from_iter(stacks).join(", ")),
    };
    Ok(format!("it is a manager; nodes: {}; {stacks}", nodes.len()))
}

fn compose() -> Result<String, Lack> {
    let absent = || Lack {
        detail:
            "neither `docker compose` nor `docker-compose` is here: a project that does not run can't be brought up"
                .into(),
        fix: "sudo apt-get install docker-compose".into(),
    };
    tool::way().map(|way| format!("`{}`", way.join(" "))).ok_or_else(absent)
}

fn rights() -> Result<String, Lack> {
    match nix::unistd::geteuid() {
        root if root.is_root() => Ok("root".into()),
        user => Err(Lack {
            detail: format!("user {user} can't enter the namespaces of containers, so no fault can be made in them"),
            fix: "run the same command with sudo; `chimp observe compose` needs no root".into(),
        }),
    }
}

/// The oldest that can make this machine's files read-only in another mount namespace (`mount_setattr(2)`).
const KERNEL: (u32, u32) = (5, 12);

fn kernel() -> Result<String, Lack> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match version(release) {
        Some(found) if found >= KERNEL => Ok(format!("Linux {release}")),
        _ => Err(Lack {
            detail: format!("Linux {release}: containers can't be entered safely"),
            fix: format!("use Linux {}.{} or newer", KERNEL.0, KERNEL.1),
        }),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_old_or_new_by_its_first_two_numbers() {
        assert_eq!(version("5.10.0-30-amd64"), Some((5, 10)));
        assert!(version("5.10.0").is_some_and(|found| found < KERNEL));
        for new in ["5.12", "6.1.0-9-amd64", "10.0-rc1"] {
            assert!(version(new).is_some_and(|found| found >= KERNEL), "{new}");
        }
        assert_eq!(version("unknown"), None);
    }
}
