//! Rules of the packet filter that carry a strike's id in their comment, and no others: nothing here ever flushes a
//! chain or a table, or touches a rule that somebody else made.

use std::time::Duration;

use super::driver::{DriverError, Trace};
use super::prefork::{self, Preforked};
use super::{Observation, StrikeId};

/// How every comment of ours begins; the strike's id follows.
const MARK: &str = "anarcho-chimp ";
/// How long one call may take: it waits up to 5 s for somebody else's to end.
const WITHIN: Duration = Duration::from_secs(7);

/// Rules of one strike, with what makes and removes them prepared.
pub(super) struct Rules {
    id: StrikeId,
    parts: Vec<Part>,
    maker: Option<Preforked>,
    removers: Vec<Preforked>,
}

/// Rules that one call makes: `-s a,b` makes two.
struct Part {
    table: &'static str,
    chain: &'static str,
    words: Vec<String>,
}

/// A rule of ours, as `iptables-save` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub id: StrikeId,
    pub table: String,
    pub chain: String,
    /// What follows the chain: matches, comment and target.
    pub words: Vec<String>,
}

/// How `held` finds rules without a record.
pub(super) const TRACE: Trace = Trace {
    find: || {
        let rules = if prefork::exists("iptables-save") { found(None)? } else { Vec::new() };
        Ok(rules.into_iter().map(|rule| (rule.id, format!("a rule in {} of {}", rule.chain, rule.table))).collect())
    },
    sweep: |id| if prefork::exists("iptables-save") { delete_all(id) } else { Ok(()) },
};

impl Rules {
    /// No rules yet.
    pub fn new(id: &StrikeId) -> Self {
        Rules { id: id.clone(), parts: Vec::new(), maker: None, removers: Vec::new() }
    }

    /// One more call's rules: what must match, and `-j TARGET`.
    pub fn with(mut self, table: &'static str, chain: &'static str, words: &[&str]) -> Self {
        self.parts.push(Part { table, chain, words: words.iter().map(|word| word.to_string()).collect() });
        self
    }

    /// Checks that the packet filter can be used, and prepares the rules and their removal. Touches nothing.
    ///
    /// # Errors
    /// When `iptables` is missing or refuses.
    pub fn arm(&mut self) -> Result<(), DriverError> {
        found(None)?;
        let prepare = |argv: &[String]| Preforked::prepare(argv).map_err(DriverError::at(&argv.join(" ")));
        let removers: Result<_, DriverError> = self.parts.iter().map(|part| prepare(&part.removal(&self.id))).collect();
        (self.removers, self.maker) = (removers?, Some(prepare(&restorer())?));
        Ok(())
    }

    /// Puts the rules at the head of their chains, the first part last of all, so that it is the very first. It is one
    /// call: those of one table come into force at once.
    ///
    /// # Errors
    /// When a table's rules are refused; what was made till then is left to [`remove`](Self::remove).
    pub fn insert(&mut self) -> Result<(), DriverError> {
        let argv = restorer();
        let maker = self.maker.take().map_or_else(|| Preforked::prepare(&argv), Ok);
        let script = script(&self.parts, &self.id);
        ended(&argv, maker.and_then(|maker| maker.feed(script.as_bytes(), WITHIN))).map(drop)
    }

    /// Removes every rule of the strike; nothing to do where there is none.
    ///
    /// # Errors
    /// When one is left, after all was tried.
    pub fn remove(&mut self) -> Result<(), DriverError> {
        self.maker = None;
        for preforked in self.removers.drain(..) {
            // One that is gone already is what we want; one that is left is found below.
            let _ = preforked.run(WITHIN);
        }
        delete_all(&self.id)
    }

    /// Whether so many rules of the strike are there now.
    ///
    /// # Errors
    /// When they can't be listed.
    pub fn observe(&self, expected: usize) -> Result<Observation, DriverError> {
        let there = found(Some(&self.id))?.len();
        let evidence = format!("{there} of {expected} rules there");
        Ok(Observation { in_force: there > 0 && there >= expected, evidence })
    }
}

