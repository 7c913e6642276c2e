//! What the header of a Linux program says: for which CPU it is, and what it needs of the machine that it starts on.
//!
//! Only little-endian programs of 64 or 32 bits are read. Every offset is checked, since users name such files.

/// The name by which `uname -m` knows the machine, with the numbers that ELF has for it.
const MACHINES: &[(u16, &str)] = &[
    (3, "i686"),
    (21, "ppc64le"),
    (22, "s390x"),
    (40, "armv7l"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
    (258, "loongarch64"),
];

const EXECUTABLE: u16 = 2;
const SHARED: u16 = 3;
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;
/// So many program headers or dynamic entries are read at most; a real program has about ten and thirty.
const MOST: usize = 4096;

/// What the header of a program says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// The CPU architecture, as `uname -m` calls it.
    pub machine: String,
    /// The program that starts it, where it is dynamic: `/lib64/ld-linux-x86-64.so.2`.
    pub loader: Option<String>,
    /// The libraries that the loader must find, where it is dynamic.
    pub libraries: Vec<String>,
}

/// Why a file is no program that a Linux server could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// The first bytes are others.
    #[error("it is not a Linux program: it does not start with the ELF magic number")]
    Magic,
    /// Big-endian, or of an unknown class.
    #[error("it is not a little-endian program of 64 or 32 bits")]
    Form,
    /// An object file or a core dump.
    #[error("it is an ELF file, but not an executable")]
    NotExecutable,
    /// An offset leads out of the file.
    #[error("it is damaged: its header points out of the file")]
    Damaged,
}

impl Elf {
    /// Reads the header of a program.
    ///
    /// # Errors
    /// When the bytes are not those of a program for Linux, or contradict themselves.
    pub fn read(bytes: &[u8]) -> Result<Elf, ElfError> {
        let file = File::of(bytes)?;
        let kind = file.number(16, 2)?;
        if kind != u64::from(EXECUTABLE) && kind != u64::from(SHARED) {
            return Err(ElfError::NotExecutable);
        }
        let number = file.number(18, 2)? as u16;
        let known = MACHINES.iter().find(|(machine, _)| *machine == number);
        let machine = known.map_or_else(|| format!("number {number} of ELF's list"), |(_, name)| (*name).into());
        let segments = file.segments()?;
        let loader = segments.iter().find(|segment| segment.kind == INTERPRETER);
        let loader = loader.map(|segment| file.text(segment.offset)).transpose()?;
        let libraries = if loader.is_some() { file.libraries(&segments)? } else { Vec::new() };
        Ok(Elf { machine, loader, libraries })
    }
}

/// A program without what lies behind all that is loaded of it: names and debugging information, which are more than half of a
/// development build. It runs as before; a panic still names its file and line.
///
/// # Errors
/// As [`Elf::read`].
pub fn without_symbols(mut bytes: Vec<u8>) -> Result<Vec<u8>, ElfError> {
    let file = File::of(&bytes)?;
    let mut end = file.header_end()?;
    for segment in file.segments()? {
        end = end.max(after(segment.offset, segment.size)?);
    }
    let end = usize::try_from(end).map_err(|_| ElfError::Damaged)?;
    let sections = file.sections();
    if end >= bytes.len() {
        return Ok(bytes);
    }
    bytes.truncate(end);
    for (at, length) in sections {
        bytes.get_mut(at..at + length).ok_or(ElfError::Damaged)?.fill(0);
    }
    Ok(bytes)
}

struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

struct File<'a> {
    bytes: &'a [u8],
    /// Whether it is of 64 bits.
    wide: bool,
}

