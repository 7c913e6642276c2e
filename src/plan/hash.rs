//! The hash of a plan: the same wherever its files lie, and however they were named.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Plan;
use crate::role::{RoleContent, RoleFile};
use crate::workload::WorkloadSource;

impl Plan {
    /// SHA-256 of its JSON, in hexadecimal. Of each file that it names, the last part of the path counts: a relative path, an
    /// absolute one and one with `./` make the same hash.
    pub fn sha256(&self) -> String {
        let json = serde_json::to_vec(&self.without_folders()).expect("a plan has text keys alone");
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn without_folders(&self) -> Plan {
        let mut plan = self.clone();
        plan.environment = without_folder(&plan.environment);
        for scenario in &mut plan.scenarios {
            let infrastructure = &mut scenario.infrastructure;
            let roles = infrastructure.roles.values_mut();
            let of_roles =
                roles.flat_map(|role| role.source.iter_mut().chain(role.files.iter_mut().filter_map(copied)));
            let given = infrastructure.source.iter_mut().chain(&mut scenario.settings.request.ca);
            for path in of_roles.chain(given) {
                *path = last_part(path);
            }
            scenario.feature = last_part(&scenario.feature);
            if let Some(WorkloadSource::File(file)) = scenario.workload.as_mut().map(|workload| &mut workload.source) {
                *file = last_part(file);
            }
            if let Some(on) = &mut scenario.settings.environment.on {
                *on = without_folder(on);
            }
        }
        plan
    }
}

/// The file of this machine that a role copies.
fn copied(file: &mut RoleFile) -> Option<&mut PathBuf> {
    match &mut file.content {
        RoleContent::Copy(path) => Some(path),
        _ => None,
    }
}

fn last_part(path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| path.into(), PathBuf::from)
}

/// `inventory=sites/staging.yaml` as `inventory=staging.yaml`.
fn without_folder(environment: &str) -> String {
    match environment.split_once('=') {
        Some((name, file)) => format!("{name}={}", last_part(Path::new(file)).display()),
        None => environment.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::{DeclareOptions, declare};
    use crate::plan::SCHEMA;

    #[test]
    fn a_hash_depends_on_the_content() {
        let plan = |seed| Plan { schema: SCHEMA, seed, environment: "local".into(), scenarios: Vec::new() };
        assert_eq!(plan(7).sha256(), plan(7).sha256());
        assert_ne!(plan(7).sha256(), plan(8).sha256());
        assert_eq!(plan(7).sha256().len(), 64);
    }

    #[test]
    fn a_hash_does_not_depend_on_how_files_are_named() {
        let here = std::env::current_dir().unwrap();
        let plan = |features: &str, on: &str| {
            let mut plan =
                declare(&DeclareOptions { paths: vec![features.into()], seed: 7, ..DeclareOptions::default() })
                    .unwrap();
            plan.environment = on.into();
            plan
        };
        // One names an infrastructure, whose roles have files of their own.
        for feature in ["features/card.feature", "features/user-site.feature"] {
            let plain = plan(feature, "inventory=a/staging.yaml");
            for named in
                [format!("./{feature}"), here.join(feature).display().to_string(), format!("tests/../{feature}")]
            {
                let other = plan(&named, "inventory=/srv/./a/staging.yaml");
                assert_ne!(other, plain, "{named}");
                assert_eq!(other.sha256(), plain.sha256(), "{named}");
            }
            assert_ne!(plain.sha256(), plan(feature, "inventory=a/production.yaml").sha256());
        }
    }
}
