//! One replacement, from asking for a boot to a server that serves: steps four to eight.
//!
//! Before each step it is on disk which one comes, and what was asked for stays asked for: a reconciler that comes
//! after a dead one lists first, and takes over what exists.

use std::sync::Arc;

use tokio::time::{Duration, sleep, timeout};
use tracing::Instrument;

use super::death::Death;
use super::state::{Known, Replacement, State, Store};
use super::{Failure, files, spare};
use crate::database;
use crate::history::Event;
use crate::instance::{Instance, PowerState};
use crate::plan::reconciler_step::ReconcilerStep;
use crate::site::{BootDelay, Site};

/// How long a provider may take to boot a server, beyond its declared boot time.
const BOOT: Duration = Duration::from_secs(60);

/// How often it is looked whether an unconfigured server was configured.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What every part of the reconciler works with. Clones work with the same state.
#[derive(Clone)]
pub(super) struct ReplaceContext {
    /// What should be, as declared.
    pub declared: Site,
    pub store: Arc<Store>,
    pub death: Death,
}

impl ReplaceContext {
    /// What should be, with the spares that took a place where they are now.
    pub fn site(&self) -> Site {
        let promotions = self.store.now().promotions;
        let placed = spare::placed(&self.declared.infrastructure, &promotions);
        Site { infrastructure: Arc::new(placed), ..self.declared.clone() }
    }

    /// Whether a server is left to Auto Scaling: never do two replace one.
    pub fn leaves(&self, server: &str) -> bool {
        let scaled = &self.declared.settings.auto_scaling;
        !scaled.replaces.is_empty() && scaled.servers(&self.declared.infrastructure).contains(server)
    }

    /// How long a call may take.
    pub fn within(&self) -> Duration {
        self.declared.settings.reconciler.call_within
    }

    pub fn record(&self, event: Event) {
        self.declared.recorder.record(event);
    }

    /// Records a step.
    pub fn took(&self, step: ReconcilerStep, server: &str, detail: String) {
        self.record(Event::ReconcilerStep { server: server.into(), step, detail });
    }

    /// Goes on with a step of a replacement: recorded, then on disk, unless it is to die here.
    async fn begin(&self, step: ReconcilerStep, server: &str, detail: String) -> Result<(), Failure> {
        self.took(step, server, detail);
        self.death.pass(step).await;
        Ok(self.store.change(|state| replacement(state, server).step = step)?)
    }
}

fn replacement<'s>(state: &'s mut State, server: &str) -> &'s mut Replacement {
    state.replacements.entry(server.to_string()).or_insert(Replacement { step: ReconcilerStep::Missing, asks: 0 })
}

fn known<'s>(state: &'s mut State, server: &str) -> &'s mut Known {
    state.servers.entry(server.to_string()).or_default()
}

/// Carries a replacement through. `there` is the instance that an earlier life had asked for, where there is one.
pub(super) async fn replace(context: &ReplaceContext, server: &str, there: Option<Instance>) -> Result<(), Failure> {
    let instance = match there {
        Some(instance) => instance,
        None => ask(context, server).await?,
    };
    store(context, server, &instance).await?;
    configure(context, server).await?;
    trust(context, server, &instance).await?;
    bootstrap(context, server, &instance).await
}

/// Step 4. The call outlives a reconciler that dies meanwhile, as it would at any cloud.
async fn ask(context: &ReplaceContext, server: &str) -> Result<Instance, Failure> {
    let site = context.site();
    let (role, given) = (site.infrastructure.servers[server].role.clone(), files::digests(&site, server));
    context.store.change(|state| {
        let replacement = replacement(state, server);
        replacement.step = ReconcilerStep::Ask;
        replacement.asks += 1;
        *known(state, server) =
            Known { role: Some(role), files: given, host_key: known(state, server).host_key.take(), instance: None };
    })?;
    let declared = &site.infrastructure.servers[server];
    let within = declared.boot_delay + declared.install_delay + BOOT;
    context.took(ReconcilerStep::Ask, server, format!("a boot of {server}, a {}", declared.role));
    context.record(Event::ReconcilerBoots { server: server.into() });
    let asked = {
        let (site, server) = (site.clone(), server.to_string());
        tokio::spawn(async move { site.ask(&server, BootDelay::Waited).await }.in_current_span())
    };
    tokio::task::yield_now().await;
    context.death.pass(ReconcilerStep::Ask).await;
    match timeout(within, asked).await {
        Ok(Ok(booted)) => Ok(booted?),
        Ok(Err(gone)) => Err(Failure::Lost(gone.to_string())),
        Err(_) => Err(Failure::TooLong { what: "the boot".into(), within }),
    }
}

