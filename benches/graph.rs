//! Betweenness of random graphs with 1,000 and 10,000 nodes and articulation points of 100,000 nodes, beside networkx
//! on the same graphs in the same run; and whether both find the same.
//!
//! `cargo bench --bench graph`; networkx is the machine's, else it is installed into a folder that is removed again,
//! else it is left out with the reason. It needs minutes for 10,000 nodes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anarcho_chimp::graph::betweenness::betweenness;
use anarcho_chimp::graph::cut::articulation_points;
use anarcho_chimp::graph::net::Net;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Links for each node: sparse like a site, dense enough to hang together mostly.
const LINKS_A_NODE: usize = 4;
/// Values that differ by less, relatively, are the same: sums in another order.
const SAME: f64 = 1e-9;
/// So many of the highest must come in the same order.
const TOP: usize = 100;

fn main() -> ExitCode {
    // `cargo test --all-targets` does not say `--bench`, and is not made to wait for minutes.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: measures only under `cargo bench`");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let python = python_with_networkx(folder.path());
    if let Err(why) = &python {
        println!("networkx is left out: {why}\n");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("| measure, {cores} cores | nodes | links | here, s | networkx, s | ratio | the same? |");
    println!("|---|---|---|---|---|---|---|");
    let mut all_same = true;
    for (measure, nodes) in [("betweenness", 1_000), ("betweenness", 10_000), ("articulation", 100_000)] {
        all_same &= row(folder.path(), python.as_deref().ok(), measure, nodes);
    }
    if all_same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One line of the table; false where both do not find the same.
fn row(folder: &Path, python: Option<&Path>, measure: &str, nodes: usize) -> bool {
    let net = random(nodes, nodes * LINKS_A_NODE, nodes as u64);
    let (took, found) = here(measure, &net);
    let links = net.pairs().count();
    let Some(python) = python else {
        println!("| {measure} | {nodes} | {links} | {took:.3} | – | – | – |");
        return true;
    };
    let (its_took, its) = networkx(folder, python, measure, &net).expect("networkx measures");
    let verdict = compared(&found, &its);
    let ratio = its_took / took;
    let told = verdict.as_deref().map_or_else(|why| why.to_string(), String::from);
    println!("| {measure} | {nodes} | {links} | {took:.3} | {its_took:.3} | {ratio:.0} × | {told} |");
    verdict.is_ok()
}

/// Our time, the median of three, and the value of every node.
fn here(measure: &str, net: &Net) -> (f64, Vec<f64>) {
    let run = || {
        let begun = Instant::now();
        let values = match measure {
            "betweenness" => betweenness(net),
            _ => articulation_points(net).into_iter().map(|is| f64::from(u8::from(is))).collect(),
        };
        (begun.elapsed().as_secs_f64(), values)
    };
    let mut runs = [run(), run(), run()];
    runs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let [_, median, _] = runs;
    median
}

/// G(n, m): `links` different links, each as likely as any other.
fn random(nodes: usize, links: usize, seed: u64) -> Net {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut drawn = BTreeSet::new();
    while drawn.len() < links {
        let (a, b) = (rng.random_range(0..nodes), rng.random_range(0..nodes));
        if a != b {
            drawn.insert((a.min(b), a.max(b)));
        }
    }
    Net::new(nodes, drawn)
}

fn networkx(folder: &Path, python: &Path, measure: &str, net: &Net) -> Option<(f64, Vec<f64>)> {
    let (edges, values) = (folder.join("edges"), folder.join("values"));
    let lines: String = net.pairs().map(|(a, b)| format!("{a} {b}\n")).collect();
    std::fs::write(&edges, format!("{}\n{lines}", net.len())).ok()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/beside_networkx.py");
    let output = Command::new(python).arg(script).arg(measure).args([&edges, &values]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_version, took) = text.trim().split_once(' ')?;
    let values = std::fs::read_to_string(values).ok()?.lines().map(|line| line.parse().ok()).collect::<Option<_>>()?;
    Some((took.parse().ok()?, values))
}

/// What both agree on, else where they do not.
fn compared(ours: &[f64], theirs: &[f64]) -> Result<String, String> {
    let apart = |(a, b): (&f64, &f64)| (a - b).abs() / a.abs().max(b.abs()).max(f64::MIN_POSITIVE);
    let worst = ours.iter().zip(theirs).map(apart).fold(0.0, f64::max);
    if ours.len() != theirs.len() || worst > SAME {
        return Err(format!("NO: values differ by {worst:.1e}"));
    }
    // A rank holds the same node, or one of equal value.
    let (our_order, their_order) = (ranked(ours), ranked(theirs));
    let same = |(a, b): (&usize, &usize)| a == b || apart((&theirs[*a], &theirs[*b])) <= SAME;
    if our_order.iter().zip(&their_order).take(TOP).all(same) {
        Ok(format!("yes, within {worst:.0e}"))
    } else {
        Err(format!("NO: the first {TOP} are in another order"))
    }
}

fn ranked(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    order
}

/// A Python that has networkx: the machine's, else one in the folder.
fn python_with_networkx(folder: &Path) -> Result<PathBuf, String> {
    let machines = PathBuf::from("python3");
    if ran(Command::new(&machines).args(["-c", "import networkx"])).is_ok() {
        return Ok(machines);
    }
    let venv = folder.join("venv");
    ran(Command::new(&machines).args(["-m", "venv"]).arg(&venv))?;
    ran(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "networkx"]))?;
    Ok(venv.join("bin/python3"))
}

fn ran(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|why| format!("{:?} can't be run: {why}", command.get_program()))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.lines().last().unwrap_or("it does not say why");
    if output.status.success() { Ok(()) } else { Err(format!("{:?} failed: {last}", command.get_program())) }
}
