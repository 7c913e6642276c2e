//! Plot C: from the fault to normal, step by step: at the victim, for users, in the site. The declared delays stand beside
//! the measured times.

use std::time::Duration;

use super::canvas::{Anchor, Canvas, svg, text_width};
use super::frame::{Frame, LegendEntry, Scale, Swatch, legend, legend_height, plain, ticks};
use super::sheet::SheetSize;
use crate::infrastructure::Server;
use crate::measure::moments::server_of;
use crate::palette;
use crate::plan::ScenarioPlan;
use crate::report::html::milestones::{SeenAt, by_place};
use crate::report::html::origin::Origin;
use crate::report::record::{MilestoneState, Milestones, ScenarioRecord};
use crate::report::words::since_t0;
use crate::units::show_duration;

/// It stands beside a table, so the narrow sheet serves screens, too.
const WIDTH: i32 = SheetSize::Narrow.width();
const ROW: i32 = 46;
/// The height of a group's heading.
const HEADING: i32 = 40;
/// Room for the rows' names.
const NAMES: i32 = 170;
/// Where headings and the legend start: they are wider than what is right of the names.
const EDGE: i32 = 16;

/// What a scenario declared about how long a step may take.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The milestone it belongs to.
    pub milestone: &'static str,
    pub text: String,
    pub takes: Duration,
}

/// Which time a plot is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// As it was.
    Measured,
    /// With declared waits as long as declared.
    Model,
}

/// Plot C, of measured moments or of those in model time; `None` where there was no t0 or nothing after it.
pub fn plot(milestones: &Milestones, declared: &[Declared], clock: Clock) -> Option<String> {
    milestones.t0_at_s?;
    let groups = reached(milestones);
    let moments = || groups.iter().flat_map(|(_, rows)| rows.iter().map(|(_, at)| *at));
    let last = moments().fold(0.0, f64::max);
    let allowed = declared.iter().map(|declared| declared.takes.as_secs_f64()).fold(0.0, f64::max);
    if last <= 0.0 {
        return None;
    }
    let height = moments().count() as i32 * ROW + groups.len() as i32 * HEADING;
    let times = moments().map(|at| text_width(&since_t0(at))).max().unwrap_or(0);
    let frame = Frame {
        left: NAMES,
        right: WIDTH - times - 20,
        top: 6,
        bottom: 6 + height,
        // A declared delay far beyond what was measured would leave nothing to see of the measured.
        x_range: (0.0, last.max(allowed.min(last * 1.5))),
        y_range: (0.0, 1.0),
        scale: Scale::Linear,
        origin: Origin::at(None),
    };
    let (entries, room) = (entries(!declared.is_empty(), clock), (EDGE, WIDTH));
    let size = (WIDTH as u32, (frame.bottom + 44 + legend_height(&entries, room)) as u32);
    Some(svg(size, "From the fault to normal: when each step was reached, in seconds since the onset", |canvas| {
        axis(canvas, &frame);
        let mut y = frame.top;
        for (place, rows) in &groups {
            canvas.rect((EDGE, y), (frame.right, y + HEADING), palette::PAPER, 1.0);
            canvas.bold(place.words(), (EDGE, y + HEADING / 2), Anchor::Start, palette::MUTED);
            y += HEADING;
            for (name, at) in rows {
                bar(canvas, &frame, y + ROW / 2, (name, *at), before(&groups, *place, *at));
                if let Some(declared) = declared.iter().find(|declared| declared.milestone == *name) {
                    allowance(canvas, &frame, y + ROW / 2, declared);
                }
                y += ROW;
            }
        }
        legend(canvas, frame.bottom + 44, room, &entries);
    }))
}

/// The milestones that came, in seconds since t0, by where they were seen.
type Reached<'a> = Vec<(SeenAt, Vec<(&'a str, f64)>)>;

fn reached(milestones: &Milestones) -> Reached<'_> {
    let came = |state: &MilestoneState| match state {
        MilestoneState::At { after_t0_s, .. } => Some(*after_t0_s),
        _ => None,
    };
    let places = by_place(&milestones.rows).into_iter();
    let places = places.map(|(place, rows)| {
        (place, rows.into_iter().filter_map(|row| Some((row.name.as_str(), came(&row.state)?))).collect::<Vec<_>>())
    });
    places.filter(|(_, rows)| !rows.is_empty()).collect()
}

