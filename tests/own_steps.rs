//! Steps and faults of a user's own, in a crate that is not ours; and the workload and the Then that `examples/extension` registers.

use std::fs;
use std::path::PathBuf;

use anarcho_chimp::declare::{DeclareError, DeclareOptions, declare};
use anarcho_chimp::extend::{Commands, Effect, Fault, FaultTarget, Parameter, ServerStrike};
use anarcho_chimp::history::work::{Asked, Call, OBSERVER};
use anarcho_chimp::history::{Ended, Work};
use anarcho_chimp::judge::judge;
use anarcho_chimp::params::{Count, Target};
use anarcho_chimp::plan::{Expectation, Hypothesis, Plan, StrikeOrder};
use anarcho_chimp::verdict::Verdict;
use anarcho_chimp::{Act, Parameters, Schedule, StepError, Strike, World, register};
use cucumber::{given, when};
use serde_json::{Value, json};

#[allow(dead_code, reason = "it is a test target of its own")]
#[path = "../examples/extension/tests/chaos.rs"]
mod example;
#[path = "support/synthetic/mod.rs"]
mod synthetic;

use synthetic::Script;

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

#[test]
fn a_workload_of_another_crate_is_declared_by_its_name() {
    let plan = declare(&DeclareOptions {
        paths: vec!["examples/extension/features/sign-ups.feature".into()],
        ..DeclareOptions::default()
    })
    .unwrap();
    let scenario = &plan.scenarios[0];
    let workload = scenario.workload.as_ref().unwrap();
    assert_eq!((workload.registered_name(), scenario.settings.load.users), (Some("sign-ups"), 10));
    let written = serde_json::to_value(&plan).unwrap();
    assert_eq!(written["scenarios"][0]["workload"]["registered"], "sign-ups");
    assert_eq!(serde_json::from_value::<Plan>(written).unwrap(), plan);
}

#[test]
fn what_a_workload_of_another_crate_cannot_be_asked_is_refused_all_at_once() {
    insta::assert_snapshot!(declared("workload").unwrap_err());
}

#[test]
fn a_file_that_is_called_like_a_registered_workload_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let feature = folder.path().join("names.feature");
    fs::copy("tests/own_steps/same_name.feature", &feature).unwrap();
    fs::write(folder.path().join("sign-ups"), "").unwrap();
    let why = declare(&DeclareOptions { paths: vec![feature], ..DeclareOptions::default() }).unwrap_err().to_string();
    assert!(why.contains("names.feature:4:") && why.contains("`sign-ups` is a registered workload, and "), "{why}");
    assert!(why.contains("is there, too") && why.contains("help: give one of the two another name"), "{why}");
}

/// An operation of the example's users, 10 ms long, after the fault of these histories.
fn signs_up(process: u32, at_ms: u64, asked: Value, saw: Value, outcome: Ended) -> Work {
    let (invoked_us, changes) = (at_ms * 1000, asked["token"].is_string());
    let call = Call::Registered(Box::new(Asked { asked, changes, saw }));
    let (detail, served_by) = ((outcome != Ended::Ok).then(|| "status 503".to_string()), None);
    Work { process, key: 0, call, invoked_us, ended_us: invoked_us + 10_000, outcome, detail, served_by }
}

fn acknowledged(user: u32, name: &str, at_ms: u64) -> Work {
    signs_up(user, at_ms, json!({ "name": name, "token": format!("user-{user}") }), Value::Null, Ended::Ok)
}

fn last(name: &str, owner: Value, outcome: Ended) -> Work {
    signs_up(OBSERVER, 15_000, json!({ "name": name }), owner, outcome)
}

/// The example's Then about a node that dies at 6 s: its verdict and its reason.
fn judged(works: Vec<Work>) -> (Verdict, String) {
    let mut script = Script::website(2, 1).dies(6000, "web-1");
    let expectation = Expectation::Registered { name: "one-owner".into(), said: Vec::new() };
    script.hypotheses.push(Hypothesis { step: "every name has exactly one owner".into(), line: 9, expectation });
    script.works = works;
    let record = judge(&script.history());
    let one = &record.hypotheses[0];
    (one.verdict, one.reason.clone().unwrap_or_default())
}

#[test]
fn a_name_with_two_owners_or_none_is_found() {
    let honest = || vec![acknowledged(1, "ada", 7000), last("ada", "user-1".into(), Ended::Ok)];
    assert_eq!(judged(honest()), (Verdict::Pass, String::new()));
    let with = |work| judged(honest().into_iter().chain([work]).collect());
    let (verdict, why) = with(acknowledged(2, "ada", 8000));
    assert_eq!((verdict, why.as_str()), (Verdict::Fail, r#"ada is {"user-1", "user-2"}'s"#));
    let (verdict, why) = judged(vec![acknowledged(1, "ada", 7000), last("ada", Value::Null, Ended::Ok)]);
    assert_eq!((verdict, why.as_str()), (Verdict::Fail, r#"ada is {"no user", "user-1"}'s"#));
    // What is wrong was seen, whatever else was not.
    assert_eq!(with(acknowledged(2, "ada", 5000)).0, Verdict::Fail);
}

#[test]
fn where_nothing_could_be_seen_nothing_passes() {
    let told = |works, why: &str| {
        let (verdict, reason) = judged(works);
        assert!(verdict == Verdict::Invalid && reason.contains(why), "{verdict:?}: {reason}");
    };
    let ada = || acknowledged(1, "ada", 7000);
    let refused = signs_up(1, 7000, json!({ "name": "ada", "token": "user-1" }), Value::Null, Ended::Fail);
    told(vec![refused], "no write was ever acknowledged");
    told(vec![acknowledged(1, "ada", 5000)], "no write was acknowledged after the fault");
    told(
        vec![ada(), last("ada", Value::Null, Ended::Fail)],
        r#"{"name":"ada"} could not be asked when the load was over: status 503"#,
    );
    let read_at_last = Work { invoked_us: 16_000_000, ..last("ada", "user-1".into(), Ended::Ok) };
    assert_eq!(judged(vec![ada(), last("ada", Value::Null, Ended::Fail), read_at_last]).0, Verdict::Pass);
    told(Vec::new(), "no user worked with “sign-ups”");
}
