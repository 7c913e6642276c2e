//! What is met in the place of a plain success, and whether waiting can help.
//!
//! An application may still be starting: connections that are refused, statuses from 500 on, time-outs and a database that takes no sessions yet
//! pass by themselves. A path that is not there, a wrong password or an answer without the value do not.

use std::mem::Discriminant;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::AnswerError;
use super::sql::SqlError;

/// What an operation met. It reads alone, and after the call that was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    /// A whole answer, which is not what the call should get.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The database did not let anybody in, or refused the statement.
    #[error(transparent)]
    Database(#[from] SqlError),
    /// A program of this machine that is not there, or that this user may not start.
    #[error("`{program}` can't be started: {why}")]
    NoProgram { program: String, why: String },
    /// A call that can't be filled in, or whose path makes no URL.
    #[error("{0}")]
    NoCall(String),
    /// No whole answer.
    #[error("{0}")]
    NoAnswer(String),
}

/// An obstacle that waiting does not take away. Two that are equal are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// A status, or an exit code.
    Code(u16),
    /// An answer without what is looked for.
    Answer(Discriminant<AnswerError>),
    /// The server has no such user, password or database.
    Login,
    /// The database does not execute such a statement.
    Statement,
    /// Of this machine, or of the file alone.
    Here,
}

/// Statuses below 500 that ask the client to try again: Request Timeout, Too Early, Too Many Requests (RFC 9110, 8470, 6585).
const TRY_AGAIN: [u16; 3] = [408, 425, 429];
/// Those from 500 on by which a server says what it will never do: Not Implemented, HTTP Version Not Supported (RFC 9110).
const NEVER: [u16; 2] = [501, 505];
/// Exit codes of a shell, and of what starts other programs as one does: it can't be executed, it is not there (POSIX, 2.8.2).
const NOT_STARTED: [u16; 2] = [126, 127];

impl Obstacle {
    /// What it is, if waiting does not take it away. Of a program that ended it is not known what it met.
    pub fn lasting(&self) -> Option<Lasting> {
        Some(match self {
            Obstacle::Answer(AnswerError::Code { code, is_command, .. }) => {
                let lasts = if *is_command { NOT_STARTED.contains(code) } else { is_final(*code) };
                return lasts.then_some(Lasting::Code(*code));
            }
            Obstacle::Answer(why) => Lasting::Answer(std::mem::discriminant(why)),
            Obstacle::Database(SqlError::Login { .. }) => Lasting::Login,
            Obstacle::Database(SqlError::Statement { .. }) => Lasting::Statement,
            Obstacle::NoProgram { .. } | Obstacle::NoCall(_) => Lasting::Here,
            Obstacle::Database(_) | Obstacle::NoAnswer(_) => return None,
        })
    }

    /// Whether it is a value that no operation sent: what a replica that is behind may still show.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Obstacle::Answer(AnswerError::Foreign(_)))
    }
}

fn is_final(status: u16) -> bool {
    NEVER.contains(&status) || (status < 500 && !TRY_AGAIN.contains(&status))
}

/// How long an obstacle that passes by itself is waited for.
const WAITS: Duration = Duration::from_secs(30);
/// From one try to the next, where waiting helps.
const TRY_EVERY: Duration = Duration::from_millis(200);
/// How often an obstacle that lasts must be met in turn, and from one time to the next. Before it has heard of an application that boots, a balancer
/// may answer 404 in its place; a database that is up may still miss what the next script makes; a page may stand in for the data. So one such answer
/// decides nothing.
const TIMES: u32 = 3;
const GRACE_EVERY: Duration = Duration::from_secs(1);

/// Decides whether an obstacle is worth another try.
#[derive(Debug)]
pub(super) struct Patience {
    begun: Instant,
    met: Option<Lasting>,
    times: u32,
}

/// What is to be done about an obstacle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again after so long.
    TryAfter(Duration),
    /// It lasts: another try, or another run, would meet it again.
    Refuse,
    /// It should have passed, and did not in time.
    GiveUp,
}

impl Patience {
    /// With all of it.
    pub fn new() -> Patience {
        Patience { begun: Instant::now(), met: None, times: 0 }
    }

    /// After this was met.
    pub fn next(&mut self, met: Option<Lasting>) -> Next {
        self.times = if self.met == met { self.times + 1 } else { 1 };
        self.met = met;
        match met {
            Some(Lasting::Here) => Next::Refuse,
            Some(_) if self.times >= TIMES => Next::Refuse,
            _ if self.begun.elapsed() > WAITS => Next::GiveUp,
            Some(_) => Next::TryAfter(GRACE_EVERY),
            None => Next::TryAfter(TRY_EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> Obstacle {
        AnswerError::Code { code, is_command: false, body: String::new() }.into()
    }

    #[test]
    fn what_a_starting_application_answers_passes_by_itself() {
        for code in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(status(code).lasting(), None, "{code}");
        }
        let ended = |code| Obstacle::from(AnswerError::Code { code, is_command: true, body: String::new() }).lasting();
        assert_eq!([ended(1), ended(2), ended(127)], [None, None, Some(Lasting::Code(127))]);
        assert_eq!(Obstacle::NoAnswer("no connection".into()).lasting(), None);
        assert_eq!(Obstacle::from(SqlError::NotSent("starting up".into())).lasting(), None);
    }

    #[test]
    fn what_is_wrong_with_the_file_stays() {
        for code in [200, 301, 400, 401, 403, 404, 405, 409, 422, 501] {
            assert_eq!(status(code).lasting(), Some(Lasting::Code(code)));
        }
        let login = SqlError::Login { why: String::new(), hint: String::new() };
        assert_eq!(Obstacle::from(login).lasting(), Some(Lasting::Login));
        let number = Obstacle::from(AnswerError::NoNumber("many".into()));
        assert!(number.lasting().is_some() && number.lasting() != Obstacle::from(AnswerError::NoRow).lasting());
    }

    #[test]
    fn three_equal_answers_in_turn_decide() {
        let mut patience = Patience::new();
        let (again, soon) = (Next::TryAfter(GRACE_EVERY), Next::TryAfter(TRY_EVERY));
        let met = [404, 404, 503, 404, 404, 403, 404, 404, 404].map(|code| patience.next(status(code).lasting()));
        assert_eq!(met, [again, again, soon, again, again, again, again, again, Next::Refuse]);
        let of_the_file = Obstacle::NoCall(String::new()).lasting();
        assert_eq!(Patience::new().next(of_the_file), Next::Refuse, "no application is asked");
        let mut patience = Patience { begun: Instant::now() - WAITS - TRY_EVERY, ..Patience::new() };
        assert_eq!(patience.next(status(503).lasting()), Next::GiveUp);
    }
}
