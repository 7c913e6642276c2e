//! What is known of a statement that did not end well.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::error::Severity;

use super::super::answer::Rows;
use super::{Access, Session, SqlError, mysql, postgresql};
use crate::workload::{DatabaseKind, DatabaseSpec, Prepared};

/// `fail`, `info`, or `fail` and a new connection.
fn word(ended: fn(String) -> SqlError) -> &'static str {
    let ended = ended(String::new());
    match (&ended, ended.may_have_been_done()) {
        (SqlError::ReadOnly(_), false) => "read-only",
        (_, false) => "fail",
        (_, true) => "info",
    }
}

#[test]
fn postgresql_undoes_what_ends_with_an_error_and_says_nothing_of_what_ended_its_session() {
    let ended = |severity, code| word(postgresql::ended(severity, code));
    // unique violation, serialization failure, deadlock, insufficient privilege, statement time-out, out of disk
    for code in ["23505", "40001", "40P01", "42501", "57014", "53100"] {
        assert_eq!(ended(Some(Severity::Error), code), "fail", "{code}");
        assert_eq!(ended(Some(Severity::Fatal), code), "info", "{code}");
    }
    // connection failure, shutdown, crash of another process, I/O error, internal error, completion unknown
    for code in ["08006", "57P01", "57P02", "58030", "XX000", "40003"] {
        assert_eq!(ended(Some(Severity::Error), code), "info", "{code}");
    }
    assert_eq!(ended(Some(Severity::Error), "25006"), "read-only");
    assert_eq!(ended(None, "23505"), "info", "who said it is not known");
}

#[test]
fn mysql_undoes_what_ends_with_an_error_but_not_what_was_cut_off() {
    // duplicate key, deadlock, lock wait time-out, no such table, table full, no privilege
    for (code, state) in
        [(1062, "23000"), (1213, "40001"), (1205, "HY000"), (1146, "42S02"), (1114, "HY000"), (1142, "42000")]
    {
        assert_eq!(word(mysql::ended(code, state)), "fail", "{code}");
    }
    // shutdown, killed, connection killed, error during commit, storage engine
    for (code, state) in [(1053, "08S01"), (1317, "70100"), (1927, "70100"), (1180, "HY000"), (1030, "HY000")] {
        assert_eq!(word(mysql::ended(code, state)), "info", "{code}");
    }
    // --read-only, a read-only transaction, read-only mode
    for code in [1290, 1792, 1836] {
        assert_eq!(word(mysql::ended(code, "HY000")), "read-only", "{code}");
    }
}

