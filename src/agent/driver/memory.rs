//! Memory that somebody else holds.
//!
//! `When 50 % of the memory of … is taken`. A burner maps it, and locks it so that each page is there. Refused where it
//! would leave less than 512 MiB available, or less than a tenth of what a container may have: a machine without memory is not the
//! fault that was asked for. Witness: what the kernel says is resident of the burner beside the program itself, 95 % of what was asked at
//! least. Heal: the burner is killed.

use std::fs;

use serde_json::Value;

use super::{DriverError, EffectDriver, burner, percent, unfit};
use crate::agent::{Observation, StrikeId, contained};

/// What is left available, whatever was asked.
const LEFT: u64 = 512 << 20;
/// Of what a container may have at most, one part in so many is left.
const LEFT_OF_LIMIT: u64 = 10;
/// What a burner is called on its command line.
pub(super) const KIND: &str = "memory";

/// See the module.
pub(super) struct Memory {
    id: StrikeId,
    percent: f64,
}

impl Memory {
    /// So much of all there is.
    pub fn new(id: &StrikeId, percent: f64) -> Self {
        Memory { id: id.clone(), percent }
    }

    fn bytes(&self) -> Result<u64, DriverError> {
        let total = match contained::memory() {
            Some((limit, _)) => limit,
            None => figure("/proc/meminfo", "MemTotal")?,
        };
        Ok((total as f64 * percent(self.percent)? / 100.0) as u64)
    }

    /// Of the machine, and of what a container may have.
    fn check_room(&self) -> Result<u64, DriverError> {
        let bytes = self.bytes()?;
        let limited = contained::memory().map(|(limit, used)| (limit.saturating_sub(used), limit / LEFT_OF_LIMIT));
        for (available, left) in [(figure("/proc/meminfo", "MemAvailable")?, LEFT)].into_iter().chain(limited) {
            if available < bytes.saturating_add(left) {
                let expected =
                    format!("the {} that are to be taken, and {} to live on", mebibytes(bytes), mebibytes(left));
                return Err(unfit("the memory that is available", &mebibytes(available), &expected));
            }
        }
        Ok(bytes)
    }
}

impl EffectDriver for Memory {
    fn arm(&mut self) -> Result<Value, DriverError> {
        self.check_room().map(|_| Value::Null)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        burner::start(KIND, &self.id, &self.check_room()?.to_string())
    }

    fn heal(&mut self, _memo: &Value) -> Result<(), DriverError> {
        burner::kill(&self.id)
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, DriverError> {
        // Pages of the program's file are no memory that was taken: in a small container they would count as much as what was asked for.
        let status = |pid: i32| figure(&format!("/proc/{pid}/status"), "RssAnon").unwrap_or(0);
        let (asked, resident) = (self.bytes()?, burner::of(&self.id).iter().map(|burner| status(burner.pid)).sum());
        let evidence = format!("{} of {} resident", mebibytes(resident), mebibytes(asked));
        Ok(Observation { in_force: resident > 0 && resident >= asked / 100 * 95, evidence })
    }
}

/// A line such as `MemTotal: 24684000 kB`, in bytes.
fn figure(path: &str, name: &str) -> Result<u64, DriverError> {
    let text = fs::read_to_string(path).map_err(DriverError::at(path))?;
    parse(&text, name).ok_or_else(|| DriverError::at(path)(std::io::Error::other(format!("no line `{name}`"))))
}

fn parse(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Lives as the burner.
///
/// # Errors
/// When the kernel does not give the memory; else it never ends by itself.
pub(super) fn burn(bytes: u64) -> Result<(), DriverError> {
    let failed = |what: &str| DriverError::at(what)(std::io::Error::last_os_error());
    let length = usize::try_from(bytes).unwrap_or(usize::MAX).max(1);
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, which nobody reads or writes.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(failed("mapping memory"));
    }
    // SAFETY: the mapping is ours. Locking what can be written makes the kernel put a page of its own everywhere.
    if unsafe { libc::mlock(mapped, length) } == -1 {
        return Err(failed("locking memory"));
    }
    burner::ready();
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_in_bytes() {
        let text = "MemTotal:       24684000 kB\nMemAvailable:    1024 kB\nHugePages_Total:       0\n";
        assert_eq!(parse(text, "MemAvailable"), Some(1 << 20));
        assert_eq!((parse(text, "Mem"), parse(text, "HugePages_Total")), (None, None));
    }

    #[test]
    fn what_would_leave_too_little_is_refused() {
        let id = StrikeId("1".into());
        assert!(Memory::new(&id, 100.0).arm().unwrap_err().to_string().contains("512 MiB to live on"));
        for nonsense in [0.0, -1.0, 100.1, f64::NAN] {
            assert!(Memory::new(&id, nonsense).arm().is_err());
        }
    }
}
