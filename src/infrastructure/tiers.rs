//! What Givens build, step by step: tiers, zones, delays, or a file.
//!
//! A [`Draft`] only collects; everything is put together in [`Draft::build`], so that the order of the steps means
//! nothing. Tiers become the same declaration that an infrastructure file holds, and obey the same rules.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::declaration::{
    EntryPoint, InfrastructureDeclaration, LinkEntry, MOST_SERVERS, ServerEntry, can_hold, resolve,
};
use super::{Infrastructure, PUPPET_SERVER, Server, VirtualIp, file};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::names::sort_naturally;
use crate::role::EVERY_SERVER;
use crate::role::Role;
use crate::role::shipped::{self, Shipped};
use crate::units::show_duration;

/// The name of the virtual IP that a tier shares.
pub const VIRTUAL_IP: &str = "www";

/// An infrastructure while it is being declared.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    base: Option<Base>,
    shared: Vec<String>,
    zones: BTreeMap<String, usize>,
    delays: BTreeMap<(Delay, String), Duration>,
    supervised: Vec<String>,
    spares: BTreeMap<String, usize>,
    puppet: bool,
}

#[derive(Debug, Clone)]
enum Base {
    Tiers(Box<InfrastructureDeclaration>, String),
    File(Box<Infrastructure>),
}

/// What a step may declare to take time on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Delay {
    /// Until it answers.
    Boot,
    /// Until its programs are there: a part of its boot.
    Install,
    /// Until the config agent has made it what its role says.
    Configure,
}

impl Delay {
    fn word(self) -> &'static str {
        match self {
            Delay::Boot => "boot",
            Delay::Install => "install",
            Delay::Configure => "configure",
        }
    }

    fn of(self, server: &mut Server) -> &mut Duration {
        match self {
            Delay::Boot => &mut server.boot_delay,
            Delay::Install => &mut server.install_delay,
            Delay::Configure => &mut server.configure_delay,
        }
    }
}

type Declared<T = ()> = Result<T, DocumentError>;

impl Draft {
    /// `3 webservers`: servers without a balancer; users enter at the first.
    ///
    /// # Errors
    /// An unknown word, no servers or too many, servers that were declared before.
    pub fn tier(&mut self, count: usize, word: &str) -> Declared {
        let role = tier_role(count, word)?;
        let entry = Some(EntryPoint { host: format!("{}-1", role.prefix), port: None });
        let servers = vec![server_entry(role, count)];
        let declaration = InfrastructureDeclaration { servers, entry, ..InfrastructureDeclaration::default() };
        self.begin(Base::Tiers(Box::new(declaration), counted(count, word)))
    }

    /// `4 webservers behind haproxy`: the paper's tier, an active and a standby HAProxy that share a virtual IP.
    ///
    /// # Errors
    /// As [`behind`](Self::behind).
    pub fn behind_haproxy(&mut self, count: usize, word: &str) -> Declared {
        self.behind(count, word, 2, "load balancer")?;
        self.share_virtual_ip("load balancer")
    }

    /// `4 webservers behind 2 load balancers`: every balancer is linked with every server; users enter at the first
    /// balancer, unless they share a virtual IP.
    ///
    /// # Errors
    /// An unknown word, a word that is no balancer's, no servers or too many, servers that were declared before.
    pub fn behind(&mut self, count: usize, word: &str, balancers: usize, balancer_word: &str) -> Declared {
        let (role, balancer) = (tier_role(count, word)?, tier_role(balancers, balancer_word)?);
        if balancer.role().stats_socket.is_none() || role.name == balancer.name {
            let detail = format!("{} can't be behind {}", counted(count, word), counted(balancers, balancer_word));
            return Err(DocumentError::new(detail).with_hint("write `4 webservers behind 2 load balancers`"));
        }
        let text = format!("{} behind {}", counted(count, word), counted(balancers, balancer_word));
        let declaration = InfrastructureDeclaration {
            servers: vec![server_entry(role, count), server_entry(balancer, balancers)],
            links: vec![LinkEntry { from: balancer.prefix.into(), to: role.prefix.into() }],
            entry: Some(EntryPoint { host: format!("{}-1", balancer.prefix), port: None }),
            ..InfrastructureDeclaration::default()
        };
        self.begin(Base::Tiers(Box::new(declaration), text))
    }

    /// `the infrastructure in "site.yaml"`; a relative path is relative to the working directory, so steps resolve
    /// it against the feature first.
    ///
    /// # Errors
    /// Those of [`file::read`], and servers that were declared before.
    pub fn file(&mut self, path: &Path) -> Declared {
        let infrastructure = file::read(path)?;
        self.begin(Base::File(Box::new(infrastructure)))
    }