impl Part {
    /// What removes it.
    fn removal(&self, id: &StrikeId) -> Vec<String> {
        argv(["-t", self.table].map(str::to_string).into_iter().chain(self.rule("-D", id)))
    }

    /// The operation, the chain and the rule, with the comment before the target.
    fn rule(&self, operation: &str, id: &StrikeId) -> impl Iterator<Item = String> {
        let comment = format!("{MARK}{}", id.0);
        let target = self.words.iter().position(|word| word == "-j").unwrap_or(self.words.len());
        let (matches, target) = self.words.split_at(target);
        let head = [operation, self.chain].map(str::to_string).into_iter();
        let marked = ["-m", "comment", "--comment", &comment].map(str::to_string);
        head.chain(matches.iter().cloned()).chain(marked).chain(target.iter().cloned())
    }
}

/// What makes rules and leaves those of others alone.
fn restorer() -> [String; 4] {
    ["iptables-restore", "--noflush", "-w", "5"].map(str::to_string)
}

/// What it reads: the rules, each at the head of its chain, the first part last of all.
fn script(parts: &[Part], id: &StrikeId) -> String {
    let mut script = String::new();
    for of_one_table in parts.chunk_by(|one, next| one.table == next.table).rev() {
        script += &format!("*{}\n", of_one_table[0].table);
        for part in of_one_table.iter().rev() {
            let words: Vec<String> = part.rule("-I", id).map(|word| quoted(&word)).collect();
            script += &format!("{}\n", words.join(" "));
        }
        script += "COMMIT\n";
    }
    script
}

/// `iptables`, waiting for its turn where somebody else holds the lock.
pub(super) fn argv(words: impl IntoIterator<Item = String>) -> Vec<String> {
    ["iptables", "-w", "5"].map(str::to_string).into_iter().chain(words).collect()
}

/// Runs one call to its end and returns what it printed.
///
/// # Errors
/// When it can't be run, takes too long or ends with a status other than 0.
pub(super) fn call(argv: &[String]) -> Result<String, DriverError> {
    ended(argv, prefork::run(argv, WITHIN))
}

/// As [`call`], of what was prepared.
///
/// # Errors
/// As [`call`].
pub(super) fn call_preforked(argv: &[String], preforked: Option<Preforked>) -> Result<String, DriverError> {
    match preforked {
        Some(preforked) => ended(argv, preforked.run(WITHIN)),
        None => call(argv),
    }
}

fn ended(argv: &[String], ended: std::io::Result<prefork::Ended>) -> Result<String, DriverError> {
    let command = argv.join(" ");
    let ended = ended.map_err(DriverError::at(&command))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(DriverError::Command { command, status: ended.status.to_string(), stderr: ended.stderr.trim().to_string() })
}

/// Every rule of ours in every table; of one strike, or of all.
///
/// # Errors
/// When they can't be listed.
pub(super) fn found(id: Option<&StrikeId>) -> Result<Vec<Found>, DriverError> {
    let saved = call(&["iptables-save".to_string()])?;
    Ok(parse(&saved).into_iter().filter(|rule| id.is_none_or(|id| rule.id == *id)).collect())
}

/// Removes every rule of the strike, each by its own words.
///
/// # Errors
/// When one is left, after all was tried.
pub(super) fn delete_all(id: &StrikeId) -> Result<(), DriverError> {
    let mut refused = None;
    for rule in found(Some(id))? {
        let head = ["-t", &rule.table, "-D", &rule.chain].map(str::to_string);
        let deleted = call(&argv(head.into_iter().chain(rule.words)));
        refused = deleted.err().or(refused);
    }
    match (found(Some(id))?.len(), refused) {
        (0, _) => Ok(()),
        (_, Some(why)) => Err(why),
        (left, None) => Err(DriverError::Left { what: format!("{left} rules with the comment `{MARK}{}`", id.0) }),
    }
}

