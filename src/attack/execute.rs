//! Carries an attack out: round by round through the nemesis, told as it happens, healed at the end whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::AttackPlan;
use super::{AttackError, place};
use crate::clock::Clock;
use crate::console::{complain, say};
use crate::environment::{Closed, Ended, Reopened};
use crate::exit;
use crate::history::recorder::RunRecorder;
use crate::history::{EVENTS_FILE, Event, EventTail, Recorder};
use crate::infrastructure::Infrastructure;
use crate::instance::{Ability, PowerOp, PowerState};
use crate::journal::{Journal, Note, Place, Stage};
use crate::nemesis::{self, Nemesis, Sabotage, StrikeContext};
use crate::observer::Observations;
use crate::plan::{Act, Schedule};
use crate::provider::Provider;
use crate::run::bundle;
use crate::settings::Safeguards;
use crate::signals;
use crate::units::show_duration;

/// The plan's name in an attack's bundle.
pub const PLAN_FILE: &str = "attack.json";

/// How an attack is carried out.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where bundles go.
    pub out: PathBuf,
    /// How long a fault stays in force after this process was killed; then the victim heals itself.
    pub lease: Duration,
    /// What may not be struck.
    pub safeguards: Safeguards,
    /// For tests: lies.
    pub sabotage: Sabotage,
    /// For tests: this process kills itself at this stage.
    pub die_at: Option<Stage>,
}

/// The servers of an attack.
pub struct Field {
    /// Where they are, so that a heal finds these and no others.
    pub place: Place,
    /// The same for people.
    pub whereabouts: String,
    /// The address of each.
    pub addresses: BTreeMap<String, String>,
    /// Where they live.
    pub provider: Arc<dyn Provider>,
    /// What is known of them.
    pub infrastructure: Arc<Infrastructure>,
    /// Those that have ended for good, each with how that is known.
    pub ended: Ended,
    /// Those that are there and may not be attacked, each with why.
    pub closed: Closed,
}

impl Field {
    /// The plan for people, with where its servers are, and the address of each.
    pub fn shown(&self, plan: &AttackPlan) -> String {
        let named = plan.rounds.iter().flat_map(|round| round.servers.iter().chain(&round.from));
        let named: BTreeSet<&String> = named.collect();
        let hosts: Vec<String> = named
            .into_iter()
            .map(|name| match self.addresses.get(name) {
                Some(address) => format!("{name} ({address})"),
                None => format!("{name} (its address is not known)"),
            })
            .collect();
        format!("on {}: {}\n{}", self.whereabouts, hosts.join(", "), plan.shown())
    }

    /// Whether a plan makes sense for these servers, and can be carried out on them, heals included.
    ///
    /// # Errors
    /// What is wrong, or which server has ended, and what to do; nothing was touched.
    pub fn check(&self, plan: &AttackPlan) -> Result<(), AttackError> {
        plan.check(&self.infrastructure, &self.closed).map_err(AttackError::Usage)?;
        let unable = plan.asks().into_iter().filter_map(|(server, fault, abilities)| {
            let why = self.provider.can(&server, &abilities).err()?;
            Some(format!("`{fault}` can't be done: {why}"))
        });
        let unable: Vec<String> = unable.collect();
        if !unable.is_empty() {
            return Err(AttackError::Usage(unable.join("\n")));
        }
        let mut struck = plan.rounds.iter().flat_map(|round| &round.servers);
        match struck.find_map(|server| self.ended.get_key_value(server)) {
            Some((server, how)) => {
                let help = "help: `chimp reconcile` boots what is missing; or strike another server";
                Err(AttackError::Dirty(format!("{server} has ended ({how}): nothing was touched\n  {help}")))
            }
            None => Ok(()),
        }
    }
}

/// Carries a plan out and says what happens; the exit code says how it went.
///
/// # Errors
/// When nothing was touched: the servers can't be reached, are not clean, or the bundle can't be written.
pub async fn execute(plan: &AttackPlan, field: &Field, options: &Options) -> Result<u8, AttackError> {
    let carried_out = carry_out(plan, field, options).await;
    take_away(&*field.provider).await;
    carried_out
}

/// What was put on the servers for this attack goes with it.
pub(super) async fn take_away(provider: &dyn Provider) {
    if let Err(why) = provider.close().await {
        complain!("{why}\n  help: what was put there removes itself when its lease is over");
    }
    for line in provider.told() {
        say!("{line}");
    }
}

