//! The accuracy of delay, loss and rate: the same trial for every victim and every backend.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Order, StrikeId};
use anarcho_chimp::provider::Remote;

use super::{Answer, Echoes, measure, quantile, throughput};

/// A victim, and how it is reached.
pub struct Trial<'a> {
    pub remote: &'a dyn Remote,
    pub address: Ipv4Addr,
}

/// How far from what was asked it may be.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub p50: Duration,
    pub p99: Duration,
    pub loss_points: f64,
    pub rate_share: f64,
}

/// What was asked and what was measured.
pub struct Figures {
    pub asked: String,
    pub measured: String,
    /// What the agent saw in the kernel meanwhile.
    pub evidence: String,
    /// Whether it is as near as it must be.
    pub near: bool,
}

/// What tests allow on a machine that is busy with other tests.
pub const BUSY: Tolerance =
    Tolerance { p50: Duration::from_millis(5), p99: Duration::from_millis(25), loss_points: 3.0, rate_share: 0.1 };

/// How often a trial is made again, as whatever else the machine does only ever adds to a delay.
const ATTEMPTS: usize = 8;

/// Makes a trial until it is near, a few times; prints each.
///
/// # Errors
/// When a trial could not be made, or none was near.
pub async fn comes_near<F: Future<Output = Result<Figures, String>>>(trial: impl Fn() -> F) -> Result<(), String> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let figures = trial().await?;
        last = figures.to_string();
        println!("{SAYS}{last}");
        if figures.near {
            return Ok(());
        }
    }
    Err(format!("{ATTEMPTS} times: {last}"))
}

/// How what is printed begins.
pub const SAYS: &str = "  wire: ";

/// A round trip without any fault is far below this, even on a machine that is busy with something else.
const UNDISTURBED: Duration = Duration::from_millis(20);

