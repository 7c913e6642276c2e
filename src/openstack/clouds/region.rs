//! The region of a cloud: the one that is asked for, of those that the cloud names.

use serde_yaml::Value;

use super::Surroundings;
use super::given::{Field, Given, Origin};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::yaml::at;

/// A region with the field that names it.
pub(super) struct Region {
    pub(super) name: String,
    pub(super) origin: Origin,
}

struct Known {
    region: Region,
    values: Option<Value>,
}

/// The region that `OS_REGION_NAME` asks for, else the first that the cloud names; what the cloud says for that region alone
/// is taken over.
///
/// # Errors
/// The cloud does not have the region that is asked for, or an entry of `regions` is malformed.
pub(super) fn region(given: &mut Given, from: &Surroundings) -> Result<Option<Region>, DocumentError> {
    let known = known(given)?;
    let variable = || Origin::Variable("OS_REGION_NAME".into());
    let chosen = match from.variable("OS_REGION_NAME") {
        Some(name) if known.is_empty() => return Ok(Some(Region { name: name.into(), origin: variable() })),
        Some(name) => {
            let hint = one_of(name, "regions", known.iter().map(|known| known.region.name.as_str()));
            let detail = format!("the cloud `{}` has no region `{name}`", given.name);
            known.into_iter().find(|known| known.region.name == name).ok_or_else(|| variable().error(detail, hint))?
        }
        None => match known.into_iter().next() {
            Some(first) => first,
            None => return Ok(None),
        },
    };
    if let (Some(values), Origin::File(source, path)) = (chosen.values, &chosen.region.origin) {
        let path = [&path[..path.len() - 1], &at!["values"]].concat();
        given.take(source, &path, values)?;
    }
    Ok(Some(chosen.region))
}

/// Those of `regions`, else those of `region_name`, which may be a list, or names with commas between.
fn known(given: &Given) -> Result<Vec<Known>, DocumentError> {
    let Some(field) = given.beside_auth(&["regions"]).or_else(|| given.beside_auth(&["region_name"])) else {
        return Ok(Vec::new());
    };
    match &field.value {
        Value::Sequence(all) => all.iter().enumerate().map(|(index, entry)| entry_of(field, index, entry)).collect(),
        _ => {
            let names = field.text()?.unwrap_or_default();
            let named = |name: &str| Region { name: name.trim().into(), origin: field.origin.clone() };
            Ok(names.split(',').map(|name| Known { region: named(name), values: None }).collect())
        }
    }
}

fn entry_of(field: &Field, index: usize, entry: &Value) -> Result<Known, DocumentError> {
    let Origin::File(source, path) = &field.origin else { return Err(field.error("is a list", "name one region")) };
    let here = [&path[..], &at![index]].concat();
    let known = match entry {
        Value::String(name) => Some((name.clone(), None, here.clone())),
        Value::Mapping(map) => map
            .get("name")
            .and_then(Value::as_str)
            .map(|name| (name.to_string(), map.get("values").cloned(), [&here[..], &at!["name"]].concat())),
        _ => None,
    };
    let (name, values, path) = known.ok_or_else(|| {
        let hint = "write a name, or `{ name: NAME, values: { … } }`";
        source.error(&here, "this is not a region, which is expected", Some(hint.into()))
    })?;
    Ok(Known { region: Region { name, origin: Origin::File(source.clone(), path) }, values })
}
