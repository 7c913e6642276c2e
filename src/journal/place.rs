//! Where victims live, as a journal and an attack's plan store it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where victims live: an environment, and what it stored so that it finds the place again after a crash.
///
/// Written as `{NAME: VALUE}`, for example `{"testbed": {"socket": "/run/a.sock"}}`. Only the environment itself knows
/// what its value means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "BTreeMap<String, Value>")]
pub struct Place {
    /// The environment's name.
    pub environment: String,
    /// The environment's own.
    pub value: Value,
}

/// The forms that are read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Of(BTreeMap<String, Value>),
    /// An environment that stores nothing, as it was written once: `"sandbox"`.
    Alone(String),
}

impl TryFrom<Written> for Place {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Place, Self::Error> {
        let (name, value) = match written {
            Written::Of(map) if map.len() == 1 => map.into_iter().next().expect("there is one"),
            Written::Of(_) => return Err("a place is an object with one key, the name of its environment"),
            Written::Alone(name) => (name, Value::Null),
        };
        Ok(Place { environment: renamed(name), value })
    }
}

impl From<Place> for BTreeMap<String, Value> {
    fn from(place: Place) -> Self {
        BTreeMap::from([(place.environment, place.value)])
    }
}

/// Environments had other names when the first journals were written.
fn renamed(name: String) -> String {
    match name.as_str() {
        "sandbox" => "local".into(),
        "keeper" => "testbed".into(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(written: &Value) -> Result<Place, serde_json::Error> {
        serde_json::from_str(&written.to_string())
    }

    #[test]
    fn places_that_were_written_by_earlier_versions_are_read() {
        let at = |socket: &str| json!({ "socket": socket });
        for (written, environment, value) in [
            (json!("sandbox"), "local", Value::Null),
            (json!({ "keeper": at("/run/a.sock") }), "testbed", at("/run/a.sock")),
            (json!({ "testbed": at("/run/a.sock") }), "testbed", at("/run/a.sock")),
            (json!({ "inventory": { "file": "/a.yaml" } }), "inventory", json!({ "file": "/a.yaml" })),
        ] {
            let place = Place { environment: environment.into(), value };
            assert_eq!(read(&written).unwrap(), place);
            assert_eq!(read(&serde_json::to_value(&place).unwrap()).unwrap(), place, "as it is written now");
        }
    }

    #[test]
    fn a_place_of_an_environment_that_this_version_does_not_know_is_kept_as_it_is() {
        let written = json!({ "mars": { "crater": [1, { "deep": true }] } });
        assert_eq!(serde_json::to_value(read(&written).unwrap()).unwrap(), written);
    }

    #[test]
    fn a_place_has_one_environment() {
        for written in [json!({}), json!({ "local": null, "testbed": null }), json!(7), Value::Null] {
            assert!(read(&written).is_err(), "{written}");
        }
    }
}
