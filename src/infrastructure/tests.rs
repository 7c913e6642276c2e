//! Infrastructure files and tiers as users write them, and what they are told when something is wrong.

use std::path::{Path, PathBuf};

use super::*;
use crate::document::DocumentError;
use crate::render::{Addresses, Secrets, render};

/// A folder with an infrastructure file, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("chimp-infrastructure-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            std::fs::write(path.join(file), text).unwrap();
        }
        Folder(path)
    }

    fn site(&self) -> Result<Infrastructure, DocumentError> {
        file::read(&self.0.join("site.yaml"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is reported about this file, without the folder's name.
fn complaint(name: &str, site: &str) -> String {
    let folder = Folder::new(name, &[("site.yaml", site), ("broken.yaml", "port: 80\nservices: [{name: a}]\n")]);
    let error = folder.site().expect_err(name).to_string();
    error.replace(&format!("{}/", folder.0.display()), "")
}

fn fixture(path: &str) -> Infrastructure {
    file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap()
}

#[test]
fn the_papers_tier_is_the_same_from_a_file_and_from_a_given() {
    let mut draft = Draft::default();
    draft.behind_haproxy(4, "webserver").unwrap();
    let built = draft.build().unwrap();
    let read = Infrastructure { source: None, ..fixture("infrastructures/paper.yaml") };
    assert_eq!(read, built);
}

#[test]
fn the_order_of_entries_means_nothing() {
    let one = "servers:\n  - {name: web-2, role: webserver, tags: [b, a]}\n  - {name: lb-1, role: webhaproxy}\n  \
               - {name: web-1, role: webserver}\nlinks: [{from: lb-1, to: web-1}, {from: lb-1, to: web-2}]\n\
               entry: {host: lb-1}\n";
    let two = "entry: {host: lb-1}\nlinks: [{to: web-2, from: lb-1}, {from: lb-1, to: web-1}]\nservers:\n  \
               - {role: webhaproxy, name: lb-1}\n  - {name: web-1, role: webserver}\n  \
               - {name: web-2, role: webserver, tags: [a, b]}\n";
    let read = |name: &str, text: &str| {
        let folder = Folder::new(name, &[("site.yaml", text)]);
        Infrastructure { source: None, ..folder.site().unwrap() }
    };
    assert_eq!(read("order-1", one), read("order-2", two));
}

#[test]
fn every_shipped_infrastructure_and_example_can_be_used() {
    for path in ["infrastructures/paper.yaml", "infrastructures/two-zones.yaml", "examples/python-site/site.yaml"] {
        crate::render::check_templates(&fixture(path), &Default::default()).unwrap();
    }
}

#[test]
fn the_entry_is_the_only_virtual_ip_and_its_roles_port() {
    let site = "servers: [{name: lb, role: webhaproxy, count: 2}, {name: web-1, role: webserver}]\n\
                links: [{from: lb, to: web-1}]\nvirtual_ips: [{name: www, holders: [lb-2, lb-1]}]\n";
    let site = Folder::new("entry", &[("site.yaml", site)]).site().unwrap();
    assert_eq!(site.entry, Entry::at("www", 80));
    assert_eq!(site.virtual_ips[0].holders, ["lb-1", "lb-2"], "the first in order is preferred, however it is written");
}

#[test]
fn no_server_has_a_floating_ip_itself_so_keepalived_does_not_run_and_any_role_will_do() {
    let site = "servers: [{name: web, role: webserver, count: 2}]\n\
                virtual_ips: [{name: www, floating_ip: true, holders: [web]}]\n";
    assert!(Folder::new("floating", &[("site.yaml", site)]).site().unwrap().virtual_ips[0].floating_ip);
    let services = |floating_ip| {
        let mut site = fixture("infrastructures/floating-ip.yaml");
        site.virtual_ips[0].floating_ip = floating_ip;
        let (addresses, secrets) = (Addresses::imagined(&site), Secrets::of("any"));
        let lb = render(&site, &addresses, &Default::default(), &secrets, "lb-1").unwrap();
        lb.services.into_iter().map(|service| service.name).collect::<Vec<_>>()
    };
    assert_eq!(
        (services(true), services(false)),
        (vec!["haproxy".to_string()], vec!["haproxy".into(), "keepalived".into()])
    );
}

#[test]
fn a_mistake_in_a_file_is_one_error_with_its_place_and_a_hint() {
    let web = "servers:\n  - name: web-1\n    role: webserver\n";
    let pair = "servers: [{name: lb-1, role: webhaproxy}, {name: web-1, role: webserver}]\n";
    let linked = format!("{pair}links:\n  - {{from: lb-1, to: web-1}}\n");
    let files: Vec<(&str, String)> = vec![
        ("not YAML", "servers: [\n".into()),
        ("not a map", "- a\n- b\n".into()),
        ("unknown field", "servers:\n  - nmae: web-1\n    role: webserver\n".into()),
        ("unknown field at the top", format!("{web}virtual_ip: []\n")),
        ("missing field", "servers:\n  - name: web-1\n".into()),
        ("wrong type", "servers:\n  - { name: web-1, role: webserver, count: many }\n".into()),
        ("no servers", "servers: []\n".into()),
        ("unknown role, flow", "servers: [{name: web-1,\n  role: webservr}]\n".into()),
        ("unknown role, block", "servers:\n  # first\n  - role: toaster\n    name: web-1\n".into()),
        ("bad name", "servers: [{name: Web_1, role: webserver}]\n".into()),
        ("duplicate name, block", format!("{web}  - role: webserver\n    name: \"web-1\"\n")),
        (
            "duplicate name, flow",
            "servers: [{name: web, role: webserver, count: 2}, {role: webserver, name: web-2}]\n".into(),
        ),
        ("count of 0", "servers: [{name: web, role: webserver, count: 0}]\n".into()),
        ("too many", "servers: [{name: web, role: webserver, count: 501}]\n".into()),
        ("link to nowhere, block", format!("{linked}  - from: lb-1\n    to: wbe-1\n")),
        ("link to nowhere, flow", format!("{pair}links: [{{from: lb-1, to: web-1}}, {{to: lb-1, from: x}}]\n")),
        ("link as a pair", format!("{pair}links: [[lb-1, web-1]]\n")),
        ("link to itself", format!("{pair}links: [{{from: lb-1, to: lb-1}}]\n")),
        ("link twice", format!("{linked}  - {{from: lb-1, to: web-1}}\n")),
        ("virtual IP named as a server", format!("{linked}virtual_ips: [{{name: web-1, holders: [lb-1]}}]\n")),
        ("virtual IP of nobody", format!("{linked}virtual_ips: [{{name: www, holders: []}}]\n")),
        ("unknown holder", format!("{linked}virtual_ips:\n  - name: www\n    holders:\n      - lb-1\n      - lb-2\n")),
        ("holder twice", format!("{linked}virtual_ips: [{{name: www, holders: [lb-1, lb-1]}}]\n")),
        ("holder that can't hold", format!("{linked}virtual_ips: [{{name: www, holders: [web-1]}}]\n")),
        (
            "floating IP with an address",
            format!("{linked}virtual_ips: [{{name: www, floating_ip: true, address: 192.0.2.1, holders: [lb-1]}}]\n"),
        ),
        ("floating IP of no server", format!("{linked}virtual_ips: [{{name: www, floating_ip: true, holders: []}}]\n")),
        ("floating IP without holders", format!("{linked}virtual_ips: [{{name: www, floating_ip: true}}]\n")),
        (
            "floating IP within the site",
            format!(
                "{linked}virtual_ips:\n  - name: www\n    holders: [lb-1]\n    floating_ip: true\nentry: {{host: web-1}}\n"
            ),
        ),
        ("no entry", linked.clone()),
        ("entry nowhere", format!("{linked}entry: {{host: www, port: 80}}\n")),
        ("entry at port 0", format!("{linked}entry: {{host: lb-1, port: 0}}\n")),
        ("balancer without backends", format!("{pair}entry: {{host: lb-1}}\n")),
        ("role without a file", format!("{web}roles:\n  shop: ./shop.yaml\n")),
        ("role that is shipped", format!("{web}roles: {{webserver: ./broken.yaml}}\n")),
        ("role twice", format!("{web}roles:\n  shop: ./broken.yaml\n  shop: ./broken.yaml\n")),
        ("role that is broken", format!("{web}roles: {{shop: ./broken.yaml}}\n")),
    ];
    let told: Vec<String> =
        files.iter().map(|(name, text)| format!("[{name}]\n{}", complaint(&name.replace(' ', "-"), text))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_contradiction_in_givens_is_one_error_with_a_hint() {
    type Givens = fn(&mut Draft) -> Result<(), DocumentError>;
    let cases: Vec<(&str, Givens)> = vec![
        ("nothing", |_| Ok(())),
        ("twice", |d| d.tier(3, "webserver").and_then(|()| d.behind(4, "webserver", 2, "load balancer"))),
        ("file and tier", |d| {
            d.file(Path::new("fixtures/infrastructures/paper.yaml")).and_then(|()| d.behind_haproxy(1, "webserver"))
        }),
        ("empty", |d| d.tier(0, "webserver")),
        ("no balancers", |d| d.behind(4, "webserver", 0, "load balancer")),
        ("too many", |d| d.tier(501, "webserver")),
        ("too many together", |d| d.behind(499, "webserver", 2, "load balancer")),
        ("unknown word", |d| d.tier(3, "webservers")),
        ("unknown role", |d| d.tier(3, "toaster")),
        ("behind webservers", |d| d.behind(4, "webserver", 2, "webserver")),
        ("shared by nobody", |d| d.tier(4, "webserver").and_then(|()| d.share_virtual_ip("load balancer"))),
        ("shared by webservers", |d| d.tier(4, "webserver").and_then(|()| d.share_virtual_ip("webserver"))),
        ("zones of nobody", |d| d.tier(4, "webserver").and_then(|()| d.spread("load balancr", 2))),
        ("no zones", |d| d.spread("node", 0)),
        ("zones twice", |d| d.spread("node", 2).and_then(|()| d.spread("node", 3))),
        ("delays twice", |d| {
            d.delay(Delay::Boot, "node", Duration::from_secs(60))
                .and_then(|()| d.delay(Delay::Boot, "node", Duration::from_secs(90)))
        }),
    ];
    let told = cases.into_iter().map(|(name, givens)| {
        let mut draft = Draft::default();
        let error = givens(&mut draft).and_then(|()| draft.build()).expect_err(name);
        format!("[{name}]\n{error}")
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn steps_may_come_in_any_order() {
    let mut before = Draft::default();
    before.delay(Delay::Boot, "webserver", Duration::from_secs(5)).unwrap();
    before.delay(Delay::Boot, "node", Duration::from_secs(180)).unwrap();
    before.spread("node", 2).unwrap();
    before.share_virtual_ip("load balancer").unwrap();
    before.behind(4, "webserver", 2, "load balancer").unwrap();
    let mut after = Draft::default();
    after.behind_haproxy(4, "webserver").unwrap();
    after.spread("node", 2).unwrap();
    after.delay(Delay::Boot, "node", Duration::from_secs(180)).unwrap();
    after.delay(Delay::Boot, "webserver", Duration::from_secs(5)).unwrap();
    let (before, after) = (before.build().unwrap(), after.build().unwrap());
    assert_eq!(before, after);
    assert_eq!(after.servers["web-2"].boot_delay, Duration::from_secs(5), "the narrower word wins");
    assert_eq!(after.servers["lb-2"].boot_delay, Duration::from_secs(180));
}

#[test]
fn zones_are_dealt_out_in_the_natural_order_of_names() {
    let mut draft = Draft::default();
    draft.behind(10, "webserver", 2, "load balancer").unwrap();
    draft.spread("webserver", 3).unwrap();
    let site = draft.build().unwrap();
    let zone = |name: &str| site.servers[name].zone.clone().unwrap_or_default();
    assert_eq!((zone("web-1"), zone("web-2"), zone("web-3")), ("a".into(), "b".into(), "c".into()));
    assert_eq!((zone("web-10"), zone("lb-1")), ("a".into(), String::new()));
}

#[test]
fn one_load_balancer_is_entered_by_its_own_name() {
    let mut draft = Draft::default();
    draft.behind(4, "webserver", 1, "load balancer").unwrap();
    let site = draft.build().unwrap();
    assert_eq!(site.entry, Entry::at("lb-1", 80));
    assert!(site.virtual_ips.is_empty());
    let mut draft = Draft::default();
    draft.tier(3, "webserver").unwrap();
    assert_eq!(draft.build().unwrap().entry.host, "web-1");
}

proptest::proptest! {
    #[test]
    fn whatever_is_drafted_has_unique_names_valid_links_and_an_entry_of_the_highest_degree(
        webservers in 1_usize..40, balancers in 0_usize..6, shared: bool, zones in 0_usize..5, delay in 0_u64..3,
    ) {
        let mut draft = Draft::default();
        match balancers {
            0 => draft.tier(webservers, "webserver").unwrap(),
            _ => draft.behind(webservers, "webserver", balancers, "load balancer").unwrap(),
        }
        if shared && balancers > 0 { draft.share_virtual_ip("load balancer").unwrap(); }
        if zones > 0 { draft.spread("node", zones).unwrap(); }
        draft.delay(Delay::Boot, "webserver", Duration::from_secs(delay)).unwrap();
        let site = draft.build().unwrap();
        assert_eq!(site.servers.len(), webservers + balancers);
        assert_eq!(site.links.len(), webservers * balancers);
        assert!(site.servers.iter().all(|(name, server)| *name == server.name && crate::document::names::is_name(name)));
        let known = |name: &String| site.servers.contains_key(name);
        assert!(site.links.iter().all(|(from, to)| from != to && known(from) && known(to)));
        assert!(zones == 0 || site.servers.values().all(|server| server.zone.is_some()));
        let links = crate::graph::Links::of(&site, None);
        let degrees: BTreeMap<&String, usize> = site.servers.keys().map(|name| (name, links.degree(name).unwrap())).collect();
        // A webserver has a link for each balancer, the active balancer one for each webserver and the clients'.
        if webservers + 1 > balancers {
            let highest = degrees.iter().max_by_key(|(_, degree)| **degree).unwrap().0;
            assert_eq!(*highest, if balancers > 0 { "lb-1" } else { "web-1" });
            assert_eq!(degrees.values().filter(|degree| *degree == &degrees[highest]).count(), 1);
        }
    }
}
