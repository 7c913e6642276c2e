//! A library that is loaded before the guest kernel, and lets it start on processors that are newer than itself.
//!
//! The guest kernel puts its processes' extended registers back from a buffer of 2,696 bytes. This machine's kernel
//! takes no less than all that its processor has: 11,008 bytes with AMX. So every process of the guest would die, its
//! first too. Here such a call is made again with the whole, of which the guest kernel's part comes first.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::transmute;
use std::ptr::{addr_of_mut, copy_nonoverlapping};

const PTRACE_GETREGSET: c_int = 0x4204;
const PTRACE_SETREGSET: c_int = 0x4205;
const EFAULT: c_int = 14;
/// The next one after this library's own.
const RTLD_NEXT: *mut c_void = -1isize as *mut c_void;
/// More than any processor has.
const MOST: usize = 64 << 10;
/// Where, in an XSAVE area, the bits lie that tell which components it holds.
const HOLDS: usize = 512;
/// All components that the guest kernel's part has room for, PKRU being the last.
const GUESTS: u64 = (1 << 10) - 1;

#[repr(C)]
struct Part {
    base: *mut u8,
    length: usize,
}

type Ptrace = unsafe extern "C" fn(c_int, c_int, *mut c_void, *mut c_void) -> c_long;

unsafe extern "C" {
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
}

/// Not on the stack: the guest kernel's have 16 KB. It runs on one processor.
static mut WHOLE: [u8; MOST] = [0; MOST];

/// What the guest kernel calls instead of the C library's.
///
/// # Safety
/// As `ptrace` itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptrace(request: c_int, pid: c_int, address: *mut c_void, data: *mut c_void) -> c_long {
    const NAME: &CStr = c"ptrace";
    // SAFETY: the C library has it, and it is of this type.
    let real: Ptrace = unsafe { transmute(dlsym(RTLD_NEXT, NAME.as_ptr())) };
    // SAFETY: what the caller asked for.
    let done = unsafe { real(request, pid, address, data) };
    // SAFETY: there is one for every thread.
    if request != PTRACE_SETREGSET || done == 0 || unsafe { *__errno_location() } != EFAULT {
        return done;
    }
    // SAFETY: nobody else uses the buffer, and what is copied is no longer than it.
    unsafe {
        let mut whole = Part { base: addr_of_mut!(WHOLE).cast(), length: MOST };
        let whole_at: *mut c_void = addr_of_mut!(whole).cast();
        let read = real(PTRACE_GETREGSET, pid, address, whole_at);
        let part = data.cast::<Part>().read();
        if read != 0 || part.length > whole.length {
            return done;
        }
        let holds = whole.base.add(HOLDS).cast::<u64>();
        let others = holds.read_unaligned() & !GUESTS;
        copy_nonoverlapping(part.base, whole.base, part.length);
        holds.write_unaligned(holds.read_unaligned() & GUESTS | others);
        real(request, pid, address, whole_at)
    }
}
