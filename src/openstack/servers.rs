//! Servers of Nova: making one, looking at one, finding those of a run.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Making, Service, longer};
use super::error::CloudError;
use super::mark::{Mark, RUN};
use super::moment;
use crate::provider::secret::Secret;

/// The key of a server's metadata that names its port: by it a server is found of which it is not clear whether it was made.
const PORT: &str = "chimp_port";
/// The longest user data that Nova takes, in bytes of base64.
const USER_DATA: usize = 65_535;

/// A server that is to be made.
pub(crate) struct NewServer<'s> {
    pub(crate) name: &'s str,
    /// The image's id.
    pub(crate) image: &'s str,
    /// The flavor's id.
    pub(crate) flavor: &'s str,
    /// The availability zone; `None`: one that Nova chooses.
    pub(crate) zone: Option<&'s str>,
    /// The id of the port that is its only one. No other server may have it.
    pub(crate) port: &'s str,
    pub(crate) mark: &'s Mark,
    /// What else it carries. The run and the port are added.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What cloud-init reads at its boot. It may hold secrets, so no error quotes it.
    pub(crate) user_data: &'s Secret,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: Status,
    /// What Nova does with it at the moment, such as `rebooting`.
    pub(crate) task: Option<String>,
    /// Whether its machine runs, as the hypervisor says it.
    pub(crate) power: Power,
    pub(crate) zone: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Its tags; none where Nova speaks no microversion that has them (2.26).
    pub(crate) tags: Vec<String>,
    /// Its IPv4 addresses, over all networks; floating ones first.
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// Why it is in ERROR.
    pub(crate) fault: Option<String>,
    /// Whether somebody locked it, so that nothing may be done to it.
    pub(crate) locked: bool,
    /// When it was made, where the cloud says.
    pub(crate) created: Option<Timestamp>,
}

impl Server {
    /// The run that made it, if one did.
    pub(crate) fn run(&self) -> Option<&str> {
        self.metadata.get(RUN).map(String::as_str)
    }

    /// The port that it was made with, if this program made it.
    pub(crate) fn port(&self) -> Option<&str> {
        self.metadata.get(PORT).map(String::as_str)
    }
}

/// The state of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Active,
    Build,
    Deleted,
    Error,
    HardReboot,
    Paused,
    Reboot,
    Shutoff,
    SoftDeleted,
    Suspended,
    /// Another one.
    #[serde(untagged)]
    Other(String),
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Status::Active => "ACTIVE",
            Status::Build => "BUILD",
            Status::Deleted => "DELETED",
            Status::Error => "ERROR",
            Status::HardReboot => "HARD_REBOOT",
            Status::Paused => "PAUSED",
            Status::Reboot => "REBOOT",
            Status::Shutoff => "SHUTOFF",
            Status::SoftDeleted => "SOFT_DELETED",
            Status::Suspended => "SUSPENDED",
            Status::Other(other) => other,
        })
    }
}

/// Whether a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    Paused,
    Off,
    Crashed,
    Suspended,
    /// Nova does not know it.
    Unknown,
}

impl Power {
    /// Nova's numbers.
    fn of(number: i64) -> Power {
        match number {
            1 => Power::Running,
            3 => Power::Paused,
            4 => Power::Off,
            6 => Power::Crashed,
            7 => Power::Suspended,
            _ => Power::Unknown,
        }
    }
}

