//! Where clouds are described: environment variables and the folders that are searched.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The variables that say which cloud is used, and describe none.
const SELECTORS: [&str; 5] =
    ["OS_CLOUD", "OS_REGION_NAME", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "OS_CLOUD_NAME"];
/// Variables of OpenStack's own test tools.
const OF_TESTS: [&str; 3] = ["OS_TEST", "OS_STD", "OS_LOG"];

/// The environment variables and the folders of files.
pub struct Surroundings {
    /// All variables whose names begin with `OS_`.
    pub variables: BTreeMap<String, String>,
    /// The folders that are searched, in this order.
    pub folders: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process. The folders are the working directory, the user's and the machine's.
    pub fn here() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = || set("SNAP_REAL_HOME").or_else(|| set("HOME")).map(|home| PathBuf::from(home).join(".config"));
        let users = set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
        let machine = set("XDG_CONFIG_DIRS").and_then(|all| all.split(':').next().map(PathBuf::from));
        let roots = [users, home(), Some(machine.unwrap_or_else(|| "/etc/xdg".into())), Some("/etc".into())];
        let mut folders = vec![PathBuf::new()];
        for folder in roots.into_iter().flatten().map(|root| root.join("openstack")) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Surroundings { variables: variables.filter(|(name, _)| name.starts_with("OS_")).collect(), folders }
    }

    /// The value of a variable, where it is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables that describe a cloud by themselves; none where all of them only select one.
    pub(super) fn describing(&self) -> BTreeMap<&str, &str> {
        let named = |(name, value)| (String::as_str(name), String::as_str(value));
        let of_tests = |name: &str| OF_TESTS.iter().any(|start| name.starts_with(start));
        let all: BTreeMap<&str, &str> = self.variables.iter().map(named).filter(|(name, _)| !of_tests(name)).collect();
        if all.keys().all(|name| SELECTORS.contains(name)) { BTreeMap::new() } else { all }
    }
}
