//! A plan for programs: all of it, its hash, and the victims that are foreseen.

use serde_json::{Value, json};

use crate::draw::Draw;
use crate::environment;
use crate::plan::{Plan, ScenarioPlan};
use crate::selector::{Foreseen, Foresight};

/// The plan's own JSON with its hash as `plan_sha256` and, in each scenario, `skipped`, why a run would skip it (else `null`), and `victims`: for each strike in the order of the
/// acts its `line`, its `step`, and what is known of its `servers`. `known` is `always`, `while` another server holds the site's
/// address (`holder`), `at_the_strike` or `none`; `why` says it in words.
pub fn json(plan: &Plan) -> Value {
    let mut value = serde_json::to_value(plan).expect("a plan is plain data");
    value["plan_sha256"] = plan.sha256().into();
    let skips = environment::skips(plan);
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        value["scenarios"][index]["skipped"] = json!(skips.get(&scenario.index));
        value["scenarios"][index]["victims"] = victims(scenario);
    }
    value
}

fn victims(scenario: &ScenarioPlan) -> Value {
    let protected = scenario.settings.safeguards.protected(&scenario.infrastructure);
    let mut foresight = Foresight::new(&scenario.infrastructure, &protected, Draw::of(scenario.seed));
    let mut all = Vec::new();
    for act in &scenario.acts {
        for (order, foreseen) in act.orders().iter().zip(foresight.act(act)) {
            let mut victim = match &foreseen {
                Foreseen::Sure(selection) => {
                    json!({ "known": "always", "servers": selection.servers, "why": selection.why })
                }
                Foreseen::WhileHolding(selection, holder) => {
                    json!({ "known": "while", "holder": holder, "servers": selection.servers, "why": selection.why })
                }
                Foreseen::AtTheStrike(how) => json!({ "known": "at_the_strike", "servers": [], "why": how }),
                Foreseen::NoServer(why) => json!({ "known": "none", "servers": [], "why": why }),
            };
            victim["line"] = order.step.line.into();
            victim["step"] = order.step.text.clone().into();
            victim["fault"] = order.fault.clone().into();
            all.push(victim);
        }
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::declare::{DeclareOptions, declare};

    #[test]
    fn the_hash_and_the_victims_stand_beside_the_plan_and_seeds_keep_every_digit() {
        let paths = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("features/card.feature")];
        let plan = declare(&DeclareOptions { paths, seed: u64::MAX, ..DeclareOptions::default() }).unwrap();
        let shown = json(&plan);
        assert_eq!(shown["plan_sha256"], plan.sha256());
        assert_eq!(shown["seed"], u64::MAX.to_string());
        assert_eq!(shown["scenarios"][0]["seed"], plan.scenarios[0].seed.to_string());
        let expected = json!([{
            "known": "while", "holder": "lb-1", "servers": ["lb-1"], "why": "lb-1 has degree 5, the highest",
            "line": plan.scenarios[0].acts[0].orders()[0].step.line, "step": "the highest-degree node dies", "fault": "dies",
        }]);
        assert_eq!(shown["scenarios"][0]["victims"], expected);
        let read: Plan = serde_json::from_value(shown).unwrap();
        assert_eq!(read, plan);
    }
}
