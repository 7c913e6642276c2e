//! Which servers the attacker chooses, round after round, by each failure model.

use std::path::Path;
use std::time::Duration;

use super::super::graph::read_noted;
use super::{Common, Model};
use crate::attack::Round;
use crate::attack::execute::Field;
use crate::attack::pick::{self, HowMany, Processed};
use crate::attack::plan::may_not_be_attacked;
use crate::attack::processes::Processes;
use crate::document::words::of_json;
use crate::document::yaml::form_hint;
use crate::draw::{Draw, Purpose};
use crate::environment::Ended;
use crate::graph::{Links, Measure};
use crate::instance::{Ability, PowerOp};
use crate::plan::Parameters;

impl Model {
    /// Which servers are struck, round after round, and with what.
    pub(super) fn rounds(&self, field: &Field, draw: Draw) -> Result<Vec<Round>, String> {
        match self {
            Model::Random(common) => common.drawn(field, draw, common.terminates(), Parameters::default()),
            Model::Network { common, .. } if common.is_outside(field)? => {
                common.lasting().drawn(field, draw, "isolated", Parameters::default())
            }
            Model::Network { common, after } => {
                let with = Parameters { after: Some(*after), ..Parameters::default() };
                common.lasting().drawn(field, draw, "loses-network", with)
            }
            Model::Process { common, processes, signal } => {
                let of = common.processes(field, processes)?;
                let of = Processed { of: &of, ended: &field.ended };
                (1..=common.repeat).map(|round| common.process(&of, signal, draw, round.into())).collect()
            }
            Model::Graph { common, graph, by } => common.by_graph(field, graph.as_deref(), *by, draw),
            Model::Fault { common, fault, servers, with, from } => {
                let with = serde_json::from_str(with).map_err(|why| format!("--with: {}", in_words(&why)))?;
                let servers: Vec<String> = servers.iter().chain(common.at.place.servers()).cloned().collect();
                if servers.is_empty() {
                    return Err("no server is named\n  help: name each that is to be struck: `--server web-1`".into());
                }
                let (fault, from, lasts) = (fault.clone(), from.clone(), common.lasts);
                let round = Round { fault, with, servers, from, why: "named".into(), lasts };
                Ok(vec![round; usize::from(common.repeat)])
            }
        }
    }

    /// The servers that were not chosen from, since they have ended; none where the command line names its victims.
    pub(super) fn skipped(&self, field: &Field) -> Ended {
        if let Model::Fault { .. } = self {
            return Ended::new();
        }
        let among = pick::candidates(&field.infrastructure, self.common().tag.as_deref()).unwrap_or_default();
        let ended = field.ended.iter().filter(|(server, _)| among.contains(server));
        ended.map(|(server, how)| (server.clone(), how.clone())).collect()
    }
}

impl Common {
    fn how_many(&self) -> Result<HowMany, String> {
        match (self.count, self.percent) {
            (_, Some(percent)) if !(percent > 0.0 && percent <= 100.0) => {
                Err(format!("--percent {percent}: expected more than 0 and at most 100"))
            }
            (_, Some(percent)) => Ok(HowMany::Percent(percent)),
            (Some(0), _) => Err("--count 0: expected at least 1".into()),
            (count, None) => Ok(HowMany::Count(count.unwrap_or(1))),
        }
    }

