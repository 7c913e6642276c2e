//! Which boot a server runs since: what is seen of a reboot, whoever was asked for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::witness::WitnessReport;
use crate::clock::monotonic_us;
use crate::instance::{Between, Command};
use crate::provider::Remote;

/// The kernel's random number of its boot, and when its first process started: servers that share a kernel boot each for itself.
const COMMAND: [&str; 3] = ["cat", "/proc/sys/kernel/random/boot_id", "/proc/1/stat"];
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The number of the first process's start among what follows its name.
const STARTED: usize = 19;

/// The boot of a server before a strike, and since when none answers.
pub(super) struct Boots {
    before: String,
    /// The first moment at which it gave no answer that it gave again later, by this machine's clock.
    gone_us: Mutex<Option<u64>>,
}

impl Boots {
    /// The present one.
    ///
    /// # Errors
    /// In words: it does not say.
    pub async fn before(remote: &dyn Remote) -> Result<Boots, String> {
        Ok(Boots { before: of(remote).await?, gone_us: Mutex::default() })
    }

    /// Whether it runs since another one. That it was gone counts from when it gave no answer, and only once another boot gives one.
    pub async fn look(&self, remote: &dyn Remote) -> WitnessReport {
        let found = of(remote).await;
        let mut gone_us = self.gone_us.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Err(why) => {
                gone_us.get_or_insert_with(monotonic_us);
                WitnessReport::new(false, why)
            }
            Ok(now) if now == self.before => {
                *gone_us = None;
                WitnessReport::new(false, format!("it runs since the same boot as before: {now}"))
            }
            // Its services may have ended before its sessions did, so that it answered for a while is no sign of life.
            Ok(now) => WitnessReport {
                confirmed: true,
                evidence: format!("it runs since boot {now}, and ran since {} before", self.before),
                came: gone_us.map(|by_us| Between { since_us: 0, by_us }),
            },
        }
    }
}

async fn of(remote: &dyn Remote) -> Result<String, String> {
    let command = Command { timeout: WITHIN, ..Command::new(COMMAND) };
    let output = remote.exec(&command).await.map_err(|why| why.to_string())?;
    let complaint = || format!("`{}` ended with {:?}: {}", COMMAND.join(" "), output.status, output.stderr.trim());
    read(&output.stdout).ok_or_else(complaint)
}

fn read(text: &str) -> Option<String> {
    let (id, first_process) = text.split_once('\n')?;
    let started = first_process.rsplit_once(") ")?.1.split(' ').nth(STARTED)?;
    Some(format!("{id}, first process started at {started}"))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use async_trait::async_trait;

    use super::*;
    use crate::instance::{FileSpec, Output};
    use crate::provider::RemoteError;

    /// Answers one look after the other: since which moment its first process runs; `None`: not at all.
    struct Answers(Mutex<VecDeque<Option<u64>>>);

    #[async_trait]
    impl Remote for Answers {
        async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
            assert_eq!(command.argv, COMMAND);
            let Some(started) = self.0.lock().unwrap().pop_front().expect("no more looks") else {
                return Err(RemoteError::Connect { host: "web-1".into(), detail: "refused".into() });
            };
            let stat = format!("1 (a) b) S 0 1 1 0 -1 4194560 9 0 0 0 5 6 0 0 20 0 1 0 {started} 1 2 3");
            Ok(Output { status: Some(0), stdout: format!("0d3c-7a\n{stat}\n"), stderr: String::new() })
        }

        async fn upload(&self, _: &FileSpec) -> Result<(), RemoteError> {
            unreachable!("nothing is uploaded")
        }

        async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
            unreachable!("it is no matter of connections")
        }
    }

    /// What the last of these looks says.
    async fn last(answers: &[Option<u64>]) -> WitnessReport {
        let remote = Answers(Mutex::new(answers.iter().copied().collect()));
        let boots = Boots::before(&remote).await.unwrap();
        let mut report = WitnessReport::new(true, "never asked");
        for _ in 1..answers.len() {
            report = boots.look(&remote).await;
        }
        report
    }

    #[tokio::test]
    async fn a_reboot_that_did_not_happen_is_not_confirmed_though_the_server_was_away() {
        let report = last(&[Some(700), Some(700), None, Some(700)]).await;
        assert!(!report.confirmed && report.evidence.contains("the same boot as before: 0d3c-7a, "), "{report:?}");
        assert!(!last(&[Some(700), None]).await.confirmed, "it may never come back");
    }

    #[tokio::test]
    async fn a_reboot_is_dated_by_the_first_look_that_nothing_answered() {
        let begun = monotonic_us();
        let report = last(&[Some(700), None, Some(700), None, None, Some(912)]).await;
        assert!(report.confirmed && report.evidence.contains("started at 912, and ran since"), "{report:?}");
        let came = report.came.unwrap();
        assert!(came.since_us == 0 && (begun..=monotonic_us()).contains(&came.by_us), "{came:?}");
        assert_eq!(last(&[Some(700), Some(912)]).await.came, None, "it was too fast to be seen without an answer");
    }

    #[tokio::test]
    async fn a_server_that_does_not_say_is_not_struck() {
        let remote = Answers(Mutex::new([None].into()));
        assert!(Boots::before(&remote).await.is_err_and(|why| why.contains("refused")));
    }
}
