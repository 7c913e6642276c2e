//! Faults on the very path that they are ordered, confirmed and healed over: whatever they do to it, each comes into force,
//! lasts as long as it was asked to, is confirmed, and leaves nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anarcho_chimp::clock::monotonic_us;
use anarcho_chimp::instance::{Instance, PowerOp};
use anarcho_chimp::nemesis::Sabotage;
use anarcho_chimp::plan::Parameters;
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;
use anarcho_chimp::units::Percent;

use crate::field::{Field, Told};
use crate::runner::Case;
use crate::world::{Outcome, claim, inside, sandboxed, text};

pub const CASES: &[Case] = &[
    Case { name: "a_fault_of_6_s_lasts_6_s_whatever_it_does_to_its_own_path", run: table },
    Case { name: "a_holder_that_ends_early_and_stamps_otherwise_is_found_out", run: early },
    Case {
        name: "a_holder_that_ends_a_delay_or_a_cut_early_is_found_out_over_the_path_that_it_spoils",
        run: early_over_its_path,
    },
    Case { name: "a_holder_that_only_says_that_it_healed_is_found_out", run: never },
    Case { name: "a_hang_that_something_else_ends_is_found_out", run: switched_on },
    Case { name: "a_fault_ends_with_its_victim", run: with_its_victim },
    Case { name: "a_victim_tells_its_clock_within_the_round_trip", run: clock },
];

/// As long as each fault is asked to last.
const LASTS: Duration = Duration::from_secs(6);
/// How much longer it may last, by its own stamps.
const LATE: Duration = Duration::from_millis(500);
/// How much shorter: a holder looks at the clock to a millisecond.
const EARLY: Duration = Duration::from_millis(50);
/// How long a strike may keep the next one waiting: logging in, arming, asking; never over the path that it spoils.
const KEEPS_WAITING: Duration = Duration::from_secs(5);
/// When nothing more may be to come.
const SETTLED: Duration = Duration::from_secs(120);