impl<'a> File<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, ElfError> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(ElfError::Magic);
        }
        match bytes.get(4..6) {
            Some([2, 1]) => Ok(File { bytes, wide: true }),
            Some([1, 1]) => Ok(File { bytes, wide: false }),
            _ => Err(ElfError::Form),
        }
    }

    /// A little-endian number of so many bytes.
    fn number(&self, at: u64, length: u64) -> Result<u64, ElfError> {
        let start = usize::try_from(at).map_err(|_| ElfError::Damaged)?;
        let end = start.checked_add(length as usize).ok_or(ElfError::Damaged)?;
        let bytes = self.bytes.get(start..end).ok_or(ElfError::Damaged)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of the class's width.
    fn word(&self, at: u64) -> Result<u64, ElfError> {
        self.number(at, self.width())
    }

    fn width(&self) -> u64 {
        if self.wide { 8 } else { 4 }
    }

    /// The text up to the next zero byte.
    fn text(&self, at: u64) -> Result<String, ElfError> {
        let start = usize::try_from(at).map_err(|_| ElfError::Damaged)?;
        let rest = self.bytes.get(start..).ok_or(ElfError::Damaged)?;
        let end = rest.iter().position(|byte| *byte == 0).ok_or(ElfError::Damaged)?;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    /// The table of program headers: where it is, the size of an entry, and how many there are.
    fn table(&self) -> Result<(u64, u64, u64), ElfError> {
        Ok(match self.wide {
            true => (self.word(32)?, self.number(54, 2)?, self.number(56, 2)?),
            false => (self.word(28)?, self.number(42, 2)?, self.number(44, 2)?),
        })
    }

    /// Where the file's header and its table of program headers end.
    fn header_end(&self) -> Result<u64, ElfError> {
        let (table, size, count) = self.table()?;
        let header = if self.wide { 64 } else { 52 };
        Ok(after(table, size * count)?.max(header))
    }

    /// The fields of the header that lead to the table of sections: where each is, and its length.
    fn sections(&self) -> [(usize, usize); 3] {
        if self.wide { [(40, 8), (60, 2), (62, 2)] } else { [(32, 4), (48, 2), (50, 2)] }
    }

    fn segments(&self) -> Result<Vec<Segment>, ElfError> {
        let (table, size, count) = self.table()?;
        (0..count.min(MOST as u64)).map(|index| self.segment(after(table, index * size)?)).collect()
    }

    fn segment(&self, at: u64) -> Result<Segment, ElfError> {
        let [offset, address, size] = if self.wide { [8, 16, 32] } else { [4, 8, 16] };
        Ok(Segment {
            kind: self.number(at, 4)? as u32,
            offset: self.word(after(at, offset)?)?,
            address: self.word(after(at, address)?)?,
            size: self.word(after(at, size)?)?,
        })
    }

    fn libraries(&self, segments: &[Segment]) -> Result<Vec<String>, ElfError> {
        let Some(dynamic) = segments.iter().find(|segment| segment.kind == DYNAMIC) else { return Ok(Vec::new()) };
        let each = 2 * self.width();
        let count = (dynamic.size / each).min(MOST as u64);
        let entry = |index: u64| {
            let at = after(dynamic.offset, index * each)?;
            Ok((self.word(at)?, self.word(after(at, self.width())?)?))
        };
        let entries = (0..count).map(entry).collect::<Result<Vec<(u64, u64)>, ElfError>>()?;
        let table = entries.iter().find(|(tag, _)| *tag == STRING_TABLE);
        let Some((_, address)) = table else { return Ok(Vec::new()) };
        let strings = offset_of(*address, segments)?;
        let needed = entries.iter().take_while(|(tag, _)| *tag != 0).filter(|(tag, _)| *tag == NEEDED);
        needed.map(|(_, name)| self.text(after(strings, *name)?)).collect()
    }
}

fn after(at: u64, more: u64) -> Result<u64, ElfError> {
    at.checked_add(more).ok_or(ElfError::Damaged)
}

/// Where in the file lies what is loaded at this address.
fn offset_of(address: u64, segments: &[Segment]) -> Result<u64, ElfError> {
    let holds = |segment: &&Segment| {
        segment.kind == LOAD && address.checked_sub(segment.address).is_some_and(|within| within < segment.size)
    };
    let segment = segments.iter().find(holds).ok_or(ElfError::Damaged)?;
    after(segment.offset, address - segment.address)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    /// A program that has a header and nothing else.
    pub fn header(class: u8, kind: u16, machine: u16) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
        bytes[16..18].copy_from_slice(&kind.to_le_bytes());
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes
    }

    #[test]
    fn this_very_program_names_its_loader_and_its_libraries() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let elf = Elf::read(&own).unwrap();
        assert_eq!(elf.machine, std::env::consts::ARCH);
        assert!(elf.loader.is_some_and(|loader| loader.contains("/ld-")));
        assert!(elf.libraries.iter().any(|library| library.starts_with("libc.so")), "{:?}", elf.libraries);
    }

    #[test]
    fn without_its_symbols_a_program_is_smaller_and_runs() {
        let whole = std::fs::read("/proc/self/exe").unwrap();
        let (length, elf) = (whole.len(), Elf::read(&whole).unwrap());
        let small = without_symbols(whole).unwrap();
        assert!(small.len() < length, "{} of {length}", small.len());
        assert_eq!((Elf::read(&small).unwrap(), without_symbols(small.clone()).unwrap()), (elf, small.clone()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        // Another process writes it: a descriptor that a child of another test inherits would keep it from being run.
        let mut writer = Command::new("sh");
        writer.args(["-c", "cat >\"$0\" && chmod 700 \"$0\""]).arg(&path).stdin(Stdio::piped());
        let mut writer = writer.spawn().unwrap();
        writer.stdin.take().unwrap().write_all(&small).unwrap();
        assert!(writer.wait().unwrap().success());
        let output = Command::new(&path).args(["--list", "agent::elf"]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("a_program_is_smaller_and_runs"), "{output:?}");
    }

    #[test]
    fn a_program_without_a_loader_is_static_whatever_its_machine() {
        for (class, machine, name) in [(2, 62, "x86_64"), (2, 183, "aarch64"), (1, 3, "i686"), (1, 40, "armv7l")] {
            let elf = Elf::read(&header(class, EXECUTABLE, machine)).unwrap();
            assert_eq!(elf, Elf { machine: name.into(), loader: None, libraries: Vec::new() });
        }
        assert_eq!(Elf::read(&header(2, SHARED, 9999)).unwrap().machine, "number 9999 of ELF's list");
    }

    #[test]
    fn what_is_no_program_is_refused_with_the_reason() {
        assert_eq!(Elf::read(b"#!/bin/sh\n"), Err(ElfError::Magic));
        assert_eq!(Elf::read(b""), Err(ElfError::Magic));
        assert_eq!(Elf::read(b"\x7fELF\x02\x02"), Err(ElfError::Form));
        assert_eq!(Elf::read(b"\x7fELF\x02\x01"), Err(ElfError::Damaged));
        assert_eq!(Elf::read(&header(2, 1, 62)), Err(ElfError::NotExecutable));
        let mut lies = header(2, EXECUTABLE, 62);
        lies[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        lies[56] = 1;
        assert_eq!(Elf::read(&lies), Err(ElfError::Damaged));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 64..600), class in 1_u8..=2) {
            let count = 57 + usize::from(class);
            let head = header(class, EXECUTABLE, 62);
            bytes[..20].copy_from_slice(&head[..20]);
            bytes[count.min(63)] = 0;
            let _ = Elf::read(&bytes);
            let _ = without_symbols(bytes);
        }
    }
}
