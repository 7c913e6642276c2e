//! Waits until a server is what its role says.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::instance::Question;
use crate::provider::Provider;
use crate::role::Role;

/// Between two looks: short beside any boot, long beside an answer.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// One look is given up after this.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A server did not become ready in time.
#[derive(Debug, thiserror::Error)]
#[error("{server} was not ready within {} as role `{role}` asks: {last}", crate::units::show_duration(*.within))]
pub struct NotReady {
    /// Which server.
    pub server: String,
    /// Its role.
    pub role: String,
    /// How long it had.
    pub within: Duration,
    /// What the last look saw.
    pub last: String,
}

/// Looks until every line of the role's readiness holds.
///
/// # Errors
/// After the role's `within`, with what the last look saw.
pub async fn await_ready(
    server: &str,
    role: &Role,
    address: Ipv4Addr,
    provider: &dyn Provider,
) -> Result<(), NotReady> {
    let deadline = Instant::now() + role.readiness.within;
    let (client, question) = (client(), question(role, address));
    loop {
        match look_by(&client, &question, provider).await {
            Ok(()) => return Ok(()),
            Err(last) if Instant::now() >= deadline => {
                let (server, role_name) = (server.to_string(), role.name.clone());
                return Err(NotReady { server, role: role_name, within: role.readiness.within, last });
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// One look.
///
/// # Errors
/// What was seen instead.
pub async fn look(role: &Role, address: Ipv4Addr, provider: &dyn Provider) -> Result<(), String> {
    look_by(&client(), &question(role, address), provider).await
}

/// One look from where this process is.
///
/// # Errors
/// What was seen instead.
pub async fn look_from_here(question: &Question) -> Result<(), String> {
    ask(&client(), question).await
}

fn question(role: &Role, address: Ipv4Addr) -> Question {
    let (tcp, http) = (role.readiness.tcp, role.readiness.http.clone());
    Question { at: SocketAddr::from((address, role.readiness.port.unwrap_or(role.port))), tcp, http }
}

/// By the provider, where only that one is near enough.
async fn look_by(client: &reqwest::Client, question: &Question, provider: &dyn Provider) -> Result<(), String> {
    match provider.look(question).await {
        Some(seen) => seen,
        None => ask(client, question).await,
    }
}

async fn ask(client: &reqwest::Client, Question { at: address, tcp, http }: &Question) -> Result<(), String> {
    if *tcp {
        timeout(ANSWER_WITHIN, TcpStream::connect(address))
            .await
            .map_err(|_| format!("{address} did not accept a connection"))?
            .map_err(|why| format!("{address}: {why}"))?;
    }
    if let Some(path) = http {
        let url = format!("http://{address}{path}");
        let answer = client.get(&url).send().await.map_err(|why| format!("{url}: {why}"))?;
        if answer.status().as_u16() >= 400 {
            return Err(format!("{url} answered {}", answer.status()));
        }
    }
    Ok(())
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .no_proxy()
        // It asks over plain HTTP alone, and often: the machine's certificates are not read each time.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without files or addresses of its own can be made")
}
