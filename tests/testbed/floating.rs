//! A testbed with a floating IP.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use anarcho_chimp::instance::{PowerOp, PowerState};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::ssh::Dial;

use crate::kept::{LIMIT, Up, instance, until};

const SITE: &str = "servers: [{ name: web, role: webserver, count: 2 }]\n\
                    virtual_ips: [{ name: www, floating_ip: true, holders: [web] }]\n";
/// The path to a server that is off answers nothing.
const ONCE: Duration = Duration::from_secs(1);

/// What a request to an address is answered with: a page that names the server.
fn page(up: &Up, address: Ipv4Addr) -> std::io::Result<String> {
    let mut connection = up.testbed().dial(address, 80, ONCE)?;
    connection.set_read_timeout(Some(LIMIT))?;
    connection.write_all(b"GET / HTTP/1.0\r\nHost: www\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::main]
pub async fn its_floating_ip_leads_to_the_server_that_serves() {
    let up = Up::keeping("testbed-floating", SITE, &[]);
    let cloud = up.cloud();
    let address = cloud.kept().addresses.virtual_ips["www"];
    let row = up.said.lines().find(|line| line.contains("www")).unwrap_or_default();
    assert!(row.contains("led to one of web-1, web-2") && row.contains(&address.to_string()), "{}", up.said);
    let first = page(&up, address).unwrap();
    assert!(first.contains("web-1"), "{first}");
    cloud.power(&instance(&cloud, "web-1").await.id, PowerOp::Stop).await.unwrap();
    until("web-2 answers at the floating IP", || {
        page(&up, address).is_ok_and(|page| page.contains("web-2")).then_some(())
    });
    assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Stopped);
}
