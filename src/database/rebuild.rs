//! Giving a database the data of another: a backup, streamed from the one that has it into the one that has none.
//!
//! The server that is rebuilt waits for its data directory; that is put in its place whole, in one move, at the end. So it
//! never starts empty or with half of the data. It gets a number that nobody in the tier ever had: with its old one it
//! would take for its own what it once wrote and others still send.

use std::time::Duration;

use super::DatabaseError;
use super::gtid::Position;
use super::sql::DatabaseConnection;
use crate::launch;

/// Where the data goes from one to the other.
const PORT: u16 = 4444;
/// How long a backup may take.
const COPY: Duration = Duration::from_secs(600);
/// How long a database may take to start on its new data.
const START: Duration = Duration::from_secs(60);
/// How long what is quick may take.
const QUICK: Duration = Duration::from_secs(20);

/// `$1`: the program, `$2`: the port, `$3`: where the data goes.
const RECEIVE: &str = r#"set -e
rm -rf "$3" && mkdir -p "$3"
"$1" __pipe in "$2" | mbstream --extract --directory="$3""#;

/// `$1`: the program, `$2`: the other end, `$3`: the configuration, `$4`: the socket, `$5`: the data.
const SEND: &str = r#"set -e
log=$(mktemp)
mariadb-backup --defaults-file="$3" --backup --stream=mbstream --user=root --socket="$4" --datadir="$5" \
  --target-dir="$(mktemp -d)" 2>"$log" | "$1" __pipe out "$2"
tail -n 1 "$log" | grep -q 'completed OK!' || { tail -n 5 "$log" >&2; exit 1; }
rm "$log""#;

/// `$1`: the copy. Prints file and offset of the donor's binary log that it stands for.
const PREPARE: &str = r#"set -e
mariadb-backup --prepare --use-memory=64M --target-dir="$1" >"$1.log" 2>&1 || { tail -n 5 "$1.log" >&2; exit 1; }
cut -f 1,2 "$1/xtrabackup_binlog_info"
rm -rf "$1"/xtrabackup_* "$1"/backup-my.cnf "$1"/relay* "$1"/binlog.* "$1"/master.info "$1"/multi-master* "$1.log""#;

/// `$1`: the copy, `$2`: the data, `$3`: the number, `$4`: its owner.
const TAKE: &str = r#"set -e
printf '%s\n' "$3" >"$(dirname "$2")/number"
chown -R "$4": "$1"
mv "$1" "$2""#;

/// Gives `empty` the data of `donor` and waits until it answers; it replicates from no other yet. Returns the position it is at.
///
/// # Errors
/// What failed; `empty` is empty still then.
pub(super) async fn rebuild(
    empty: &DatabaseConnection<'_>,
    donor: &DatabaseConnection<'_>,
    number: u32,
) -> Result<Position, DatabaseError> {
    let data = empty.role.data.display().to_string();
    let copy = format!("{data}.new");
    stream(empty, donor, &copy).await?;
    let told = empty.run(&["sh", "-c", PREPARE, "sh", &copy], COPY).await?;
    let position = position(donor, &told).await?;
    empty.run(&["sh", "-c", TAKE, "sh", &copy, &data, &number.to_string(), &empty.role.user], QUICK).await?;
    empty.until("to start on its new data", START, |status| !status.writable).await?;
    empty
        .sql(&format!(
            "RESET MASTER; SET GLOBAL gtid_binlog_state='{position}'; SET GLOBAL gtid_slave_pos='{position}'"
        ))
        .await?;
    let at = empty.position().await?;
    if at != position {
        let expected = format!("to be at `{position}`, which its data stands for");
        return Err(DatabaseError::NotSo { server: empty.server.into(), expected, found: format!("`{at}`") });
    }
    Ok(position)
}

async fn stream(
    empty: &DatabaseConnection<'_>,
    donor: &DatabaseConnection<'_>,
    copy: &str,
) -> Result<(), DatabaseError> {
    let (port, to) = (PORT.to_string(), format!("{}:{PORT}", empty.instance.address));
    let path = |path: &std::path::Path| path.display().to_string();
    let role = donor.role;
    let (config, socket, data) = (path(&role.config), path(&role.socket), path(&role.data));
    let receiving = ["sh", "-c", RECEIVE, "sh", launch::PROGRAM, &port, copy];
    let sending = ["sh", "-c", SEND, "sh", launch::PROGRAM, &to, &config, &socket, &data];
    let (received, sent) = tokio::join!(empty.run(&receiving, COPY), donor.run(&sending, COPY));
    sent.and(received).map(drop)
}

/// The position of an offset in the donor's binary log.
async fn position(donor: &DatabaseConnection<'_>, told: &str) -> Result<Position, DatabaseError> {
    let mut words = told.split_whitespace();
    let (Some(file), Some(offset)) = (words.next(), words.next().and_then(|offset| offset.parse::<u64>().ok())) else {
        let expected = "a backup that names a place in the binary log".into();
        return Err(DatabaseError::NotSo { server: donor.server.into(), expected, found: format!("`{told}`") });
    };
    let rows = donor.sql(&format!("SELECT BINLOG_GTID_POS('{file}', {offset}) AS position")).await?;
    Ok(rows.first().and_then(|row| row.get("position")).map_or("", String::as_str).parse()?)
}
