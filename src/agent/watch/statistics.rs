//! HAProxy's statistics, as `show stat` prints them: which servers get traffic.
//!
//! A server is *in rotation* if its balancer sends it new requests. HAProxy's own word for its health is not enough to
//! tell. A server that is `UP` gets nothing while its weight is 0, whoever set it (an agent check answers `0%`). `DRAIN`,
//! `NOLB` and `MAINT` get no new requests either. A `backup` server is used only when no other server of its backend is
//! usable, and then, "by default, only the first operational backup server is used, unless the `allbackups` option is
//! set in the backend" (HAProxy's configuration manual, `backup`). Which of the two holds can be read from the line
//! of the backend itself: `act` and `bck` count its usable servers, and `weight` sums up those that are in use.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use super::Unseen;

/// What one answer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// The servers of all backends, in HAProxy's order.
    pub servers: Vec<ServerRow>,
    /// Current sessions of all frontends.
    pub sessions: u64,
}

/// One server of one backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerRow {
    /// Its backend.
    pub proxy: String,
    /// Its name.
    pub name: String,
    /// Its address, where HAProxy says it: it has one, of IPv4, and the socket's level is at least `operator`, which is the default.
    pub address: Option<Ipv4Addr>,
    /// How many requests it was given since HAProxy started or was reloaded.
    pub requests: u64,
    /// HAProxy's word: `UP`, `UP 2/3`, `DOWN`, `DRAIN`, with the weight where that is what keeps traffic away.
    pub status: String,
    /// The last result of the check, or of the agent where that decides: `L7OK`, `L4TOUT`.
    pub check: String,
    /// Whether it gets traffic.
    pub rotation: Rotation,
}

/// Whether a server gets traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It gets new requests.
    In,
    /// It is a backup that could get them, and waits while others do.
    Standby,
    /// It gets none.
    Out,
}

impl Statistics {
    /// Whether a server's state, or which servers there are, is not as it was. Counts always differ.
    pub fn differs(&self, before: &Statistics) -> bool {
        let states = |all: &Statistics| all.servers.iter().map(ServerRow::state).collect::<Vec<_>>();
        states(self) != states(before)
    }
}

impl ServerRow {
    /// All of it but the counts.
    fn state(&self) -> ServerRow {
        ServerRow { requests: 0, ..self.clone() }
    }
}

/// One line.
struct StatisticsRow {
    server: ServerRow,
    kind: Kind,
    sessions: u64,
    weight: u64,
    /// Whether it is not a backup; of a backend, how many usable servers are not.
    active: u64,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Frontend,
    Backend,
    Server,
    Listener,
}

/// Reads HAProxy's CSV by the names of its columns, so that versions with more columns are fine.
///
/// # Errors
/// When it is something else, or a number that is needed is none.
pub fn parse(csv: &str) -> Result<Statistics, Unseen> {
    let mut lines = csv.lines().filter(|line| !line.is_empty());
    let unexpected = || Unseen::Unexpected(csv.chars().take(80).collect());
    let header = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or_else(unexpected)?;
    let columns: BTreeMap<&str, usize> = header.split(',').enumerate().map(|(at, title)| (title, at)).collect();
    let rows: Option<Vec<StatisticsRow>> = lines.map(|line| row(&fields(line), &columns)).collect();
    let rows = rows.ok_or_else(unexpected)?;
    let sessions = rows.iter().filter(|row| row.kind == Kind::Frontend).map(|row| row.sessions).sum();
    Ok(Statistics { servers: servers(&rows), sessions })
}

/// `None` where a column is missing, or a number is none.
fn row(fields: &[String], columns: &BTreeMap<&str, usize>) -> Option<StatisticsRow> {
    let text = |name: &str| columns.get(name).and_then(|at| fields.get(*at)).map(String::as_str);
    // A column that means nothing to this kind of line is empty.
    let number = |name: &str| match text(name)? {
        "" => Some(0),
        text => text.parse::<u64>().ok(),
    };
    let kind = match text("type")? {
        "0" => Kind::Frontend,
        "1" => Kind::Backend,
        "2" => Kind::Server,
        _ => Kind::Listener,
    };
    let (status, weight) = (text("status")?, number("weight")?);
    let is_usable = status.starts_with("UP") || status == "no check";
    let by_agent = status.ends_with("(agent)");
    let check = if by_agent { text("agent_status").unwrap_or_default() } else { text("check_status")? };
    let shown = if is_usable && weight == 0 { format!("{status}, weight 0") } else { status.to_string() };
    let server = ServerRow {
        proxy: text("pxname")?.into(),
        name: text("svname")?.into(),
        address: text("addr").and_then(|address| Some(*address.parse::<SocketAddrV4>().ok()?.ip())),
        requests: number("stot")?,
        status: shown,
        check: check.trim_start_matches("* ").into(),
        rotation: if is_usable && weight > 0 { Rotation::In } else { Rotation::Out },
    };
    Some(StatisticsRow { server, kind, sessions: number("scur")?, weight, active: number("act")? })
}

/// The fields of a line; one with a comma is in double quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("there is always a last field").push(letter),
        }
    }
    fields
}

/// The servers, with the backups that only stand by told apart.
fn servers(rows: &[StatisticsRow]) -> Vec<ServerRow> {
    let mut servers: Vec<ServerRow> = Vec::new();
    for row in rows.iter().filter(|row| row.kind == Kind::Server) {
        let mut server = row.server.clone();
        if row.active == 0 && server.rotation == Rotation::In && !gets_traffic(row, rows) {
            server.rotation = Rotation::Standby;
        }
        servers.push(server);
    }
    servers
}

