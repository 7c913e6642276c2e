//! Whether a fault can be ordered so: it has what it needs to be told, nothing else, and every value means something.

use std::fmt;
use std::time::Duration;

use super::phrase::in_words;
use super::{Action, Fault, FaultTarget, Parameter, process};
use crate::plan::{Parameters, Schedule, StrikeOrder};

/// Why an order makes no sense, and what to say instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.detail, self.hint)
    }
}

/// Looks at an order and its schedule.
///
/// # Errors
/// The first thing that makes no sense.
pub fn check(fault: &dyn Fault, order: &StrikeOrder, schedule: &Schedule) -> Result<(), Refusal> {
    told(fault, order)?;
    values(fault, &order.with)?;
    lasts(fault, &order.with, schedule)?;
    moments(fault, schedule)
}

fn refused<T>(detail: impl Into<String>, hint: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { detail: detail.into(), hint: hint.into() })
}

/// What of the things that a fault takes an order does not say, each with its word.
pub fn missing(fault: &dyn Fault, order: &StrikeOrder) -> Vec<(&'static str, Parameter)> {
    let wanted =
        given(order).into_iter().filter(|(parameter, is_given, _)| !is_given && fault.takes().contains(parameter));
    wanted.map(|(parameter, _, word)| (word, parameter)).collect()
}

