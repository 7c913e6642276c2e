//! `clouds.yaml` and `secure.yaml`: which file is read, and the clouds in it.

use std::io;
use std::path::Path;
use std::rc::Rc;

use serde_yaml::{Mapping, Value};

use super::Surroundings;
use crate::document::DocumentError;
use crate::document::yaml::{PathSegment, Source, at};
use crate::text::{self, TextError};

const SUFFIXES: [&str; 3] = ["yaml", "yml", "json"];

/// A file of clouds. It may hold secrets, so it has no `Debug`.
pub(super) struct CloudFile {
    pub(super) source: Rc<Source>,
    pub(super) clouds: Mapping,
}

/// The first file of this stem: the one that the variable names, else one in the folders. One that this user may not read is
/// passed by.
///
/// # Errors
/// A file that is named and not there, can't be read or is not a map of clouds.
pub(super) fn first(stem: &str, variable: &str, from: &Surroundings) -> Result<Option<CloudFile>, DocumentError> {
    if let Some(named) = from.variable(variable) {
        let path = Path::new(named);
        let unreadable = |why: &TextError| {
            let hint = format!("the variable `{variable}` names it: name a file that is there, or unset it");
            DocumentError::unreadable(path, why).with_hint(hint)
        };
        return parse(path, text::read(path).map_err(|why| unreadable(&why))?).map(Some);
    }
    let names = |folder: &Path| SUFFIXES.map(|suffix| folder.join(stem).with_extension(suffix));
    for path in from.folders.iter().flat_map(|folder| names(folder)) {
        match text::read(&path) {
            Ok(text) => return parse(&path, text).map(Some),
            Err(TextError::Io(why)) if is_passed_by(&why) => {}
            Err(why) => return Err(DocumentError::unreadable(&path, &why)),
        }
    }
    Ok(None)
}

fn is_passed_by(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

fn parse(path: &Path, text: String) -> Result<CloudFile, DocumentError> {
    let source = Rc::new(Source { path: path.into(), text });
    let mut whole: Value = source.parse()?;
    whole.apply_merge().map_err(|_| {
        source.error(
            &[],
            "a `<<` does not stand before a map",
            Some("write `<<: *name` with the anchor of a map".into()),
        )
    })?;
    let clouds = match whole {
        Value::Null => Mapping::new(),
        Value::Mapping(mut map) => {
            map.remove("clouds").map_or_else(|| Ok(Mapping::new()), |clouds| map_of(&source, &at!["clouds"], clouds))?
        }
        _ => return Err(no_map(&source, &[])),
    };
    Ok(CloudFile { source, clouds })
}

/// The map at a place; an empty one where nothing stands there.
///
/// # Errors
/// Something else stands there.
pub(super) fn map_of(source: &Source, path: &[PathSegment], value: Value) -> Result<Mapping, DocumentError> {
    match value {
        Value::Null => Ok(Mapping::new()),
        Value::Mapping(map) => Ok(map),
        _ => Err(no_map(source, path)),
    }
}

fn no_map(source: &Source, path: &[PathSegment]) -> DocumentError {
    let field = path.last().map_or("the file", |last| match last {
        PathSegment::Key(key) | PathSegment::KeyOf(key) => key,
        PathSegment::Index(_) => "this element",
    });
    let hint = "the form is `clouds: { NAME: { auth: { auth_url: …, username: … }, region_name: … } }`";
    source.error(path, format!("`{field}` is not a map, which is expected"), Some(hint.into()))
}
