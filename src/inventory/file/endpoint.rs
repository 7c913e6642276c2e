//! How a host or a jump host is reached: what the inventory says, then what `ssh_config` says, then the defaults.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Reader;
use crate::document::Checked;
use crate::document::yaml::{PathSegment, at};
use crate::inventory::address::{self, Address};
use crate::inventory::key::Key;
use crate::inventory::ssh_config::{Located, Options, Tokens};
use crate::inventory::{Endpoint, Jump};

/// How it is reached, as far as an entry says so.
pub(super) struct Written<'a> {
    pub(super) address: &'a str,
    pub(super) port: Option<u16>,
    pub(super) user: Option<&'a str>,
    pub(super) key: Option<&'a str>,
}

/// `jump: bastion`, another host of the file, or a map.
#[derive(Debug)]
pub(super) enum JumpEntry {
    Host(String),
    Other(OtherJump),
}

/// A jump host that is no host of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherJump {
    address: String,
    port: Option<u16>,
    user: Option<String>,
    key: Option<String>,
}

impl<'de> Deserialize<'de> for JumpEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = JumpEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a host of this file, or a map with `address`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<JumpEntry, E> {
                String::deserialize(StrDeserializer::<E>::new(name)).map(JumpEntry::Host)
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<JumpEntry, M::Error> {
                OtherJump::deserialize(MapAccessDeserializer::new(map)).map(JumpEntry::Other)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// What `at` leads to, and then this field of it.
fn field(at: &[PathSegment], name: &str) -> Vec<PathSegment> {
    [at, &at![name]].concat()
}

impl Reader<'_> {
    /// What an entry at `at` says, and the `ProxyJump` that `ssh_config` has for it.
    pub(super) fn endpoint(
        &self,
        at: &[PathSegment],
        written: &Written<'_>,
    ) -> Checked<(Endpoint, Option<Located<String>>)> {
        let alias = written.address;
        self.address(&field(at, "address"), alias, None)?;
        let options = self.options(alias)?;
        let address = match &options.host_name {
            Some(found) => {
                let tokens = Tokens { alias, host: alias, port: 22, user: "" };
                self.address(&field(at, "address"), &found.expand(&tokens)?, Some((alias, found)))?
            }
            None => self.address(&field(at, "address"), alias, None)?,
        };
        let port = written.port.or(options.port).unwrap_or(22);
        if port == 0 {
            return self.error(&field(at, "port"), "there is no port 0", "a port is a number from 1 to 65535");
        }
        let said = options.user.as_ref().map(|found| found.value.as_str());
        let user = written.user.or(said).unwrap_or("root").to_string();
        if user.is_empty() || user.contains(['\0', '\n', ' ']) {
            let hint = "leave it out to log in as root";
            return self.error(&field(at, "user"), format!("{user:?} can't be a user's name"), hint);
        }
        let key = match written.key {
            Some(key) => self.key(&field(at, "key"), &self.path(key), ""),
            None => self.identity(at, &options, &Tokens { alias, host: &address.to_string(), port, user: &user })?,
        };
        Ok((Endpoint { address, port, user, key }, options.proxy_jump))
    }

    fn options(&self, alias: &str) -> Checked<Options> {
        self.ssh_config.as_ref().map_or_else(|| Ok(Options::default()), |config| config.of(alias))
    }

    /// `by`: it is not written in this file, but is what `HostName` makes of this.
    fn address(&self, at: &[PathSegment], text: &str, by: Option<(&str, &Located<String>)>) -> Checked<Address> {
        address::read(text).or_else(|mistake| {
            let origin = by.map(|(alias, found)| format!("; it is the `HostName` of `{alias}` in {}", found.place()));
            self.error(at, mistake.detail + &origin.unwrap_or_default(), mistake.hint)
        })
    }

    /// The first of the key files that `ssh_config` names which exists, as for ssh.
    fn identity(&self, at: &[PathSegment], options: &Options, tokens: &Tokens<'_>) -> Checked<Option<Key>> {
        for found in &options.identity_files {
            if found.value == "none" {
                return Ok(None);
            }
            let path = found.path(tokens)?;
            if path.exists() {
                let named = format!("; it is an `IdentityFile` of {}", found.place());
                return Ok(self.key(&field(at, "address"), &path, &named));
            }
        }
        Ok(None)
    }

    /// A jump host that is declared where it is used.
    pub(super) fn other_jump(&self, at: &[PathSegment], entry: &OtherJump) -> Checked<Jump> {
        let (user, key) = (entry.user.as_deref(), entry.key.as_deref());
        let written = Written { address: &entry.address, port: entry.port, user, key };
        let (endpoint, next) = self.endpoint(at, &written)?;
        self.only_one(&field(at, "address"), &entry.address, next.as_ref())?;
        Ok(Jump { name: entry.address.clone(), endpoint, is_host: false })
    }

    /// The jump host of `ProxyJump`: `[user@]host[:port]`, or a URL of these.
    pub(super) fn proxy_jump(
        &self,
        at: &[PathSegment],
        found: &Located<String>,
        tokens: &Tokens<'_>,
    ) -> Checked<Option<Jump>> {
        let text = found.expand(tokens)?;
        if text.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        if text.contains(',') {
            let hint = "name one jump host that reaches the server, or write `jump:` beside the host in the inventory";
            return Err(found.error(format!("`ProxyJump {text}` names several jump hosts, and one is supported"), hint));
        }
        let text = text.strip_prefix("ssh://").unwrap_or(&text);
        let (user, host) = text.rsplit_once('@').map_or((None, text), |(user, host)| (Some(user), host));
        let (host, port) = match host.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, Some(port)),
            Some((_, Err(_))) => {
                let form = "write `[user@]host[:port]`";
                return Err(found.error(format!("`{text}` is not a jump host"), form));
            }
            None => (host, None),
        };
        address::read(host)
            .map_err(|mistake| found.error(mistake.detail.replace("`address`", "`ProxyJump`"), mistake.hint))?;
        let (endpoint, next) = self.endpoint(at, &Written { address: host, port, user, key: None })?;
        self.only_one(&field(at, "address"), host, next.as_ref())?;
        Ok(Some(Jump { name: host.into(), endpoint, is_host: false }))
    }

    fn only_one(&self, at: &[PathSegment], jump: &str, next: Option<&Located<String>>) -> Checked<()> {
        match next.filter(|next| !next.value.eq_ignore_ascii_case("none")) {
            Some(next) => {
                let detail = format!("the jump host `{jump}` has a jump host of its own ({})", next.place());
                self.error(at, detail, ONE_JUMP)
            }
            None => Ok(()),
        }
    }
}

/// What to do where jump hosts form a chain.
pub(super) const ONE_JUMP: &str = "one jump host is supported: run chimp where a single one reaches the server";
