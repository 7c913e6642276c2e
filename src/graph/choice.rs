//! The servers that matter most, by any measure; ties are drawn with the seed, and said.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::cut::{LargestCut, largest_cut};
use super::links::Links;
use super::measure::Measure;

/// Names of servers, and why they.
pub type Chosen = (Vec<String>, String);

/// Values that differ by less are equal: sums of the same terms in another order differ in the last digits.
const EQUAL: f64 = 1e-9;

impl Links {
    /// The `count` servers with the most of a measure, the highest first.
    ///
    /// # Errors
    /// When there are fewer servers, or fewer articulation points.
    pub fn choose(&self, measure: Measure, count: usize, rng: &mut StdRng) -> Result<Chosen, String> {
        let all: Vec<&str> = self.servers().iter().map(|server| server.name.as_str()).collect();
        self.choose_among(&all, measure, count, rng)
    }

    /// The same among some servers only; the others still count as a part of the graph. Names that the graph does not
    /// know are no candidates. The chosen are named as the candidates are, by name or by id.
    ///
    /// # Errors
    /// When there are fewer candidates, or fewer articulation points among them.
    pub fn choose_among(
        &self,
        candidates: &[&str],
        measure: Measure,
        count: usize,
        rng: &mut StdRng,
    ) -> Result<Chosen, String> {
        let known: Vec<usize> = candidates.iter().filter_map(|name| self.number(name)).collect();
        if known.len() < count {
            return Err(format!("{count} were asked for, but only {} are declared", known.len()));
        }
        let (chosen, why) = match measure {
            Measure::LargestCut => self.cut_words(&largest_cut(self.lasting(), &known, count, rng)),
            Measure::ArticulationPoint => self.draw_articulation_points(&known, count, rng)?,
            _ => self.highest(&known, measure, count, rng),
        };
        let asked = |name: &String| candidates.iter().find(|asked| self.number(asked) == self.number(name));
        Ok((chosen.iter().filter_map(asked).map(ToString::to_string).collect(), why))
    }

    /// Of the `count` servers with the most of a measure that [`choose_among`](Self::choose_among) finds: those that are among
    /// them in any case, and those from which the rest is drawn. Both are empty where there are fewer candidates.
    pub fn sure_among<'c>(
        &self,
        candidates: &[&'c str],
        measure: Measure,
        count: usize,
    ) -> (Vec<&'c str>, Vec<&'c str>) {
        let values = self.measured(measure);
        let mut ranked: Vec<(f64, &str)> =
            candidates.iter().filter_map(|name| Some((values[self.number(name)?], *name))).collect();
        ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let last = count.checked_sub(1).and_then(|last| ranked.get(last));
        let Some(&(least, _)) = last else { return (Vec::new(), Vec::new()) };
        let of = |wanted: &dyn Fn(f64) -> bool| {
            ranked.iter().filter(|(value, _)| wanted(*value)).map(|(_, name)| *name).collect()
        };
        (of(&|value| value - least >= EQUAL), of(&|value| (least - value).abs() < EQUAL))
    }

    /// All articulation points among some servers, in their order; none may be an error of the caller's.
    pub fn articulation_points_among<'c>(&self, candidates: &[&'c str]) -> Vec<&'c str> {
        let values = self.measured(Measure::ArticulationPoint);
        let is = |name: &&str| self.number(name).is_some_and(|number| values[number] > 0.0);
        candidates.iter().copied().filter(is).collect()
    }

    fn highest(&self, candidates: &[usize], measure: Measure, count: usize, rng: &mut StdRng) -> Chosen {
        let values = self.measured(measure);
        let ranked = drawn(candidates.iter().map(|number| (values[*number], *number)).collect(), rng);
        let (chosen, rest) = ranked.split_at(count);
        let least = chosen.last().map_or(0.0, |(value, _)| *value);
        let tied = rest.iter().filter(|(value, _)| (least - value).abs() < EQUAL).count();
        let tie =
            if tied > 0 { format!("; {tied} more with {} lost the draw", measure.says(least)) } else { "".into() };
        let said: Vec<String> = chosen
            .iter()
            .map(|(value, number)| format!("{} has {}", self.name(*number), measure.says(*value)))
            .collect();
        (self.names(chosen.iter().map(|(_, number)| *number)), format!("{}, the highest{tie}", said.join(", ")))
    }

    fn draw_articulation_points(&self, candidates: &[usize], count: usize, rng: &mut StdRng) -> Result<Chosen, String> {
        let values = self.measured(Measure::ArticulationPoint);
        let mut points: Vec<usize> = candidates.iter().copied().filter(|number| values[*number] > 0.0).collect();
        if points.len() < count {
            return Err(format!(
                "{count} articulation points were asked for, but of {} servers {} are",
                candidates.len(),
                points.len()
            ));
        }
        points.shuffle(rng);
        let names = self.names(points[..count].iter().copied());
        let lost = points.len() - count;
        let tie = if lost > 0 { format!("; {lost} more lost the draw") } else { String::new() };
        let why = format!("without {} the graph falls apart{tie}", names.join(", or without "));
        Ok((names, why))
    }

    fn cut_words(&self, cut: &LargestCut) -> Chosen {
        let names = self.names(cut.nodes.iter().copied());
        let tie = match cut.as_large {
            Some(0) => ", the largest cut".into(),
            Some(others) => format!(", the largest cut; {others} more as large lost the draw"),
            None => ", the largest cut that was found taking one after the other".into(),
        };
        let left = cut.cut_off + cut.together;
        (
            names.clone(),
            format!("without {} at most {} of {left} stay together{tie}", names.join(" and "), cut.together),
        )
    }

    fn names(&self, numbers: impl Iterator<Item = usize>) -> Vec<String> {
        numbers.map(|number| self.name(number).to_string()).collect()
    }
}

/// The highest first; equal values in an order drawn by chance.
fn drawn(mut valued: Vec<(f64, usize)>, rng: &mut StdRng) -> Vec<(f64, usize)> {
    valued.shuffle(rng);
    let mut falling: Vec<f64> = valued.iter().map(|(value, _)| *value).collect();
    falling.sort_by(|a, b| b.total_cmp(a));
    falling.dedup_by(|lower, higher| *higher - *lower < EQUAL);
    // A value belongs to the lowest level that is not below it: the highest of those that it equals.
    valued.sort_by_cached_key(|(value, _)| falling.partition_point(|level| level >= value));
    valued
}
