//! What the reconciler does, for somebody who watches it: a line for each event that is worth one.

use crate::history::Event;
use crate::plan::reconciler_step::ReconcilerStep;

/// The line of an event; none where it says nothing that another line does not.
pub fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::ReconcilerStep { step: ReconcilerStep::Missing, server, detail } => {
            format!("{server} is missing: {detail}")
        }
        Event::ReconcilerStep { step, server, detail } => format!("{server}: {}/8 {step}: {detail}", *step as u8 + 1),
        Event::SparePromoted { spare, instead_of } => format!("{spare}, a spare, takes the place of {instead_of}"),
        Event::ReconcilerTerminates { server, instance, why } => format!("{server}: terminates {instance}: {why}"),
        Event::ReconcilerRefreshed { server, files } => format!("{server}: wrote {}", files.join(", ")),
        Event::ReconcilerReplaced { server, instance } => format!("{server} serves again, as {instance}"),
        Event::ReconcilerFailed { server, detail } => format!("{server}: FAILED: {detail}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_can_be_followed() {
        let step = |step, detail: &str| Event::ReconcilerStep { server: "web-1".into(), step, detail: detail.into() };
        let events = [
            step(ReconcilerStep::Missing, "web-1.1 terminated: pid 7 gone"),
            Event::ReconcilerMissing { server: "web-1".into(), found: "web-1.1 terminated".into() },
            Event::SparePromoted { spare: "web-4".into(), instead_of: "web-1".into() },
            step(ReconcilerStep::Ask, "a boot of web-1, a webserver"),
            step(ReconcilerStep::Await, "waiting until it serves"),
            Event::ReconcilerFailed {
                server: "web-1".into(),
                detail: "the boot took longer than 1m; tried again after 1s".into(),
            },
            Event::ReconcilerReplaced { server: "web-1".into(), instance: "web-1.2".into() },
        ];
        let lines: Vec<String> = events.iter().filter_map(line).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
