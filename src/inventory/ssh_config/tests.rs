//! What a client's configuration says of a host. `tests/inventory/ssh_config.rs` compares it with what ssh reads.

use std::fs;

use super::*;

struct Written(tempfile::TempDir);

impl Written {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config"), text).unwrap();
        Written(folder)
    }

    fn read(&self) -> Result<SshConfig, String> {
        let folder = format!("{}/", self.0.path().display());
        SshConfig::read(&self.0.path().join("config")).map_err(|why| why.to_string().replace(&folder, ""))
    }

    fn told(&self, alias: &str) -> String {
        let folder = format!("{}/", self.0.path().display());
        let told = self.read().and_then(|config| config.of(alias).map_err(|why| why.to_string()));
        told.unwrap_err().replace(&folder, "")
    }
}

#[test]
fn the_first_value_that_applies_wins_and_keys_add_up() {
    let config = Written::of(
        "User first\nHost web-* !web-9\n  HostName 192.0.2.1\n  User second\n  identityfile a\nHost *\n  HostName other\n  \
         Port=2222\n  IdentityFile \"b c\"\n",
    );
    let config = config.read().unwrap();
    let of = |alias| config.of(alias).unwrap();
    let names = |alias| of(alias).host_name.map(|found| (found.value, found.line));
    assert_eq!(names("web-1"), Some(("192.0.2.1".into(), 3)));
    assert_eq!(names("web-9"), Some(("other".into(), 7)));
    assert_eq!((of("web-1").user.unwrap().value.as_str(), of("web-1").port), ("first", Some(2222)));
    let keys: Vec<String> = of("web-1").identity_files.into_iter().map(|found| found.value).collect();
    assert_eq!(keys, ["a", "b c"]);
}

#[test]
fn a_match_block_is_an_error_only_where_it_could_lead_elsewhere() {
    let harmless = "Match host web-1 exec \"true\"\n  ServerAliveInterval 5\nHost *\n  User deploy\n";
    let config = Written::of(harmless).read().unwrap();
    assert_eq!(config.of("web-1").unwrap().user.unwrap().value, "deploy");
    let all = Written::of("Match all\n  User deploy\n").read().unwrap();
    assert_eq!(all.of("web-1").unwrap().user.unwrap().value, "deploy");
    for keyword in ["HostName x", "Port 1", "User x", "IdentityFile x", "ProxyJump x", "ProxyCommand x", "Include x"] {
        let told = Written::of(&format!("\nMatch user x\n  Compression yes\n  {keyword}\n")).read().unwrap_err();
        assert!(told.starts_with("config:4: `"), "{told}");
        assert!(told.contains("stands in the `Match` block of line 2, and only `Match all` is understood"), "{told}");
    }
}

#[test]
fn a_proxy_command_in_force_is_an_error_and_one_that_is_not_is_none() {
    let told = Written::of("Host web-1\n  ProxyCommand nc %h %p\n").told("web-1");
    assert!(told.starts_with("config:2: `ProxyCommand` is not supported"), "{told}");
    for text in [
        "Host web-2\n  ProxyCommand nc %h %p\n",
        "Host web-1\n  ProxyJump bastion\nHost *\n  ProxyCommand nc %h %p\n",
        "Host web-1\n  ProxyCommand none\nHost *\n  ProxyJump bastion\n",
    ] {
        assert!(Written::of(text).read().unwrap().of("web-1").is_ok(), "{text}");
    }
}

#[test]
fn a_mistake_has_its_file_and_line() {
    assert!(Written::of("# ours\nPort ssh\n").told("web-1").starts_with("config:2: `ssh` is not a port"));
    assert!(Written::of("User \"open\nPort 1\n").told("web-1").starts_with("config:1: a quote is not closed"));
    assert!(Written::of("Host *\n  User\n").told("web-1").starts_with("config:2: `User` has no value"));
    let folder = Written::of("");
    let missing = SshConfig::read(&folder.0.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("none: can't be read"), "{missing}");
}

#[test]
fn files_are_included_where_they_are_named_and_only_where_their_block_applies() {
    let folder = Written::of("");
    let path = |name: &str| folder.0.path().join(name).display().to_string();
    fs::write(path("a.conf"), "Host web-*\n  User a\n").unwrap();
    fs::write(path("b.conf"), "Port 2222\nHost web-1\n  User b\n").unwrap();
    fs::write(
        path("config"),
        format!("Host web-*\n  Include {}\nHost db\n  Include {}\n  User c\n", path("*.conf"), path("a.conf")),
    )
    .unwrap();
    let config = folder.read().unwrap();
    let of = |alias| config.of(alias).unwrap();
    assert_eq!((of("web-1").user.unwrap().value.as_str(), of("web-1").port), ("a", Some(2222)));
    assert_eq!((of("db").user.unwrap().value.as_str(), of("db").port), ("c", None));
    fs::write(path("config"), format!("Include {}\n", path("config"))).unwrap();
    assert!(folder.told("web-1").contains("config:1: files include each other more than 16 deep"));
}

#[test]
fn tokens_are_filled_in_and_others_are_refused() {
    let found = |value: &str| Located { value: value.to_string(), file: "config".into(), line: 3 };
    let tokens = Tokens { alias: "web", host: "192.0.2.1", port: 2222, user: "root" };
    assert_eq!(found("%n-%h-%p-%r-%%").expand(&tokens).unwrap(), "web-192.0.2.1-2222-root-%");
    assert!(found("%i").expand(&tokens).unwrap_err().to_string().starts_with("config:3: the token `%i`"));
    assert!(found("${KEYS}/a").path(&tokens).is_err());
    assert_eq!(found("~/.ssh/%h").path(&tokens).unwrap(), home().join(".ssh/192.0.2.1"));
}