/// Step 5.
async fn store(context: &ReplaceContext, server: &str, instance: &Instance) -> Result<(), Failure> {
    context.begin(ReconcilerStep::Store, server, format!("{} at {}", instance.id, instance.address)).await?;
    Ok(context.store.change(|state| known(state, server).instance = Some(instance.id.to_string()))?)
}

/// Step 6. It was booted with its role's files; what changed since it was asked for is written once it is trusted.
async fn configure(context: &ReplaceContext, server: &str) -> Result<(), Failure> {
    let should = files::digests(&context.site(), server);
    let given = context.store.now().servers.get(server).map(|known| known.files.clone()).unwrap_or_default();
    let changed = should.iter().filter(|(path, digest)| given.get(*path) != Some(*digest)).count();
    context
        .begin(
            ReconcilerStep::Configure,
            server,
            format!("{} files, {changed} of them changed since it was asked for", should.len()),
        )
        .await
}

/// Step 7.
async fn trust(context: &ReplaceContext, server: &str, instance: &Instance) -> Result<(), Failure> {
    let provider = &context.declared.provider;
    let asked = async { Ok::<_, Failure>(provider.connect(instance).await?.host_key().await?) };
    let shown = Failure::in_time("asking for its host key", context.within(), asked).await??;
    let before = context.store.now().servers.get(server).and_then(|known| known.host_key.clone());
    let detail = match (&before, &shown) {
        (_, None) => "it shows no host key".into(),
        (None, Some(new)) => format!("accepted {new}"),
        (Some(old), Some(new)) if old == new => format!("accepted {new}, which is the old one"),
        (Some(old), Some(new)) => format!("forgot {old}, accepted {new}"),
    };
    context.begin(ReconcilerStep::Trust, server, detail).await?;
    Ok(context.store.change(|state| known(state, server).host_key = shown)?)
}

/// Step 8.
async fn bootstrap(context: &ReplaceContext, server: &str, instance: &Instance) -> Result<(), Failure> {
    context.begin(ReconcilerStep::Await, server, "waiting until it serves".into()).await?;
    let site = context.site();
    if site.settings.config_agent.configures(server) {
        configured(&site, instance).await?;
    } else {
        files::refresh_one(&site, &context.store, server, instance, context.within()).await?;
        site.await_serving(server, instance).await?;
    }
    if database::is_database(&site, server) {
        database::restore(&site, server).await?;
    }
    context.store.change(|state| {
        state.replacements.remove(server);
    })?;
    context.record(Event::ReconcilerReplaced { server: server.into(), instance: instance.id.to_string() });
    Ok(())
}

/// A unconfigured server is made what its role says by the config agent, which records when it is. That takes as long as the
/// agent takes to come, but nobody waits for an instance that is gone.
async fn configured(site: &Site, instance: &Instance) -> Result<(), Failure> {
    while let Err(last) = site.serves(instance).await {
        let now = site.provider.list().await?.into_iter().find(|found| found.id == instance.id);
        if !now.as_ref().is_some_and(runs) {
            return Err(Failure::Lost(format!("{} is gone, and was not configured: {last}", instance.id)));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Whether an instance can be taken over where it stands.
pub(super) fn runs(instance: &Instance) -> bool {
    instance.state == PowerState::Running
}
