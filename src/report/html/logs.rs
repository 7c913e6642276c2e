//! The logs of servers that lie in a bundle: what its services wrote, or what was followed on a server of an inventory.

use serde::Serialize;

/// The logs of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerLogs {
    pub server: String,
    pub files: Vec<LogLink>,
}

/// A log, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLink {
    /// `haproxy.log`
    pub name: String,
    /// Relative to the page, as a URL: `nodes/00/lb-1/haproxy.log`.
    pub href: String,
}

impl ServerLogs {
    /// The logs of these names in a folder of the bundle, which is named with its path in the bundle.
    pub fn of(server: &str, folder: &str, names: Vec<String>) -> ServerLogs {
        let link = |name: String| LogLink { href: format!("{}/{}", escaped(folder), escaped(&name)), name };
        ServerLogs { server: server.into(), files: names.into_iter().map(link).collect() }
    }
}

/// A path as a URL has it: a name such as `what?.log` would be cut at its question mark.
fn escaped(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    path.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_file_whatever_its_name() {
        let logs = ServerLogs::of("lb-1", "nodes/00/lb-1", vec!["haproxy.log".into(), "50% of a? #1.log".into()]);
        let hrefs: Vec<&str> = logs.files.iter().map(|file| file.href.as_str()).collect();
        assert_eq!(hrefs, ["nodes/00/lb-1/haproxy.log", "nodes/00/lb-1/50%25%20of%20a%3F%20%231.log"]);
        assert_eq!(logs.files[1].name, "50% of a? #1.log");
    }
}
