//! What roles render to, whether the programs accept it, and what users are told about their own roles.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::*;
use crate::infrastructure::{Draft, Infrastructure};
use crate::instance::{FileContent, UserData};
use crate::role;
use crate::settings::Settings;

fn paper() -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind_haproxy(4, "webserver").unwrap();
    draft.build().unwrap()
}

fn rendered(site: &Infrastructure, settings: &Settings, server: &str) -> UserData {
    let addresses = Addresses::assign(site, |index| Ipv4Addr::new(198, 18, 0, 10 + index as u8), 24);
    render(site, &addresses, settings, &Secrets::of("test"), server).unwrap()
}

fn text<'a>(data: &'a UserData, path: &str) -> &'a str {
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
fn a_users_own_role_brings_files_service_environment_and_readiness() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/examples/python-site/site.yaml");
    let site = crate::infrastructure::file::read(&path).unwrap();
    let data = rendered(&site, &Settings::default(), "py-1");
    let copied = &data.files.iter().find(|file| file.path.ends_with("index.html")).unwrap().content;
    assert_eq!(*copied, FileContent::CopyOf(path.with_file_name("index.html")));
    assert_eq!(data.services[0].command[4..], ["198.18.0.12", "8000"]);
    assert_eq!(data.services[0].environment["PYTHONUNBUFFERED"], "1");
    assert_eq!(site.roles["http-server"].readiness.http.as_deref(), Some("/index.html"));
    let balancer = rendered(&site, &Settings::default(), "lb-1");
    assert!(text(&balancer, "/etc/haproxy/chimp.cfg").contains("server py-2 198.18.0.13:8000\n"));
    assert_eq!(site.servers_called("page server").len(), 2);
}

#[test]
fn what_is_rendered_depends_on_the_infrastructure_alone() {
    assert_eq!(rendered(&paper(), &Settings::default(), "lb-2"), rendered(&paper(), &Settings::default(), "lb-2"));
}