    /// `the load balancers share a virtual IP`: named `www`; users enter there if they entered at one of them.
    ///
    /// # Errors
    /// None now; [`build`](Self::build) checks the word. Said twice, it means the same.
    pub fn share_virtual_ip(&mut self, word: &str) -> Declared {
        if !self.shared.iter().any(|other| other == word) {
            self.shared.push(word.into());
        }
        Ok(())
    }

    /// `the webservers are spread over 2 zones`: a, b, … in turn, in natural order of the names. `node` means all;
    /// a narrower word wins over it.
    ///
    /// # Errors
    /// No zones, more than 26, or another number for the same word.
    pub fn spread(&mut self, word: &str, zones: usize) -> Declared {
        if !(1..=26).contains(&zones) {
            let detail = format!("the {word}s can't be spread over {zones} zones");
            return Err(DocumentError::new(detail).with_hint("zones are named a to z: write 1 to 26"));
        }
        match self.zones.insert(word.into(), zones) {
            Some(other) if other != zones => {
                let detail = format!("the {word}s are spread over {other} zones and over {zones} zones");
                Err(DocumentError::new(detail).with_hint("keep one of the two"))
            }
            _ => Ok(()),
        }
    }

    /// `every webserver takes 3 min to boot`. `node` means all; a narrower word wins over it.
    ///
    /// # Errors
    /// Another delay for the same word.
    pub fn delay(&mut self, what: Delay, word: &str, delay: Duration) -> Declared {
        match self.delays.insert((what, word.into()), delay) {
            Some(other) if other != delay => {
                let (one, two) = (show_duration(other), show_duration(delay));
                let detail = format!("every {word} takes {one} and {two} to {}", what.word());
                Err(DocumentError::new(detail).with_hint("keep one of the two"))
            }
            _ => Ok(()),
        }
    }

    /// `Monit supervises the webservers`. `node` means all.
    ///
    /// # Errors
    /// None now; [`build`](Self::build) checks the word. Said twice, it means the same.
    pub fn supervise(&mut self, word: &str) -> Declared {
        if !self.supervised.iter().any(|other| other == word) {
            self.supervised.push(word.into());
        }
        Ok(())
    }

    /// `1 spare webserver`: numbered after the others of its role.
    ///
    /// # Errors
    /// None at all, too many, or another number for the same word.
    pub fn spares(&mut self, count: usize, word: &str) -> Declared {
        tier_role(count, word)?;
        match self.spares.insert(word.into(), count) {
            Some(other) if other != count => {
                let detail = format!("{} and {} are spare", counted(other, word), counted(count, word));
                Err(DocumentError::new(detail).with_hint("keep one of the two"))
            }
            _ => Ok(()),
        }
    }

    /// `Puppet configures the nodes every 1 min`: tiers get a Puppet server, which nothing is linked with. A file declares its
    /// own.
    pub(crate) fn puppet(&mut self) {
        self.puppet = true;
    }

    /// Puts everything together.
    ///
    /// # Errors
    /// No servers were declared, or a word that names none of them.
    pub fn build(self) -> Declared<Infrastructure> {
        let mut built = match self.base {
            None => {
                let hint = "start with, for example, `Given 4 webservers behind haproxy`";
                return Err(DocumentError::new("no servers are declared").with_hint(hint));
            }
            Some(Base::File(infrastructure)) => with_spares_of_file(*infrastructure, &self.spares)?,
            Some(Base::Tiers(mut declaration, _)) => {
                let role = if self.puppet { shipped::named(PUPPET_SERVER) } else { None };
                let server = |role: &Shipped| ServerEntry { count: None, ..server_entry(role, 1) };
                declaration.servers.extend(role.map(server));
                resolve(&with_spares(*declaration, &self.spares)?, &BTreeMap::new(), None)?
            }
        };
        for word in &self.shared {
            share(&mut built, word)?;
        }
        for (word, zones) in general_first(&self.zones) {
            for (index, name) in called(&built, word)?.into_iter().enumerate() {
                let zone = char::from(b'a' + u8::try_from(index % zones).expect("at most 26 zones"));
                server(&mut built, &name).zone = Some(zone.to_string());
            }
        }
        let general_first = |(what, word): &&(Delay, String)| (*what, word != EVERY_SERVER);
        let mut delays: Vec<_> = self.delays.keys().collect();
        delays.sort_by_key(general_first);
        for key @ (what, word) in delays {
            for name in called(&built, word)? {
                *what.of(server(&mut built, &name)) = self.delays[key];
            }
        }
        for word in &self.supervised {
            for name in called(&built, word)? {
                let role = built.servers[&name].role.clone();
                built.roles.entry(role).and_modify(Role::supervise);
            }
        }
        Ok(built)
    }

    fn begin(&mut self, base: Base) -> Declared {
        let Some(before) = &self.base else {
            self.base = Some(base);
            return Ok(());
        };
        let detail = format!("the servers are declared twice: {} and {}", before.text(), base.text());
        let hint = "keep one of the two; for several tiers write an infrastructure file";
        Err(DocumentError::new(detail).with_hint(hint))
    }
}

