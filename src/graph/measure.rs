//! One word for each measure of how much a server matters, and its value for every server.

use clap::ValueEnum;

use super::links::Links;
use super::{betweenness, cut};

/// How much a server matters to the graph. On the command line: `degree`, `in-degree`, …, `largest-cut`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// How many others it is linked with, the clients counted as one.
    Degree,
    /// How many links lead to it.
    InDegree,
    /// How many links lead from it.
    OutDegree,
    /// The share of shortest paths between others that lead through it, from 0 to 1, links having no direction.
    Betweenness,
    /// 1 where its loss breaks the graph into more pieces, else 0.
    ArticulationPoint,
    /// How many others its loss leaves outside the largest piece.
    LargestCut,
}

impl Measure {
    /// Its name in words.
    pub fn word(self) -> &'static str {
        match self {
            Measure::Degree => "degree",
            Measure::InDegree => "in-degree",
            Measure::OutDegree => "out-degree",
            Measure::Betweenness => "betweenness",
            Measure::ArticulationPoint => "articulation point",
            Measure::LargestCut => "largest cut",
        }
    }

    /// A value in words: `degree 5`, `betweenness 0.6667`.
    pub fn says(self, value: f64) -> String {
        match self {
            Measure::Betweenness => format!("betweenness {value:.4}"),
            Measure::LargestCut => format!("a cut of {value}"),
            _ => format!("{} {value}", self.word()),
        }
    }
}

impl Links {
    /// The measure of every server, by number.
    pub fn measured(&self, measure: Measure) -> Vec<f64> {
        let (now, lasting) = (self.now(), self.lasting());
        let count = |count: &dyn Fn(usize) -> usize| (0..now.len()).map(|node| count(node) as f64).collect();
        let mut values: Vec<f64> = match measure {
            Measure::Degree => count(&|node| now.near(node).len()),
            Measure::InDegree => count(&|node| now.incoming(node).len()),
            Measure::OutDegree => count(&|node| now.outgoing(node).len()),
            Measure::Betweenness => betweenness::betweenness(now),
            Measure::ArticulationPoint => {
                cut::articulation_points(lasting).into_iter().map(|is| f64::from(u8::from(is))).collect()
            }
            Measure::LargestCut => cut::cuts(lasting).into_iter().map(|cut| cut as f64).collect(),
        };
        values.truncate(self.servers().len());
        values
    }

    /// Every server with its measure, the highest first; equal ones in the natural order of their names.
    pub fn rank(&self, measure: Measure) -> Vec<(String, f64)> {
        let values = self.measured(measure).into_iter();
        let mut ranked: Vec<(String, f64)> = values.enumerate().map(|(n, v)| (self.name(n).to_string(), v)).collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranked
    }
}
