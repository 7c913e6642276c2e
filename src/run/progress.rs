//! What a person sees while scenarios run: a line each on a terminal, a line every ten seconds elsewhere.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::awaited::Awaited;
use crate::console::complain;
use crate::instance::PowerState;
use crate::load::LiveView;
use crate::observer::Observations;

/// How often a terminal is redrawn, and how often a log gets a line.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(10);
/// What is waited for longer than this is named.
const STUCK: Duration = Duration::from_secs(10);

/// Where progress is shown.
#[derive(Debug, Clone)]
pub struct Board {
    bars: Option<MultiProgress>,
    /// Each scenario under way, by its title, with what it waits for.
    under_way: Arc<Mutex<Vec<(String, Awaited)>>>,
}

impl Board {
    /// Bars on a terminal, lines elsewhere. Progress goes to stderr.
    pub fn new() -> Self {
        Board { bars: std::io::stderr().is_terminal().then(MultiProgress::new), under_way: Arc::default() }
    }

    /// Says something above the bars.
    pub fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| complain!("{text}")),
            None => complain!("{text}"),
        }
    }

    /// What each scenario under way waits for now, a line each.
    pub fn waits(&self) -> Vec<String> {
        let under_way = self.under_way();
        let told =
            |(title, awaited): &(String, Awaited)| Some(format!("{title}: {}", awaited.longest(Duration::ZERO)?));
        under_way.iter().filter_map(told).collect()
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<(String, Awaited)>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line for one scenario, and what it waits for; it ends when the line is dropped.
    pub fn scenario(&self, name: &str, attempt: u32, awaited: Awaited) -> Line {
        let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
        let (stage, stages) = watch::channel(ScenarioStage::named("waiting"));
        let bar = self.bars.as_ref().map(|bars| {
            let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is a constant");
            bars.add(ProgressBar::new_spinner().with_style(style))
        });
        let title = format!("{name}{again}");
        self.under_way().push((title.clone(), awaited.clone()));
        let ticker = tokio::spawn(show(title.clone(), bar.clone(), stages, awaited, self.clone()));
        Line { stage, ticker, bar, title, board: self.clone() }
    }
}

impl Default for Board {
    fn default() -> Self {
        Board::new()
    }
}

/// Where a scenario is, and where its live figures come from.
#[derive(Clone)]
struct ScenarioStage {
    name: String,
    since: Instant,
    figures: Option<LiveView>,
    observations: Option<Observations>,
}

impl ScenarioStage {
    fn named(name: &str) -> Self {
        ScenarioStage { name: name.into(), since: Instant::now(), figures: None, observations: None }
    }
}

/// One scenario's line.
pub struct Line {
    stage: watch::Sender<ScenarioStage>,
    ticker: JoinHandle<()>,
    bar: Option<ProgressBar>,
    title: String,
    board: Board,
}

impl Line {
    /// The scenario is now doing this.
    pub fn stage(&self, name: &str) {
        tracing::info!("{name}");
        self.stage.send_modify(|stage| (stage.name, stage.since) = (name.into(), Instant::now()));
    }

    /// From now on figures come from here.
    pub fn live(&self, figures: Option<LiveView>, observations: Observations) {
        self.stage.send_modify(|stage| (stage.figures, stage.observations) = (figures, Some(observations)));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ticker.abort();
        self.board.under_way().retain(|(title, _)| *title != self.title);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn show(
    title: String,
    bar: Option<ProgressBar>,
    stages: watch::Receiver<ScenarioStage>,
    awaited: Awaited,
    board: Board,
) {
    let every = if bar.is_some() { REDRAW_EVERY } else { LINE_EVERY };
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        let stage = stages.borrow().clone();
        let mut text = format!("{title}: {}", describe(&stage));
        if let Some(stuck) = awaited.longest(STUCK) {
            let _ = write!(text, " · {stuck}");
        }
        match &bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None => board.say(&text),
        }
    }
}

/// `degraded 12 s · 500/s · 0 errors/s · p99 3.1 ms · 7 nodes up`
fn describe(stage: &ScenarioStage) -> String {
    let mut text = format!("{} {} s", stage.name, stage.since.elapsed().as_secs());
    if let Some(figures) = &stage.figures {
        let live = figures.get();
        let _ = write!(text, " · {:.0}/s · {} errors/s · p99 {:.1} ms", live.rate, live.errors, live.p99_ms);
    }
    if let Some(observations) = &stage.observations {
        let instances = observations.instances.borrow();
        let up = instances.iter().filter(|instance| instance.state == PowerState::Running).count();
        let _ = write!(text, " · {up} nodes up");
    }
    text
}
