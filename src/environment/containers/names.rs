//! What containers are called, as servers.

use std::collections::BTreeMap;

use crate::document::DocumentError;
use crate::document::names::{RULE, is_name};
use crate::settings::ServiceSettings;

/// A container: its service and its number, `app-2`.
pub(in crate::environment) fn server_name(service: &str, number: u32) -> String {
    format!("{}-{number}", plain(service))
}

/// What steps call the containers of a service.
pub(in crate::environment) fn word_of(service: &str, settings: &ServiceSettings<'_>) -> String {
    settings.words.get(service).cloned().unwrap_or_else(|| plain(service))
}

/// A service's name with the letters that a server's name may have.
fn plain(service: &str) -> String {
    service.to_lowercase().replace(['_', '.'], "-")
}

/// Whether all services can be called so.
///
/// # Errors
/// The first that can't be, or that is called as another one.
pub(in crate::environment) fn check<'s>(
    services: impl Iterator<Item = &'s String>,
    settings: &ServiceSettings<'_>,
) -> Result<(), DocumentError> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for service in services {
        let called = plain(service);
        if !is_name(&server_name(service, 100)) {
            let detail = format!("the service `{service}` can't be called `{called}` in steps");
            return Err(DocumentError::new(detail).with_hint(format!("give it another name: {RULE}")));
        }
        if let Some(other) = seen.insert(called, service) {
            let detail = format!("the services `{other}` and `{service}` would have servers of the same names");
            return Err(DocumentError::new(detail).with_hint("rename one of them"));
        }
        let word = word_of(service, settings);
        if !is_name(&word.replace(' ', "-")) {
            let section = settings.section;
            let detail = format!("`{section}.words`: steps can't call the service `{service}` a `{word}`");
            return Err(DocumentError::new(detail).with_hint(RULE).of_setting(&[section, "words", service]));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ComposeSettings;

    #[test]
    fn a_service_is_called_by_its_name_with_hyphens() {
        assert_eq!(server_name("order_api", 3), "order-api-3");
        assert_eq!(server_name("Web.Front", 1), "web-front-1");
    }

    #[test]
    fn services_that_would_be_called_alike_are_refused() {
        let all = ["order_api".to_string(), "order-api".to_string()];
        let why = check(all.iter(), &ComposeSettings::default().services()).unwrap_err().to_string();
        assert!(why.contains("`order_api` and `order-api`"), "{why}");
        assert!(check(["ü".to_string()].iter(), &ComposeSettings::default().services()).is_err());
    }
}
