//! Whether declared spares can ever take a place.

use super::declaration::Resolver;
use super::{Entry, VirtualIp};
use crate::document::Checked;
use crate::document::yaml::at;

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
            let hint =
                "servers that share a virtual IP stand in for each other already: declare one more holder".into();
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::document::yaml::Source;
    use crate::infrastructure::declaration::{InfrastructureDeclaration, resolve};

    const SITE: &str =
        "servers:\n  - { name: lb, role: webhaproxy, count: 2 }\n  - { name: web, role: webserver, count: 2 }\n";
    const LINKS: &str = "links: [{ from: lb, to: web }]\n";

    fn told(text: &str) -> String {
        let source = Source { path: "site.yaml".into(), text: text.into() };
        let read =
            source.parse::<InfrastructureDeclaration>().and_then(|it| resolve(&it, &BTreeMap::new(), Some(&source)));
        read.map_or_else(|why| why.to_string(), |_| "it is accepted".into())
    }

    #[test]
    fn a_spare_that_could_never_take_a_place_is_refused_with_its_place_and_a_hint() {
        let web = "{ name: web-3, role: webserver, spare: true }";
        let shared = format!("{LINKS}virtual_ips: [{{ name: www, holders: [lb] }}]\n");
        let site = |spare: &str, rest: &str| told(&format!("{SITE}  - {spare}\n{rest}"));
        let linked = "links: [{ from: lb, to: web }, { from: lb-1, to: web-3 }]\nentry: { host: lb-1 }\n";
        let found = [
            site(web, &shared),
            site("{ name: web-3, spare: true }", &shared),
            site("{ name: lb-3, role: webhaproxy, spare: true }", &shared),
            site(web, linked),
            site(web, &format!("{LINKS}entry: {{ host: web-3 }}\n")),
            told(&format!("servers:\n  - {{ name: web-1, role: webserver }}\n  - {web}\nentry: {{ host: web-1 }}\n")),
        ];
        insta::assert_snapshot!(found.join("\n\n"));
    }
}
