//! Whens that are made from the phrases of faults, of the shipped ones and of those that other crates register.
//!
//! A phrase's parameters say which servers are struck, when, and, by one table, the fields of the fault's [`Parameters`].

use std::sync::OnceLock;

use cucumber::codegen::{Expression, LocalBoxFuture};
use cucumber::step::{Context, Location};

use super::names::{self, Wrong};
use super::params::{Bandwidth, Moments, ParamError, Percent, Port, Process, Role, Signal, Span, Target};
use super::phrase::{Phrase, declared, parsed};
use crate::declare::{Made, MadeSteps, ParameterType, StepError, Strike, World, every};
use crate::fault::{self, FAULTS, Fault, Parameter, phrase};
use crate::plan::{self, Parameters, Schedule};

cucumber::codegen::submit! { MadeSteps(made) }

/// A kind of parameter in a phrase, the parameter of a fault that it says, and how it fills the field.
type Field = (&'static str, Parameter, fn(&mut Parameters, &str) -> Result<(), ParamError>);

/// Where a fault takes several of a kind, the first in a phrase is the first here.
const FIELDS: [Field; 7] = [
    ("process", Parameter::Process, |with, text| text.parse().map(|process: Process| process.fill(with))),
    ("signal", Parameter::Signal, |with, text| text.parse().map(|Signal(signal)| with.signal = Some(signal))),
    ("port", Parameter::Port, |with, text| text.parse().map(|Port(port)| with.port = Some(port))),
    ("percent", Parameter::Percent, |with, text| text.parse().map(|Percent(share)| with.percent = Some(share))),
    ("bandwidth", Parameter::Bandwidth, |with, text| text.parse().map(|Bandwidth(bits)| with.bits_per_s = Some(bits))),
    ("duration", Parameter::Delay, |with, text| text.parse().map(|Span(delay)| with.delay = Some(delay))),
    ("duration", Parameter::Jitter, |with, text| text.parse().map(|Span(jitter)| with.jitter = Some(jitter))),
];

/// One after the other, each once the site has recovered from the one before.
const IN_TURN: &str = "each {role} {event} in turn";

/// A phrase of a fault.
struct When {
    fault: &'static dyn Fault,
    phrase: Phrase,
}

/// All phrases of faults, by the order of [`FAULTS`] and then by place.
struct Whens {
    all: Vec<When>,
    in_turn: Phrase,
    /// What is said of servers in words alone: `dies`, `loses power`.
    event: ParameterType,
    wrong: Vec<Wrong>,
}

fn whens() -> &'static Whens {
    static ALL: OnceLock<Whens> = OnceLock::new();
    ALL.get_or_init(|| {
        let (mut all, mut wrong) = (Vec::new(), Vec::new());
        for (fault, location) in faults() {
            for &text in fault.phrases() {
                match phrase_of(fault, text, location) {
                    Ok(phrase) => all.push(When { fault, phrase }),
                    Err(why) => {
                        wrong.push((location, format!("`{text}`, a phrase of the fault `{}`, {why}", fault.name())))
                    }
                }
            }
        }
        let event = event(&all);
        let here = Location { path: file!(), line: line!(), column: 1 };
        let in_turn = Phrase::of(IN_TURN, here, Some(event)).expect("its parameters are known");
        Whens { all, in_turn, event, wrong }
    })
}

/// Every fault whose name is its own, and where it is: a shipped one in the file of its name, whichever line.
fn faults() -> impl Iterator<Item = (&'static dyn Fault, Location)> {
    let shipped = FAULTS.iter().map(|fault| {
        let path = format!("src/fault/{}.rs", fault.name().replace('-', "_"));
        (*fault, Location { path: path.leak(), line: 0, column: 0 })
    });
    let registered = fault::registered().into_iter().filter(|one| names::is_free(one.fault.name(), one.place));
    shipped.chain(registered.map(|one| (one.fault, names::location(one.place))))
}

/// # Errors
/// What is wrong with it, after its text, and what to do.
fn phrase_of(fault: &dyn Fault, text: &'static str, location: Location) -> Result<Phrase, String> {
    let phrase = Phrase::of(text, location, None)?;
    if phrase.has("target") || names_a_zone(fault, &phrase) {
        return Ok(phrase);
    }
    Err("does not say which servers are struck\n  help: put `{target}` where they stand".into())
}

