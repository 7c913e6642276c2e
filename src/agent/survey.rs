//! What a server is asked before a program is put on it. Asking changes nothing there.

/// The folders that may hold an uploaded program, the best first: what is in memory is gone after a reboot, whoever has
/// ended by then.
pub(super) const PLACES: [&str; 4] = ["/run", "/var/lib", "/opt", "/root"];

/// More than its file's length must be free: it is written beside, then renamed.
const SPARE: u64 = 1 << 20;

/// Prints what [`Survey::parse`] reads. `$1`: the loader, empty for a static program; `$2`: the program's path in its
/// folder; the rest: the folders. It needs a POSIX shell and `uname`; where there is no `df` or no `/proc`, less is known.
pub(super) const SCRIPT: &str = r#"
echo "cpu $(uname -m)"
if [ -e "$1" ]; then echo "loader yes"; else echo "loader no"; fi
program=$2
shift 2
for place; do
    [ -x "$place/$program" ] && echo "holder $place"
    parent=${place%/*}
    there=no; [ -d "$place" ] && there=yes
    [ "$there" = yes ] || [ "$place" = /run ] || continue
    looked=$place; [ "$there" = yes ] || looked=${parent:-/}
    writable=no; [ -w "$looked" ] && writable=yes
    echo "folder $place $there $writable $(df -Pk "$looked" 2>/dev/null | tail -n 1)"
done
echo mounts
cat /proc/mounts 2>/dev/null || :
"#;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// What `uname -m` printed.
    pub cpu: String,
    /// Whether the loader that was asked for is there.
    pub has_loader: bool,
    /// The folder that holds the very program already.
    pub holder: Option<String>,
    folders: Vec<Folder>,
    /// Mount points and their options, in the order in which they were mounted.
    mounts: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Folder {
    path: String,
    writable: bool,
    /// In bytes, where that is known.
    free: Option<u64>,
}

impl Survey {
    /// Reads the answer.
    ///
    /// # Errors
    /// The line that makes no sense.
    pub fn parse(text: &str) -> Result<Survey, String> {
        let (head, mounts) = text.split_once("mounts\n").ok_or_else(|| format!("no list of mounts in {text:?}"))?;
        let (cpu, has_loader, holder) = (String::new(), false, None);
        let mut survey = Survey { cpu, has_loader, holder, folders: Vec::new(), mounts: Vec::new() };
        for line in head.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["cpu", cpu] => survey.cpu = (*cpu).into(),
                ["loader", found] => survey.has_loader = *found == "yes",
                ["holder", path] => survey.holder = Some((*path).into()),
                ["folder", path, _, writable, rest @ ..] => {
                    let (path, writable) = ((*path).to_string(), *writable == "yes");
                    survey.folders.push(Folder { path, writable, free: free(rest) });
                }
                _ => return Err(format!("{line:?} was not expected")),
            }
        }
        if survey.cpu.is_empty() {
            return Err(format!("no CPU in {text:?}"));
        }
        let mount = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            Some((words.get(1)?.to_string(), words.get(3)?.to_string()))
        };
        survey.mounts = mounts.lines().filter_map(mount).collect();
        Ok(survey)
    }

    /// The first folder that can hold a program of so many bytes, and run it.
    ///
    /// # Errors
    /// Why each can't.
    pub fn place(&self, length: u64) -> Result<&str, Vec<String>> {
        let mut reasons = Vec::new();
        for folder in &self.folders {
            match self.unfit(folder, length) {
                None => return Ok(&folder.path),
                Some(why) => reasons.push(format!("{} {why}", folder.path)),
            }
        }
        if reasons.is_empty() {
            reasons.push(format!("none of {} is there", PLACES.join(", ")));
        }
        Err(reasons)
    }

    fn unfit(&self, folder: &Folder, length: u64) -> Option<String> {
        let options = self.options(&folder.path);
        let has = |option: &str| options.is_some_and(|options| options.split(',').any(|word| word == option));
        let needed = length + SPARE;
        match folder.free {
            _ if has("noexec") => Some("is mounted noexec".into()),
            _ if has("ro") => Some("is mounted read-only".into()),
            _ if !folder.writable => Some("cannot be written".into()),
            Some(free) if free < needed => {
                Some(format!("has {} MiB free and {} are needed", free >> 20, (needed >> 20) + 1))
            }
            _ => None,
        }
    }

    /// How the file system is mounted that holds this folder: the last of those with the longest path.
    fn options(&self, path: &str) -> Option<&str> {
        let holds = |point: &str| {
            let rest = path.strip_prefix(point.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let holding = self.mounts.iter().filter(|(point, _)| holds(point));
        holding.max_by_key(|(point, _)| point.trim_end_matches('/').len()).map(|(_, options)| options.as_str())
    }
}

/// From the line of `df -Pk`, whose first words may hold anything: the kilobytes before the percentage.
fn free(words: &[&str]) -> Option<u64> {
    let percent = words.iter().rposition(|word| word.ends_with('%'))?;
    words.get(percent.checked_sub(1)?)?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "cpu x86_64\nloader yes\n\
        folder /run yes yes tmpfs 400000 1000 399000 1% /run\n\
        folder /var/lib yes yes /dev/vda 260000000 1 200000000 40% /\n\
        mounts\n/dev/vda / ext4 rw,relatime 0 0\ntmpfs /run tmpfs rw,nosuid,nodev 0 0\ntmpfs /run/lock tmpfs rw,noexec 0 0\n";
    const LENGTH: u64 = 34 << 20;

    fn place(text: &str) -> Result<String, Vec<String>> {
        Survey::parse(text).unwrap().place(LENGTH).map(str::to_string)
    }

    #[test]
    fn what_is_in_memory_comes_first() {
        assert_eq!(place(DEBIAN).unwrap(), "/run");
    }

    #[test]
    fn a_folder_that_is_mounted_noexec_or_read_only_is_passed_over() {
        assert_eq!(place(&DEBIAN.replace("rw,nosuid", "rw,noexec,nosuid")).unwrap(), "/var/lib");
        assert_eq!(place(&DEBIAN.replace("rw,nosuid", "ro,nosuid")).unwrap(), "/var/lib");
        let later = format!("{DEBIAN}tmpfs /run tmpfs rw,noexec 0 0\n");
        assert_eq!(place(&later).unwrap(), "/var/lib", "the mount on top counts");
    }

    #[test]
    fn a_folder_that_is_too_small_or_can_t_be_written_is_passed_over() {
        assert_eq!(place(&DEBIAN.replace("399000", "30000")).unwrap(), "/var/lib");
        assert_eq!(place(&DEBIAN.replace("/run yes yes", "/run yes no")).unwrap(), "/var/lib");
    }

    #[test]
    fn where_no_folder_will_do_each_says_why() {
        let text = DEBIAN.replace("rw,nosuid", "rw,noexec").replace("lib yes yes", "lib yes no");
        assert_eq!(place(&text).unwrap_err(), ["/run is mounted noexec", "/var/lib cannot be written"]);
        let full = DEBIAN.replace("399000", "0").replace("200000000 40%", "20480 99%");
        assert_eq!(place(&full).unwrap_err()[1], "/var/lib has 20 MiB free and 36 are needed");
        assert_eq!(place("cpu x86_64\nloader no\nmounts\n").unwrap_err().len(), 1);
    }

    #[test]
    fn a_server_without_df_and_proc_is_taken_at_its_word() {
        assert_eq!(place("cpu x86_64\nloader no\nfolder /run no yes \nmounts\n").unwrap(), "/run");
    }

    #[test]
    fn nonsense_is_no_answer() {
        for text in ["", "cpu x86_64\n", "sh: uname: not found\nmounts\n", "loader no\nmounts\n", "hello\nmounts\n"] {
            assert!(Survey::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn this_machine_answers_the_script() {
        let argv = ["-c", SCRIPT, "sh", "/nowhere/ld.so", "ls", "/run", "/bin", "/nowhere", "/tmp"];
        let output = std::process::Command::new("sh").args(argv).output().unwrap();
        let survey = Survey::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert_eq!((survey.cpu.as_str(), survey.has_loader), (std::env::consts::ARCH, false));
        let there: Vec<&str> = survey.folders.iter().map(|folder| folder.path.as_str()).collect();
        assert_eq!(there, ["/run", "/bin", "/tmp"]);
        assert_eq!(survey.holder.as_deref(), Some("/bin"));
        assert!(survey.folders.iter().all(|folder| folder.free.is_some()) && !survey.mounts.is_empty());
    }
}
