//! What a person sees while scenarios run: a line each on a terminal, a line a stage, and every ten seconds, elsewhere.

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
/// A log gets no two lines of a scenario within this time: shorter stages share one.
const PAUSE: Duration = Duration::from_secs(1);
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

    /// Says something in a log; a terminal shows as much by its bars.
    pub fn log(&self, text: &str) {
        if self.bars.is_none() {
            complain!("{text}");
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
        let (stage, stages) = watch::channel(ScenarioStage::default());
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

/// Where a scenario is, and where its live figures come from; what is not known yet is left out.
#[derive(Clone, Default)]
struct ScenarioStage {
    named: Option<(String, Instant)>,
    /// The stages that no line has shown yet, this one included.
    unshown: Arc<Mutex<Vec<String>>>,
    /// What its end depends on, where more is known of that than what is awaited.
    remains: Option<String>,
    figures: Option<LiveView>,
    observations: Option<Observations>,
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
        self.stage.send_modify(|stage| {
            stage.unshown.lock().unwrap_or_else(PoisonError::into_inner).push(name.into());
            (stage.named, stage.remains) = (Some((name.into(), Instant::now())), None);
        });
    }

    /// What the end of the stage depends on, and for how long, as far as that is known. The next line shows it.
    pub fn remains(&self, what: String) {
        self.stage.send_if_modified(|stage| {
            stage.remains = Some(what);
            false
        });
    }

    /// From now on figures come from here.
    pub fn live(&self, figures: Option<LiveView>, observations: Observations) {
        self.stage.send_if_modified(|stage| {
            (stage.figures, stage.observations) = (figures, Some(observations));
            false
        });
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
    mut stages: watch::Receiver<ScenarioStage>,
    awaited: Awaited,
    board: Board,
) {
    loop {
        let stage = stages.borrow_and_update().clone();
        let passed = std::mem::take(&mut *stage.unshown.lock().unwrap_or_else(PoisonError::into_inner));
        let earlier = passed.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let mut text = describe(&title, if bar.is_some() { &[] } else { earlier }, &stage);
        match (&stage.remains, awaited.longest(STUCK)) {
            (Some(remains), _) => _ = write!(text, " · {remains}"),
            (None, Some(stuck)) => _ = write!(text, " · {stuck}"),
            (None, None) => {}
        }
        match &bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None if stage.named.is_some() => board.say(&text),
            None => {}
        }
        next(&mut stages, bar.is_some()).await;
    }
}

/// Until the line is to be shown again: at the next stage, or after a while.
async fn next(stages: &mut watch::Receiver<ScenarioStage>, on_a_terminal: bool) {
    if on_a_terminal {
        return tokio::time::sleep(REDRAW_EVERY).await;
    }
    let began = tokio::time::Instant::now();
    // The line ends with its sender, and this task with the line.
    let _ = tokio::time::timeout(LINE_EVERY, stages.changed()).await;
    tokio::time::sleep_until(began + PAUSE).await;
}

/// `title: recovery 12 s · 500/s · 0 errors/s · p99 3.1 ms · 7 servers up`
fn describe(title: &str, earlier: &[String], stage: &ScenarioStage) -> String {
    let Some((name, since)) = &stage.named else { return title.into() };
    let passed: String = earlier.iter().map(|name| format!("{name} → ")).collect();
    let mut text = format!("{title}: {passed}{name}");
    let lasted = since.elapsed().as_secs();
    if lasted > 0 {
        let _ = write!(text, " {lasted} s");
    }
    // Before the first answer there is no figure.
    if let Some(live) = stage.figures.as_ref().map(LiveView::get).filter(|live| live.good + live.bad > 0) {
        let _ = write!(text, " · {:.0}/s · {} errors/s", live.rate, live.errors);
        if live.rate > 0.0 {
            let _ = write!(text, " · p99 {:.1} ms", live.p99_ms);
        }
    }
    if let Some(observations) = &stage.observations {
        let instances = observations.instances.borrow();
        let up = instances.iter().filter(|instance| instance.state == PowerState::Running).count();
        let servers = if up == 1 { "server" } else { "servers" };
        let _ = write!(text, " · {up} {servers} up");
    }
    text
}