/// Reads a site with a role of its own from a folder that is removed again.
fn own_site(name: &str, role: &str, site: &str) -> Infrastructure {
    let folder = std::env::temp_dir().join(format!("chimp-own-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("shop.yaml"), role).unwrap();
    std::fs::write(folder.join("site.yaml"), site).unwrap();
    let site = crate::infrastructure::file::read(&folder.join("site.yaml"));
    std::fs::remove_dir_all(&folder).unwrap();
    site.unwrap()
}

const EVERYTHING: &str = "port: 8080
write_files:
  - path: /etc/shop
    permissions: 0640
    content: |
      {{ server.name }} {{ server.address }}:{{ server.port }} {{ server.role }} {{ server.index }} zone {{ server.zone }}
      {% for tag in server.tags %}
      tag {{ tag }}
      {% endfor %}
      servers {% for s in servers %}{{ s.name }} {% endfor %}

      peers {% for s in peers %}{{ s.name }}:{{ s.index }} {% endfor %}

      backends {% for s in backends %}{{ s.name }}:{{ s.port }} {% endfor %}

      entry {{ site.host }} {{ site.address }}:{{ site.port }}, shared: {{ virtual_ip is not none }}
      {{ settings.balancer }} {{ settings.load }}
  - { path: /etc/always, content: \"<&>\" }
  - { path: /etc/never, content: x, when: virtual_ip or server.index > 10 }
services:
  - { name: shop, command: [/srv/shop, \"{{ server.index }}\"], environment: { PORT: \"{{ server.port }}\" } }
";

#[test]
fn templates_can_speak_of_all_that_is_documented() {
    let site = own_site(
        "everything",
        EVERYTHING,
        "servers:\n  - {name: shop, role: shop, count: 11, zone: a, tags: [old, blue]}\n  - {name: db, role: webserver}\n\
         links: [{from: shop, to: db}, {from: shop-10, to: shop-2}]\nentry: {host: shop-2}\nroles: {shop: shop.yaml}\n",
    );
    let data = rendered(&site, &Settings::default(), "shop-10");
    insta::assert_snapshot!(text(&data, "/etc/shop"));
    assert_eq!(text(&data, "/etc/always"), "<&>", "nothing is escaped");
    let modes: Vec<_> = data.files.iter().map(|file| (file.path.display().to_string(), file.mode)).collect();
    assert_eq!(modes[1..], [("/etc/shop".to_string(), 0o640), ("/etc/always".to_string(), 0o644)]);
    assert_eq!(data.services[0].command, ["/srv/shop", "10"]);
    assert_eq!(data.services[0].environment["PORT"], "8080");
}

#[test]
fn a_program_that_the_role_brings_is_not_missing() {
    let role = "port: 80\nprograms: [/srv/shop, /srv/other]\nwrite_files: [{path: /srv/shop, copy: ./shop.yaml, permissions: \"0755\"}]\n";
    let site = own_site("brought", role, "servers: [{name: shop-1, role: shop}]\nroles: {shop: shop.yaml}\n");
    let missing: Vec<String> = missing_programs(&site).into_iter().map(|missing| missing.program).collect();
    assert_eq!(missing, ["/srv/other"]);
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

/// What a user is told about this role, first when it is read, else when it is tried.
fn complaint(name: &str, role: &str) -> String {
    let folder = std::env::temp_dir().join(format!("chimp-role-{}-{}", name.replace(' ', "-"), std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("shop.yaml"), role).unwrap();
    let site = "servers: [{name: shop-1, role: shop}]\nroles: {shop: shop.yaml}\n";
    std::fs::write(folder.join("site.yaml"), site).unwrap();
    let told = crate::infrastructure::file::read(&folder.join("site.yaml"))
        .and_then(|site| check_templates(&site, &Settings::default()));
    std::fs::remove_dir_all(&folder).unwrap();
    told.expect_err(name).to_string().replace(&format!("{}/", folder.display()), "")
}

#[test]
fn a_mistake_in_a_role_is_one_error_with_its_place_and_a_hint() {
    let file = |content: &str| format!("port: 80\nwrite_files:\n  - path: /etc/shop\n    content: |\n{content}");
    let roles: Vec<(&str, String)> = vec![
        ("no port", "services: []\n".into()),
        ("port 0", "port: 0\n".into()),
        ("unknown field", "port: 80\nservises: []\n".into()),
        ("unknown field inside", "port: 80\nservices:\n  - name: a\n    comand: [a]\n".into()),
        ("the noun node", "port: 80\nnoun: node\n".into()),
        ("relative path", "port: 80\nwrite_files: [{path: etc/shop, content: x}]\n".into()),
        (
            "made from what is not written",
            "port: 80\nwrite_files: [{path: /a, made_by: make, made_from: [/b]}]\n".into(),
        ),
        ("neither content nor copy", "port: 80\nwrite_files:\n  - path: /etc/shop\n".into()),
        ("both", "port: 80\nwrite_files: [{path: /etc/shop, content: a, copy: b}]\n".into()),
        ("nothing to copy", "port: 80\nwrite_files: [{path: /etc/shop, copy: ./nowhere}]\n".into()),
        ("permissions", "port: 80\nwrite_files: [{path: /etc/shop, content: a, permissions: rw-r--r--}]\n".into()),
        ("permissions, decimal", "port: 80\nwrite_files: [{path: /etc/shop, content: a, permissions: 420}]\n".into()),
        (
            "permissions, octal without a zero",
            "port: 80\nwrite_files: [{path: /a, content: a, permissions: 644}]\n".into(),
        ),
        ("permissions, signed", "port: 80\nwrite_files: [{path: /a, content: a, permissions: \"+644\"}]\n".into()),
        ("permissions, too many", "port: 80\nwrite_files: [{path: /a, content: a, permissions: \"10644\"}]\n".into()),
        ("permissions, of a list", "port: 80\nwrite_files: [{path: /a, content: a, permissions: [6, 4, 4]}]\n".into()),
        (
            "bytes that are none",
            "port: 80\nwrite_files:\n  - path: /a\n    content: !!binary |\n      not base64!\n".into(),
        ),
        ("another tag", "port: 80\nwrite_files: [{path: /a, content: !secret a}]\n".into()),
        ("compressed", "port: 80\nwrite_files: [{path: /a, content: H4sI, encoding: gz+b64}]\n".into()),
        ("encoded twice", "port: 80\nwrite_files: [{path: /a, content: !!binary YQ==, encoding: b64}]\n".into()),
        ("an encoding of nothing", "port: 80\nwrite_files: [{path: /a, program: sh, encoding: b64}]\n".into()),
        ("appended", "port: 80\nwrite_files: [{path: /a, content: a, append: true}]\n".into()),
        ("deferred", "port: 80\nwrite_files: [{path: /a, content: a, defer: true}]\n".into()),
        ("owner", "port: 80\nwrite_files: [{path: /a, content: a, owner: \"--reference=/\"}]\n".into()),
        ("empty command", "port: 80\nservices: [{name: shop, command: []}]\n".into()),
        ("empty run", "port: 80\nruncmd:\n  - [true]\n  - []\n".into()),
        ("service twice", "port: 80\nservices:\n  - {name: a, command: [a]}\n  - {name: a, command: [b]}\n".into()),
        ("bad service name", "port: 80\nservices: [{name: A B, command: [a]}]\n".into()),
        ("never ready", "port: 80\nreadiness: {tcp: false}\n".into()),
        ("no path", "port: 80\nreadiness: {http: index.html}\n".into()),
        ("bad duration", "port: 80\nreadiness: {within: soon}\n".into()),
        ("syntax, block", file("      one\n      two {{ server.name }\n")),
        ("syntax, end missing", file("      {% if virtual_ip %}\n      one\n")),
        ("unknown name, block", file("      one\n\n      two {{ sever.name }}\n")),
        ("unknown name, not reached", file("      {% if virtual_ip %}{{ adress }}{% endif %}\n")),
        ("unknown attribute, block", file("      one\n      two {{ server.adress }}\n")),
        (
            "unknown attribute, quoted",
            "port: 80\nwrite_files: [{path: /a, content: \"x {{ server.adress }}\"}]\n".into(),
        ),
        ("unknown filter", file("      {{ server.name | shout }}\n")),
        ("of nothing", file("      {{ virtual_ip.address }}\n")),
        ("when, unknown", "port: 80\nwrite_files:\n  - {path: /a, content: x, when: virtual_up}\n".into()),
        ("when, syntax", "port: 80\nservices:\n  - {name: a, command: [a], when: virtual_ip and}\n".into()),
        (
            "when, attribute",
            "port: 80\nservices:\n  - {name: a, command: [a], when: settings.balancer.keepalive}\n".into(),
        ),
        ("argument", "port: 80\nservices:\n  - name: a\n    command:\n      - a\n      - \"{{ prot }}\"\n".into()),
        (
            "environment",
            "port: 80\nservices:\n  - name: a\n    command: [a]\n    environment: {A: \"{{ server.prt }}\"}\n".into(),
        ),
        ("run", "port: 80\nruncmd: [[echo, \"{{ backends[0].name }}\"]]\n".into()),
    ];
    let told: Vec<String> = roles.iter().map(|(name, role)| format!("[{name}]\n{}", complaint(name, role))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

fn figure_1() -> Infrastructure {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/figure-1.yaml");
    crate::infrastructure::file::read(&path).unwrap()
}

/// The document of a server of figure 1, without where this machine keeps programs.
fn cloud_config_of(server: &str) -> String {
    let site = figure_1();
    let data = rendered(&site, &Settings::default(), server);
    cloud_config::document(server, &site.roles[&site.servers[server].role], &data).unwrap()
}

#[test]
fn a_server_is_a_cloud_config_document() {
    insta::assert_snapshot!(cloud_config_of("web-1"));
}

/// What a file of a role holds, and its mode.
fn written(entry: &str) -> (FileContent, u32) {
    let role = format!("port: 80\nwrite_files:\n- {entry}\n");
    let site =
        own_site("written", &role, "servers: [{name: s, role: shop}]\nentry: {host: s}\nroles: {shop: shop.yaml}\n");
    let file = rendered(&site, &Settings::default(), "s").files.pop().unwrap();
    (file.content, file.mode)
}

#[test]
fn bytes_are_decoded_and_no_template() {
    let text = |entry: &str| match written(entry).0 {
        FileContent::Text(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(text("{path: /a, content: !!binary e3sgeCB9fQ==}"), "{{ x }}");
    assert_eq!(text("{path: /a, content: e3sgeCB9fQ==, encoding: b64}"), "{{ x }}");
    assert_eq!(text("path: /a\n  content: !!binary |\n    e3sg\n    eCB9fQ=="), "{{ x }}");
    assert_eq!(text("{path: /a, content: '!!binary e3sg', append: false, defer: false}"), "!!binary e3sg");
    assert_eq!(text("{path: /a, content: !!str e3sg, encoding: text/plain}"), "e3sg");
    assert_eq!(
        written("{path: /a, content: !!binary iVBORw0KGgo=}").0,
        FileContent::Bytes(b"\x89PNG\r\n\x1a\n".to_vec())
    );
}

#[test]
fn permissions_are_octal_however_yaml_reads_their_digits() {
    for permissions in ["\"0644\"", "0644", "'644'", "0o644", "\"0o644\"", "00644"] {
        assert_eq!(written(&format!("{{path: /a, content: a, permissions: {permissions}}}")).1, 0o644, "{permissions}");
    }
    assert_eq!(written("{path: /a, content: a, permissions: 0}").1, 0);
    assert_eq!(written("{path: /a, content: a, permissions: \"4755\", owner: \"nobody:nogroup\"}").1, 0o4755);
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

#[test]
fn an_expression_that_would_take_the_whole_stack_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.yaml");
    for expression in
        ["{{ ".to_string() + &"-".repeat(100_000) + "1 }}", "{% if ".to_string() + &"not ".repeat(100_000)]
    {
        let role = format!("port: 80\nwrite_files:\n- path: /a\n  content: 'b {expression}'\n");
        std::fs::write(&path, role).unwrap();
        let why = role::file::read("shop", &path).unwrap_err().to_string();
        assert!(why.contains("shop.yaml:4:15: an expression of more than 1000 bytes"), "{why}");
    }
}
