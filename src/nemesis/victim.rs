//! One instance that is struck: preparing, injecting, witnessing, healing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::{Action, Strike, WITNESS_WITHIN, Witness};
use crate::history::{Event, Recorder};
use crate::provider::{Command, Instance, PowerState, Provider, ProviderError, Remote};

/// From one look of a witness to the next: t0 is known to this.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A server under one strike, bound to the instance that stood for it when the strike was resolved.
pub(super) struct Victim {
    number: u32,
    strike: Strike,
    provider: Arc<dyn Provider>,
    recorder: Recorder,
    instance: Option<Instance>,
    remote: Option<Box<dyn Remote>>,
    unprepared: Option<String>,
}

/// What a witness said.
struct Testimony {
    confirmed: bool,
    evidence: String,
}

impl Victim {
    /// Finds the instance and logs in where the strike needs to be inside, so that neither counts as injecting.
    pub async fn prepare(number: u32, strike: Strike, provider: Arc<dyn Provider>, recorder: Recorder) -> Self {
        let mut victim = Victim { number, strike, provider, recorder, instance: None, remote: None, unprepared: None };
        if let Err(why) = victim.find_and_connect().await {
            victim.unprepared = Some(why);
        }
        victim
    }

    async fn find_and_connect(&mut self) -> Result<(), String> {
        let instances = self.provider.list().await.map_err(|why| why.to_string())?;
        let mut named = instances.into_iter().rev().filter(|instance| instance.name == self.strike.server);
        let instance = named.next().ok_or_else(|| format!("{} has no instance", self.strike.server))?;
        if self.strike.is_inside() {
            self.remote = Some(self.provider.connect(&instance).await.map_err(|why| why.to_string())?);
        }
        self.instance = Some(instance);
        let before = self.ask(&self.strike.before).await.map_err(|why| why.to_string())?;
        if before.confirmed { Ok(()) } else { Err(format!("nothing to break: {}", before.evidence)) }
    }

    /// Injects and waits for the witness; records what it said.
    pub async fn strike(&self, sabotage: bool) {
        if let Some(why) = &self.unprepared {
            return self.record_testimony(Testimony { confirmed: false, evidence: why.clone() });
        }
        let testify = async {
            let testimony = self.await_witness(&self.strike.witness).await;
            let confirmed = testimony.confirmed;
            self.record_testimony(testimony);
            confirmed
        };
        let (injected, confirmed) = match self.strike.inject {
            // The witness looks while the provider still tidies up, so that t0 is when the victim was hit.
            Action::Power(_) => tokio::join!(self.inject(sabotage), testify),
            // Both need the one session.
            Action::Exec(_) | Action::Hold(_) | Action::Release => (self.inject(sabotage).await, testify.await),
        };
        if let Err(why) = injected {
            let detail = format!("{}: {why}", self.strike.server);
            return self.recorder.record(Event::InjectionFailed { strike: self.number, detail });
        }
        if let (true, Some(action)) = (confirmed, &self.strike.then) {
            self.undo(action, &self.strike.before).await;
        }
    }

    async fn inject(&self, sabotage: bool) -> Result<(), ProviderError> {
        if sabotage { Ok(()) } else { self.act(&self.strike.inject).await }
    }

    /// Undoes the strike and sees that it is undone. An instance that was replaced has nothing to undo.
    pub async fn heal(&self) {
        if let Some(heal) = &self.strike.heal {
            self.undo(&heal.action, &heal.witness).await;
        }
    }

    /// Acts, sees that the victim is back, and records which.
    async fn undo(&self, action: &Action, back: &Witness) {
        let outcome = match self.act(action).await {
            Ok(()) => self.await_witness(back).await,
            Err(ProviderError::Unknown(id)) => {
                Testimony { confirmed: true, evidence: format!("{id} is no more, nothing to undo") }
            }
            Err(why) => Testimony { confirmed: false, evidence: why.to_string() },
        };
        let (strike, evidence) = (self.number, format!("{}: {}", self.strike.server, outcome.evidence));
        self.recorder.record(match outcome.confirmed {
            true => Event::StrikeHealed { strike, evidence },
            false => Event::HealFailed { strike, detail: evidence },
        });
    }

    fn record_testimony(&self, testimony: Testimony) {
        let (strike, target, evidence) = (self.number, self.strike.server.clone(), testimony.evidence);
        self.recorder.record(match testimony.confirmed {
            true => Event::FaultConfirmed { strike, target, evidence },
            false => Event::FaultNotConfirmed { strike, target, evidence },
        });
    }

    async fn act(&self, action: &Action) -> Result<(), ProviderError> {
        match (action, &self.instance) {
            (Action::Power(operation), Some(instance)) => self.provider.power(&instance.id, *operation).await,
            (Action::Exec(command), _) => self.exec(command).await.map(|_| ()),
            (Action::Hold(_) | Action::Release, _) => Ok(()),
            (_, None) => Ok(()),
        }
    }

    async fn exec(&self, command: &Command) -> Result<crate::provider::Output, ProviderError> {
        let remote = self.remote.as_ref().expect("a strike that acts inside was connected when it was prepared");
        Ok(remote.exec(command).await?)
    }

    /// Looks until the witness confirms or its time is over.
    async fn await_witness(&self, witness: &Witness) -> Testimony {
        let deadline = Instant::now() + WITNESS_WITHIN;
        loop {
            let testimony = match self.ask(witness).await {
                Ok(testimony) => testimony,
                Err(why) => Testimony { confirmed: false, evidence: why.to_string() },
            };
            if testimony.confirmed || Instant::now() >= deadline {
                return testimony;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn ask(&self, witness: &Witness) -> Result<Testimony, ProviderError> {
        match witness {
            Witness::State(expected) => self.ask_state(*expected).await,
            Witness::ProcessRuns(pattern) => self.ask_processes(pattern, true).await,
            Witness::NoProcess(pattern) => self.ask_processes(pattern, false).await,
            Witness::InForce(_) | Witness::Reachable(_) | Witness::ProcessRestarted(_) => {
                Ok(Testimony { confirmed: false, evidence: String::new() })
            }
        }
    }

    async fn ask_state(&self, expected: PowerState) -> Result<Testimony, ProviderError> {
        let id = self.instance.as_ref().map(|instance| &instance.id);
        let instances = self.provider.list().await?;
        let Some(found) = instances.iter().find(|instance| Some(&instance.id) == id) else {
            return Ok(Testimony { confirmed: false, evidence: "the provider does not list it".into() });
        };
        Ok(Testimony { confirmed: found.state == expected, evidence: format!("{}: {}", found.state, found.evidence) })
    }

    async fn ask_processes(&self, pattern: &str, wanted: bool) -> Result<Testimony, ProviderError> {
        let output = self.exec(&Command::new(["pgrep", "-x", "--", pattern])).await?;
        let count = output.stdout.lines().count();
        let answered = matches!(output.status, Some(0 | 1));
        let evidence = match (answered, count) {
            (false, _) => format!("pgrep ended with {:?}: {}", output.status, output.stderr.trim()),
            (true, 0) => format!("no process `{pattern}` in {}", self.strike.server),
            (true, count) => format!("{count} processes `{pattern}` in {}", self.strike.server),
        };
        Ok(Testimony { confirmed: answered && (count > 0) == wanted, evidence })
    }
}

impl Strike {
    /// Whether anything of it runs in the instance.
    fn is_inside(&self) -> bool {
        matches!(self.inject, Action::Exec(_))
            || matches!(self.witness, Witness::ProcessRuns(_) | Witness::NoProcess(_))
    }
}