/// The latest moment before this one that was seen at the same place, in whatever order the rows are; 0 where there is
/// none. What users and the site wait for together comes after what either of them waited for.
fn before(groups: &Reached<'_>, place: SeenAt, at: f64) -> f64 {
    let waited_for = |of: SeenAt| of == place || place == SeenAt::Both && matches!(of, SeenAt::Users | SeenAt::Site);
    let moments = groups.iter().filter(|(of, _)| waited_for(*of)).flat_map(|(_, rows)| rows.iter().map(|(_, at)| *at));
    moments.filter(|moment| *moment < at).fold(0.0, f64::max)
}

fn entries(declared: bool, clock: Clock) -> Vec<LegendEntry> {
    let since_t0 = match clock {
        Clock::Measured => "since onset",
        Clock::Model => "since onset, model time",
    };
    let mut entries = vec![
        (palette::SKY, Swatch::Area(0.45), since_t0.to_string()),
        (palette::BLUE, Swatch::Area(1.0), "since the latest earlier step of its group".to_string()),
    ];
    if declared {
        entries.push((palette::ORANGE, Swatch::Area(1.0), "declared".to_string()));
    }
    entries
}

fn axis(canvas: &mut Canvas, frame: &Frame) {
    for tick in ticks(frame.x_range, 5) {
        let x = frame.x(tick);
        canvas.line((x, frame.top), (x, frame.bottom), palette::GRID, 1);
        canvas.text(&format!("{} s", plain(tick)), (x, frame.bottom + 22), Anchor::Middle, palette::MUTED);
    }
    let zero = frame.x(0.0);
    canvas.line((zero, frame.top), (zero, frame.bottom), palette::INK, 2);
}

/// A light bar from t0, dark from the latest earlier step of its group on, and the time at its end.
fn bar(canvas: &mut Canvas, frame: &Frame, y: i32, (name, at): (&str, f64), reached: f64) {
    canvas.text(name, (frame.left - 16, y), Anchor::End, palette::INK);
    let (zero, end) = (frame.x(0.0), frame.x(at));
    let (from, to) = (zero.min(end), zero.max(end).max(zero.min(end) + 4));
    canvas.rect((from, y - 14), (to, y + 5), palette::SKY, 0.45);
    if at > reached {
        canvas.rect((frame.x(reached), y - 14), (to, y + 5), palette::BLUE, 1.0);
    }
    canvas.bold(&since_t0(at), (to + 10, y - 4), Anchor::Start, palette::INK);
}

/// The declared delay, a thin bar below the measured one.
fn allowance(canvas: &mut Canvas, frame: &Frame, y: i32, declared: &Declared) {
    let end = frame.x(declared.takes.as_secs_f64());
    canvas.rect((frame.x(0.0), y + 8), (end, y + 15), palette::ORANGE, 1.0);
}

/// The delays that the plan declares for the servers that were struck; none of those that were there already.
pub fn declared(plan: &ScenarioPlan, record: &ScenarioRecord) -> Vec<Declared> {
    if plan.infrastructure.is_attached() {
        return Vec::new();
    }
    let struck: Vec<_> =
        record.strikes.iter().filter_map(|strike| plan.infrastructure.servers.get(server_of(&strike.target))).collect();
    let balancer = &plan.settings.balancer;
    let mut declared = Vec::new();
    let shares_address =
        |name: &String| plan.infrastructure.virtual_ips.iter().any(|address| address.holders.contains(name));
    if struck.iter().any(|server| shares_address(&server.name)) {
        // RFC 5798, 6.1: a master is down after three missed advertisements and a skew of at most one more.
        let text = format!("VRRP 3 × {}", show_duration(balancer.advert));
        declared.push(Declared { milestone: "detected", text, takes: balancer.advert * 3 });
    } else if !struck.is_empty() {
        let text = format!("health checks {} × {}", balancer.check_misses, show_duration(balancer.check_every));
        declared.push(Declared { milestone: "removed", text, takes: balancer.check_every * balancer.check_misses });
    }
    let scaled = plan.settings.auto_scaling.servers(&plan.infrastructure);
    let is_reconciled = !struck.is_empty() && struck.iter().all(|server| !scaled.contains(&server.name));
    if plan.settings.reconciler.enabled && is_reconciled {
        declared.extend(of_replacement(plan, &struck));
    }
    declared
}

