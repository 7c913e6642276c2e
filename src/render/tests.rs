//! What the shipped roles render to.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::*;
use crate::infrastructure::{Draft, Infrastructure};
use crate::instance::{FileContent, UserData};
use crate::settings::Settings;

fn paper() -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind_haproxy(4, "webserver").unwrap();
    draft.build().unwrap()
}

pub(crate) fn rendered(site: &Infrastructure, settings: &Settings, server: &str) -> UserData {
    let addresses = Addresses::assign(site, |index| Ipv4Addr::new(198, 18, 0, 10 + index as u8), 24);
    render(site, &addresses, settings, &Secrets::of("test"), server).unwrap()
}

pub(crate) fn text<'a>(data: &'a UserData, path: &str) -> &'a str {
    let file = data.files.iter().find(|file| file.path == Path::new(path)).unwrap_or_else(|| panic!("no {path}"));
    match &file.content {
        FileContent::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn haproxy_is_configured_from_the_settings() {
    insta::assert_snapshot!(text(&rendered(&paper(), &Settings::default(), "lb-1"), "/etc/haproxy/chimp.cfg"));
}

#[test]
fn keepalived_is_configured_from_the_settings() {
    insta::assert_snapshot!(text(&rendered(&paper(), &Settings::default(), "lb-1"), "/etc/keepalived/chimp.conf"));
}

#[test]
fn the_second_balancer_differs_in_its_addresses_and_its_priority() {
    let (one, two) = ["lb-1", "lb-2"].map(|name| rendered(&paper(), &Settings::default(), name)).into();
    let (one, two) = (text(&one, "/etc/keepalived/chimp.conf"), text(&two, "/etc/keepalived/chimp.conf"));
    let only = |here: &str, there: &str, sign: &str| -> Vec<String> {
        let new = here.lines().filter(|line| !there.lines().any(|other| other == *line));
        new.map(|line| format!("{sign}{line}")).collect()
    };
    insta::assert_snapshot!([only(one, two, "-"), only(two, one, "+")].concat().join("\n"));
}

#[test]
fn nginx_says_who_answered() {
    let data = rendered(&paper(), &Settings::default(), "web-3");
    assert!(text(&data, "/srv/www/index.html").contains("web-3"));
    assert!(text(&data, "/etc/nginx/chimp.conf").contains("add_header X-Served-By web-3 always;"));
    assert_eq!(data.services.len(), 1);
}

#[test]
fn every_server_knows_all_others_by_name() {
    insta::assert_snapshot!(text(&rendered(&paper(), &Settings::default(), "web-1"), "/etc/hosts"));
}

#[test]
fn without_keepalived_the_first_holder_has_the_address_for_good() {
    let mut settings = Settings::default();
    settings.balancer.keepalived = false;
    let (one, two) = (rendered(&paper(), &settings, "lb-1"), rendered(&paper(), &settings, "lb-2"));
    assert_eq!(one.run.last().unwrap()[2], "ip address add 198.18.0.16/24 dev eth0");
    assert_eq!(two.run.last().unwrap()[2], "");
    assert!(one.services.iter().chain(&two.services).all(|service| service.name == "haproxy"));
    assert!(one.files.iter().all(|file| !file.path.starts_with("/etc/keepalived")));
}

#[test]
fn keepalived_runs_only_where_an_address_is_shared() {
    let mut draft = Draft::default();
    draft.behind(4, "webserver", 2, "load balancer").unwrap();
    let alone = rendered(&draft.build().unwrap(), &Settings::default(), "lb-1");
    assert_eq!(alone.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["haproxy"]);
    assert_eq!(alone.run.last().unwrap()[2], "");
    let shared = rendered(&paper(), &Settings::default(), "lb-1");
    assert_eq!(shared.services.len(), 2);
}

#[test]
fn what_is_rendered_depends_on_the_infrastructure_alone() {
    assert_eq!(rendered(&paper(), &Settings::default(), "lb-2"), rendered(&paper(), &Settings::default(), "lb-2"));
}

#[test]
fn five_hundred_servers_are_checked_within_a_steps_patience() {
    let mut draft = Draft::default();
    draft.behind(498, "webserver", 2, "load balancer").unwrap();
    let site = draft.build().unwrap();
    // Of this thread alone, so that a busy machine makes no difference.
    let cpu = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let begun = cpu();
    check_templates(&site, &Settings::default()).unwrap();
    // It takes about 0.1 s; describing every server anew for every server took 6 s.
    let took = cpu() - begun;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

fn figure_1() -> Infrastructure {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/figure-1.yaml");
    crate::infrastructure::file::read(&path).unwrap()
}

/// The document of a server of figure 1, without where this machine keeps programs.
fn cloud_config_of(server: &str) -> String {
    let site = figure_1();
    let data = rendered(&site, &Settings::default(), server);
    cloud_config::document(server, &site.roles[&site.servers[server].role].packages, &data, None).unwrap()
}

#[test]
fn a_server_is_a_cloud_config_document() {
    insta::assert_snapshot!(cloud_config_of("web-1"));
}

#[test]
fn every_servers_document_is_read_back_as_what_was_rendered() {
    #[derive(serde::Deserialize)]
    struct Read {
        hostname: String,
        write_files: Vec<Written>,
        runcmd: Vec<Vec<String>>,
    }
    #[derive(serde::Deserialize)]
    struct Written {
        path: std::path::PathBuf,
        content: Option<String>,
    }
    let site = figure_1();
    for server in site.servers.keys() {
        let data = rendered(&site, &Settings::default(), server);
        let document = cloud_config_of(server);
        assert!(document.starts_with("#cloud-config\n"), "{server}");
        let read: Read = serde_yaml::from_str(&document).unwrap();
        assert_eq!(read.hostname, *server);
        for file in &data.files {
            let FileContent::Text(text) = &file.content else { continue };
            let written = read.write_files.iter().find(|written| written.path == file.path).unwrap();
            assert_eq!(written.content.as_ref(), Some(text), "{server}: {}", file.path.display());
        }
        let last = read.runcmd.last().unwrap();
        assert_eq!(last[..3], ["systemctl", "enable", "--now"].map(String::from), "{server}");
        assert_eq!(last.len(), 3 + data.services.len(), "{server}");
    }
}

#[test]
fn a_master_and_a_slave_differ_in_what_replication_asks() {
    let site = figure_1();
    let config =
        |server: &str| text(&rendered(&site, &Settings::default(), server), "/etc/mysql/chimp.cnf").to_string();
    insta::assert_snapshot!(format!("{}\n---\n{}", config("db-2"), config("db-3")));
}

#[test]
fn the_balancer_of_the_databases_knows_masters_and_slaves() {
    insta::assert_snapshot!(text(&rendered(&figure_1(), &Settings::default(), "dblb-1"), "/etc/haproxy/chimp.cfg"));
}

#[test]
fn writes_may_go_to_both_masters_in_turn() {
    let mut settings = Settings::default();
    settings.database.write = crate::settings::WriteTo::RoundRobin;
    let data = rendered(&figure_1(), &settings, "dblb-1");
    let config = text(&data, "/etc/haproxy/chimp.cfg");
    let write = config.split("listen read").next().unwrap();
    assert!(write.contains("server db-2 ") && !write.contains("backup"), "{write}");
}

#[test]
fn no_password_is_declared_where_it_would_be_written_down() {
    let site = figure_1();
    let secrets = Secrets::of("test");
    for server in site.servers.keys() {
        let data = rendered(&site, &Settings::default(), server);
        let commands = data.run.iter().flatten().chain(data.services.iter().flat_map(|service| &service.command));
        let environment = data.services.iter().flat_map(|service| service.environment.values());
        for text in commands.chain(environment) {
            assert!(["site", "watch", "replication"].iter().all(|name| !text.contains(&secrets.named(name))), "{text}");
        }
    }
}

#[test]
fn what_commands_make_is_told_apart_by_what_it_is_made_of() {
    let site = figure_1();
    let key = |server: &str| {
        let data = rendered(&site, &Settings::default(), server);
        data.files.into_iter().find_map(|file| match file.content {
            FileContent::MadeBy { key, .. } => Some(key),
            _ => None,
        })
    };
    assert!(key("db-1").is_some());
    assert_eq!(key("db-1"), key("db-3"), "every database begins with the same");
}
