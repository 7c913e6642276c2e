//! A floating IP that is led from one instance to another.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{Instance, InstanceSpec, UserData};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;
use futures::future::try_join_all;

use crate::runner::Case;
use crate::sandboxed::{Outcome, claim, inside, service, spec, text};

pub const CASES: &[Case] = &[Case {
    name: "a_floating_ip_that_is_led_elsewhere_breaks_its_own_connections_and_no_others",
    run: led_elsewhere,
}];
pub const PROGRAMS: &[(&str, &str)] = &[("/usr/sbin/iptables-restore", "iptables"), ("/usr/bin/python3", "python3")];

/// Far more than anything here takes, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(20);
const PORT: u16 = 7000;
/// Says the instance's name on each connection, again and again, whatever comes in: a packet of the server's own accord is lost
/// where its connection was forgotten.
const SERVER: &str = "
import socket, threading, time
def serve(connection):
    while True:
        connection.sendall((socket.gethostname() + '\\n').encode())
        time.sleep(0.02)
server = socket.create_server(('', 7000))
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
";

async fn boot(cloud: &LocalCloud, n: u16) -> Result<Instance, String> {
    let services = vec![service("names", &["python3", "-c", SERVER])];
    let user_data = UserData { services, ..UserData::default() };
    cloud.boot(&InstanceSpec { user_data, ..spec(cloud, n) }).await.map_err(text)
}

/// A connection on which a server said its name.
struct Connection {
    stream: TcpStream,
    server: String,
}

/// Connects as soon as the server listens.
fn connect(to: Ipv4Addr) -> Result<Connection, String> {
    let (at, begun) = (SocketAddr::from((to, PORT)), Instant::now());
    let mut stream = loop {
        match TcpStream::connect_timeout(&at, LIMIT) {
            Ok(stream) => break stream,
            Err(why) if begun.elapsed() > LIMIT => return Err(format!("{at}: {why}")),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    stream.set_read_timeout(Some(LIMIT)).map_err(text)?;
    let mut server = String::new();
    while !server.ends_with('\n') {
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(text)?;
        server.push(char::from(byte[0]));
    }
    Ok(Connection { stream, server: server.trim().into() })
}

impl Connection {
    /// Whether the server still says something, after all that it has said until now.
    fn goes_on(&mut self) -> Outcome {
        let mut said = [0; 4096];
        self.stream.set_nonblocking(true).map_err(text)?;
        loop {
            match self.stream.read(&mut said) {
                Ok(0) => return Err("it was closed".into()),
                Ok(_) => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) => return Err(why.to_string()),
            }
        }
        self.stream.set_nonblocking(false).map_err(text)?;
        let length = self.stream.read(&mut said).map_err(text)?;
        claim(length > 0, "it was closed")
    }

    /// Waits until it is reset.
    fn breaks(&mut self) -> Outcome {
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            let sent = self.stream.write_all(b"x");
            if let Err(why) = sent.and_then(|()| self.stream.read(&mut [0; 4096])) {
                return claim([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&why.kind()), why);
            }
        }
        Err(format!("it still goes on after {LIMIT:?}"))
    }
}

fn led_elsewhere() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let both = try_join_all([boot(&cloud, 1), boot(&cloud, 2)]).await?;
        let servers: BTreeMap<String, Ipv4Addr> = both.iter().map(|one| (one.name.clone(), one.address)).collect();
        let (moved, stays) = (cloud.address(200), cloud.address(201));
        for (name, address) in [("moved", moved), ("stays", stays)] {
            cloud.float((name, address), servers.clone(), "node-1").await.map_err(text)?;
        }
        let mut by_moved = connect(moved)?;
        let mut others = [connect(stays)?, connect(both[0].address)?];
        claim(by_moved.server == "node-1" && others.iter().all(|one| one.server == "node-1"), "node-1 answers")?;
        by_moved.goes_on()?;

        cloud.lead("moved", "node-2").await.map_err(text)?;
        by_moved.breaks()?;
        claim(connect(moved)?.server == "node-2", "node-2 answers")?;
        claim(connect(stays)?.server == "node-1", "node-1 answers")?;
        for other in &mut others {
            other.goes_on()?;
        }
        Ok(())
    })
}
