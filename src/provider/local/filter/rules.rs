//! The table of `iptables-restore` that a filter stands for.
//!
//! The kernel tells only which end of a connection opened it (`--ctdir`). Each packet is judged anew by today's rules: one of
//! the end that opened, as it is; an answer, by the rule that allows its connection. So a connection is cut in both
//! directions as soon as no rule allows it, and goes on when one does again.

use std::fmt::Write;

use super::State;
use super::policy::{Direction, Policy, Prefix, Rule};

/// Protocols that have ports, by number and by the name of their match.
const WITH_PORTS: [(u8, &str); 3] = [(6, "tcp"), (17, "udp"), (132, "sctp")];
const ICMP: u8 = 1;

pub(super) fn table(state: &State) -> String {
    let mut text = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n".to_string();
    let closed = Policy::Rules { sources: Vec::new(), rules: Vec::new() };
    for (name, port) in &state.ports {
        let policy = state.policies.get(name).filter(|_| !state.silent.contains(name)).unwrap_or(&closed);
        if let Policy::Rules { sources, rules } = policy {
            chains(&mut text, port, sources, rules);
        }
    }
    text + "COMMIT\n"
}

/// Every packet passes the chain of its sender and that of its receiver: who is allowed returns.
fn chains(text: &mut String, port: &str, sources: &[Prefix], rules: &[Rule]) {
    let (from, out, to) = (format!("from-{port}"), format!("out-{port}"), format!("to-{port}"));
    let _ = writeln!(text, ":{from} -\n:{out} -\n:{to} -");
    let _ = writeln!(text, "-A INPUT -m physdev --physdev-in {port} -j {from}");
    let _ = writeln!(text, "-A FORWARD -m physdev --physdev-is-bridged --physdev-in {port} -j {from}");
    let _ = writeln!(text, "-A FORWARD -m physdev --physdev-is-bridged --physdev-out {port} -j {to}");
    for source in sources {
        // Its end returns to where the chain was called.
        let _ = writeln!(text, "-A {from} -s {source} -g {out}");
    }
    if !rules.is_empty() {
        // Errors about connections that were allowed.
        let _ = writeln!(text, "-A {out} -m conntrack --ctstate RELATED -j RETURN");
        let _ = writeln!(text, "-A {to} -m conntrack --ctstate RELATED -j RETURN");
    }
    for rule in rules {
        let (opens, answers) = match rule.direction {
            Direction::Ingress => ((to.as_str(), "-s"), (out.as_str(), "-d")),
            Direction::Egress => ((out.as_str(), "-d"), (to.as_str(), "-s")),
        };
        allow(text, opens, rule, "ORIGINAL", called(rule, "--dport"));
        allow(text, answers, rule, "REPLY", answered(rule));
    }
    for chain in [from, out, to] {
        let _ = writeln!(text, "-A {chain} -j DROP");
    }
}

fn allow(text: &mut String, (chain, remote): (&str, &str), rule: &Rule, direction: &str, which: String) {
    let all = [None];
    let some: Vec<Option<Prefix>>;
    let remotes = match &rule.remotes {
        None => &all[..],
        Some(remotes) => {
            some = remotes.iter().copied().map(Some).collect();
            &some
        }
    };
    for prefix in remotes {
        let who = prefix.map(|prefix| format!(" {remote} {prefix}")).unwrap_or_default();
        let _ = writeln!(text, "-A {chain}{who}{which} -m conntrack --ctdir {direction} -j RETURN");
    }
}

/// The protocol and the port that is called.
fn called(rule: &Rule, option: &str) -> String {
    let Some(protocol) = rule.protocol else { return String::new() };
    let name = WITH_PORTS.iter().find(|(number, _)| *number == protocol).map(|(_, name)| name);
    match (rule.ports, name) {
        (Some((first, last)), Some(name)) => {
            format!(" -p {name} -m {name} {option} {first}:{}", last.unwrap_or(first))
        }
        (Some((kind, None)), None) if protocol == ICMP => format!(" -p icmp -m icmp --icmp-type {kind}"),
        (Some((kind, Some(code))), None) if protocol == ICMP => format!(" -p icmp -m icmp --icmp-type {kind}/{code}"),
        _ => format!(" -p {protocol}"),
    }
}

/// The protocol and the port that answers. An answer of ICMP has a type of its own.
fn answered(rule: &Rule) -> String {
    match rule.protocol {
        Some(ICMP) => " -p icmp".into(),
        _ => called(rule, "--sport"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(policy: Option<Policy>) -> State {
        State {
            policies: policy.into_iter().map(|policy| ("a".to_string(), policy)).collect(),
            ports: [("a".to_string(), "v0.1".to_string())].into(),
            silent: Default::default(),
        }
    }

    fn rule(
        direction: Direction,
        protocol: Option<u8>,
        ports: Option<(u16, Option<u16>)>,
        remotes: Option<&[&str]>,
    ) -> Rule {
        let remotes = remotes.map(|remotes| remotes.iter().map(|text| text.parse().unwrap()).collect());
        Rule { direction, protocol, ports, remotes }
    }

    #[test]
    fn a_packet_passes_when_a_rule_allows_its_connection() {
        let rules = vec![
            rule(Direction::Egress, None, None, None),
            rule(Direction::Ingress, Some(6), Some((80, Some(90))), Some(&["198.18.0.0/22", "198.18.4.1"])),
            rule(Direction::Ingress, Some(1), Some((8, None)), None),
            rule(Direction::Ingress, Some(112), None, Some(&[])),
        ];
        let sources = vec!["198.18.0.7".parse().unwrap()];
        insta::assert_snapshot!(table(&state(Some(Policy::Rules { sources, rules }))));
    }

    #[test]
    fn nothing_passes_without_rules_before_anything_is_decided_and_while_silent() {
        let nothing = table(&state(None));
        assert_eq!(table(&state(Some(Policy::Rules { sources: vec![], rules: vec![] }))), nothing);
        let silent = State { silent: ["a".to_string()].into(), ..state(Some(Policy::Open)) };
        assert_eq!(table(&silent), nothing);
        for chain in ["from", "to"] {
            let all: Vec<&str> = nothing.lines().filter(|line| line.starts_with(&format!("-A {chain}-v0.1"))).collect();
            assert_eq!(all, [format!("-A {chain}-v0.1 -j DROP")]);
        }
        assert!(!table(&state(Some(Policy::Open))).contains("v0.1"));
    }

    #[test]
    fn a_range_of_addresses_is_read_as_it_is_shown() {
        for (text, shown) in
            [("198.18.0.0/22", "198.18.0.0/22"), ("10.0.0.1", "10.0.0.1/32"), ("0.0.0.0/0", "0.0.0.0/0")]
        {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), shown);
        }
        for wrong in ["", "198.18.0.0/33", "fe80::/64", "10.0.0.1 -j ACCEPT", "10.0.0/8"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
