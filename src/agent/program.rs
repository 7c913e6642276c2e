//! The program that is put on servers which do not have it: which file it is, what it needs, and whether a server has that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::elf::{Elf, ElfError, without_symbols};
use super::survey::{self, SCRIPT, Survey};

/// This very program, whatever has become of its file.
const OWN: &str = "/proc/self/exe";
/// So many digits of the hash name the folder on a server.
const SHORT: usize = 16;

/// A program that can be put on servers.
#[derive(Clone)]
pub struct Program {
    /// As users are told.
    pub shown: String,
    /// What is put there: the file without its symbols.
    pub bytes: Arc<[u8]>,
    /// The SHA-256 of that, in hex.
    pub sha256: String,
    /// What it needs.
    pub elf: Elf,
}

/// Why a file is no agent's program.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It can't be read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{}: {source}", .path.display())]
    Elf {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ElfError,
    },
}

/// Why the agent's program is not on a server.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The file is no program.
    #[error("the program of the agent: {0}")]
    Source(#[from] SourceError),
    /// The server has another CPU.
    #[error(
        "{server} has the CPU architecture {theirs}, and {program} is for {ours}; nothing was put on the server\n  \
         help: run `make static` on a machine of that architecture, and name its program in the inventory: `agent: FILE`"
    )]
    Cpu {
        /// The server's name.
        server: String,
        /// What `uname -m` printed there.
        theirs: String,
        /// Which program.
        program: String,
        /// What it is for.
        ours: String,
    },
    /// A dynamic program, and a server without what starts it.
    #[error(
        "{server} has no {loader}, which {program} needs to start, since it is no static build; nothing was put on the server\n  \
         help: run `make static`, and name its program in the inventory: `agent: {STATIC}`"
    )]
    Loader {
        /// The server's name.
        server: String,
        /// Its path.
        loader: String,
        /// Which program.
        program: String,
    },
    /// No folder can hold a program.
    #[error(
        "{server} has no folder that can hold the program of the agent: {reasons}; nothing was put on the server\n  \
         help: log in as root, and see that one of them is mounted without `noexec` and has space"
    )]
    NoPlace {
        /// The server's name.
        server: String,
        /// Each folder, and why not.
        reasons: String,
    },
    /// It was uploaded and does not start.
    #[error("the program of the agent does not start on {server}, and was removed again: {said}{}", needs(.libraries))]
    DoesNotStart {
        /// The server's name.
        server: String,
        /// What was printed there.
        said: String,
        /// The libraries that a dynamic program must find.
        libraries: Vec<String>,
    },
    /// It runs, but is another than was thought.
    #[error(
        "{server}: {program} is of version {theirs}, and this chimp expects {ours}; it was removed again\n  \
         help: build both from the same sources"
    )]
    Version {
        /// The server's name.
        server: String,
        /// Which program.
        program: String,
        /// What it answered.
        theirs: String,
        /// What was expected.
        ours: String,
    },
    /// The server could not be asked, or answered nonsense.
    #[error("{server}: {action} failed: {detail}")]
    Failed {
        /// The server's name.
        server: String,
        /// What was done.
        action: &'static str,
        /// Why.
        detail: String,
    },
}

/// Where `make static` puts it.
const STATIC: &str = "target/x86_64-unknown-linux-gnu/release/chimp";

fn needs(libraries: &[String]) -> String {
    match libraries {
        [] => String::new(),
        some => format!(
            "\n  help: it needs {} of the server; a static build needs nothing: run `make static`, and name its program \
             in the inventory: `agent: {STATIC}`",
            some.join(", ")
        ),
    }
}

impl Program {
    /// The program in this file; without one, this very program. Blocks.
    ///
    /// # Errors
    /// When it can't be read, or is no program for Linux.
    pub fn read(file: Option<&Path>) -> Result<Program, SourceError> {
        let path = file.unwrap_or(Path::new(OWN)).to_path_buf();
        let shown = file.map_or_else(|| "this chimp".into(), |file| file.display().to_string());
        let bytes = std::fs::read(&path).map_err(|source| SourceError::Io { path: path.clone(), source })?;
        let of = |source| SourceError::Elf { path: path.clone(), source };
        let elf = Elf::read(&bytes).map_err(of)?;
        let bytes = without_symbols(bytes).map_err(of)?;
        let sha256 = hex(&Sha256::digest(&bytes));
        Ok(Program { shown, bytes: bytes.into(), sha256, elf })
    }

    /// The name of its folder on a server: another program never has the same.
    pub fn folder(&self) -> String {
        format!("{FOLDER}{}", &self.sha256[..SHORT])
    }

    /// What it answers when it is asked for its version.
    pub fn version(&self) -> String {
        super::version_of(self.bytes.len() as u64)
    }