impl Trial<'_> {
    /// Delay of 100 ms, as many echoes, 200 a second.
    pub async fn delay(&self, count: u16, within: &Tolerance) -> Result<Figures, String> {
        let asked = Duration::from_millis(100);
        let effect = Effect::Shape { delay: asked, jitter: Duration::ZERO, loss_pct: 0.0 };
        let echoes = Echoes { count, per_s: 200, payload: 56, patience: Duration::from_secs(2) };
        let (answers, evidence) = self.under(effect, echoes).await?;
        let [p50, p99] = [0.5, 0.99].map(|share| quantile(&answers, share));
        // netem counts in ticks, which may end a little early.
        let at_least = asked - Duration::from_micros(100);
        let near = answers.len() == usize::from(count)
            && answers.iter().all(|answer| answer.round_trip >= at_least)
            && p50.abs_diff(asked) <= within.p50
            && p99.abs_diff(asked) <= within.p99;
        let measured = format!("p50 {} ms, p99 {} ms, {} of {count}", ms(p50), ms(p99), answers.len());
        Ok(Figures { asked: "delay 100 ms".into(), measured, evidence, near })
    }

    /// Delay of 50 ms, 20 ms more or less: half of all within 10 ms of the middle, and none beyond the ends.
    pub async fn jitter(&self, count: u16, within: &Tolerance) -> Result<Figures, String> {
        let effect =
            Effect::Shape { delay: Duration::from_millis(50), jitter: Duration::from_millis(20), loss_pct: 0.0 };
        let echoes = Echoes { count, per_s: 200, payload: 56, patience: Duration::from_secs(2) };
        let (answers, evidence) = self.under(effect, echoes).await?;
        let quantiles = [0.0, 0.25, 0.5, 0.75, 0.95].map(|share| quantile(&answers, share));
        // The 95th of 100 lies at 68 ms; a share of some hundred strays by a few percent of the 40 ms.
        let expected = [30, 40, 50, 60, 68].map(Duration::from_millis);
        let strays = within.p50 + Duration::from_millis(4);
        let near = quantiles.iter().zip(expected).all(|(quantile, expected)| quantile.abs_diff(expected) <= strays);
        let measured = format!("min, p25, p50, p75, p95 {} ms", quantiles.map(ms).join(", "));
        Ok(Figures { asked: "delay 50 ± 20 ms".into(), measured, evidence, near })
    }

    /// Loss of 30 %.
    pub async fn loss(&self, count: u16, within: &Tolerance) -> Result<Figures, String> {
        let effect = Effect::Shape { delay: Duration::ZERO, jitter: Duration::ZERO, loss_pct: 30.0 };
        let echoes = Echoes { count, per_s: 1_000, payload: 56, patience: Duration::from_secs(1) };
        let (answers, evidence) = self.under(effect, echoes).await?;
        let lost = 100.0 * (1.0 - answers.len() as f64 / f64::from(count));
        let near = (lost - 30.0).abs() <= within.loss_points;
        Ok(Figures { asked: "loss 30 %".into(), measured: format!("{lost:.2} % of {count}"), evidence, near })
    }

    /// 10 Mbit/s, offered about the double, for so long; what comes at the start does not count.
    pub async fn rate(&self, span: Duration, within: &Tolerance) -> Result<Figures, String> {
        const BITS_PER_S: u64 = 10_000_000;
        const PER_S: u32 = 1_750;
        let count = (span.as_secs_f64() * f64::from(PER_S)) as u16;
        let echoes = Echoes { count, per_s: PER_S, payload: 1_400, patience: Duration::from_millis(500) };
        let (answers, evidence) = self.under(Effect::Rate { bits_per_s: BITS_PER_S }, echoes).await?;
        let rate = throughput(&answers, Duration::from_millis(300));
        let near = (rate / BITS_PER_S as f64 - 1.0).abs() <= within.rate_share;
        let measured = format!("{:.2} Mbit/s over {} ms", rate / 1e6, span.as_millis());
        Ok(Figures { asked: "rate 10 Mbit/s".into(), measured, evidence, near })
    }

    /// Measures while an agent holds this effect, and sees that it is not there before, nor after.
    async fn under(&self, effect: Effect, echoes: Echoes) -> Result<(Vec<Answer>, String), String> {
        static STRIKES: AtomicU32 = AtomicU32::new(0);
        let id = StrikeId(format!("trial.{}", STRIKES.fetch_add(1, Ordering::Relaxed)));
        let (lease, address) = (Duration::from_secs(60), self.address);
        let order = Order { id, effect, lease, lasts: None, address, heals_nothing: false, ends_early: false };
        let agent = Agent::new(self.remote);
        agent.deploy(lease).await.map_err(text)?;
        self.is_undisturbed("before")?;
        agent.arm(&order).await.map_err(text)?;
        self.observe(&order, false).await?;
        agent.inject(&order.id).await.map_err(text)?;
        let evidence = self.observe(&order, true).await?;
        let address = self.address;
        let measured = tokio::task::spawn_blocking(move || measure(address, echoes)).await.map_err(text)?;
        agent.heal(&order.id).await.map_err(text)?;
        self.observe(&order, false).await?;
        self.is_undisturbed("after")?;
        Ok((measured.map_err(text)?, evidence))
    }

    async fn observe(&self, order: &Order, expected: bool) -> Result<String, String> {
        // An effect that impairs the path of its answer is made once the answer is out.
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        loop {
            let seen = Agent::new(self.remote).observe(order).await.map_err(text)?;
            match seen.in_force == expected {
                true => return Ok(seen.evidence),
                false if std::time::Instant::now() > deadline => return Err(format!("in force {expected}? {seen:?}")),
                false => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn is_undisturbed(&self, when: &str) -> Result<(), String> {
        let echoes = Echoes { count: 50, per_s: 500, payload: 56, patience: Duration::from_secs(2) };
        let answers = std::thread::scope(|scope| scope.spawn(|| measure(self.address, echoes)).join())
            .map_err(|_| "the measurement panicked")?
            .map_err(text)?;
        let p50 = quantile(&answers, 0.5);
        if answers.len() == 50 && p50 < UNDISTURBED {
            return Ok(());
        }
        Err(format!("{when} the fault: {} of 50 echoes, p50 {} ms", answers.len(), ms(p50)))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.near { "kept" } else { "MISSED" };
        write!(f, "| {} | {} | {verdict} | {} |", self.asked, self.measured, self.evidence)
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

fn text(why: impl fmt::Display) -> String {
    why.to_string()
}