/// Whether it says by a zone which servers are struck.
fn names_a_zone(fault: &dyn Fault, phrase: &Phrase) -> bool {
    fault.strikes_zones() && phrase.has("string") && !phrase.has("target")
}

/// The words of all phrases that say of their target nothing else.
fn event(all: &[When]) -> ParameterType {
    let words: Vec<&str> = all.iter().filter_map(|when| phrase::event(when.phrase.text)).collect();
    let bare = |regex: &str| regex.trim_start_matches('^').trim_end_matches('$').to_string();
    let regexes = words.iter().filter_map(|words| Some(bare(Expression::regex(words).ok()?.as_str())));
    let accepts = words.iter().map(|words| phrase::singular(words));
    ParameterType {
        name: "event",
        regex: format!("(?:{})", regexes.collect::<Vec<_>>().join("|")).leak(),
        accepts: accepts.collect::<Vec<_>>().join(", ").leak(),
    }
}

fn made() -> Made {
    let Whens { all, in_turn, event, wrong } = whens();
    let mut steps: Vec<_> = all.iter().map(|when| when.phrase.step("When", strikes)).collect();
    steps.push(in_turn.step("When", strikes_in_turn));
    Made { steps, parameters: vec![*event], wrong: wrong.clone() }
}

fn strikes(world: &mut World, context: Context) -> LocalBoxFuture<'_, ()> {
    declared(world, context, |world, text| {
        let (strike, moments) = read(text)?.expect("cucumber matched one of them");
        world.declaration.strike(strike, moments)
    })
}

fn strikes_in_turn(world: &mut World, context: Context) -> LocalBoxFuture<'_, ()> {
    declared(world, context, |world, text| {
        let said = whens().in_turn.read(text).expect("cucumber matched it");
        let [(_, role), (_, event)] = said[..] else { unreachable!("a role and an event") };
        let (strike, _) = read(&format!("every node {event}"))?.expect("each event is a phrase");
        world.declaration.in_turn(Strike { target: every(&parsed::<Role>(role)?.0), ..strike })
    })
}

/// The strike that a text says, if it says one.
///
/// # Errors
/// A parameter's value that is none.
fn read(text: &str) -> Result<Option<(Strike, Schedule)>, StepError> {
    let found = whens().all.iter().find_map(|when| Some((when, when.phrase.read(text)?)));
    let Some((When { fault, phrase }, said)) = found else { return Ok(None) };
    let (mut target, mut moments, mut with) = (None, Schedule::Once, Filled::default());
    for (kind, value) in said {
        match kind {
            "target" if target.is_none() => target = Some(parsed::<Target>(value)?.0),
            "string" if target.is_none() && names_a_zone(*fault, phrase) => target = Some(whole_zone(value)),
            "schedule" => moments = parsed::<Moments>(value)?.0,
            _ => with.fill(*fault, kind, value)?,
        }
    }
    let target = target.expect("a phrase without it was refused");
    Ok(Some((Strike { with: with.parameters, ..Strike::of(fault.name(), target) }, moments)))
}

fn whole_zone(zone: &str) -> plan::Target {
    plan::Target { text: format!("zone \"{zone}\""), zone: Some(zone.into()), ..every("node") }
}

/// Parameters, and which of them a phrase has said.
#[derive(Default)]
struct Filled {
    parameters: Parameters,
    said: Vec<Parameter>,
}

