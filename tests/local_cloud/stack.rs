//! The programs that a website is made of, in instances: nginx, HAProxy and keepalived as Debian ships them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{FileContent, FileSpec, InstanceSpec, PowerOp};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;
use futures::future::try_join_all;

use crate::runner::Case;
use crate::sandboxed::{claim, inside, service, spec, text};

type Outcome = Result<(), String>;

pub const CASES: &[Case] =
    &[Case { name: "a_website_with_a_virtual_ip_serves_and_fails_over", run: serves_and_fails_over }];

/// What the stack is made of.
pub const PROGRAMS: &[(&str, &str)] =
    &[("/usr/sbin/nginx", "nginx-light"), ("/usr/sbin/haproxy", "haproxy"), ("/usr/sbin/keepalived", "keepalived")];

fn file(path: &str, content: String) -> FileSpec {
    FileSpec { path: path.into(), content: FileContent::Text(content), mode: 0o644 }
}

fn webserver(cloud: &LocalCloud, n: u16) -> InstanceSpec {
    let mut spec = spec(cloud, n);
    let config = format!(
        "daemon off; worker_processes 1; pid /run/nginx.pid; error_log stderr;\n\
         events {{}}\nhttp {{ access_log off; server {{ listen 80; return 200 \"{}\"; }} }}\n",
        spec.name
    );
    spec.user_data.files = vec![file("/etc/nginx/nginx.conf", config)];
    spec.user_data.services = vec![service("nginx", &["nginx"])];
    spec
}

fn balancer(cloud: &LocalCloud, n: u16, peer: u16, virtual_ip: Ipv4Addr) -> InstanceSpec {
    let mut spec = spec(cloud, n);
    let servers: String =
        (1..=2).map(|web| format!("  server web-{web} {}:80 check inter 200ms\n", cloud.address(web + 1))).collect();
    let haproxy = format!(
        "global\n  stats socket /run/haproxy/admin.sock\ndefaults\n  mode http\n  timeout connect 1s\n  \
         timeout client 5s\n  timeout server 5s\nfrontend site\n  bind {virtual_ip}:80\n  default_backend web\n\
         backend web\n{servers}"
    );
    let keepalived = format!(
        "vrrp_instance site {{\n  state BACKUP\n  nopreempt\n  version 3\n  interface eth0\n  virtual_router_id 51\n  \
         priority {}\n  advert_int 0.05\n  unicast_src_ip {}\n  unicast_peer {{ {} }}\n  \
         virtual_ipaddress {{ {virtual_ip}/22 }}\n}}\n",
        200 - n,
        spec.address,
        cloud.address(peer + 1)
    );
    spec.user_data.files =
        vec![file("/etc/haproxy/haproxy.cfg", haproxy), file("/etc/keepalived/keepalived.conf", keepalived)];
    spec.user_data.services = vec![
        service("haproxy", &["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]),
        service("keepalived", &["keepalived", "-n", "-l", "-D"]),
    ];
    spec
}

fn answer(host: Ipv4Addr) -> std::io::Result<String> {
    let limit = Duration::from_millis(100);
    let mut connection = TcpStream::connect_timeout(&SocketAddr::from((host, 80)), limit)?;
    connection.set_read_timeout(Some(limit))?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    Ok(text)
}

/// How long it takes until the site answers well.
fn first_good(host: Ipv4Addr) -> Result<Duration, String> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if answer(host).is_ok_and(|text| text.starts_with("HTTP/1.1 200")) {
            return Ok(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("no good answer within 60 s; the last: {:?}", answer(host)))
}

fn serves_and_fails_over() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?;
        let virtual_ip = cloud.address(100);
        let specs = [
            webserver(&cloud, 1),
            webserver(&cloud, 2),
            balancer(&cloud, 3, 4, virtual_ip),
            balancer(&cloud, 4, 3, virtual_ip),
        ];
        let begun = Instant::now();
        let instances = try_join_all(specs.iter().map(|spec| cloud.boot(spec))).await.map_err(text)?;
        first_good(virtual_ip).inspect_err(|_| {
            for name in ["node-3/haproxy.log", "node-3/keepalived.log", "node-1/nginx.log"] {
                eprintln!("{name}: {}", std::fs::read_to_string(logs.join(name)).unwrap_or_default());
            }
        })?;
        println!("  first good answer through the virtual IP after {} ms", begun.elapsed().as_millis());
        cloud.power(&instances[2].id, PowerOp::Terminate).await.map_err(text)?;
        let failover = first_good(virtual_ip)?;
        println!("  the standby serves after {} ms", failover.as_millis());
        let frozen = cloud.power(&instances[0].id, PowerOp::Freeze).await;
        claim(frozen.is_ok(), frozen)?;
        let state = cloud.list().await.map_err(text)?;
        claim(state.iter().filter(|instance| instance.evidence.contains("stopped (T)")).count() == 1, state)
    })
}
