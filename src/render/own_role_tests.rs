//! What users' own roles render to, and what is reported about mistakes in them.

use std::path::Path;

use super::tests::{rendered, text};
use super::*;
use crate::infrastructure::Infrastructure;
use crate::instance::FileContent;
use crate::role;
use crate::settings::Settings;

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

/// Reads a site with a role of its own from a folder that is removed again.
fn own_site(name: &str, role: &str, site: &str) -> Infrastructure {
    // Tests run side by side, so a name alone does not do.
    let folder = tempfile::Builder::new().prefix(&format!("chimp-own-{name}-")).tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), role).unwrap();
    std::fs::write(folder.path().join("site.yaml"), site).unwrap();
    crate::infrastructure::file::read(&folder.path().join("site.yaml")).unwrap()
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

/// What is reported about this role, first when it is read, else when it is tried.
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

/// A role whose file ends like this.
macro_rules! file {
    ($content:literal) => {
        concat!("port: 80\nwrite_files:\n  - path: /etc/shop\n    content: |\n", $content)
    };
}

/// What is wrong, and a role with that mistake.
const MISTAKES: &[(&str, &str)] = &[
    ("no port", "services: []\n"),
    ("port 0", "port: 0\n"),
    ("unknown field", "port: 80\nservises: []\n"),
    ("unknown field inside", "port: 80\nservices:\n  - name: a\n    comand: [a]\n"),
    ("the noun node", "port: 80\nnoun: node\n"),
    ("relative path", "port: 80\nwrite_files: [{path: etc/shop, content: x}]\n"),
    ("made from what is not written", "port: 80\nwrite_files: [{path: /a, made_by: make, made_from: [/b]}]\n"),
    ("neither content nor copy", "port: 80\nwrite_files:\n  - path: /etc/shop\n"),
    ("both", "port: 80\nwrite_files: [{path: /etc/shop, content: a, copy: b}]\n"),
    ("nothing to copy", "port: 80\nwrite_files: [{path: /etc/shop, copy: ./nowhere}]\n"),
    ("permissions", "port: 80\nwrite_files: [{path: /etc/shop, content: a, permissions: rw-r--r--}]\n"),
    ("permissions, decimal", "port: 80\nwrite_files: [{path: /etc/shop, content: a, permissions: 420}]\n"),
    ("permissions, octal without a zero", "port: 80\nwrite_files: [{path: /a, content: a, permissions: 644}]\n"),
    ("permissions, signed", "port: 80\nwrite_files: [{path: /a, content: a, permissions: \"+644\"}]\n"),
    ("permissions, too many", "port: 80\nwrite_files: [{path: /a, content: a, permissions: \"10644\"}]\n"),
    ("permissions, of a list", "port: 80\nwrite_files: [{path: /a, content: a, permissions: [6, 4, 4]}]\n"),
    ("bytes that are none", "port: 80\nwrite_files:\n  - path: /a\n    content: !!binary |\n      not base64!\n"),
    ("another tag", "port: 80\nwrite_files: [{path: /a, content: !secret a}]\n"),
    ("compressed", "port: 80\nwrite_files: [{path: /a, content: H4sI, encoding: gz+b64}]\n"),
    ("encoded twice", "port: 80\nwrite_files: [{path: /a, content: !!binary YQ==, encoding: b64}]\n"),
    ("an encoding of nothing", "port: 80\nwrite_files: [{path: /a, program: sh, encoding: b64}]\n"),
    ("appended", "port: 80\nwrite_files: [{path: /a, content: a, append: true}]\n"),
    ("deferred", "port: 80\nwrite_files: [{path: /a, content: a, defer: true}]\n"),
    ("owner", "port: 80\nwrite_files: [{path: /a, content: a, owner: \"--reference=/\"}]\n"),
    ("empty command", "port: 80\nservices: [{name: shop, command: []}]\n"),
    ("empty run", "port: 80\nruncmd:\n  - [true]\n  - []\n"),
    ("service twice", "port: 80\nservices:\n  - {name: a, command: [a]}\n  - {name: a, command: [b]}\n"),
    ("bad service name", "port: 80\nservices: [{name: A B, command: [a]}]\n"),
    ("never ready", "port: 80\nreadiness: {tcp: false}\n"),
    ("no path", "port: 80\nreadiness: {http: index.html}\n"),
    ("bad duration", "port: 80\nreadiness: {within: soon}\n"),
    ("syntax, block", file!("      one\n      two {{ server.name }\n")),
    ("syntax, end missing", file!("      {% if virtual_ip %}\n      one\n")),
    ("unknown name, block", file!("      one\n\n      two {{ sever.name }}\n")),
    ("unknown name, not reached", file!("      {% if virtual_ip %}{{ adress }}{% endif %}\n")),
    ("unknown attribute, block", file!("      one\n      two {{ server.adress }}\n")),
    ("unknown attribute, quoted", "port: 80\nwrite_files: [{path: /a, content: \"x {{ server.adress }}\"}]\n"),
    ("unknown filter", file!("      {{ server.name | shout }}\n")),
    ("of nothing", file!("      {{ virtual_ip.address }}\n")),
    ("when, unknown", "port: 80\nwrite_files:\n  - {path: /a, content: x, when: virtual_up}\n"),
    ("when, syntax", "port: 80\nservices:\n  - {name: a, command: [a], when: virtual_ip and}\n"),
    ("when, attribute", "port: 80\nservices:\n  - {name: a, command: [a], when: settings.balancer.keepalive}\n"),
    ("argument", "port: 80\nservices:\n  - name: a\n    command:\n      - a\n      - \"{{ prot }}\"\n"),
    ("environment", "port: 80\nservices:\n  - name: a\n    command: [a]\n    environment: {A: \"{{ server.prt }}\"}\n"),
    ("run", "port: 80\nruncmd: [[echo, \"{{ backends[0].name }}\"]]\n"),
];

#[test]
fn a_mistake_in_a_role_is_one_error_with_its_place_and_a_hint() {
    let told: Vec<String> =
        MISTAKES.iter().map(|(name, role)| format!("[{name}]\n{}", complaint(name, role))).collect();
    insta::assert_snapshot!(told.join("\n"));
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