async fn carry_out(plan: &AttackPlan, field: &Field, options: &Options) -> Result<u8, AttackError> {
    refuse_unreached(plan, field).await?;
    refuse_dirty(plan, field, options.lease).await?;
    refuse_what_cannot_be_undone(plan, field).await?;
    let (folder, run_id) = bundle_of(plan, &options.out)?;
    let in_bundle = |source| AttackError::Bundle { path: folder.clone(), source };
    let run_recorder = RunRecorder::create(&folder, Clock::start()).map_err(in_bundle)?;
    let mut journal = Journal::open(&folder).map_err(in_bundle)?;
    journal.die_at(options.die_at);
    let began = Note::Began { place: field.place.clone(), seed: plan.seed, plan_sha256: plan.sha256() };
    journal.note(began).map_err(in_bundle)?;
    let context = StrikeContext {
        provider: Arc::clone(&field.provider),
        infrastructure: Arc::clone(&field.infrastructure),
        recorder: run_recorder.scenario(0),
        journal: Arc::new(journal),
        prefix: run_id.to_lowercase(),
        lease: options.lease,
        services: BTreeMap::new(),
        safeguards: options.safeguards.clone(),
        sabotage: options.sabotage,
    };
    let teller = Teller::new(&folder, run_recorder.scenario(0));
    let code = Attack { nemesis: Nemesis::new(context, Observations::none(), plan.seed), teller }.run(plan).await?;
    run_recorder.finish().map_err(in_bundle)?;
    say!("bundle: {}", folder.display());
    Ok(code)
}

/// Those that commands must go to are tried, all at once, before one of them is touched. A server that a plan expects
/// to be off is not.
async fn refuse_unreached(plan: &AttackPlan, field: &Field) -> Result<(), AttackError> {
    let is_on = |server: &str| {
        plan.rounds.iter().all(|round| round.begins_at(server).is_none_or(|state| state == PowerState::Running))
    };
    let asks =
        plan.asks().into_iter().filter(|(server, _, abilities)| abilities.contains(&Ability::LogIn) && is_on(server));
    Ok(field.provider.reach(&asks.map(|(server, _, _)| server).collect()).await?)
}

/// Servers that somebody struck before are no context for a new attack.
async fn refuse_dirty(plan: &AttackPlan, field: &Field, lease: Duration) -> Result<(), AttackError> {
    let struck: BTreeSet<&String> = plan.rounds.iter().flat_map(|round| &round.servers).collect();
    let wanted = |server: &str, state| plan.rounds.iter().any(|round| round.begins_at(server) == Some(state));
    for instance in field.provider.list().await? {
        if !struck.contains(&instance.name) || instance.state == PowerState::Terminated {
            continue;
        }
        if instance.state != PowerState::Running && wanted(&instance.name, instance.state) {
            continue;
        }
        if instance.state != PowerState::Running {
            let detail = format!("{} is {} ({})", instance.name, instance.state, instance.evidence);
            return Err(AttackError::Dirty(format!("{detail}: nothing was touched; to undo an attack: chimp heal")));
        }
        if field.provider.can(&instance.name, &BTreeSet::from([Ability::LogIn])).is_err() {
            // Nothing logs in there, this attack neither.
            continue;
        }
        let lease = plan.holds(&instance.name).then_some(lease);
        if let Some(held) = nemesis::leftover(&*field.provider, &instance, lease).await? {
            let detail = format!("{} is not clean: {} (strike {})", instance.name, held.evidence, held.id.0);
            let down = if field.place.environment == "inventory" { WITHOUT_JOURNAL } else { "" };
            return Err(AttackError::Dirty(format!("{detail}: nothing was touched; to undo it: chimp heal{down}")));
        }
    }
    Ok(())
}

/// A server whose isolation could not be ended is not isolated, nor is any other struck.
async fn refuse_what_cannot_be_undone(plan: &AttackPlan, field: &Field) -> Result<(), AttackError> {
    let isolates = |abilities: &BTreeSet<Ability>| abilities.contains(&Ability::Power(PowerOp::Isolate));
    let asks = plan.asks().into_iter().filter(|(_, _, abilities)| isolates(abilities));
    let isolated: BTreeSet<String> = asks.map(|(server, _, _)| server).collect();
    if isolated.is_empty() {
        return Ok(());
    }
    for instance in field.provider.list().await? {
        if isolated.contains(&instance.name) && instance.state != PowerState::Terminated {
            field.provider.undo_record(&instance.id, Some(PowerOp::Isolate)).await?;
        }
    }
    Ok(())
}

/// What undoes a fault of which no journal is at hand.
const WITHOUT_JOURNAL: &str = "; where its journal is not at hand: chimp down --on inventory=FILE";