/// What a PostgreSQL does with a statement that it is to execute.
#[derive(Clone, Copy)]
enum Then {
    /// It breaks the connection.
    Breaks,
    /// It does not answer.
    Hangs,
    /// It answers with an error of this severity and code.
    Says(&'static str, &'static str),
    /// It changes one row.
    Changes,
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Answers as a PostgreSQL would, as far as a session goes.
async fn serve(mut stream: TcpStream, then: Then) -> std::io::Result<()> {
    let ready = message(b'Z', b"I");
    let startup = stream.read_u32().await?;
    stream.read_exact(&mut vec![0; startup as usize - 4]).await?;
    stream.write_all(&[message(b'R', &0_u32.to_be_bytes()), ready.clone()].concat()).await?;
    let mut executes = false;
    loop {
        let (tag, length) = (stream.read_u8().await?, stream.read_u32().await?);
        stream.read_exact(&mut vec![0; length as usize - 4]).await?;
        let answer = match (tag, then) {
            (b'E', _) => {
                executes = true;
                continue;
            }
            (b'Q', _) => message(b'C', b"SELECT 0\0"),
            (b'S', _) if !executes => [message(b'1', b""), message(b't', &[0, 0]), message(b'n', b"")].concat(),
            (b'S', Then::Breaks) => return Ok(()),
            (b'S', Then::Hangs) => std::future::pending().await,
            (b'S', Then::Says(severity, code)) => {
                let said = format!("S{severity}\0V{severity}\0C{code}\0Mno\0\0");
                message(b'E', said.as_bytes())
            }
            (b'S', Then::Changes) => [message(b'2', b""), message(b'C', b"INSERT 0 1\0")].concat(),
            _ => continue,
        };
        stream.write_all(&[answer, ready.clone()].concat()).await?;
    }
}

/// A database of this machine; all but what never comes is there in time.
fn access(kind: DatabaseKind, port: u16) -> Access {
    let (host, user, name) = ("127.0.0.1".to_string(), "shop".to_string(), "shop".to_string());
    let spec = DatabaseSpec { kind, host: host.clone(), port, user, name, password: None };
    Access { spec, host, password: None, deadline: Duration::from_secs(20), servers: BTreeMap::new() }
}

/// How one statement ended, and whether its connection is kept.
async fn executed(access: &Access) -> (Result<Rows, SqlError>, bool) {
    let insert = Prepared { text: "INSERT INTO orders VALUES (1)".into(), parameters: 0, counts_rows: true };
    let mut session = Session::default();
    let ended = session.execute(access, &insert, &[]).await;
    (ended, session.0.is_some())
}

#[tokio::test]
async fn only_a_statement_that_was_sent_and_not_answered_may_have_been_done() {
    let cases = [
        (Then::Breaks, "info", false),
        (Then::Hangs, "info", false),
        (Then::Says("ERROR", "23505"), "fail", true),
        (Then::Says("ERROR", "25006"), "fail", false),
        (Then::Says("FATAL", "57P01"), "info", false),
        (Then::Changes, "ok", true),
    ];
    for (number, (then, expected, keeps)) in cases.into_iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut access = access(DatabaseKind::Postgresql, listener.local_addr().unwrap().port());
        if matches!(then, Then::Hangs) {
            access.deadline = Duration::from_secs(4);
        }
        let serving = tokio::spawn(async move { serve(listener.accept().await?.0, then).await });
        let (ended, is_kept) = executed(&access).await;
        serving.abort();
        let word = match &ended {
            Ok(rows) if rows.changed == Some(1) => "ok",
            Ok(_) => "no row",
            Err(why) if why.may_have_been_done() => "info",
            Err(_) => "fail",
        };
        assert_eq!((word, is_kept), (expected, keeps), "case {number}: {ended:?}");
    }
}

#[tokio::test]
async fn what_was_not_sent_was_not_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for kind in [DatabaseKind::Postgresql, DatabaseKind::Mysql] {
        // It accepts, and says nothing.
        let silent = Access { deadline: Duration::from_millis(300), ..access(kind, port) };
        let (ended, is_kept) = executed(&silent).await;
        assert!(matches!(ended, Err(SqlError::NotSent(_))) && !is_kept, "{ended:?}");
    }
    drop(listener);
    for kind in [DatabaseKind::Postgresql, DatabaseKind::Mysql] {
        let (ended, _) = executed(&access(kind, port)).await;
        assert!(matches!(ended, Err(SqlError::NotSent(_))), "{ended:?}");
    }
}

#[test]
fn a_server_is_named_by_what_it_says_of_itself() {
    let servers =
        [("db-1", 1), ("db-2", 2), ("www", 9)].map(|(name, last)| (name.to_string(), [192, 0, 2, last].into()));
    let mut access = Access { servers: servers.into(), ..access(DatabaseKind::Mysql, 1) };
    access.spec.host = "www".into();
    assert_eq!(access.server("192.0.2.2").as_deref(), Some("db-2"));
    assert_eq!(access.server("db-1").as_deref(), Some("db-1"));
    assert_eq!(access.server("4f5e1c").as_deref(), Some("www"), "the one that was asked for");
    access.spec.host = "db.example.org".into();
    assert_eq!(access.server("4f5e1c").as_deref(), Some("4f5e1c"));
}

/// A server that answers a connection with this, and nothing else.
async fn refusing(greeting: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            for (nth, answer) in greeting.iter().enumerate() {
                // MySQL's server speaks first.
                if nth > 0 || answer[0] == b'E' {
                    let _ = stream.read(&mut [0; 1024]).await;
                }
                let _ = stream.write_all(answer).await;
            }
        }
    });
    port
}