impl Base {
    fn text(&self) -> String {
        match self {
            Base::Tiers(_, text) => format!("`{text}`"),
            Base::File(file) => {
                let path = file.source.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
                format!("the infrastructure in \"{path}\"")
            }
        }
    }
}

/// The shipped role of a tier's noun.
fn tier_role(count: usize, word: &str) -> Declared<&'static Shipped> {
    let Some(role) = shipped::called(word) else {
        let words = shipped::words();
        let hint = one_of(word, "words", words.iter().map(String::as_str))
            + " (roles of your own are used in an infrastructure file)";
        return Err(DocumentError::new(format!("no role is called `{word}`")).with_hint(hint));
    };
    match count {
        0 => Err(DocumentError::new(format!("a tier of 0 {word}s is empty")).with_hint("write at least 1")),
        1..=MOST_SERVERS => Ok(role),
        _ => {
            let detail = format!("{count} {word}s are more than {MOST_SERVERS} servers");
            Err(DocumentError::new(detail).with_hint("an infrastructure has to fit on one machine; declare fewer"))
        }
    }
}

fn server_entry(role: &Shipped, count: usize) -> ServerEntry {
    ServerEntry { name: role.prefix.into(), role: role.name.into(), count: Some(count), ..ServerEntry::default() }
}

/// Declares spares after the servers of their tier.
fn with_spares(
    mut declaration: InfrastructureDeclaration,
    spares: &BTreeMap<String, usize>,
) -> Declared<InfrastructureDeclaration> {
    for (word, count) in spares {
        let role = tier_role(*count, word)?;
        let tier = declaration.servers.iter().find(|entry| entry.role == role.name && !entry.spare);
        let there = tier.and_then(|entry| entry.count).unwrap_or(0);
        declaration.servers.extend((there + 1..=there + count).map(|number| ServerEntry {
            name: format!("{}-{number}", role.prefix),
            role: role.name.into(),
            spare: true,
            ..ServerEntry::default()
        }));
    }
    Ok(declaration)
}

/// A file says itself which of its servers are spare.
fn with_spares_of_file(infrastructure: Infrastructure, spares: &BTreeMap<String, usize>) -> Declared<Infrastructure> {
    match spares.iter().next() {
        None => Ok(infrastructure),
        Some((word, count)) => {
            let detail =
                format!("{} can't be added to an infrastructure file", counted(*count, &format!("spare {word}")));
            Err(DocumentError::new(detail).with_hint("write `spare: true` beside the server in the file"))
        }
    }
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn general_first<T>(by_word: &BTreeMap<String, T>) -> impl Iterator<Item = (&String, &T)> {
    let (general, narrow): (Vec<_>, Vec<_>) = by_word.iter().partition(|(word, _)| *word == EVERY_SERVER);
    general.into_iter().chain(narrow)
}

/// The names of the servers called `word`, in natural order.
fn called(built: &Infrastructure, word: &str) -> Declared<Vec<String>> {
    let mut names: Vec<String> = built.servers_called(word).into_iter().map(|server| server.name.clone()).collect();
    if names.is_empty() {
        let words = built.roles.values().map(|role| role.noun.as_str()).chain([EVERY_SERVER]);
        let detail = format!("no server is called `{word}`");
        return Err(DocumentError::new(detail).with_hint(one_of(word, "words", words)));
    }
    sort_naturally(&mut names);
    Ok(names)
}

fn server<'a>(built: &'a mut Infrastructure, name: &str) -> &'a mut Server {
    built.servers.get_mut(name).expect("servers are called by names that exist")
}

fn share(built: &mut Infrastructure, word: &str) -> Declared {
    let mut holders = called(built, word)?;
    holders.retain(|holder| !built.servers[holder].spare);
    if built.virtual_ips.iter().any(|ip| ip.holders == holders) {
        return Ok(());
    }
    let taken =
        built.virtual_ips.iter().any(|ip| ip.name == VIRTUAL_IP || ip.holders.iter().any(|h| holders.contains(h)));
    if taken || built.servers.contains_key(VIRTUAL_IP) {
        let detail = format!("the {word}s can't share a virtual IP: another one is declared already");
        return Err(DocumentError::new(detail).with_hint("declare both under `virtual_ips` in an infrastructure file"));
    }
    for holder in &holders {
        let role = &built.roles[&built.servers[holder].role];
        can_hold(role, holder, VIRTUAL_IP).map_err(|(detail, hint)| DocumentError::new(detail).with_hint(hint))?;
    }
    if holders.contains(&built.entry.host) {
        built.entry.host = VIRTUAL_IP.into();
    }
    built.virtual_ips.push(VirtualIp { name: VIRTUAL_IP.into(), holders, floating_ip: false });
    built.virtual_ips.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}