    /// For good, or for a while.
    fn terminates(&self) -> &'static str {
        if self.lasts.is_some() { "power-off" } else { "dies" }
    }

    /// Half a minute where no time was given: such a fault must end.
    fn lasting(&self) -> Common {
        let lasts = Some(self.lasts.unwrap_or(Duration::from_secs(30)));
        Common { lasts, ..self.clone() }
    }

    /// Whether none of the servers that may be drawn can be logged in to, while their environment can isolate all of them.
    fn is_outside(&self, field: &Field) -> Result<bool, String> {
        let names = pick::candidates(&field.infrastructure, self.tag.as_deref())?;
        let can = |server: &String, abilities: &[Ability]| {
            field.provider.can(server, &abilities.iter().copied().collect()).is_ok()
        };
        let isolation = [Ability::Power(PowerOp::Isolate), Ability::Power(PowerOp::Rejoin)];
        Ok(names.iter().all(|server| !can(server, &[Ability::LogIn]) && can(server, &isolation)))
    }

    fn drawn(&self, field: &Field, draw: Draw, fault: &str, with: Parameters) -> Result<Vec<Round>, String> {
        let names = pick::candidates(&field.infrastructure, self.tag.as_deref())?;
        let drawn = pick::rounds(names, &field.ended, self.how_many()?, usize::from(self.repeat), draw)?;
        let round = |(servers, why)| {
            let (fault, with, from, lasts) = (fault.into(), with.clone(), Vec::new(), self.lasts);
            Round { fault, with, servers, from, why, lasts }
        };
        Ok(drawn.into_iter().map(round).collect())
    }

    /// The processes of the servers that may be chosen.
    fn processes(&self, field: &Field, file: &Path) -> Result<Vec<(String, Vec<String>)>, String> {
        let all = pick::candidates(&field.infrastructure, None)?;
        let tagged = pick::candidates(&field.infrastructure, self.tag.as_deref())?;
        let there = all.into_iter().chain(field.closed.keys().cloned()).collect();
        let read = Processes::read(file, &there).map_err(|why| why.to_string())?;
        if let Some((spared, why)) = read.iter().find_map(|(server, _)| field.closed.get_key_value(server)) {
            return Err(format!("{}: {}", file.display(), may_not_be_attacked(spared, why)));
        }
        let read = read.iter().filter(|(server, _)| tagged.iter().any(|name| name == server));
        Ok(read.map(|(server, processes)| (server.to_string(), processes.to_vec())).collect())
    }

    fn process(&self, of: &Processed<'_>, signal: &str, draw: Draw, round: u64) -> Result<Round, String> {
        let (server, process, why) = pick::process(of, draw, round)?;
        let stops = signal == "STOP";
        let signal = (!stops).then(|| signal.to_string());
        let with = Parameters { process: Some(process), signal, ..Parameters::default() };
        let fault = if stops { "process-stops" } else { "process-dies" };
        let (fault, servers, from, lasts) = (fault.into(), vec![server], Vec::new(), self.lasts);
        Ok(Round { fault, with, servers, from, why, lasts })
    }

    /// Round after round, those that matter most of what is left.
    fn by_graph(&self, field: &Field, file: Option<&Path>, by: Measure, draw: Draw) -> Result<Vec<Round>, String> {
        let links = match file {
            Some(file) => read_noted(file).map_err(|why| why.to_string())?,
            None if field.infrastructure.links.is_empty() => {
                let hint = "name a file with them: `--graph FILE`";
                return Err(format!("nothing says which server talks to which\n  help: {hint}"));
            }
            None => Links::of(&field.infrastructure, None),
        };
        let mut names = pick::candidates(&field.infrastructure, self.tag.as_deref())?;
        let all = names.len();
        names.retain(|name| !field.ended.contains_key(name));
        let mut rounds = Vec::new();
        for round in 1..=self.repeat {
            let count = match self.how_many()? {
                HowMany::Count(count) => count,
                HowMany::Percent(percent) => (names.len() as f64 * percent / 100.0).ceil() as usize,
            };
            if count == 0 || count > names.len() {
                return Err(pick::too_few(round.into(), count, (names.len(), all), &field.ended));
            }
            let among: Vec<&str> = names.iter().map(String::as_str).collect();
            let rng = &mut draw.for_purpose(Purpose::AttackServers, round.into());
            let (servers, why) = links.choose_among(&among, by, count, rng)?;
            names.retain(|name| !servers.contains(name));
            let (fault, with, lasts) = (self.terminates().into(), Parameters::default(), self.lasts);
            rounds.push(Round { fault, with, servers, from: Vec::new(), why, lasts });
        }
        Ok(rounds)
    }
}

/// A mistake in JSON of the command line, with the column and what to do.
fn in_words(why: &serde_json::Error) -> String {
    let (detail, place) = of_json(why);
    let unit_is_missing = detail.contains("found the number")
        && ["expected a string", "expected a duration"].iter().any(|expected| detail.contains(expected));
    let hint = match why.is_data() {
        true if unit_is_missing => "write a time as a text with its unit: `{\"delay\": \"100ms\"}`".into(),
        is_data => {
            form_hint(&detail).filter(|_| is_data).unwrap_or_else(|| "write it so: `{\"delay\": \"100ms\"}`".into())
        }
    };
    let place = place.map_or(String::new(), |(_, column)| format!(" (at column {column})"));
    format!("{detail}{place}\n  help: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(with: &str) -> String {
        in_words(&serde_json::from_str::<Parameters>(with).unwrap_err())
    }

    #[test]
    fn a_parameter_that_no_fault_takes_is_refused_with_the_nearest() {
        let told = refused(r#"{"delay": "100ms", "jiter": "20ms"}"#);
        assert!(told.starts_with("unknown field `jiter`, expected one of `process`, "), "{told}");
        assert!(told.ends_with(" (at column 26)\n  help: did you mean `jitter`?"), "{told}");
    }

    #[test]
    fn what_is_no_json_or_has_another_form_is_said_in_plain_words() {
        let told = refused(r#"{"port": "http"}"#);
        assert!(
            told.starts_with("found the text \"http\", expected a whole number from 0 to 65535 (at column "),
            "{told}"
        );
        assert!(told.contains("help: write it so: "), "{told}");
        let told = refused(r#"{"delay": 100}"#);
        assert!(told.starts_with("found the number 100, expected a duration such as \"5 s\" (at column "), "{told}");
        assert!(told.ends_with("help: write a time as a text with its unit: `{\"delay\": \"100ms\"}`"), "{told}");
        assert!(refused("delay=100ms").ends_with("help: write it so: `{\"delay\": \"100ms\"}`"));
    }
}
