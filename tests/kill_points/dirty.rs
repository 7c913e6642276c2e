//! A victim that somebody struck before is no ground for another attack, whatever that one would do.

use anarcho_chimp::journal::Stage;

use crate::attacker::{Attacker, heal, was_killed};
use crate::cases::CASES;
use crate::kept::Kept;
use crate::point::{Death, Point};

/// Faults of an agent's, of the testbed's, and one that is for good, on victims that are dirty by any of the first two.
pub fn is_refused() -> Result<(), String> {
    let kept = Kept::start("dirty", 2, 1)?;
    kept.baseline("victim-1")?;
    for dirt in ["port-rejected", "hangs"] {
        let before = strike(&kept, dirt, Death::At(Stage::Witnessed), &["heals"])?;
        if !was_killed(before.1) {
            return Err(format!("{dirt} did not strike: {}", before.0.said()));
        }
        let dirty = kept.settled("victim-1")?;
        for fault in ["port-rejected", "gains-delay", "hangs", "process-restarts"] {
            let (attacker, status) = strike(&kept, fault, Death::Lives, &[])?;
            let said = attacker.said();
            let tells =
                said.contains("victim-1 is ") && said.contains("nothing was touched") && said.contains("chimp heal");
            if status.code() != Some(3) || !tells {
                return Err(format!("{fault} on a victim with {dirt} ended with {status}: {said}"));
            }
            if let Some(differs) = dirty.differs(&kept.settled("victim-1")?, &[crate::snapshot::SESSIONS]) {
                return Err(format!("{fault} on a victim with {dirt} was refused, and changed:\n{differs}"));
            }
        }
        healed(&kept, dirt, &before.0)?;
    }
    Ok(())
}

fn strike(
    kept: &Kept,
    fault: &str,
    death: Death,
    lies: &[&str],
) -> Result<(Attacker, std::process::ExitStatus), String> {
    let case = *CASES.iter().find(|case| case.fault == fault).ok_or("no such fault")?;
    let point = Point { number: 0, case, death, cut: false, heal: false };
    let mark = format!("dirty-{}-{fault}-{}", std::process::id(), lies.len());
    let mut attacker = Attacker::start(kept, &point, "victim-1", lies, &mark)?;
    let status = attacker.ended()?;
    Ok((attacker, status))
}

/// What the testbed holds is healed by what the refusal offers; a holder that lies is not, and goes with its server.
fn healed(kept: &Kept, dirt: &str, attacker: &Attacker) -> Result<(), String> {
    let (code, said) = heal(&attacker.out)?;
    match (dirt, code) {
        ("hangs", Some(0)) | (_, Some(5)) => {}
        _ => return Err(format!("`chimp heal` of {dirt} ended with {code:?}: {said}")),
    }
    if dirt != "hangs" {
        kept.switch("victim-1", anarcho_chimp::instance::PowerOp::Stop)?;
        kept.switch("victim-1", anarcho_chimp::instance::PowerOp::Start)?;
    }
    kept.baseline("victim-1").map(drop)
}
