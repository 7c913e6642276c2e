//! An effect on every interface of a container: it has one for each of its networks, and users and other containers may come by any.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::{DriverError, EffectDriver, unfit};
use crate::agent::{Observation, interface};

/// Makes the driver of one interface, by its address and its place among all.
pub(super) type Of = Box<dyn Fn(Ipv4Addr, u16) -> Box<dyn EffectDriver> + Send>;

/// See the module.
pub(super) struct EachInterface {
    of: Of,
    parts: Vec<Box<dyn EffectDriver>>,
}

impl EachInterface {
    /// Nothing is looked at yet.
    pub fn new(of: Of) -> Self {
        EachInterface { of, parts: Vec::new() }
    }

    /// Those that there are now.
    fn now(&self) -> Result<Vec<Box<dyn EffectDriver>>, DriverError> {
        let all = interface::addresses()?;
        let parts: Vec<_> = (0..).zip(all).map(|(number, address)| (self.of)(address, number)).collect();
        match parts.is_empty() {
            true => Err(unfit("the network", "without an address", "one interface at least beside the loopback")),
            false => Ok(parts),
        }
    }

    /// Those of a record, each with what it keeps.
    fn recorded<'v>(&self, undo_state: &'v Value) -> Vec<(Box<dyn EffectDriver>, &'v Value)> {
        let states = undo_state.as_array().map(Vec::as_slice).unwrap_or_default();
        let parts = (0..).zip(states).map(|(number, state)| ((self.of)(Ipv4Addr::UNSPECIFIED, number), state));
        parts.collect()
    }
}

impl EffectDriver for EachInterface {
    fn arm(&mut self) -> Result<Value, DriverError> {
        self.parts = self.now()?;
        let states: Result<Vec<Value>, DriverError> = self.parts.iter_mut().map(|part| part.arm()).collect();
        states.map(Value::Array)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        self.parts.iter_mut().try_for_each(|part| part.inject())
    }

    fn heal(&mut self, undo_state: &Value) -> Result<(), DriverError> {
        let mut recorded = self.recorded(undo_state);
        if self.parts.len() == recorded.len() {
            let healed = self.parts.iter_mut().zip(&recorded).map(|(part, (_, state))| part.heal(state));
            return healed.fold(Ok(()), Result::and);
        }
        recorded.iter_mut().map(|(part, state)| part.heal(state)).fold(Ok(()), Result::and)
    }

    fn observe(&self, undo_state: Option<&Value>) -> Result<Observation, DriverError> {
        let recorded = undo_state.map(|state| self.recorded(state)).unwrap_or_default();
        let seen: Vec<Observation> = match recorded.is_empty() {
            true => self.now()?.iter().map(|part| part.observe(None)).collect::<Result<_, _>>()?,
            false => recorded.iter().map(|(part, state)| part.observe(Some(state))).collect::<Result<_, _>>()?,
        };
        let evidence: Vec<&str> = seen.iter().map(|one| one.evidence.as_str()).collect();
        Ok(Observation { in_force: seen.iter().all(|one| one.in_force), evidence: evidence.join("; ") })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was done to each interface, by its place.
    type Done = Arc<Mutex<Vec<(u16, &'static str)>>>;

    struct Noted(u16, Done, bool);

    impl EffectDriver for Noted {
        fn arm(&mut self) -> Result<Value, DriverError> {
            Ok(self.0.into())
        }

        fn inject(&mut self) -> Result<(), DriverError> {
            self.1.lock().unwrap().push((self.0, "inject"));
            Ok(())
        }

        fn heal(&mut self, state: &Value) -> Result<(), DriverError> {
            assert_eq!(*state, Value::from(self.0));
            self.1.lock().unwrap().push((self.0, "heal"));
            if self.0 == 0 { Err(unfit("it", "stuck", "free")) } else { Ok(()) }
        }

        fn observe(&self, state: Option<&Value>) -> Result<Observation, DriverError> {
            assert_eq!(state, Some(&Value::from(self.0)));
            Ok(Observation { in_force: self.2 || self.0 == 0, evidence: format!("number {}", self.0) })
        }
    }

    fn each(done: &Done, in_force: bool) -> EachInterface {
        let done = Arc::clone(done);
        EachInterface::new(Box::new(move |_, number| Box::new(Noted(number, Arc::clone(&done), in_force))))
    }

    #[test]
    fn it_is_in_force_only_where_it_is_so_on_each() {
        let (done, state) = (Done::default(), serde_json::json!([0, 1]));
        assert!(each(&done, true).observe(Some(&state)).unwrap().in_force);
        let seen = each(&done, false).observe(Some(&state)).unwrap();
        assert_eq!((seen.in_force, seen.evidence.as_str()), (false, "number 0; number 1"));
    }

    #[test]
    fn every_one_is_healed_from_the_record_though_another_is_stuck() {
        let (done, state) = (Done::default(), serde_json::json!([0, 1]));
        assert!(each(&done, true).heal(&state).is_err());
        assert_eq!(*done.lock().unwrap(), [(0, "heal"), (1, "heal")]);
    }
}
