//! System calls that no crate wraps: raw clones, pidfds, capabilities and interface ioctls.
//!
//! Everything unsafe of the local cloud is here, in [`sandbox`](super::sandbox) (one `fork`) and in
//! [`zygote`](super::zygote) (the calls after it). Nothing here knows what an instance is.

use std::ffi::c_int;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::sched::CloneFlags;
use nix::sys::signal::Signal;

/// What [`clone_process`] returns, once in each process.
pub(super) enum Cloned {
    /// In the process that called: the new one, by number and by handle.
    Parent { pid: i32, pidfd: OwnedFd },
    /// In the new process.
    Child,
}

/// Clones the calling process into new namespaces, as `fork` does otherwise. The child may start no thread: the C
/// library does not know of it. A later `libc::fork` fixes that.
///
/// # Safety
/// The process must have no other thread.
///
/// # Errors
/// Those of `clone(2)`: `EPERM` without the right, `EINVAL` where the kernel lacks a namespace, `ENOSPC` at a limit.
pub(super) unsafe fn clone_process(namespaces: CloneFlags) -> io::Result<Cloned> {
    let flags = i64::from(namespaces.bits()) | i64::from(libc::CLONE_PIDFD) | i64::from(libc::SIGCHLD);
    let mut pidfd: c_int = -1;
    // SAFETY: a null stack makes clone copy the caller's, as fork does; the caller vouches for a single thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, &raw mut pidfd, 0_usize, 0_usize) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Cloned::Child),
        // SAFETY: the kernel has just made this descriptor for us.
        pid => Ok(Cloned::Parent { pid: pid as i32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
    }
}

/// Sends a signal to the process behind a pidfd; a process that is gone already is no error.
///
/// # Errors
/// Those of `pidfd_send_signal(2)` but `ESRCH`.
pub(super) fn signal_pidfd(pidfd: BorrowedFd<'_>, signal: Signal) -> io::Result<()> {
    // SAFETY: a null siginfo is what kill(2) would send.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal as c_int, 0_usize, 0_usize) };
    match nix::errno::Errno::result(sent) {
        Ok(_) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the process behind a pidfd has ended.
pub(super) fn has_exited(pidfd: BorrowedFd<'_>) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut watched = [PollFd::new(pidfd, PollFlags::POLLIN)];
    matches!(poll(&mut watched, PollTimeout::ZERO), Ok(1))
}

/// Asks the kernel to kill this process when the thread that made it ends.
pub(super) fn die_with_parent() {
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// What an instance may not do, by the kernel's numbers: load modules, touch raw ports, reboot, set the clock (it is
/// the whole machine's), make device nodes.
pub const DROPPED_CAPABILITIES: [(&str, u32); 5] =
    [("SYS_MODULE", 16), ("SYS_RAWIO", 17), ("SYS_BOOT", 22), ("SYS_TIME", 25), ("MKNOD", 27)];

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two words a set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Gives up [`DROPPED_CAPABILITIES`] for this process and all that it starts.
///
/// # Errors
/// When the kernel refuses: then the caller must not go on.
pub(super) fn drop_capabilities() -> io::Result<()> {
    let mut header = CapHeader { version: CAPABILITY_VERSION, pid: 0 };
    let mut sets = [CapData::default(); 2];
    // SAFETY: the two structures have the layout of capget(2) and capset(2) for this version.
    unsafe {
        for (_, capability) in DROPPED_CAPABILITIES {
            check(libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0).into())?;
        }
        check(libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()))?;
        for (_, capability) in DROPPED_CAPABILITIES {
            let keep = !(1_u32 << (capability % 32));
            let set = &mut sets[(capability / 32) as usize];
            set.effective &= keep;
            set.permitted &= keep;
            set.inheritable &= keep;
        }
        check(libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()))
    }
}

/// Whether this process holds a capability, by the kernel's number.
pub(super) fn has_capability(capability: u32) -> bool {
    let mut header = CapHeader { version: CAPABILITY_VERSION, pid: 0 };
    let mut sets = [CapData::default(); 2];
    // SAFETY: as above.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    got == 0 && sets[(capability / 32) as usize].effective & (1 << (capability % 32)) != 0
}

fn check(result: i64) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Raises a network interface of this process's network namespace.
///
/// # Errors
/// Those of the ioctls; `ENODEV` when there is no such interface.
pub(super) fn raise_interface(name: &str) -> io::Result<()> {
    let mut request = interface_request(name);
    interface_ioctl(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel has just filled the flags.
    unsafe { request.ifr_ifru.ifru_flags |= libc::IFF_UP as i16 };
    interface_ioctl(libc::SIOCSIFFLAGS, &mut request)
}

/// Whether an interface is up; `None` when there is none of this name.
pub(super) fn interface_is_up(name: &str) -> Option<bool> {
    let mut request = interface_request(name);
    interface_ioctl(libc::SIOCGIFFLAGS, &mut request).ok()?;
    // SAFETY: the kernel has just filled the flags.
    Some(unsafe { request.ifr_ifru.ifru_flags } & libc::IFF_UP as i16 != 0)
}

/// Gives an interface its IPv4 address and prefix.
///
/// # Errors
/// Those of the ioctls.
pub(super) fn set_address(name: &str, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    for (ioctl, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, Ipv4Addr::from(mask))] {
        let mut request = interface_request(name);
        request.ifr_ifru.ifru_addr = socket_address(value);
        interface_ioctl(ioctl, &mut request)?;
    }
    Ok(())
}

fn interface_request(name: &str) -> libc::ifreq {
    // SAFETY: an all-zero ifreq is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *slot = byte as libc::c_char;
    }
    request
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: sockaddr_in and sockaddr have the same size, and all-zero is valid.
    unsafe {
        let mut inet: libc::sockaddr_in = std::mem::zeroed();
        inet.sin_family = libc::AF_INET as libc::sa_family_t;
        inet.sin_addr.s_addr = u32::from(address).to_be();
        std::mem::transmute(inet)
    }
}

fn interface_ioctl(ioctl: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: these ioctls read and write one ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), ioctl as _, request as *mut libc::ifreq) }.into())
}

/// Sets an extended attribute.
///
/// # Errors
/// Those of `setxattr(2)`.
pub(super) fn set_attribute(path: &Path, name: &std::ffi::CStr, value: &[u8]) -> io::Result<()> {
    use nix::NixPath;
    let set = path.with_nix_path(|path| {
        // SAFETY: the strings end in zero and the length is the value's.
        unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) }
    })?;
    check(set.into())
}

/// A nameless file in memory that holds `bytes`, at its start.
///
/// # Errors
/// Those of `memfd_create(2)` and of writing.
pub(super) fn memory_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    use std::io::{Seek, Write};
    // SAFETY: the name ends in zero; the descriptor is new.
    let fd = unsafe { libc::memfd_create(c"chimp".as_ptr(), libc::MFD_CLOEXEC) };
    check(fd.into())?;
    // SAFETY: as above.
    let mut file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// Closes every descriptor from 3 on but these.
pub(super) fn close_all_but(keep: &[BorrowedFd<'_>]) {
    let mut keep: Vec<u32> = keep.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep.into_iter().chain([u32::MAX]) {
        if fd > first {
            // SAFETY: the caller goes on with what it keeps alone.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}
