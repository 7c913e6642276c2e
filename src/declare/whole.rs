//! What a scenario has said, as a whole: whether it makes sense, and the plan that it becomes.

use std::collections::BTreeSet;

use super::attached::{self, Drafted};
use super::error::{Problem, ProblemKind};
use super::world::Declaration;
use super::{DeclareOptions, application, check, entered, guarded, listing, request, scaled};
use crate::document::DocumentError;
use crate::environment::On;
use crate::infrastructure::Infrastructure;
use crate::plan::{Act, ScenarioPlan};
use crate::render::secrets_asked_for;

/// Its plan, and everything that is wrong with it, each as far as it can be judged without what is wrong. `victims` gets
/// the servers that are there already and must be logged in to.
pub(super) fn scenario(
    one: Drafted<'_>,
    on: &On,
    options: &DeclareOptions,
    victims: &mut BTreeSet<String>,
) -> (Option<ScenarioPlan>, Vec<Problem>) {
    let mut problems = attached::shaped(&one, on);
    let plan = planned(one, on, options, victims, &mut problems).map_err(|more| problems.extend(more)).ok();
    (plan, problems)
}

/// More problems, but for those of steps that have some already: they would say the same in other words.
fn add_to(problems: &mut Vec<Problem>, more: Vec<Problem>) {
    let lines: BTreeSet<Option<usize>> = problems.iter().map(|problem| problem.line).collect();
    problems.extend(more.into_iter().filter(|problem| !lines.contains(&problem.line)));
}

fn planned(
    one: Drafted<'_>,
    on: &On,
    options: &DeclareOptions,
    victims: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Result<ScenarioPlan, Vec<Problem>> {
    let (listed, understood) = (one.listed, one.understood);
    let at = |kind, why: String| Problem::at(&listed.file.path, listed.line, kind, why);
    let cant_be = |why: DocumentError| at(ProblemKind::Infrastructure, why.to_string());
    let mut settings = one.declaration.settings.clone();
    let draft = one.declaration.there.is_none().then(|| one.declaration.draft.clone());
    if draft.is_some() && !understood.givens {
        return Err(Vec::new());
    }
    let declared = draft.map(|draft| draft.build().map_err(|why| vec![cant_be(why)])).transpose()?;
    // Where no server is to take the address over, nothing else does.
    let is_led = settings.balancer.keepalived && on.kind.leads_entry(&settings);
    let declared = if is_led { declared.map(Infrastructure::with_led_entry) } else { declared };
    let adopted = attached::adopt(&one, on, declared.as_ref(), &mut settings, options.config.as_deref())?;
    let infrastructure = &adopted.infrastructure;
    settings.balancer.keepalived &= !infrastructure.is_led();
    let senseless = |why| at(ProblemKind::Meaning, why);
    let safeguards = guarded::makes_sense(infrastructure, &settings.safeguards, &options.settings.safeguards);
    let secrets = secrets_asked_for(infrastructure, &settings);
    problems.extend(secrets.as_ref().err().cloned().map(cant_be));
    problems.extend(safeguards.err().map(senseless));
    problems.extend(check::waits(infrastructure, &settings).err().map(senseless));
    problems.extend(check::puppet(infrastructure, &settings).err().map(senseless));
    problems.extend(scaled::wrong(listed, infrastructure, &settings, options.config.as_deref()));
    problems.extend(request::wrong(&settings.request, options.config.as_deref()));
    let mut of_steps = entered::unknown(&one, &adopted);
    add_to(&mut of_steps, attached::strikes(&one, on, &adopted, victims));
    let used_at = (listed.file.path.as_path(), one.declaration.workload_line);
    let Drafted { index, declaration: Declaration { acts, act_lines, hypotheses, workload, .. }, .. } = one;
    let of_workload = |workload| application::wrong(workload, used_at, infrastructure, on, secrets.as_ref().ok());
    problems.extend(workload.iter().flat_map(of_workload));
    let struck = acts.iter().any(Act::strikes) || !understood.whens;
    add_to(
        &mut of_steps,
        check::meaning(listed, infrastructure, (&settings, workload.as_ref()), (&acts, struck), &hypotheses),
    );
    problems.extend(of_steps);
    Ok(ScenarioPlan {
        index: u32::try_from(index).expect("fewer than 4 billion scenarios"),
        name: listed.name.clone(),
        feature_name: listed.file.name().into(),
        feature: listed.file.path.clone(),
        line: listed.line,
        tags: listed.tags.clone(),
        steps: listed.steps.iter().map(|step| listing::step_text(&step.step)).collect(),
        seed: listed.seed(options.seed),
        infrastructure: adopted.infrastructure,
        acts,
        act_lines,
        hypotheses,
        settings,
        workload,
    })
}
