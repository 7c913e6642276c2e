//! Which cloud is meant.

use super::Surroundings;
use super::file::{self, CloudFile};
use super::given::Given;
use crate::document::DocumentError;
use crate::document::error::one_of;

/// How the cloud of the variables is called, where `OS_CLOUD_NAME` does not say.
const OF_VARIABLES: &str = "envvars";

/// Finds what is given of the cloud that is asked for.
///
/// # Errors
/// A file can't be read, there is no such cloud, or it does not follow which one is meant.
pub(super) fn choose(asked: Option<&str>, from: &Surroundings) -> Result<Given, DocumentError> {
    let clouds = file::first("clouds", "OS_CLIENT_CONFIG_FILE", from)?;
    let secure = file::first("secure", "OS_CLIENT_SECURE_FILE", from)?;
    let files: Vec<CloudFile> = clouds.into_iter().chain(secure).collect();
    let variables = from.describing();
    let of_variables = from.variable("OS_CLOUD_NAME").unwrap_or(OF_VARIABLES);
    if let (true, Some(twice)) = (!variables.is_empty(), Given::in_files(of_variables, &files)?) {
        let hint = "rename this cloud, or unset the variables that begin with `OS_`";
        return Err(twice.home.error(format!("the cloud `{of_variables}` is also that of the `OS_*` variables"), hint));
    }
    let mut names: Vec<&str> =
        files.iter().flat_map(|file| file.clouds.keys().filter_map(|name| name.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let chosen = match (asked.or_else(|| from.variable("OS_CLOUD")), names.as_slice()) {
        (Some(name), _) => name,
        (None, _) if !variables.is_empty() => of_variables,
        (None, [only]) => only,
        (None, []) => return Err(nothing(&files, from)),
        (None, _) => return Err(several(&files, &names)),
    };
    if chosen == of_variables && !variables.is_empty() {
        return Ok(Given::in_variables(chosen, &variables));
    }
    let known = || names.iter().copied().chain((!variables.is_empty()).then_some(of_variables));
    Given::in_files(chosen, &files)?.ok_or_else(|| unknown(chosen, asked.is_some(), &files, known(), from))
}

fn about(files: &[CloudFile], detail: String) -> DocumentError {
    DocumentError { file: files.first().map(|file| file.source.path.clone()), ..DocumentError::new(detail) }
}

fn unknown<'k>(
    name: &str,
    is_asked: bool,
    files: &[CloudFile],
    known: impl Iterator<Item = &'k str>,
    from: &Surroundings,
) -> DocumentError {
    let whence = if is_asked { "--on" } else { "the variable `OS_CLOUD`" };
    if files.is_empty() {
        return nothing(files, from);
    }
    about(files, format!("there is no cloud `{name}`, which {whence} names")).with_hint(one_of(name, "clouds", known))
}

fn several(files: &[CloudFile], names: &[&str]) -> DocumentError {
    let detail = format!("there are {} clouds, and nothing says which one is meant", names.len());
    let hint =
        format!("{}; name it: `--on openstack=CLOUD`, or set `OS_CLOUD`", one_of("", "clouds", names.iter().copied()));
    about(files, detail).with_hint(hint)
}

fn nothing(files: &[CloudFile], from: &Surroundings) -> DocumentError {
    let folders = from.folders.iter().map(|folder| format!("`{}`", folder.join("clouds.yaml").display()));
    let hint =
        "write a `clouds.yaml`, name one by the variable `OS_CLIENT_CONFIG_FILE`, or set `OS_AUTH_URL` and its like";
    match files {
        [] => {
            let looked = folders.collect::<Vec<_>>().join(", ");
            DocumentError::new(format!("no file describes a cloud, and no variable does; looked for {looked}"))
                .with_hint(hint)
        }
        _ => about(files, "there is no cloud in it below `clouds`".into()).with_hint(hint),
    }
}
