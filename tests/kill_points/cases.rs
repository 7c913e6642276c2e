//! Every fault with what it is told in the matrix, where its attacker can die, and how its victim is prepared.

use anarcho_chimp::journal::Stage;

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub fault: &'static str,
    /// `--with`
    pub with: &'static str,
    pub kind: Kind,
}

/// What of a fault matters to the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An agent on the victim holds it.
    Held,
    /// An agent holds it, for its whole time, since it cuts the way to its own heal.
    CutsItself,
    /// An agent holds it, for its whole time: what its attacker asks over its path is answered late, often after its end.
    ImpairsItself,
    /// The testbed holds it.
    Power,
    /// Over in two halves: the second one undoes the first.
    Reboot,
    /// What begins with it comes to its end by itself.
    SoftReboot,
    /// A process of its own is started to be killed.
    Disposable,
    /// What it kills is started again by somebody else.
    Supervised,
    /// The victim is switched off before.
    PowerOn,
    /// The victim is gone for good.
    Dies,
}

pub const CASES: &[Case] = &[
    case("port-blackholed", r#"{"port": 9998}"#, Kind::Held),
    case("port-rejected", r#"{"port": 9998}"#, Kind::Held),
    case("partition", "{}", Kind::Held),
    case("loses-network", r#"{"after": "200ms"}"#, Kind::CutsItself),
    case("gains-delay", r#"{"delay": "5ms", "jitter": "1ms"}"#, Kind::Held),
    case("loses-packets", r#"{"percent": 1}"#, Kind::Held),
    case("bandwidth-limit", r#"{"bits_per_s": 50000000}"#, Kind::Held),
    case("gains-delay", r#"{"delay": "4s", "jitter": "1s"}"#, Kind::ImpairsItself),
    case("loses-packets", r#"{"percent": 95}"#, Kind::ImpairsItself),
    case("loses-packets", r#"{"percent": 100}"#, Kind::CutsItself),
    case("bandwidth-limit", r#"{"bits_per_s": 8000}"#, Kind::ImpairsItself),
    case("process-stops", r#"{"process": "steady"}"#, Kind::Held),
    case("cpu-taken", r#"{"percent": 4}"#, Kind::Held),
    case("memory-taken", r#"{"percent": 0.5}"#, Kind::Held),
    case("disk-taken", r#"{"percent": 10}"#, Kind::Held),
    case("disk-full", "{}", Kind::Held),
    case("hangs", "{}", Kind::Power),
    case("suspended", "{}", Kind::Power),
    case("power-off", "{}", Kind::Power),
    case("zone-lost", "{}", Kind::Power),
    case("isolated", "{}", Kind::Power),
    case("reboots", "{}", Kind::Reboot),
    case("soft-reboots", "{}", Kind::SoftReboot),
    case("process-dies", r#"{"process": "disposable"}"#, Kind::Disposable),
    case("process-restarts", r#"{"process": "supervised"}"#, Kind::Supervised),
    case("power-on", "{}", Kind::PowerOn),
    case("dies", "{}", Kind::Dies),
];

const fn case(fault: &'static str, with: &'static str, kind: Kind) -> Case {
    Case { fault, with, kind }
}

impl Case {
    /// Where its attacker can die by itself, in their order.
    pub fn stages(&self) -> &'static [Stage] {
        use Stage::{Armed, Healed, Healing, Injected, Journalled, Witnessed};
        match self.kind {
            Kind::Held | Kind::CutsItself | Kind::ImpairsItself => {
                &[Journalled, Armed, Injected, Witnessed, Healing, Healed]
            }
            Kind::Power => &[Journalled, Injected, Witnessed, Healing, Healed],
            Kind::Reboot => &[Journalled, Injected, Witnessed, Healed],
            Kind::SoftReboot | Kind::Disposable | Kind::Supervised | Kind::PowerOn | Kind::Dies => {
                &[Journalled, Injected, Witnessed]
            }
        }
    }

    /// Whether it lasts, and so must be told for how long.
    pub fn lasts(&self) -> bool {
        matches!(self.kind, Kind::Held | Kind::CutsItself | Kind::ImpairsItself | Kind::Power)
    }

    /// Whether something undoes it at its end.
    pub fn is_undone(&self) -> bool {
        self.lasts() || self.kind == Kind::Reboot
    }
}
