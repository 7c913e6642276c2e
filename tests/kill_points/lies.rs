//! The test of the test: where a heal, a fault or a witness lies, the point must be red. Every fault, side by side, in
//! testbeds of their own, whose servers stay as they are left.

use std::collections::BTreeMap;

use anarcho_chimp::instance::PowerOp;
use anarcho_chimp::journal::Stage;

use crate::attacker::Attacker;
use crate::cases::{CASES, Case, Kind};
use crate::host::Host;
use crate::kept::Kept;
use crate::point::{Death, Point};
use crate::snapshot::{NOT_THE_FAULT, Snapshot};
use crate::trial::{DID_NOTHING, NOT_CLEAN, Trial};

/// So many attackers at a time: each waits far more than it works. Of 40 beside another busy test, a dozen could not log in within 20 s.
const SIDE_BY_SIDE: usize = 20;

/// A victim for each fault, and how it is before.
struct Ground {
    kept: Kept,
    host: Host,
    baselines: BTreeMap<String, Snapshot>,
}

/// What came of one fault, in words; an error is a lie that was believed.
type Judged = Result<String, String>;

pub fn of_heals() -> Result<(), String> {
    let undone = |case: &Case| match case.is_undone() {
        true => Ok(()),
        false => Err("nothing heals it, so no heal can lie"),
    };
    // The heal by the attacker, and the lease's own.
    caught("its heals do nothing", 2 * CASES.len(), undone, |ground, case, victim| {
        let of_lease = || ground.red(case, victim, Death::At(Stage::Witnessed), &["heals"]);
        let of_attacker = || ground.red(case, &another(victim), Death::Lives, &["heals", "witnesses"]);
        let (killed, lived) = std::thread::scope(|scope| {
            let lived = case.lasts().then(|| scope.spawn(of_attacker));
            (of_lease(), lived.map(|lived| lived.join().unwrap_or(Err("it panicked".into()))))
        });
        let lived = lived
            .transpose()?
            .map_or(String::new(), |lived| format!("; its own, with its witness: red, since {lived}"));
        Ok(format!("its lease: red, since {}{lived}", killed?))
    })
}

pub fn of_witnesses() -> Result<(), String> {
    caught(
        "it does nothing, and its witness saw it",
        CASES.len(),
        |_| Ok(()),
        |ground, case, victim| {
            let red = ground.red(case, victim, Death::Confirmed, &["faults", "witnesses"])?;
            Ok(format!("red, since {red}"))
        },
    )
}

pub fn of_faults() -> Result<(), String> {
    caught("it does nothing", CASES.len(), |_| Ok(()), |ground, case, victim| ground.denied(case, victim))
}

/// Tries the lie with every fault and says what came of each.
fn caught(
    lie: &str,
    victims: usize,
    applies: impl Fn(&Case) -> Result<(), &'static str> + Sync,
    judge: impl Fn(&Ground, &Case, &str) -> Judged + Sync,
) -> Result<(), String> {
    let ground = Ground::new(victims)?;
    let numbered: Vec<(usize, &Case)> = CASES.iter().enumerate().collect();
    let mut believed = 0;
    let attackers_each = victims.div_ceil(CASES.len());
    for some in numbered.chunks(SIDE_BY_SIDE / attackers_each) {
        let (ground, applies, judge) = (&ground, &applies, &judge);
        let judged: Vec<(&str, Judged)> = std::thread::scope(|scope| {
            let one = |(number, case): &(usize, &'static Case)| {
                let (number, case) = (*number, *case);
                scope.spawn(move || match applies(case) {
                    Ok(()) => (case.fault, judge(ground, case, &format!("victim-{}", number + 1))),
                    Err(why) => (case.fault, Ok(why.to_string())),
                })
            };
            let judges: Vec<_> = some.iter().map(one).collect();
            judges.into_iter().map(|judge| judge.join().unwrap_or(("?", Err("it panicked".into())))).collect()
        });
        for (fault, judged) in judged {
            match judged {
                Ok(how) => println!("  {fault}: {lie}: {how}"),
                Err(why) => {
                    believed += 1;
                    println!("  {fault}: {lie}: BELIEVED: {why}");
                }
            }
        }
    }
    if believed > 0 { Err(format!("{believed} lies were believed")) } else { Ok(()) }
}

impl Ground {
    fn new(victims: usize) -> Result<Ground, String> {
        let kept = Kept::start("lies", victims, 1)?;
        let names = (1..=victims).map(|number| format!("victim-{number}"));
        let baselines = names.map(|name| Ok((name.clone(), kept.baseline(&name)?))).collect::<Result<_, String>>()?;
        Ok(Ground { kept, host: Host::take(), baselines })
    }

    /// The judgement of a point with these lies: why it is red, in a line.
    fn red(&self, case: &Case, victim: &str, death: Death, lies: &[&str]) -> Judged {
        let point = Point { number: 0, case: *case, death, cut: false, heal: false };
        let mark = format!("lie-{}-{victim}-{}", std::process::id(), lies.join("-"));
        let baseline = &self.baselines[victim];
        let trial = Trial { kept: &self.kept, point: &point, victim, baseline, host: &self.host, lies, mark };
        match trial.run() {
            Ok(clean) => Err(format!("with {lies:?} it was judged clean after {clean:?}")),
            Err(why) => self.reason(victim, &why),
        }
    }

    /// Why it is red, in a line: the fault itself, not our keeping of it, and not some trouble of the test.
    fn reason(&self, victim: &str, why: &str) -> Judged {
        if why.starts_with(DID_NOTHING) {
            return Ok(DID_NOTHING.into());
        }
        let left = self.baselines[victim].differs(&self.kept.look(victim), &NOT_THE_FAULT);
        match left.filter(|_| why.starts_with(NOT_CLEAN)) {
            Some(left) => Ok(left.lines().take(2).map(str::trim).collect::<Vec<_>>().join(" ")),
            None => Err(format!("red, but for another reason: {why}")),
        }
    }

    /// An attack whose injector does nothing: never a success.
    fn denied(&self, case: &Case, victim: &str) -> Judged {
        match case.kind {
            Kind::Disposable => self.kept.start_inside(victim, "/usr/local/bin/disposable")?,
            Kind::PowerOn => self.kept.switch(victim, PowerOp::Stop)?,
            _ => {}
        }
        let point = Point { number: 0, case: *case, death: Death::Lives, cut: false, heal: false };
        let mark = format!("nothing-{}-{victim}", std::process::id());
        let mut attacker = Attacker::start(&self.kept, &point, victim, &["faults"], &mark)?;
        let code = attacker.ended()?.code();
        let said = attacker.said();
        match said.lines().find(|line| line.contains("NOT CONFIRMED")) {
            Some(line) if code == Some(3) => Ok(format!("exit 3,{}", line.trim_start_matches([' ', '.', 'm', 's']))),
            _ => Err(format!("exit {code:?}: {said}")),
        }
    }
}

/// The first victims are for one lie, as many others for a second one.
fn another(victim: &str) -> String {
    let number: usize = victim.trim_start_matches("victim-").parse().expect("its name ends in its number");
    format!("victim-{}", number + CASES.len())
}
