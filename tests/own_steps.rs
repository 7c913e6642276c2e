//! Steps and faults of a user's own, in a crate that is not ours.

use std::path::PathBuf;

use anarcho_chimp::declare::{DeclareError, DeclareOptions, declare};
use anarcho_chimp::extend::{Commands, Effect, Fault, FaultTarget, Parameter, ServerStrike};
use anarcho_chimp::params::{Count, Target};
use anarcho_chimp::plan::{Plan, StrikeOrder};
use anarcho_chimp::{Act, Parameters, Schedule, StepError, Strike, World, register};
use cucumber::{given, when};

#[derive(Default)]
struct Shop {
    orders: usize,
}

#[given(expr = "{count} orders in the shop")]
fn orders(world: &mut World, count: Count) {
    world.extension::<Shop>().orders = count.0;
}

#[when(expr = "{target} is sold out")]
async fn sold_out(world: &mut World, target: Target) -> Result<(), StepError> {
    if world.extension::<Shop>().orders == 0 {
        return Err(StepError::refused("nothing was ordered", "say `Given 3 orders in the shop`"));
    }
    world.declaration.strike(Strike::of("hangs", target.0), Schedule::Once)
}

#[when(regex = r"^the active load balancer \w+$")]
fn too_wide(_world: &mut World) {}

#[when(expr = "somebody panics")]
fn panics(_world: &mut World) {
    panic!("at the disco")
}

register!(fault Crowded);

/// So many guests come, or so much of the room is taken by them.
struct Crowded;

impl Fault for Crowded {
    fn name(&self) -> &'static str {
        "crowded"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} get(s) {int} guest(s){schedule}", "{percent} of the room of {target} is taken by guests{schedule}"]
    }

    fn accepts(&self) -> &'static [Parameter] {
        &[Parameter::Percent]
    }

    fn accept(&self, said: &[String]) -> Result<(), (String, String)> {
        match said.first().map(String::as_str) {
            Some("0") => Err(("without a guest it is not crowded".into(), "say at least `1 guest`".into())),
            _ => Ok(()),
        }
    }

    fn strike(&self, victim: &FaultTarget<'_>, _: &Parameters) -> ServerStrike {
        let [make, see, undo] = ["touch", "test -e", "rm -f"]
            .map(|program| format!("{program} /run/guests").split(' ').map(String::from).collect());
        ServerStrike::held(victim.server, Effect::Command(Commands { make, see, undo }))
    }
}

fn declared(name: &str) -> Result<Plan, DeclareError> {
    let paths = vec![PathBuf::from(format!("tests/own_steps/{name}.feature"))];
    declare(&DeclareOptions { paths, ..DeclareOptions::default() })
}

#[test]
fn own_steps_declare_and_keep_state_as_the_shipped_ones_do() {
    let plan = declared("shop").unwrap();
    let [Act::Strike { order: StrikeOrder { fault, target, step, .. }, .. }] = plan.scenarios[0].acts.as_slice() else {
        panic!("{:?}", plan.scenarios[0].acts);
    };
    assert_eq!((fault.as_str(), target.text.as_str(), step.line), ("hangs", "a random webserver", 5));
}

#[test]
fn what_own_steps_refuse_or_panic_with_is_told_with_its_line() {
    insta::assert_snapshot!(declared("refused").unwrap_err());
}

#[test]
fn a_text_that_two_patterns_match_is_refused_naming_both_and_their_places() {
    let message = declared("ambiguous").unwrap_err().to_string();
    let places = regex::Regex::new(r"\.rs:\d+").unwrap();
    insta::assert_snapshot!(places.replace_all(&message, ".rs:LINE"));
}

#[test]
fn a_registered_fault_is_said_by_its_phrases_in_steps_and_in_tables() {
    let plan = declared("crowded").unwrap_or_else(|why| panic!("{why}"));
    let orders = plan.scenarios[0].acts.iter().flat_map(Act::orders);
    let said: Vec<_> =
        orders.map(|order| (order.fault.as_str(), serde_json::to_string(&order.with).unwrap())).collect();
    let [three, two, half] = [r#"{"said":["3"]}"#, r#"{"said":["2"]}"#, r#"{"percent":50.0}"#].map(String::from);
    assert_eq!(said, [("crowded", three), ("crowded", half.clone()), ("crowded", two), ("crowded", half)]);
}

#[test]
fn a_registered_fault_refuses_what_its_phrase_says_with_its_line() {
    insta::assert_snapshot!(declared("crowded-wrongly").unwrap_err());
}
