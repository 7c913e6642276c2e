//! Givens about what is provisioned.

use cucumber::given;

use super::params::{Condition, Count, Role, Span};
use crate::declare::{StepError, World};
use crate::infrastructure::Delay;
use crate::settings::WriteTo;

#[given(expr = "{count} {role}")]
fn tier(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.provision(|draft| draft.tier(count.0, &role.0))
}

#[given(expr = "{count} {role} behind haproxy")]
fn tier_behind_haproxy(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.provision(|draft| draft.behind_haproxy(count.0, &role.0))
}

#[given(expr = "{count} {role} behind {count} {role}")]
fn tier_behind_tier(
    world: &mut World,
    count: Count,
    role: Role,
    balancers: Count,
    balancer: Role,
) -> Result<(), StepError> {
    world.declaration.provision(|draft| draft.behind(count.0, &role.0, balancers.0, &balancer.0))
}

#[given(expr = "{count} spare {role}")]
fn spares(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.provision(|draft| draft.spares(count.0, &role.0))
}

#[given(expr = "the infrastructure in {string}")]
fn infrastructure_file(world: &mut World, file: String) -> Result<(), StepError> {
    let path = world.declaration.infrastructure_path(&file)?;
    world.declaration.provision(|draft| draft.file(&path))
}

/// Nothing is booted: its servers are there already, and stay.
#[given(expr = "the inventory in {string}")]
fn inventory_file(world: &mut World, file: String) -> Result<(), StepError> {
    world.declaration.inventory(&file)
}

/// Its containers are there already, or are brought up for the run.
#[given(expr = "the Compose project in {string}")]
fn compose_project(world: &mut World, file: String) -> Result<(), StepError> {
    world.declaration.compose(&file)
}

/// Its tasks are there already, on the nodes of a Swarm, which replaces them.
#[given(expr = "the stack {string}")]
fn stack(world: &mut World, name: String) -> Result<(), StepError> {
    world.declaration.stack(&name)
}

/// Only probes and users reach it: nothing is known of its servers, so nothing can be struck.
#[given(expr = "the site at {string}")]
fn site_at(world: &mut World, url: String) -> Result<(), StepError> {
    world.declaration.site(&url)
}

#[given(expr = "the {role} are spread over {int} zones")]
fn spread(world: &mut World, role: Role, zones: usize) -> Result<(), StepError> {
    world.declaration.provision(|draft| draft.spread(&role.0, zones))
}

#[given(expr = "the {role} share a virtual IP")]
fn virtual_ip(world: &mut World, role: Role) -> Result<(), StepError> {
    world.declaration.provision(|draft| draft.share_virtual_ip(&role.0))
}

#[given(expr = "every {role} takes {duration} to boot")]
fn boot_delay(world: &mut World, role: Role, duration: Span) -> Result<(), StepError> {
    world.declaration.shape(|draft, _| draft.delay(Delay::Boot, &role.0, duration.0))
}

/// Installing is a part of the boot.
#[given(expr = "every {role} takes {duration} to install")]
fn install_delay(world: &mut World, role: Role, duration: Span) -> Result<(), StepError> {
    world.declaration.shape(|draft, _| draft.delay(Delay::Install, &role.0, duration.0))
}

/// What the config agent takes to make it what its role says.
#[given(expr = "every {role} takes {duration} to configure")]
fn configure_delay(world: &mut World, role: Role, duration: Span) -> Result<(), StepError> {
    world.declaration.shape(|draft, _| draft.delay(Delay::Configure, &role.0, duration.0))
}

/// From now on replacements boot unconfigured.
#[given(expr = "the config agent runs every {duration}")]
fn config_agent_cadence(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.config_agent(duration.0)
}

/// The same by Puppet: servers that steps declare get a Puppet server.
#[given(expr = "Puppet configures the nodes every {duration}")]
fn puppet(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.puppet(duration.0)
}

#[given(expr = "Monit supervises the {role}")]
fn monit(world: &mut World, role: Role) -> Result<(), StepError> {
    world.declaration.shape(|draft, _| draft.supervise(&role.0))
}

#[given(expr = "the reconciler runs every {duration}")]
fn reconciler_cadence(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.reconciler.every = duration.0;
        Ok(())
    })
}

#[given(expr = "the reconciler is off")]
fn no_reconciler(world: &mut World) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.reconciler.enabled = false;
        Ok(())
    })
}

/// The environment's own: the reconciler leaves these alone.
#[given(expr = "Auto Scaling replaces the {role}")]
fn auto_scaling(world: &mut World, role: Role) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.auto_scaling.replace(&role.0);
        Ok(())
    })
}

#[given(expr = "the reconciler terminates {condition} nodes")]
fn reconciler_policy(world: &mut World, condition: Condition) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        condition.terminated(&mut settings.reconciler);
        Ok(())
    })
}

/// Else what is unhealthy is terminated one after another, databases are rebuilt one at a time, and what failed is left
/// alone for a while.
#[given(expr = "the reconciler does not back off")]
fn no_back_off(world: &mut World) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.reconciler.back_off = false;
        Ok(())
    })
}

#[given(expr = "health checks run every {duration} and fail after {count} miss(es)")]
fn health_checks(world: &mut World, duration: Span, count: Count) -> Result<(), StepError> {
    world.declaration.health_checks(duration.0, count.0)
}

#[given(expr = "the virtual IP daemon advertises every {duration}")]
fn virtual_ip_adverts(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.balancer.advert = duration.0;
        Ok(())
    })
}

#[given(expr = "no virtual IP daemon runs")]
fn no_virtual_ip_daemon(world: &mut World) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.balancer.keepalived = false;
        Ok(())
    })
}

#[given(expr = "writes go to both masters in turn")]
fn writes_round_robin(world: &mut World) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.database.write = WriteTo::RoundRobin;
        Ok(())
    })
}

#[given(expr = "the databases replicate semi-synchronously")]
fn semi_sync(world: &mut World) -> Result<(), StepError> {
    world.declaration.shape(|_, settings| {
        settings.database.semi_sync = true;
        Ok(())
    })
}