/// What is done to a server's packets.
type Row = (&'static str, Parameters);

fn delay(ms: u64, jitter_ms: u64) -> Row {
    let mut with = Parameters::default();
    [with.delay, with.jitter] = [ms, jitter_ms].map(|ms| Some(Duration::from_millis(ms)));
    ("gains-delay", with)
}

fn loss(percent: f64) -> Row {
    let mut with = Parameters::default();
    with.percent = Some(Percent(percent));
    ("loses-packets", with)
}

fn rate(bits_per_s: u64) -> Row {
    let mut with = Parameters::default();
    with.bits_per_s = Some(bits_per_s);
    ("bandwidth-limit", with)
}

fn rows() -> Vec<Row> {
    let delays =
        [(1, 0), (100, 20), (1_000, 300), (4_000, 1_000), (10_000, 3_000)].map(|(ms, jitter)| delay(ms, jitter));
    let losses = [1.0, 30.0, 60.0, 80.0, 95.0, 100.0].map(loss);
    let rates = [1_000_000, 128_000, 8_000].map(rate);
    [&delays[..], &losses, &rates].concat()
}

fn table() -> Outcome {
    sandboxed(async |cloud| {
        let rows = rows();
        let mut field = field(cloud, rows.len(), Sabotage::default()).await?;
        let before: Vec<String> = field.instances.iter().map(look).collect::<Result<_, _>>()?;
        let begun = Instant::now();
        for (n, (fault, with)) in rows.iter().enumerate() {
            let waited = field.strike(&name(n), fault, with.clone(), LASTS).await?;
            claim(waited < KEEPS_WAITING, format!("{fault} {with:?} kept the next strike waiting for {waited:?}"))?;
        }
        field.settle(SETTLED).await?;
        println!("  {} faults were over after {:.1?}", rows.len(), begun.elapsed());
        let told = field.told();
        let mut red = Vec::new();
        for (n, (fault, with)) in rows.iter().enumerate() {
            let told = told.get(&name(n)).cloned().unwrap_or_default();
            println!("  {fault} {}: {:?}", serde_json::to_string(with).map_err(text)?, told.lasted());
            red.extend(wrong(&told).map(|why| format!("{fault} {with:?}: {why}")));
            red.extend(left(&field.instances[n], &before[n])?.map(|why| format!("{fault} {with:?}: {why}")));
        }
        claim(red.is_empty(), red)
    })
}

/// What is wrong with a strike that was to last its time.
fn wrong(told: &Told) -> Option<String> {
    match told.lasted() {
        _ if !told.trouble.is_empty() => Some(format!("{:?}", told.trouble)),
        Some(lasted) if is_whole(lasted, LASTS) => None,
        lasted => Some(format!("it lasted {lasted:?}: {told:?}")),
    }
}

/// Whether a fault that lasted between these two times lasted as long as it was asked to.
fn is_whole([shortest, longest]: [Duration; 2], asked: Duration) -> bool {
    shortest + EARLY >= asked && longest <= asked + LATE
}

/// What is left of a strike on a server.
fn left(instance: &Instance, before: &str) -> Result<Option<String>, String> {
    let first = instance.first_process.ok_or("no first process")?;
    if Path::new(&format!("/proc/{first}/root/run/anarcho-chimp")).exists() {
        return Ok(Some("its folder is left".into()));
    }
    let after = look(instance)?;
    Ok((after != before).then(|| format!("left\n{after}\nwhere there was\n{before}")))
}

/// Rules and qdiscs of a server, without its network or its SSH server.
fn look(instance: &Instance) -> Result<String, String> {
    let first = instance.first_process.ok_or("no first process")?.to_string();
    let line = "tc qdisc show | sed 's/ [0-9a-f]*: / /'; iptables-save | grep anarcho; pgrep -f '__agent [h]old'; true";
    let output = Command::new("nsenter").args(["-a", "-t", &first, "--", "sh", "-c", line]).output().map_err(text)?;
    claim(output.status.success(), &output)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A port that is closed for so long: its own path stays open, so that another process looks before its end.
const CLOSED: Duration = Duration::from_secs(6);
/// How long a fault is asked to last that ends with its victim: no case lasts so long.
const FOR_EVER: Duration = Duration::from_secs(600);

fn port() -> Parameters {
    let mut with = Parameters::default();
    with.port = Some(80);
    with
}

/// What was recorded of a lie, and what was waited for meanwhile.
async fn lied(cloud: LocalCloud, sabotage: Sabotage) -> Result<(Told, BTreeSet<String>), String> {
    let mut field = field(cloud, 1, sabotage).await?;
    field.strike(&name(0), "port-blackholed", port(), CLOSED).await?;
    field.settle(SETTLED).await?;
    Ok((field.told().remove(&name(0)).unwrap_or_default(), std::mem::take(&mut field.waits)))
}

fn early() -> Outcome {
    sandboxed(async |cloud| {
        let (told, _) = lied(cloud, Sabotage { stamps: true, ..Sabotage::default() }).await?;
        claim(told.trouble.iter().any(|trouble| trouble.contains("FaultLapsed")), told)
    })
}

fn early_over_its_path() -> Outcome {
    sandboxed(async |cloud| {
        let rows = [delay(1_000, 300), loss(100.0)];
        let mut field = field(cloud, rows.len(), Sabotage { stamps: true, ..Sabotage::default() }).await?;
        for (n, (fault, with)) in rows.iter().enumerate() {
            field.strike(&name(n), fault, with.clone(), LASTS).await?;
        }
        field.settle(Duration::from_secs(40)).await?;
        let told = field.told();
        let is_found =
            |n: usize| told.get(&name(n)).is_some_and(|told| told.trouble.iter().any(|t| t.contains("FaultLapsed")));
        claim((0..rows.len()).all(is_found), told)
    })
}

fn never() -> Outcome {
    sandboxed(async |cloud| {
        let (told, waits) = lied(cloud, Sabotage { heals: true, ..Sabotage::default() }).await?;
        claim(told.trouble.len() == 1 && told.trouble[0].contains("HealFailed"), told)?;
        let named = "waiting for node-1 to be free of strike 0 since ";
        claim(waits.iter().any(|wait| wait.starts_with(named)), waits)
    })
}

fn switched_on() -> Outcome {
    sandboxed(async |cloud| {
        let mut field = field(cloud, 2, Sabotage::default()).await?;
        for n in 0..2 {
            field.strike(&name(n), "hangs", Parameters::default(), CLOSED).await?;
        }
        field.cloud.power(&field.instances[0].id, PowerOp::Thaw).await.map_err(text)?;
        field.settle(SETTLED).await?;
        let told = field.told();
        let trouble = |n: usize| told.get(&name(n)).map(|told| told.trouble.clone()).unwrap_or_default();
        let is_found = trouble(0).len() == 1 && trouble(0)[0].contains("FaultLapsed");
        claim(is_found && trouble(1).is_empty(), told)
    })
}

fn with_its_victim() -> Outcome {
    sandboxed(async |cloud| {
        let ends = [Some(PowerOp::Terminate), Some(PowerOp::Stop), Some(PowerOp::SoftReboot), None];
        let mut field = field(cloud, ends.len(), Sabotage::default()).await?;
        let asked = |op: &Option<PowerOp>| if op.is_some() { FOR_EVER } else { CLOSED };
        for (n, op) in ends.iter().enumerate() {
            field.strike(&name(n), "port-blackholed", port(), asked(op)).await?;
        }
        let mut died_us = Vec::new();
        for (instance, op) in field.instances.iter().zip(ends) {
            if let Some(op) = op {
                field.cloud.power(&instance.id, op).await.map_err(text)?;
            }
            died_us.push(field.now_us());
        }
        // Long before the time that was asked for: seen at the next look whether the victim lives.
        field.settle(SETTLED).await?;
        let told = field.told();
        for (n, op) in ends.into_iter().enumerate() {
            let told = &told[&name(n)];
            claim(told.trouble.is_empty(), (op, told))?;
            let (Some(lasted), Some(ended)) = (told.lasted(), told.ended) else {
                return Err(format!("{op:?}: {told:?}"));
            };
            match op {
                // The last moment at which it was seen to live came before its death was over.
                Some(_) => claim(ended.not_before_us <= died_us[n], (op, died_us[n], told))?,
                None => claim(is_whole(lasted, CLOSED), (op, lasted, told))?,
            }
        }
        Ok(())
    })
}

/// On one kernel both clocks are the same one.
fn clock() -> Outcome {
    inside(async |world| {
        let before = monotonic_us();
        let told = world.victim.agent().clock_us().await.map_err(text)?;
        claim((before..=monotonic_us()).contains(&told), (before, told))
    })
}

async fn field(cloud: LocalCloud, count: usize, sabotage: Sabotage) -> Result<Field, String> {
    let names: Vec<String> = (0..count).map(name).collect();
    Field::of(cloud, &names, sabotage).await
}

fn name(n: usize) -> String {
    format!("node-{}", n + 1)
}