fn parse(saved: &str) -> Vec<Found> {
    let mut table = "";
    let mut rules = Vec::new();
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let words = split(line);
        if let [append, chain, rest @ ..] = words.as_slice()
            && append == "-A"
            && let Some(id) = marked(rest)
        {
            rules.push(Found { id, table: table.to_string(), chain: chain.clone(), words: rest.to_vec() });
        }
    }
    rules
}

/// The strike that a rule's comment names.
fn marked(words: &[String]) -> Option<StrikeId> {
    let at = words.iter().position(|word| word == "--comment")?;
    StrikeId::parse(words.get(at + 1)?.strip_prefix(MARK)?).ok()
}

/// A word as [`split`] reads it.
fn quoted(word: &str) -> String {
    if word.contains([' ', '"', '\\']) {
        format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
    } else {
        word.into()
    }
}

/// The words of a line, as `iptables-restore` reads them: quotes hold words together, a backslash in them means what
/// follows it.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(letters.next()),
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "\
# Generated by iptables-save v1.8.9 (nf_tables) on Tue Nov 24 12:00:00 2026
*mangle
:OUTPUT ACCEPT [0:0]
-A OUTPUT -o eth0 -m comment --comment \"anarcho-chimp 2.web-1\" -j NFQUEUE --queue-num 1
COMMIT
*filter
:INPUT ACCEPT [10:200]
-A INPUT -s 198.18.0.2/32 -m comment --comment \"anarcho-chimp 1.web-1\" -j DROP
-A INPUT -p tcp -m comment --comment \"said \\\"anarcho-chimp 1.web-1\\\"\" -j ACCEPT
-A INPUT -m comment --comment anarcho-chimp -j DROP
-A INPUT -m comment --comment \"anarcho-chimp ../etc\" -j DROP
COMMIT
";

    #[test]
    fn only_rules_that_carry_an_id_are_ours() {
        let rules = parse(SAVED);
        let found: Vec<_> =
            rules.iter().map(|rule| (rule.id.0.as_str(), rule.table.as_str(), rule.chain.as_str())).collect();
        assert_eq!(found, [("2.web-1", "mangle", "OUTPUT"), ("1.web-1", "filter", "INPUT")]);
        assert_eq!(rules[1].words.join("|"), "-s|198.18.0.2/32|-m|comment|--comment|anarcho-chimp 1.web-1|-j|DROP");
    }

    #[test]
    fn the_comment_comes_before_the_target() {
        let id = StrikeId("1.web-1".into());
        let rules = Rules::new(&id).with("filter", "INPUT", &["-s", "198.18.0.2", "-j", "DROP"]);
        assert_eq!(
            rules.parts[0].removal(&id).join("|"),
            "iptables|-w|5|-t|filter|-D|INPUT|-s|198.18.0.2|-m|comment|--comment|anarcho-chimp 1.web-1|-j|DROP"
        );
    }

    #[test]
    fn all_rules_are_made_by_one_script_the_first_at_the_head() {
        let id = StrikeId("1.web-1".into());
        let rules = Rules::new(&id)
            .with("filter", "INPUT", &["-p", "tcp", "-j", "DROP"])
            .with("filter", "INPUT", &["-p", "udp", "-j", "DROP"])
            .with("mangle", "OUTPUT", &["-j", "NFQUEUE"]);
        let expected = "*mangle
-I OUTPUT -m comment --comment \"anarcho-chimp 1.web-1\" -j NFQUEUE
COMMIT
*filter
-I INPUT -p udp -m comment --comment \"anarcho-chimp 1.web-1\" -j DROP
-I INPUT -p tcp -m comment --comment \"anarcho-chimp 1.web-1\" -j DROP
COMMIT
";
        assert_eq!(script(&rules.parts, &id), expected);
    }

    #[test]
    fn a_word_is_read_as_it_was_quoted() {
        for word in ["DROP", "two words", r#"a "quoted" \ word"#] {
            assert_eq!(split(&quoted(word)), [word]);
        }
    }
}