/// Until the slowest of them is booted, then until it is configured.
fn of_replacement(plan: &ScenarioPlan, struck: &[&Server]) -> Vec<Declared> {
    let longest = |delay: fn(&Server) -> Duration| struck.iter().map(|server| delay(server)).max().unwrap_or_default();
    let part = |word: &str, takes: Duration| match takes.is_zero() {
        true => String::new(),
        false => format!(" + {word} {}", show_duration(takes)),
    };
    let (boot, install) = (longest(|server| server.boot_delay), longest(|server| server.install_delay));
    let every = plan.settings.reconciler.every;
    let text = format!("reconciler every {}{}{}", show_duration(every), part("boot", boot), part("install", install));
    let booted = every + boot + install;
    let mut declared = vec![Declared { milestone: "booted", text, takes: booted }];
    let agent = &plan.settings.config_agent;
    if agent.enabled {
        let configure = longest(|server| server.configure_delay);
        let text = format!("config agent every {}{}", show_duration(agent.every), part("configure", configure));
        declared.push(Declared { milestone: "configured", text, takes: booted + agent.every + configure });
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_dead_balancer_is_declared_to_be_missed_after_three_adverts() {
        let run = sample::run();
        let declared = declared(&run.plan.scenarios[0], &run.record.scenarios[0]);
        let told: Vec<(&str, &str)> = declared.iter().map(|d| (d.milestone, d.text.as_str())).collect();
        assert_eq!(told, [("detected", "VRRP 3 × 50 ms"), ("booted", "reconciler every 1 s")]);
    }

    #[test]
    fn a_config_agent_is_declared_after_the_boot() {
        let mut run = sample::run();
        let plan = &mut run.plan.scenarios[0];
        plan.settings.config_agent.enabled = true;
        for server in plan.infrastructure.servers.values_mut() {
            server.boot_delay = Duration::from_secs(180);
            server.configure_delay = Duration::from_secs(120);
        }
        let declared = declared(plan, &run.record.scenarios[0]);
        let told: Vec<(&str, u64)> = declared[1..].iter().map(|d| (d.text.as_str(), d.takes.as_secs())).collect();
        let expected =
            [("reconciler every 1 s + boot 3 min", 181), ("config agent every 1 min + configure 2 min", 361)];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_step_is_counted_from_the_latest_earlier_one_of_its_group_whatever_the_order_of_rows() {
        let groups: Reached = vec![
            (SeenAt::Users, vec![("first error", 0.1), ("service back", 0.4)]),
            (SeenAt::Site, vec![("detected", 0.3), ("removed", 0.2), ("booted", 2.0)]),
            (SeenAt::Both, vec![("normal", 2.5)]),
        ];
        assert_eq!(before(&groups, SeenAt::Site, 0.3), 0.2, "the row below it came earlier");
        assert_eq!(before(&groups, SeenAt::Site, 0.2), 0.0);
        assert_eq!(before(&groups, SeenAt::Site, 2.0), 0.3);
        assert_eq!(before(&groups, SeenAt::Users, 0.4), 0.1);
        assert_eq!(before(&groups, SeenAt::Both, 2.5), 2.0);
    }

    #[test]
    fn without_a_t0_there_is_no_waterfall() {
        assert_eq!(plot(&Milestones::default(), &[], Clock::Measured), None);
    }

    #[test]
    fn every_milestone_that_was_reached_is_a_row() {
        let run = sample::run();
        let drawn = plot(&run.record.scenarios[0].milestones, &[], Clock::Measured).unwrap();
        assert!(drawn.contains("service back") && drawn.contains("first error"));
    }
}