/// Everything that a fault may be told, whether this order says it, and its word.
fn given(order: &StrikeOrder) -> [(Parameter, bool, &'static str); 9] {
    let with = &order.with;
    [
        (Parameter::Process, with.process.is_some() || with.random_process, "process"),
        (Parameter::Signal, with.signal.is_some(), "signal"),
        (Parameter::Port, with.port.is_some(), "port"),
        (Parameter::Percent, with.percent.is_some(), "percentage"),
        (Parameter::Delay, with.delay.is_some(), "delay"),
        (Parameter::Jitter, with.jitter.is_some(), "jitter"),
        (Parameter::Bandwidth, with.bits_per_s.is_some(), "bandwidth"),
        (Parameter::After, with.after.is_some(), "time before it starts"),
        (Parameter::Partition, order.partition.is_some(), "other side"),
    ]
}

/// Whether its parameters are all that it takes, and no others.
fn told(fault: &dyn Fault, order: &StrikeOrder) -> Result<(), Refusal> {
    for (parameter, is_given, word) in given(order) {
        let (needed, known) = (fault.takes().contains(&parameter), fault.accepts().contains(&parameter));
        if needed && !is_given {
            let hint =
                if parameter == Parameter::Partition { "say which (of an attack: --from SERVER)" } else { "say which" };
            return refused(format!("`{}` needs a {word}", fault.name()), hint);
        }
        if is_given && !needed && !known {
            return refused(format!("`{}` takes no {word}", fault.name()), "leave it out");
        }
    }
    Ok(())
}

/// Whether every value would change something, and can be.
fn values(fault: &dyn Fault, with: &Parameters) -> Result<(), Refusal> {
    if with.process.as_deref().is_some_and(|name| !process::is_name(name)) {
        return refused("a process needs a name", "say for example `process \"nginx\"`");
    }
    if let Some(signal) = with.signal.as_deref().filter(|signal| !process::ENDING_SIGNALS.contains(signal)) {
        let hint = format!("signals that end a process are SIG{}", process::ENDING_SIGNALS.join(", SIG"));
        return refused(format!("no process dies of SIG{signal}"), hint);
    }
    if with.port == Some(0) {
        return refused("nothing listens on port 0", "ports are 1 to 65535");
    }
    if with.percent.is_some_and(|percent| percent.0 <= 0.0 || percent.0.is_nan()) {
        return refused("0% changes nothing", "say more than 0%");
    }
    if with.percent.is_some_and(|percent| percent.0 > 100.0) {
        return refused("there is no more than 100%", "say at most 100%");
    }
    if let (Some((most, why)), Some(percent)) = (fault.most(), with.percent)
        && percent.0 > most
    {
        return refused(why, format!("say at most {most}%"));
    }
    if with.delay == Some(Duration::ZERO) {
        return refused("a delay of no time changes nothing", "say for example `100 ms of delay`");
    }
    if with.jitter.is_some_and(|jitter| jitter > with.delay.unwrap_or_default()) {
        return refused(
            "the jitter is longer than the delay, so some packets would leave before they came",
            "say less jitter",
        );
    }
    if with.bits_per_s == Some(0) {
        return refused("0 bit/s would be no network at all", "say `loses network`");
    }
    fault.accept(&with.said).map_err(|(detail, hint)| Refusal { detail, hint })
}

/// Whether it can be undone where it is to last for a while only.
fn lasts(fault: &dyn Fault, with: &Parameters, schedule: &Schedule) -> Result<(), Refusal> {
    let lasts = matches!(schedule, Schedule::For(_) | Schedule::After { lasts: Some(_), .. });
    let probe = fault.strike(&FaultTarget { server: "", peers: &[], services: &[] }, with);
    if !lasts || probe.heal.is_some() {
        return Ok(());
    }
    if fault.is_instant() {
        return refused(format!("`{}` can't last", in_words(fault)), "it is over in a moment; leave out the time");
    }
    let hint = match probe.inject {
        Action::Power(_) => "a server that dies is gone for good; one that `loses power for …` comes back",
        _ => "a process that dies is gone until something starts it; one that `stops for …` goes on by itself",
    };
    refused(format!("`{}` can't be undone", in_words(fault)), hint)
}

/// Whether it can strike at such moments.
fn moments(fault: &dyn Fault, schedule: &Schedule) -> Result<(), Refusal> {
    let recurs = matches!(schedule, Schedule::Every { .. } | Schedule::Poisson { .. });
    if recurs && !fault.can_recur() {
        return refused(format!("`{}` can't recur", in_words(fault)), "it is over in a moment; leave out the time");
    }
    match schedule {
        Schedule::Every { interval, total } if interval > total => refused(
            "it would strike only once: the interval is longer than the whole time",
            "say `every 5 s for 20 s`: the interval first, the whole time after it",
        ),
        Schedule::Poisson { mean, total } if mean > total => refused(
            "it would most likely never strike: the mean time between strikes is longer than the whole time",
            "say `at random times, every 5 s on average, for 1 min`: the mean first, the whole time after it",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::named;
    use crate::plan::{Choice, Partition, StepText, Target as Whom};
    use crate::units::Percent;

    fn whom() -> Whom {
        Whom { choice: Choice::Every, role: "node".into(), zone: None, tag: None, text: "every node".into() }
    }

    fn order(fault: &str, with: Parameters) -> StrikeOrder {
        let partition = (fault == "partition").then_some(Partition::Halves);
        StrikeOrder { fault: fault.into(), with, target: whom(), partition, step: StepText::default() }
    }

    fn checked(fault: &str, with: Parameters, schedule: Schedule) -> Result<(), String> {
        let fault = named(fault).unwrap();
        check(fault, &order(fault.name(), with), &schedule).map_err(|refusal| refusal.detail)
    }

    fn once(fault: &str, with: Parameters) -> Result<(), String> {
        checked(fault, with, Schedule::Once)
    }

    #[track_caller]
    fn assert_refused(outcome: Result<(), String>, words: &str) {
        let why = outcome.expect_err(words);
        assert!(why.contains(words), "{why}");
    }

    fn percent(value: f64) -> Parameters {
        Parameters { percent: Some(Percent(value)), ..Parameters::default() }
    }

    fn delay(ms: u64, jitter: Option<u64>) -> Parameters {
        let jitter = jitter.map(Duration::from_millis);
        Parameters { delay: Some(Duration::from_millis(ms)), jitter, ..Parameters::default() }
    }

    #[test]
    fn a_fault_is_told_what_it_takes_and_nothing_else() {
        assert_eq!(once("dies", Parameters::default()), Ok(()));
        assert_refused(once("dies", percent(30.0)), "`dies` takes no percentage");
        assert_refused(once("loses-packets", Parameters::default()), "`loses-packets` needs a percentage");
        assert_eq!(once("process-dies", Parameters { random_process: true, ..Parameters::default() }), Ok(()));
        let mut whole = order("partition", Parameters::default());
        whole.partition = None;
        assert!(check(named("partition").unwrap(), &whole, &Schedule::Once).is_err());
    }

    #[test]
    fn values_that_change_nothing_are_refused() {
        assert_eq!(once("loses-packets", percent(100.0)), Ok(()));
        assert_refused(once("cpu-taken", percent(0.0)), "0% changes nothing");
        assert_eq!(once("gains-delay", delay(100, Some(100))), Ok(()));
        assert_refused(once("gains-delay", delay(0, None)), "a delay of no time");
        assert_refused(once("gains-delay", delay(100, Some(101))), "the jitter is longer");
        assert_refused(once("bandwidth-limit", Parameters { bits_per_s: Some(0), ..Parameters::default() }), "0 bit/s");
        assert_refused(once("port-rejected", Parameters { port: Some(0), ..Parameters::default() }), "port 0");
        assert_eq!(once("memory-taken", percent(90.0)), Ok(()));
        assert_refused(once("memory-taken", percent(91.0)), "the kernel would kill");
        assert_refused(once("loses-packets", percent(300.0)), "no more than 100%");
        assert_refused(once("cpu-taken", percent(f64::NAN)), "0% changes nothing");
    }

    #[test]
    fn processes_have_names_and_die_of_signals_that_end_them() {
        let of = |process: &str, signal: Option<&str>| Parameters {
            process: Some(process.into()),
            signal: signal.map(Into::into),
            ..Parameters::default()
        };
        assert_eq!(once("process-dies", of("nginx", Some("TERM"))), Ok(()));
        assert_refused(once("process-dies", of("nginx", Some("STOP"))), "no process dies of SIGSTOP");
        assert_refused(once("process-stops", of("  ", None)), "a process needs a name");
        assert_refused(once("process-stops", of("a\nb", None)), "a process needs a name");
    }

    #[test]
    fn only_what_heals_can_last() {
        let second = Duration::from_secs(1);
        let after = Schedule::After { wait: second, lasts: Some(second) };
        assert_eq!(checked("hangs", Parameters::default(), Schedule::For(second)), Ok(()));
        assert_eq!(checked("zone-lost", Parameters::default(), after), Ok(()));
        assert_refused(checked("dies", Parameters::default(), after), "can't be undone");
        assert_eq!(checked("suspended", Parameters::default(), Schedule::For(second)), Ok(()));
        assert_refused(checked("reboots", Parameters::default(), Schedule::For(second)), "`reboots` can't last");
        let soft = checked("soft-reboots", Parameters::default(), Schedule::For(second));
        assert_refused(soft, "`reboots gracefully` can't last");
    }

    #[test]
    fn what_recurs_comes_more_than_once() {
        let (one, two) = (Duration::from_secs(1), Duration::from_secs(2));
        let dies = |schedule| checked("dies", Parameters::default(), schedule);
        assert_eq!(dies(Schedule::Every { interval: one, total: two }), Ok(()));
        assert_refused(dies(Schedule::Every { interval: two, total: one }), "only once");
        assert_eq!(dies(Schedule::Poisson { mean: one, total: one }), Ok(()));
        assert_refused(dies(Schedule::Poisson { mean: two, total: one }), "most likely never");
        let back = checked("power-on", Parameters::default(), Schedule::Poisson { mean: one, total: two });
        assert_refused(back, "can't recur");
    }
}
