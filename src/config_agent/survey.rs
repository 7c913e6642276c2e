//! What of a server is not what its role says: one look, by one command.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::instance::{Command, FileContent, FileSpec, Output, ServiceSpec};
use crate::launch::{UNCONFIGURED_MARK, process_file};
use crate::provider::{Remote, RemoteError};

/// Says whether the server is unconfigured; of each file its mode and hash; of each service, after `--`, whether it runs. Names
/// come as arguments, so nothing is ever spliced into it.
const SCRIPT: &str = r#"
[ -e "$1" ] && echo unconfigured || echo configured
shift
while [ "$1" != -- ]; do
    if [ -f "$1" ]; then
        echo "$(stat -c %a -- "$1") $(sha256sum <"$1")"
    else
        echo absent
    fi
    shift
done
shift
for file; do
    pid=
    { read -r pid <"$file"; } 2>/dev/null
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && echo runs || echo dead
done
"#;

/// What was found on a server.
#[derive(Debug, PartialEq)]
pub(super) struct Drift {
    /// It was booted unconfigured, and does not have its role yet.
    pub unconfigured: bool,
    /// The files that are missing or differ, as they should be.
    pub changed: Vec<FileSpec>,
    /// The services that do not run.
    pub dead: Vec<ServiceSpec>,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum SurveyError {
    /// The server could not be asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A file that is to be copied there is not here.
    #[error("{}: can't be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// It answered something else than was asked.
    #[error("unexpected answer about its files and services: {0}")]
    Answer(String),
}

/// Compares a server with what it should be.
///
/// # Errors
/// When it can't be reached, or a file of this machine can't be read.
pub(super) async fn survey(
    remote: &dyn Remote,
    files: &[FileSpec],
    services: &[ServiceSpec],
) -> Result<Drift, SurveyError> {
    let files: Vec<FileSpec> = files.iter().filter(|file| is_compared(file)).cloned().collect();
    let expected = expected(&files).await?;
    let output = remote.exec(&question(&files, services)).await?;
    read(&output, &expected, &files, services).ok_or_else(|| {
        let Output { status, stdout, stderr } = output;
        SurveyError::Answer(format!("{} {} ({status:?})", stdout.trim(), stderr.trim()))
    })
}

/// Programs are there from the boot on, and what a command makes is its own from then on.
fn is_compared(file: &FileSpec) -> bool {
    matches!(file.content, FileContent::Text(_) | FileContent::Bytes(_) | FileContent::CopyOf(_))
}

fn question(files: &[FileSpec], services: &[ServiceSpec]) -> Command {
    let text = |path: &Path| path.display().to_string();
    let argv = ["sh", "-c", SCRIPT, "sh", UNCONFIGURED_MARK].map(String::from).into_iter();
    let files = files.iter().map(|file| text(&file.path));
    let services = services.iter().map(|service| text(&process_file(&service.name)));
    Command::new(argv.chain(files).chain(["--".into()]).chain(services))
}

/// What the server says of each file if it is as it should be.
async fn expected(files: &[FileSpec]) -> Result<Vec<String>, SurveyError> {
    let mut lines = Vec::new();
    for file in files {
        let hash = match &file.content {
            FileContent::Text(text) => Sha256::digest(text),
            FileContent::Bytes(bytes) => Sha256::digest(bytes),
            FileContent::CopyOf(path) => {
                let bytes = tokio::fs::read(path).await;
                Sha256::digest(bytes.map_err(|source| SurveyError::Unreadable { path: path.clone(), source })?)
            }
            FileContent::Program(_) | FileContent::MadeBy { .. } => continue,
        };
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("{:o} {hash}  -", file.mode));
    }
    Ok(lines)
}

fn read(output: &Output, expected: &[String], files: &[FileSpec], services: &[ServiceSpec]) -> Option<Drift> {
    let mut lines = output.stdout.lines();
    let unconfigured = match lines.next()? {
        "unconfigured" => true,
        "configured" => false,
        _ => return None,
    };
    let lines: Vec<&str> = lines.collect();
    if lines.len() != files.len() + services.len() {
        return None;
    }
    let (of_files, of_services) = lines.split_at(files.len());
    let changed = files.iter().zip(expected).zip(of_files).filter(|((_, expected), line)| expected != *line);
    let dead = services.iter().zip(of_services).filter(|(_, line)| **line != "runs");
    Some(Drift {
        unconfigured,
        changed: changed.map(|((file, _), _)| file.clone()).collect(),
        dead: dead.map(|(service, _)| service.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn file(path: &str, text: &str) -> FileSpec {
        FileSpec { path: path.into(), content: FileContent::Text(text.into()), mode: 0o644 }
    }

    fn service(name: &str) -> ServiceSpec {
        let (command, environment) = (vec![name.into()], BTreeMap::new());
        ServiceSpec { name: name.into(), command, environment, working_directory: None }
    }

    fn output(stdout: &str) -> Output {
        Output { status: Some(0), stdout: stdout.into(), stderr: String::new() }
    }

    #[tokio::test]
    async fn what_differs_and_what_is_dead_is_found() {
        let (files, services) = ([file("/a", "one"), file("/b", "two")], [service("nginx"), service("monit")]);
        let expected = expected(&files).await.unwrap();
        let said = format!("configured\n{}\nabsent\nruns\ndead\n", expected[0]);
        let found = read(&output(&said), &expected, &files, &services).unwrap();
        assert_eq!((found.unconfigured, found.changed), (false, vec![file("/b", "two")]));
        assert_eq!(found.dead, [service("monit")]);
        let whole = format!("unconfigured\n{}\n{}\nruns\nruns\n", expected[0], expected[1]);
        let found = read(&output(&whole), &expected, &files, &services).unwrap();
        assert!(found.unconfigured && found.changed.is_empty() && found.dead.is_empty());
    }

    #[tokio::test]
    async fn a_mode_that_differs_is_a_difference() {
        let files = [file("/a", "one")];
        let expected = expected(&files).await.unwrap();
        let said = format!("configured\n{}\n", expected[0].replace("644", "600"));
        assert_eq!(read(&output(&said), &expected, &files, &[]).unwrap().changed.len(), 1);
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        assert_eq!(read(&output("configured\n"), &[], &[], &[service("nginx")]), None);
        assert_eq!(read(&output(""), &[], &[], &[]), None);
    }

    /// The command itself, on this machine: it only reads.
    #[test]
    fn the_look_itself_tells_files_and_processes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a file");
        std::fs::write(&path, "one").unwrap();
        let own = folder.path().join("own.pid");
        std::fs::write(&own, format!("{}\n", std::process::id())).unwrap();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", SCRIPT, "sh", "/no/mark"]).arg(&path).arg("/no/file").arg("--").arg(&own).arg("/no.pid");
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        let hash: String = Sha256::digest("one").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(lines[0], "configured");
        assert!(lines[1].ends_with(&format!(" {hash}  -")), "{said}");
        assert_eq!(lines[2..], ["absent", "runs", "dead"]);
    }
}
