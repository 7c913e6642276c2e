//! What must hold of an infrastructure that was recorded, since whoever reads it relies on it: names lead somewhere.
//! One that was declared keeps it by how it is made.

use super::Infrastructure;

impl Infrastructure {
    /// The first name that leads nowhere, in words; `None` where all do.
    pub fn dangling(&self) -> Option<String> {
        self.dangling_role().or_else(|| self.dangling_server())
    }

    fn dangling_role(&self) -> Option<String> {
        self.servers.iter().find_map(|(name, server)| match () {
            () if server.name != *name => Some(format!("the server `{name}` is called `{}` inside", server.name)),
            () if !self.roles.contains_key(&server.role) => {
                Some(format!("the server `{name}` has the role `{}`, which is not there", server.role))
            }
            () => None,
        })
    }

    fn dangling_server(&self) -> Option<String> {
        let links = self.links.iter().flat_map(|(from, to)| [from, to]);
        let holders = self.virtual_ips.iter().flat_map(|shared| &shared.holders);
        let databases = self.databases.all().flat_map(|database| [&database.server, &database.source]);
        let mut named = links.chain(holders).chain(databases).chain(self.aliases.values());
        let unknown = named.find(|name| !self.servers.contains_key(*name))?;
        Some(format!("`{unknown}` is named, but there is no such server"))
    }
}

#[cfg(test)]
mod tests {
    use crate::infrastructure::tiers::Draft;

    #[test]
    fn an_infrastructure_whose_names_lead_somewhere_has_nothing_dangling_and_any_other_says_what() {
        let mut draft = Draft::default();
        draft.behind_haproxy(2, "webserver").unwrap();
        let whole = draft.build().unwrap();
        assert_eq!(whole.dangling(), None);
        let mut changed = whole.clone();
        changed.servers.get_mut("web-1").unwrap().role = "baker".into();
        let without_role = "the server `web-1` has the role `baker`, which is not there";
        assert_eq!(changed.dangling().as_deref(), Some(without_role));
        let mut changed = whole.clone();
        changed.links.push(("lb-1".into(), "web-9".into()));
        assert_eq!(changed.dangling().as_deref(), Some("`web-9` is named, but there is no such server"));
        let mut changed = whole;
        changed.virtual_ips[0].holders.push("lb-9".into());
        assert!(changed.dangling().is_some());
    }
}