impl Filled {
    /// Into the first field of this kind that the fault has and that is not filled yet; else among what is only said.
    fn fill(&mut self, fault: &dyn Fault, kind: &str, value: &str) -> Result<(), StepError> {
        let has = |parameter: &Parameter| fault.takes().contains(parameter) || fault.accepts().contains(parameter);
        let is_next = |(of, parameter, _): &&Field| *of == kind && has(parameter) && !self.said.contains(parameter);
        let Some((_, parameter, fill)) = FIELDS.iter().find(is_next) else {
            self.parameters.said.push(value.into());
            return Ok(());
        };
        self.said.push(*parameter);
        fill(&mut self.parameters, value).map_err(|why| StepError::Malformed(why.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fault::{FaultTarget, ServerStrike};

    fn strike_of(text: &str) -> (&'static str, Parameters) {
        let (strike, _) = read(text).unwrap().unwrap_or_else(|| panic!("`{text}` is no strike"));
        (strike.fault, strike.with)
    }

    #[test]
    fn every_shipped_phrase_is_one_and_stands_in_the_file_of_its_fault() {
        assert_eq!(whens().wrong, [], "of the shipped ones");
        for When { phrase, .. } in &whens().all {
            assert!(Path::new(phrase.location.path).is_file(), "{}", phrase.location.path);
        }
    }

    #[test]
    fn one_dies_and_several_die() {
        for (singular, plural, fault) in [
            ("dies", "die", "dies"),
            ("loses power", "lose power", "power-off"),
            ("comes back", "come back", "power-on"),
            ("reboots", "reboot", "reboots"),
            ("reboots gracefully", "reboot gracefully", "soft-reboots"),
            ("hangs", "hang", "hangs"),
            ("is suspended", "are suspended", "suspended"),
            ("loses network", "lose network", "loses-network"),
            ("is isolated", "are isolated", "isolated"),
            ("gets a full disk", "get a full disk", "disk-full"),
        ] {
            assert_eq!(strike_of(&format!("a random webserver {singular}")).0, fault);
            assert_eq!(strike_of(&format!("2 random webservers {plural}")).0, fault);
            let in_turn = format!("each webserver {singular} in turn");
            assert_eq!(whens().in_turn.read(&in_turn), Some(vec![("role", "webserver"), ("event", singular)]));
        }
        for (singular, plural, fault) in [
            ("dies", "die", "process-dies"),
            ("stops", "stop", "process-stops"),
            ("hangs", "hang", "process-stops"),
            ("restarts", "restart", "process-restarts"),
        ] {
            let process = "process \"nginx\" on";
            assert_eq!(strike_of(&format!("{process} a random webserver {singular}")).0, fault);
            assert_eq!(strike_of(&format!("{process} every webserver {plural}")).0, fault);
        }
    }

    #[test]
    fn what_a_phrase_says_fills_the_fields_of_its_fault() {
        let parameters = |text: &str| serde_json::to_string(&strike_of(text).1).unwrap();
        let node = "node \"a\"";
        for (text, with) in [
            (format!("process 'b \"c' on {node} dies of SIGTERM"), r#"{"process":"b \"c","signal":"TERM"}"#),
            (format!("a random process on {node} stops"), r#"{"random_process":true}"#),
            (format!("port 80 of {node} is rejected for 5 s"), r#"{"port":80}"#),
            (
                format!("the network of {node} gains 3 ms of delay with 1 ms of jitter"),
                r#"{"delay":"3ms","jitter":"1ms"}"#,
            ),
            (format!("the network of {node} is limited to 1 kbit/s"), r#"{"bits_per_s":1000}"#),
            (format!("10% of the disk space of {node} is taken"), r#"{"percent":10.0}"#),
        ] {
            assert_eq!(parameters(&text), with, "{text}");
        }
    }

    struct Slowed;

    impl Fault for Slowed {
        fn name(&self) -> &'static str {
            "slowed"
        }

        fn takes(&self) -> &'static [Parameter] {
            &[Parameter::Jitter]
        }

        fn strike(&self, victim: &FaultTarget<'_>, _: &Parameters) -> ServerStrike {
            fault::named("hangs").expect("it is shipped").strike(victim, &Parameters::default())
        }
    }

    #[test]
    fn what_a_fault_does_not_take_is_only_said() {
        let mut with = Filled::default();
        for (kind, value) in [("duration", "1 s"), ("duration", "2 s"), ("percent", "3%"), ("string", "four")] {
            with.fill(&Slowed, kind, value).unwrap();
        }
        let Parameters { jitter, said, delay: None, percent: None, .. } = with.parameters else { panic!() };
        assert_eq!(
            (jitter, said),
            (Some(std::time::Duration::from_secs(1)), vec!["2 s".into(), "3%".into(), "four".into()])
        );
    }

    #[test]
    fn a_phrase_says_which_servers_are_struck() {
        let here = Location { path: "here.rs", line: 1, column: 1 };
        let why = |text| phrase_of(&Slowed, text, here).err();
        assert!(
            why("everything is {word}")
                .unwrap()
                .starts_with("does not say which servers are struck\n  help: put `{target}`")
        );
        assert!(why("zone {string} is slow").is_some(), "it strikes no zones");
        assert_eq!(why("{target} is slow"), None);
    }
}
