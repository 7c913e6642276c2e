//! What an instance keeps of its services for those that start one again: its log, and which process it is.
//!
//! Logs are files of the harness that only descriptors reach. The first process keeps those, and a link by the
//! service's name leads to them.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;

use crate::instance::ServiceSpec;
use crate::launch::{SERVICES, log_file, process_file};

/// Makes the folder and the links, in order. The files must stay open for as long as the instance lives.
///
/// # Errors
/// Those of the file system; `InvalidInput` when there are fewer logs than services.
pub(super) fn keep_logs(services: &[ServiceSpec], mut logs: impl Iterator<Item = File>) -> io::Result<Vec<File>> {
    fs::create_dir(SERVICES)?;
    let keep = |service: &ServiceSpec| {
        let log = logs.next().ok_or(io::ErrorKind::InvalidInput)?;
        symlink(format!("/proc/1/fd/{}", log.as_raw_fd()), log_file(&service.name))?;
        Ok(log)
    };
    services.iter().map(keep).collect()
}

/// Writes down which process a service is.
///
/// # Errors
/// Those of the file system.
pub(super) fn note(service: &str, pid: u32) -> io::Result<()> {
    fs::write(process_file(service), format!("{pid}\n"))
}