fn postgresql_says(code: &str, words: &str) -> Vec<Vec<u8>> {
    vec![message(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{words}\0\0").as_bytes())]
}

/// A packet of MySQL's protocol.
fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..3], &[sequence], body].concat()
}

fn mysql_says(code: u16, words: &str) -> Vec<Vec<u8>> {
    // Protocol 4.1, long passwords, a database, plugins.
    let low = [&b"\x0a8.0.0\0\x01\0\0\0saltsalt\0"[..], &[0x09, 0x82, 0x21, 0x02, 0], &[0x08, 0, 21]].concat();
    let hello = [&low[..], &[0; 10], b"saltsaltsalt\0mysql_native_password\0"].concat();
    let refusal = [&[0xff][..], &code.to_le_bytes(), b"#28000", words.as_bytes()].concat();
    vec![packet(0, &hello), packet(2, &refusal)]
}

#[tokio::test]
async fn a_login_that_fails_is_told_apart_from_a_server_that_is_starting() {
    use DatabaseKind::{Mysql, Postgresql};
    let no_entry = "no pg_hba.conf entry for host \"10.0.0.1\", user \"shop\", database \"shop\", no encryption";
    let cases = [
        (Postgresql, postgresql_says("28P01", "password authentication failed for user \"shop\""), "the password of"),
        (Postgresql, postgresql_says("28000", "role \"shop\" does not exist"), "the user of"),
        (Postgresql, postgresql_says("28000", no_entry), "no TLS"),
        (Postgresql, postgresql_says("3D000", "database \"shop\" does not exist"), "the name after the host"),
        (Postgresql, vec![message(b'R', &3_u32.to_be_bytes())], "the password of"),
        (Postgresql, postgresql_says("57P03", "the database system is starting up"), ""),
        (Postgresql, postgresql_says("53300", "sorry, too many clients already"), ""),
        (Mysql, mysql_says(1045, "Access denied for user 'shop'@'10.0.0.1' (using password: YES)"), "the password of"),
        (Mysql, mysql_says(1049, "Unknown database 'shop'"), "the name after the host"),
        (Mysql, mysql_says(3159, "Connections using insecure transport are prohibited"), "no TLS"),
        (Mysql, mysql_says(1040, "Too many connections"), ""),
    ];
    for (kind, greeting, expected) in cases {
        let access = access(kind, refusing(greeting).await);
        let (ended, is_kept) = executed(&access).await;
        let why = ended.unwrap_err();
        assert!(!is_kept && !why.may_have_been_done());
        match &why {
            SqlError::Login { hint, .. } => assert!(!expected.is_empty() && hint.contains(expected), "{why}: {hint}"),
            SqlError::NotSent(_) => assert_eq!(expected, "", "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_host_that_no_resolver_knows_is_wrong_and_one_that_can_t_be_asked_now_is_not() {
    let is_wrong = |why: &str| {
        let why =
            super::unopened(format!("error connecting to server: failed to lookup address information: {why}"), None);
        matches!(why, SqlError::Login { .. })
    };
    assert!(is_wrong("Name or service not known") && is_wrong("Name does not resolve"));
    assert!(!is_wrong("Temporary failure in name resolution") && !is_wrong("Try again"));
}

#[test]
fn what_the_database_will_never_execute_is_told_apart_from_what_it_may_execute_later() {
    let is_wrong = |why: SqlError| matches!(why, SqlError::Statement { .. });
    for code in ["22P02", "23502", "23505", "42501", "42P01"] {
        assert!(is_wrong(postgresql::ended(Some(Severity::Error), code)(String::new())), "{code}");
    }
    for code in ["40001", "40P01", "53100", "55P03", "57014"] {
        assert!(!is_wrong(postgresql::ended(Some(Severity::Error), code)(String::new())), "{code}");
    }
    for (code, state) in [(1062, "23000"), (1364, "HY000"), (1366, "HY000"), (1146, "42S02"), (1406, "22001")] {
        assert!(is_wrong(mysql::ended(code, state)(String::new())), "{code}");
    }
    for (code, state) in [(1213, "40001"), (1205, "HY000"), (1114, "HY000")] {
        assert!(!is_wrong(mysql::ended(code, state)(String::new())), "{code}");
    }
}