fn bundle_of(plan: &AttackPlan, out: &Path) -> Result<(PathBuf, String), AttackError> {
    let failed = |source| AttackError::Bundle { path: out.into(), source };
    let mut run_id = format!("{}-{}", jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ"), plan.seed);
    let folder = bundle::make_folder(out, &mut run_id).map_err(failed)?;
    bundle::write_json(&folder.join(PLAN_FILE), plan).map_err(failed)?;
    Ok((folder, run_id))
}

struct Attack {
    nemesis: Nemesis,
    teller: Teller,
}

impl Attack {
    /// All rounds, or until a signal; then everything is lifted.
    async fn run(mut self, plan: &AttackPlan) -> Result<u8, AttackError> {
        let interrupted = tokio::select! {
            done = self.rounds(plan) => done.map(|()| None),
            signal = signals::interrupted() => Ok(Some(signal)),
        };
        if let Ok(Some(signal)) = interrupted {
            say!("{signal}: lifting every fault");
        }
        self.nemesis.lift_all().await;
        let interrupted = interrupted?;
        let code = self.teller.tell().await?.code();
        Ok(if interrupted.is_some() { exit::INTERRUPTED } else { code })
    }

    async fn rounds(&mut self, plan: &AttackPlan) -> Result<(), AttackError> {
        for (number, round) in plan.rounds.iter().enumerate() {
            say!("round {} of {}: {} ({})", number + 1, plan.rounds.len(), round.shown(), round.why);
            let schedule = round.lasts.map_or(Schedule::Once, Schedule::For);
            let order = round.order(number + 1);
            let begun = self.nemesis.begin(&Act::Strike { order, schedule }).await;
            self.teller.tell().await?;
            if begun.is_err() {
                break;
            }
            while self.nemesis.has_more() {
                let _ = self.nemesis.work_until(Instant::now() + TELL_EVERY).await;
                self.teller.tell().await?;
            }
        }
        Ok(())
    }
}

/// How often what happened is told.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// Tells what was recorded, once.
struct Teller {
    folder: PathBuf,
    recorder: Recorder,
    events: EventTail,
    tally: Tally,
    /// Who is known to be struck: a second word, which says more exactly since when, is no news.
    struck: BTreeSet<(u32, String)>,
}

/// What an attack came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    denied: usize,
    unhealed: usize,
}

impl Tally {
    fn count(&mut self, event: &Event) {
        match event {
            Event::FaultNotConfirmed { .. } | Event::InjectionFailed { .. } | Event::FaultLapsed { .. } => {
                self.denied += 1;
            }
            Event::HealFailed { .. } => self.unhealed += 1,
            _ => {}
        }
    }

    fn code(self) -> u8 {
        match self {
            Tally { unhealed: 1.., .. } => exit::CLEANUP,
            Tally { denied: 1.., .. } => exit::COULD_NOT_TELL,
            _ => exit::PASS,
        }
    }
}

impl Teller {
    /// Nothing was told yet.
    fn new(folder: &Path, recorder: Recorder) -> Self {
        let events = EventTail::new(folder.join(EVENTS_FILE));
        Teller { folder: folder.into(), recorder, events, tally: Tally::default(), struck: BTreeSet::new() }
    }

    fn is_news(&mut self, event: &Event) -> bool {
        match event {
            Event::FaultConfirmed { strike, target, .. } => self.struck.insert((*strike, target.clone())),
            _ => true,
        }
    }

    /// Tells what came since the last time; what all of it came to.
    async fn tell(&mut self) -> Result<Tally, AttackError> {
        self.recorder.sync().await.map_err(|source| self.failed(source))?;
        let fresh = self.events.read_on(None).map_err(|why| self.failed(std::io::Error::other(why.to_string())))?;
        for record in &fresh {
            self.tally.count(&record.event);
            if let Some(line) = told(&record.event).filter(|_| self.is_news(&record.event)) {
                say!("  {:>8}  {line}", show_duration(record.at()));
            }
        }
        Ok(self.tally)
    }

    fn failed(&self, source: std::io::Error) -> AttackError {
        AttackError::Bundle { path: self.folder.clone(), source }
    }
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::FaultConfirmed { target, evidence, .. } => format!("{target} struck; its witness: {evidence}"),
        Event::FaultNotConfirmed { target, evidence, .. } => format!("{target} NOT CONFIRMED; its witness: {evidence}"),
        Event::InjectionFailed { detail, .. } => format!("NOT CONFIRMED, injecting failed: {detail}"),
        Event::LeaseNotRenewed { target, detail, .. } => format!("{target}: the lease could not be renewed: {detail}"),
        Event::FaultLapsed { target, evidence, .. } => format!("{target}: ENDED TOO EARLY: {evidence}"),
        Event::StrikeHealed { evidence, .. } => format!("healed; {evidence}"),
        Event::HealFailed { detail, .. } => format!("NOT HEALED: {detail}"),
        Event::StrikeHeldBack { detail, .. } => format!("held back: {detail}"),
        _ => return None,
    })
}

/// Opens the servers of a place.
///
/// # Errors
/// See [`place::open`].
pub async fn field(at: &Place, passwords: Option<PathBuf>) -> Result<Field, AttackError> {
    let Reopened { place, whereabouts, addresses, provider, infrastructure, ended, closed } =
        place::open(at, passwords).await?;
    let infrastructure = Arc::new(infrastructure);
    Ok(Field { place, whereabouts, addresses, provider, infrastructure, ended, closed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_can_t_be_confirmed_is_not_said_to_be_absent() {
        let (target, evidence) = ("web-1".to_string(), "took longer than 20 s".to_string());
        let denied = told(&Event::FaultNotConfirmed { strike: 0, target, evidence }).unwrap();
        let failed = told(&Event::InjectionFailed { strike: 0, detail: "web-1: no answer".into() }).unwrap();
        for line in [denied, failed] {
            assert!(line.contains("NOT CONFIRMED") && !line.contains("struck"), "{line}");
        }
    }
}