#[derive(Deserialize)]
struct Body {
    id: String,
    name: String,
    status: Status,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task: Option<String>,
    #[serde(rename = "OS-EXT-STS:power_state", default)]
    power: i64,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    zone: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    addresses: BTreeMap<String, Vec<Address>>,
    fault: Option<Fault>,
    #[serde(default)]
    locked: bool,
    #[serde(default, deserialize_with = "moment::read")]
    created: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Address {
    addr: String,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

fn server(client: &Client, value: Value) -> Result<Server, CloudError> {
    let body: Body = client.read(Service::Nova, Method::GET, "servers", value)?;
    let mut addresses: Vec<&Address> = body.addresses.values().flatten().collect();
    addresses.sort_by_key(|address| address.kind.as_deref() != Some("floating"));
    Ok(Server {
        addresses: addresses.into_iter().filter_map(|address| address.addr.parse().ok()).collect(),
        tags: body.tags,
        id: body.id,
        name: body.name,
        status: body.status,
        task: body.task,
        power: Power::of(body.power),
        zone: body.zone.filter(|zone| !zone.is_empty()),
        metadata: body.metadata,
        fault: body.fault.map(|fault| fault.message),
        locked: body.locked,
        created: body.created,
    })
}

/// Has a server made; returns its id before it boots.
///
/// # Errors
/// A quota is used up, something that it is made of is not there, its user data is too long, or Nova can't be asked.
pub(crate) async fn create(client: &Client, new: &NewServer<'_>) -> Result<String, CloudError> {
    let user_data = Secret::new(STANDARD.encode(new.user_data.reveal()));
    if user_data.reveal().len() > USER_DATA {
        let (kind, name) = ("server", new.name.into());
        let most = USER_DATA / 4 * 3;
        let detail = format!("has {} bytes of user data, and Nova takes {most}", new.user_data.reveal().len());
        let hint = "write less into the files of its role, or have it fetch them when it boots".into();
        return Err(CloudError::Unusable { kind, name, detail, hint });
    }
    let mut metadata = new.metadata.clone();
    metadata.extend([(RUN.into(), new.mark.run().into()), (PORT.into(), new.port.into())]);
    let mut body = json!({
        "name": new.name, "imageRef": new.image, "flavorRef": new.flavor, "metadata": metadata,
        "networks": [{ "port": new.port }], "user_data": user_data.reveal(),
    });
    if let Some(zone) = new.zone {
        body["availability_zone"] = zone.into();
    }
    let find = || async {
        let all = list(client).await?;
        Ok(all
            .into_iter()
            .find(|each| each.port() == Some(new.port))
            .map(|each| json!({ "server": { "id": each.id } })))
    };
    let (body, private) = (json!({ "server": body }), Some(&user_data));
    let making = Making { kind: "server", name: new.name, run: new.mark.run(), body, private };
    let mut answer = client.create(Service::Nova, "servers", &making, find).await?;
    client.read(Service::Nova, Method::POST, "servers", answer["server"]["id"].take())
}

/// A server as it is now.
///
/// # Errors
/// It is not there any more, or Nova can't be asked.
pub(crate) async fn get(client: &Client, id: &str) -> Result<Server, CloudError> {
    match client.get(Service::Nova, &format!("servers/{id}")).await {
        Ok(mut answer) => server(client, answer["server"].take()),
        Err(why) if why.is_not_found() => Err(CloudError::Gone(id.into())),
        Err(why) => Err(why),
    }
}

/// All servers of the project, whoever made them.
///
/// # Errors
/// Nova can't be asked.
pub(crate) async fn list(client: &Client) -> Result<Vec<Server>, CloudError> {
    let all = client.list(Service::Nova, "servers/detail", "servers").await?;
    all.into_iter().map(|each| server(client, each)).collect()
}

/// The servers that this run has made.
///
/// # Errors
/// Nova can't be asked.
pub(crate) async fn of_run(client: &Client, mark: &Mark) -> Result<Vec<Server>, CloudError> {
    Ok(list(client).await?.into_iter().filter(|server| server.run() == Some(mark.run())).collect())
}

/// Waits until a server is gone.
///
/// # Errors
/// It is still there in the end, or Nova can't be asked.
pub(crate) async fn await_gone(client: &Client, id: &str, within: Duration) -> Result<(), CloudError> {
    let (started, mut pause) = (Instant::now(), client.patience.first_pause);
    loop {
        let server = match get(client, id).await {
            Ok(server) if [Status::Deleted, Status::SoftDeleted].contains(&server.status) => return Ok(()),
            Ok(server) => server,
            Err(CloudError::Gone(_)) => return Ok(()),
            Err(why) => return Err(why),
        };
        if started.elapsed() >= within {
            let (found, wanted) = (server.status.to_string(), "that it is gone".into());
            return Err(CloudError::NotReached { server: server.name, found, wanted, within });
        }
        tokio::time::sleep(pause).await;
        pause = longer(pause);
    }
}
