//! How much memory a case takes: every allocation of a thread is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// No case needs as much. Past it an allocation fails, which ends the process before the machine suffers; the file of
/// the case is left where the driver wrote it.
const HARD_LIMIT: isize = 2 << 30;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Starts to count on this thread.
pub fn start() {
    NOW.set(0);
    PEAK.set(0);
}

/// The most bytes that were in use at once since [`start`].
pub fn peak() -> u64 {
    u64::try_from(PEAK.get()).unwrap_or(0)
}

pub struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Whether so many bytes more may be used.
fn take(bytes: usize) -> bool {
    let now = NOW.get().saturating_add_unsigned(bytes);
    if now > HARD_LIMIT {
        return false;
    }
    NOW.set(now);
    PEAK.set(PEAK.get().max(now));
    true
}

fn give_back(bytes: usize) {
    NOW.set(NOW.get().saturating_sub_unsigned(bytes));
}

// SAFETY: every call goes to the system's allocator with the same arguments; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is passed on.
        if take(layout.size()) { unsafe { System.alloc(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is passed on.
        if take(layout.size()) { unsafe { System.alloc_zeroed(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !take(size) {
            return std::ptr::null_mut();
        }
        give_back(layout.size());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}