    /// What a server is asked before the program is put on it.
    pub fn survey(&self) -> Vec<String> {
        let loader = self.elf.loader.clone().unwrap_or_default();
        let head = ["sh", "-c", SCRIPT, "sh"].map(String::from);
        let places = survey::PLACES.iter().map(|place| place.to_string());
        head.into_iter().chain([loader, format!("{}/{NAME}", self.folder())]).chain(places).collect()
    }

    /// The path on this server that it is put at, if it can run there at all.
    ///
    /// # Errors
    /// Which of the server's properties is in the way, and what to do.
    pub fn place_on(&self, server: &str, survey: &Survey) -> Result<String, ProgramError> {
        let (server, program) = (server.to_string(), self.shown.clone());
        if !same_cpu(&self.elf.machine, &survey.cpu) {
            let (theirs, ours) = (survey.cpu.clone(), self.elf.machine.clone());
            return Err(ProgramError::Cpu { server, theirs, program, ours });
        }
        if let Some(loader) = self.elf.loader.clone().filter(|_| !survey.has_loader) {
            return Err(ProgramError::Loader { server, loader, program });
        }
        let place = survey.holder.as_deref().map_or_else(|| survey.place(self.bytes.len() as u64), Ok);
        let place = place.map_err(|reasons| ProgramError::NoPlace { server, reasons: reasons.join(", ") })?;
        Ok(format!("{place}/{}/{NAME}", self.folder()))
    }
}

/// How the folders of uploaded programs begin, and the program's name in its folder.
pub const FOLDER: &str = "anarcho-chimp-agent-";
pub const NAME: &str = "agent";

/// Whether a program for one runs on the other, by their names of `uname -m`.
fn same_cpu(program: &str, server: &str) -> bool {
    let arm = |name: &str| name.starts_with("arm") && name != "arm64";
    match program {
        "i686" => matches!(server, "i386" | "i486" | "i586" | "i686" | "x86_64"),
        "aarch64" => matches!(server, "aarch64" | "arm64"),
        "armv7l" => arm(server),
        other => other == server,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(loader: Option<&str>) -> Program {
        let libraries = loader.iter().map(|_| "libc.so.6".to_string()).collect();
        let elf = Elf { machine: "x86_64".into(), loader: loader.map(str::to_string), libraries };
        Program { shown: "this chimp".into(), bytes: vec![0; 100_000].into(), sha256: "ab".repeat(32), elf }
    }

    fn survey(text: &str) -> Survey {
        Survey::parse(text).unwrap()
    }

    const FINE: &str = "cpu x86_64\nloader no\nfolder /run yes yes tmpfs 90000 1 89999 1% /run\nmounts\n";

    #[test]
    fn a_static_program_needs_neither_loader_nor_libraries() {
        let place = program(None).place_on("web-1", &survey(FINE)).unwrap();
        assert_eq!(place, "/run/anarcho-chimp-agent-abababababababab/agent");
    }

    #[test]
    fn a_server_of_another_cpu_is_refused_and_told_how_to_get_the_right_program() {
        let arm = FINE.replace("x86_64", "aarch64");
        let why = program(None).place_on("web-1", &survey(&arm)).unwrap_err().to_string();
        assert!(
            why.starts_with("web-1 has the CPU architecture aarch64, and this chimp is for x86_64; nothing"),
            "{why}"
        );
        assert!(why.contains("make static") && why.contains("`agent: FILE`"), "{why}");
    }

    #[test]
    fn a_dynamic_program_is_refused_where_its_loader_is_missing() {
        let why = program(Some("/lib64/ld.so")).place_on("web-1", &survey(FINE)).unwrap_err().to_string();
        assert!(why.starts_with("web-1 has no /lib64/ld.so, which this chimp needs to start"), "{why}");
        assert!(why.contains("run `make static`"), "{why}");
        let has = FINE.replace("loader no", "loader yes");
        assert!(program(Some("/lib64/ld.so")).place_on("web-1", &survey(&has)).is_ok());
    }

    #[test]
    fn names_of_one_cpu_are_one_cpu() {
        assert!(same_cpu("i686", "x86_64") && !same_cpu("x86_64", "i686"));
        assert!(same_cpu("aarch64", "arm64") && !same_cpu("armv7l", "arm64") && same_cpu("armv7l", "armv8l"));
    }

    #[test]
    fn a_file_that_is_no_program_is_refused_by_its_name() {
        let told = |file: &str| Program::read(Some(Path::new(file))).err().unwrap().to_string();
        assert_eq!(
            told("Cargo.toml"),
            "Cargo.toml: it is not a Linux program: it does not start with the ELF magic number"
        );
        assert!(told("no-such-file").starts_with("no-such-file: No such file"));
    }

    #[test]
    fn this_very_program_is_what_is_put_on_servers_where_no_other_is_named() {
        let own = Program::read(None).unwrap();
        let file = std::fs::metadata(OWN).unwrap().len();
        assert!((own.bytes.len() as u64) < file, "{} of {file}", own.bytes.len());
        assert_eq!((own.sha256.len(), own.folder().len()), (64, FOLDER.len() + SHORT));
    }
}
