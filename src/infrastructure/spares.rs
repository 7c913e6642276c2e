//! Whether declared spares can ever take a place.

use super::declaration::{Checked, Resolver};
use super::yaml::at;
use super::{Entry, VirtualIp};

/// A spare takes a place by being linked instead of another server of its role: there must be such a place, and the
/// spare must not have one of its own.
pub(super) fn check(
    resolver: &Resolver<'_>,
    links: &[(String, String)],
    virtual_ips: &[VirtualIp],
    entry: &Entry,
) -> Checked<()> {
    for (index, declared) in resolver.declaration.servers.iter().enumerate().filter(|(_, entry)| entry.spare) {
        let (role, at) = (&declared.role, at!["servers", index, "spare"]);
        let own = &resolver.groups[&declared.name];
        let is_of_role = |name: &String| resolver.servers.get(name).is_some_and(|s| s.role == *role && !s.spare);
        if let Some((from, to)) = links.iter().find(|(_, to)| own.contains(to)) {
            let detail = format!("`{to}` is a spare, and `{from}` is linked with it");
            let hint = "leave the link out: a spare gets the links of the server whose place it takes".into();
            return Err(resolver.error(&at, detail, hint));
        }
        if let Some(ip) =
            virtual_ips.iter().find(|ip| ip.holders.iter().any(|name| own.contains(name) || is_of_role(name)))
        {
            let detail = format!("`{}` can't be a spare: servers of its role hold `{}`", declared.name, ip.name);
            let hint = "who shares a virtual IP stands in for the others already: declare one more holder".into();
            return Err(resolver.error(&at, detail, hint));
        }
        if own.contains(&entry.host) {
            let detail = format!("`{}` is a spare, and users enter at it", entry.host);
            return Err(resolver.error(&at, detail, "let users enter at a balancer".into()));
        }
        if !links.iter().any(|(_, to)| is_of_role(to)) {
            let detail = format!("`{}` is a spare {role}, but no {role} is behind a balancer", declared.name);
            let hint = format!(
                "a spare takes the place of a {role} that others are linked with: declare one, and a link to it"
            );
            return Err(resolver.error(&at, detail, hint));
        }
    }
    Ok(())
}
