//! The programs accept what roles render to, each in namespaces where the rendered files are in their places.

mod support;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anarcho_chimp::infrastructure::{Draft, Infrastructure, file};
use anarcho_chimp::instance::{FileContent, UserData};
use anarcho_chimp::render::{Addresses, Secrets, render};
use anarcho_chimp::settings::Settings;
use support::{Needs, named};

const HAPROXY: (&str, &str) = ("/usr/sbin/haproxy", "haproxy");
const KEEPALIVED: (&str, &str) = ("/usr/sbin/keepalived", "keepalived");
const NGINX: (&str, &str) = ("/usr/sbin/nginx", "nginx-light");
const APACHE: (&str, &str) = ("/usr/sbin/apache2", "apache2-bin");

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::RootAnd(&[HAPROXY]),
            named![haproxy_accepts_its_configurations_without_a_warning, a_planted_mistake_is_not_accepted],
        ),
        (Needs::RootAnd(&[KEEPALIVED]), named![keepalived_accepts_its_configuration_without_a_word]),
        (Needs::RootAnd(&[HAPROXY, KEEPALIVED]), named![other_settings_are_accepted_too]),
        (Needs::RootAnd(&[NGINX]), named![nginx_accepts_its_configuration]),
        (Needs::RootAnd(&[APACHE]), named![apache_accepts_its_configuration]),
    ])
}

const CHECK_HAPROXY: &str = "haproxy -c -f /etc/haproxy/chimp.cfg";
const CHECK_KEEPALIVED: &str = "keepalived -t -f /etc/keepalived/chimp.conf";

fn paper(webserver: &str) -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind_haproxy(4, webserver).unwrap();
    draft.build().unwrap()
}

fn figure_1() -> Infrastructure {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/figure-1.yaml");
    file::read(&path).unwrap()
}

fn rendered(site: &Infrastructure, settings: &Settings, server: &str) -> UserData {
    let addresses = Addresses::assign(site, |index| Ipv4Addr::new(198, 18, 0, 10 + index as u8), 24);
    render(site, &addresses, settings, &Secrets::of("test"), server).unwrap()
}

/// Runs a line of shell where the rendered files of a server are in their places: in new network and mount
/// namespaces that end with it. What it said, and whether it succeeded.
fn accepted(data: &UserData, check: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::from("set -e\nfor d in /run /srv; do mount -t tmpfs none $d; done\nip link set lo up\n");
    for (index, file) in data.files.iter().enumerate().filter(|(_, file)| file.path != Path::new("/etc/hosts")) {
        let FileContent::Text(text) = &file.content else { panic!("{}: {:?}", file.path.display(), file.content) };
        let (place, kept) = (file.path.display(), folder.path().join(index.to_string()));
        std::fs::write(&kept, text).unwrap();
        let parent = file.path.parent().unwrap().display();
        script.push_str(&format!("[ -d {parent} ] || mkdir -p {parent}\n"));
        script.push_str(&format!("mountpoint -q {parent} || mount -t tmpfs none {parent}\n"));
        script.push_str(&format!("install -m {:o} {} {place}\n", file.mode, kept.display()));
    }
    script.push_str(
        "ip link add eth0 type veth peer name peer0\nip address add 198.18.0.12/24 dev eth0\nip link set eth0 up\n",
    );
    script.push_str(&format!("mkdir -p /run/haproxy\n{check}\n"));
    let done =
        Command::new("unshare").args(["--net", "--mount", "--pid", "--fork", "sh", "-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    if done.status.success() { Ok(said) } else { Err(said) }
}

fn haproxy_accepts_its_configurations_without_a_warning() {
    for (site, server) in [(paper("webserver"), "lb-1"), (figure_1(), "dblb-2")] {
        let said = accepted(&rendered(&site, &Settings::default(), server), CHECK_HAPROXY);
        assert!(!said.clone().unwrap().contains("WARNING"), "{server}: {said:?}");
    }
}

fn keepalived_accepts_its_configuration_without_a_word() {
    for server in ["lb-1", "lb-2"] {
        let data = rendered(&paper("webserver"), &Settings::default(), server);
        assert_eq!(accepted(&data, CHECK_KEEPALIVED).unwrap(), "", "{server}");
    }
}

fn other_settings_are_accepted_too() {
    let mut settings = Settings::default();
    settings.balancer.check_every = Duration::from_millis(200);
    settings.balancer.check_misses = 1;
    settings.balancer.advert = Duration::from_secs(1);
    settings.load.deadline = Duration::from_millis(1500);
    let data = rendered(&paper("webserver"), &settings, "lb-2");
    let inter = "check inter 200ms fall 1 rise 2 fastinter 200ms downinter 200ms";
    let check = format!("grep -q '{inter}$' /etc/haproxy/chimp.cfg\n{CHECK_HAPROXY} >&2 && {CHECK_KEEPALIVED}");
    let said = accepted(&data, &check);
    assert!(!said.clone().unwrap().contains("WARNING"), "{said:?}");
}

fn nginx_accepts_its_configuration() {
    let data = rendered(&paper("webserver"), &Settings::default(), "web-1");
    let said = accepted(&data, "nginx -t -c /etc/nginx/chimp.conf");
    assert!(!said.clone().unwrap().contains("warn"), "{said:?}");
}

fn apache_accepts_its_configuration() {
    let data = rendered(&paper("webserver-apache"), &Settings::default(), "web-1");
    let said = accepted(&data, "apache2 -t -f /etc/apache2/chimp.conf");
    assert!(said.clone().unwrap().contains("Syntax OK"), "{said:?}");
}

fn a_planted_mistake_is_not_accepted() {
    let mut data = rendered(&paper("webserver"), &Settings::default(), "lb-1");
    let config = data.files.iter_mut().find(|file| file.path.ends_with("chimp.cfg")).unwrap();
    config.content = FileContent::Text("backend x\n  blance roundrobin\n".into());
    assert!(accepted(&data, CHECK_HAPROXY).unwrap_err().contains("blance"));
}