/// Whether a usable backup is in use.
fn gets_traffic(backup: &StatisticsRow, rows: &[StatisticsRow]) -> bool {
    let of_backend = || rows.iter().filter(|row| row.server.proxy == backup.server.proxy);
    let Some(backend) = of_backend().find(|row| row.kind == Kind::Backend) else { return false };
    let usable = || of_backend().filter(|row| row.kind == Kind::Server && row.server.rotation == Rotation::In);
    if backend.active > 0 {
        return false;
    }
    let is_first = usable().next().is_some_and(|first| first.server.name == backup.server.name);
    is_first || usable().map(|row| row.weight).sum::<u64>() == backend.weight
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Captured from a real HAProxy by `fixtures/haproxy/capture.py`.
    const CAPTURED: &str = include_str!("../../../fixtures/haproxy/statistics.csv");

    /// `backend/server` → rotation and status, of a whole answer.
    fn rotation(csv: &str) -> BTreeMap<String, (Rotation, String)> {
        let servers = parse(csv).unwrap().servers.into_iter();
        servers.map(|row| (format!("{}/{}", row.proxy, row.name), (row.rotation, row.status))).collect()
    }

    #[test]
    fn a_server_is_in_rotation_if_a_real_haproxy_sends_it_new_requests() {
        use Rotation::{In, Out, Standby};
        let expected = [
            ("living/web-1", In, "UP"),
            ("living/web-2", In, "UP"),
            ("living/web-3", Standby, "UP"),
            ("living/web-4", Standby, "UP"),
            ("first/web-1", Out, "DRAIN"),
            ("first/web-2", Out, "MAINT"),
            ("first/web-3", Out, "DOWN"),
            ("first/web-4", In, "UP"),
            ("first/web-5", Standby, "UP"),
            ("every/web-1", Out, "DOWN"),
            ("every/web-3", In, "UP"),
            ("every/web-4", In, "UP"),
            ("weights/web-1", In, "no check"),
            ("weights/web-2", Out, "no check, weight 0"),
            ("weights/web-3", Out, "UP, weight 0"),
            ("leaving/web-1", Out, "NOLB"),
            ("agents/agent-up", In, "UP"),
            ("agents/agent-drain", Out, "DRAIN (agent)"),
            ("agents/agent-down", Out, "DOWN (agent)"),
            ("agents/agent-zero", Out, "UP, weight 0"),
            ("agents/agent-maint", Out, "MAINT"),
            ("none/web-1", Out, "DOWN"),
        ];
        let expected: BTreeMap<_, _> =
            expected.map(|(name, rotation, status)| (name.to_string(), (rotation, status.to_string()))).into();
        assert_eq!(rotation(CAPTURED), expected);
    }

    #[test]
    fn the_agent_s_result_is_told_where_the_agent_decided() {
        let servers = parse(CAPTURED).unwrap().servers;
        let check = |name: &str| servers.iter().find(|row| row.name == name).map(|row| row.check.as_str());
        assert_eq!((check("agent-down"), check("agent-up")), (Some("L7STS"), Some("L4OK")));
    }

    const HEADER: &str = "# pxname,svname,scur,stot,status,weight,act,bck,check_status,last_chk,agent_status,type,\n";

    #[test]
    fn columns_are_found_by_name_and_a_running_check_is_not_a_change() {
        let csv = "site,FRONTEND,7,9,OPEN,,,,,,,0,\nsite,web-1,1,5,UP 2/3,1,1,0,* L4TOUT,,,2,\nsite,BACKEND,1,5,UP,1,1,0,,,,1,\n";
        let found = parse(&format!("{HEADER}{csv}")).unwrap();
        assert_eq!((found.sessions, found.servers.len()), (7, 1));
        let server = &found.servers[0];
        assert_eq!((server.requests, server.rotation), (5, Rotation::In));
        assert_eq!((server.status.as_str(), server.check.as_str()), ("UP 2/3", "L4TOUT"));
    }

    #[test]
    fn an_address_is_read_where_there_is_one_and_another_one_is_a_change() {
        let csv = |addresses: [&str; 2]| {
            let header = HEADER.replace("type,", "type,addr,");
            let rows = addresses.map(|address| format!("b,app-1,0,0,UP,1,1,0,L4OK,,,2,{address},\n")).concat();
            parse(&format!("{header}{rows}")).unwrap()
        };
        let found = csv(["172.18.0.4:80", ""]);
        let addresses: Vec<_> = found.servers.iter().map(|row| row.address).collect();
        assert_eq!(addresses, [Some(Ipv4Addr::new(172, 18, 0, 4)), None]);
        assert_eq!(csv(["[fd00::4]:80", "unix"]).servers[0].address, None);
        assert!(found.differs(&csv(["172.18.0.5:80", ""])), "its slot has another server now");
    }

    #[test]
    fn a_comma_in_a_message_moves_no_column_and_a_listening_socket_is_no_server() {
        let csv = "b,web-1,0,0,DOWN (agent),1,1,0,L4OK,\"refused, then closed\",L7STS,2,\nb,sock-1,0,0,OPEN,,,,,,,3,\n";
        let found = parse(&format!("{HEADER}{csv}")).unwrap();
        assert_eq!(found.servers.iter().map(|row| row.check.as_str()).collect::<Vec<_>>(), ["L7STS"]);
    }

    #[test]
    fn something_else_than_statistics_is_an_error() {
        assert!(parse("Unknown command").is_err());
        assert!(parse("").is_err());
        assert!(parse(&format!("{HEADER}site,FRONTEND,many,9,OPEN,,,,,,,0,\n")).is_err(), "a count is never invented");
        assert!(parse("# pxname,svname,status\nsite,web-1,UP\n").is_err(), "without a weight it can't be told");
    }
}
