//! How wide what is written may be.

use std::os::fd::{AsFd, AsRawFd};

/// Where neither a terminal nor `$COLUMNS` says: a pipe, a CI job's log.
const ELSEWHERE: usize = 100;

nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);

/// The columns of `out`: those that `$COLUMNS` asks for, else the terminal's, else 100.
pub fn columns(asked: Option<&str>, out: impl AsFd) -> usize {
    let asked = asked.and_then(|columns| columns.trim().parse().ok()).filter(|columns| *columns > 0);
    asked.or_else(|| of_terminal(out)).unwrap_or(ELSEWHERE)
}

/// What the terminal says of itself; `None` of anything else.
fn of_terminal(out: impl AsFd) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: this ioctl writes one winsize, and the descriptor is open for as long as it is borrowed.
    let asked = unsafe { window_size(out.as_fd().as_raw_fd(), &mut size) };
    asked.ok().map(|_| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_says_how_wide_it_is_and_columns_overrides_it() {
        let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = nix::pty::openpty(Some(&size), None).unwrap();
        assert_eq!(columns(None, &terminal.slave), 80);
        assert_eq!(columns(Some("132"), &terminal.slave), 132);
        assert_eq!(columns(Some("wide"), &terminal.slave), 80, "what is no number asks for nothing");
    }

    #[test]
    fn what_is_no_terminal_has_room_for_a_hundred() {
        let (reading, _writing) = nix::unistd::pipe().unwrap();
        assert_eq!(columns(None, &reading), 100);
    }
}
