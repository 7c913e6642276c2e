//! Role files: what a user writes to make a server of their own.
//!
//! ```yaml
//! word: webserver              # what steps call such servers, in the singular; default: the role's name
//! port: 8000                   # where its users reach it
//! programs: [python3]          # must be on the machine: checked before anything boots
//! packages: [python3]          # the Debian packages that bring them, in the same order
//! files:
//!   - { path: /srv/site/index.html, copy: ./index.html }      # as it is, relative to this file
//!   - path: /etc/site.conf                                    # or a template (minijinja)
//!     mode: "0640"                                            # default 0644
//!     when: virtual_ip                                        # default always
//!     content: |
//!       listen = {{ server.address }}:{{ server.port }}
//! run: [[mkdir, -p, /var/lib/site]]                           # before the services, in order
//! services:
//!   - name: site
//!     command: [python3, -m, http.server, "{{ server.port }}"]
//!     environment: { LANG: C.UTF-8 }
//!     working_directory: /srv/site
//! readiness: { http: /, within: 30 s }                        # or { tcp: true }, the default
//! reload: [nginx, -s, reload]                                 # takes changed files in, where that needs telling
//! monit: true                                                 # Monit starts services that die again; default false
//! stats_socket: /run/haproxy/admin.sock                       # of a HAProxy: makes the role a balancer
//! ```
//! What templates can speak of is listed in [`super::context`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Readiness, Role, RoleFile, RoleService, template};
use crate::infrastructure::InfrastructureError;
use crate::infrastructure::names::{RULE, is_name};
use crate::infrastructure::yaml::{Source, Step, at};
use crate::provider::FileContent;
use crate::units::HumanDuration;

/// How long a server may take to become ready where its role does not say.
const READY_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a role: a map with `port` and `services`")]
struct Form {
    word: Option<String>,
    port: u16,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    files: Vec<FileForm>,
    #[serde(default)]
    run: Vec<Vec<String>>,
    #[serde(default)]
    services: Vec<ServiceForm>,
    #[serde(default)]
    readiness: ReadinessForm,
    reload: Option<Vec<String>>,
    stats_socket: Option<PathBuf>,
    #[serde(default)]
    monit: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a file: a map with `path` and `content` or `copy`")]
struct FileForm {
    path: PathBuf,
    content: Option<String>,
    copy: Option<PathBuf>,
    mode: Option<String>,
    when: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a service: a map with `name` and `command`")]
struct ServiceForm {
    name: String,
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    working_directory: Option<PathBuf>,
    when: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a readiness: `{ http: / }` or `{ tcp: true }`")]
struct ReadinessForm {
    http: Option<String>,
    tcp: Option<bool>,
    within: Option<HumanDuration>,
}

/// Reads and checks a user's role file.
///
/// # Errors
/// The first mistake with file, line, column and a hint; templates are checked for syntax and unknown names.
pub fn read(name: &str, path: &Path) -> Result<Role, InfrastructureError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    parse(name, &Source::read(path)?, Some(&absolute))
}

/// Parses a role; `file` is its absolute path, `None` for a shipped one.
pub(super) fn parse(name: &str, source: &Source, file: Option<&Path>) -> Result<Role, InfrastructureError> {
    let form: Form = source.parse()?;
    let reader = Reader { source, folder: file.and_then(Path::parent) };
    let readiness = reader.head(&form)?;
    let files = form.files.iter().enumerate().map(|(index, file)| reader.file(index, file));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let commands = form.run.iter().enumerate().try_for_each(|(index, command)| {
        let place = format!("command {} of `run`", index + 1);
        reader.command(&at!["run", index], command, &place)
    });
    commands?;
    let services = reader.services(&form.services)?;
    let role = Role {
        name: name.into(),
        word: form.word.unwrap_or_else(|| name.into()),
        files,
        run: form.run,
        services,
        readiness,
        reload: form.reload,
        port: form.port,
        programs: form.programs,
        packages: form.packages,
        monit: form.monit,
        stats_socket: form.stats_socket,
        source: file.map(Path::to_path_buf),
    };
    template::check_names(&role, source)?;
    Ok(role)
}

struct Reader<'a> {
    source: &'a Source,
    folder: Option<&'a Path>,
}

type Checked<T> = Result<T, InfrastructureError>;

impl Reader<'_> {
    fn error<T>(&self, at: &[Step], detail: impl Into<String>, hint: impl Into<String>) -> Checked<T> {
        Err(self.source.error(at, detail, Some(hint.into())))
    }

    /// The fields that stand alone.
    fn head(&self, form: &Form) -> Checked<Readiness> {
        if form.word.as_deref() == Some(crate::infrastructure::tiers::EVERY_SERVER) {
            return self.error(&at!["word"], "the word `node` means every server", "choose another word");
        }
        if form.port == 0 {
            return self.error(&at!["port"], "nobody can reach port 0", "a port is a number from 1 to 65535");
        }
        if let Some(socket) = &form.stats_socket {
            self.absolute(&at!["stats_socket"], socket, "the stats socket")?;
        }
        if let Some(reload) = &form.reload {
            self.command(&at!["reload"], reload, "`reload`")?;
        }
        self.readiness(&form.readiness)
    }

    fn readiness(&self, form: &ReadinessForm) -> Checked<Readiness> {
        let tcp = form.tcp.unwrap_or(form.http.is_none());
        let hint = "write `readiness: { http: / }` or `readiness: { tcp: true }`";
        if !tcp && form.http.is_none() {
            return self.error(&at!["readiness"], "the role does not say when it is ready", hint);
        }
        if let Some(path) = form.http.as_ref().filter(|path| !path.starts_with('/')) {
            return self.error(&at!["readiness", "http"], format!("`{path}` is not a path to ask for"), hint);
        }
        let within = form.within.map_or(READY_WITHIN, |within| within.0);
        Ok(Readiness { http: form.http.clone(), tcp, within })
    }

    fn absolute(&self, at: &[Step], path: &Path, what: &str) -> Checked<()> {
        if path.is_absolute() {
            return Ok(());
        }
        let detail = format!("{what} `{}` is not an absolute path", path.display());
        self.error(at, detail, "paths on a server begin with `/`")
    }

    fn file(&self, index: usize, form: &FileForm) -> Checked<RoleFile> {
        self.absolute(&at!["files", index, "path"], &form.path, "the file")?;
        let content = match (&form.content, &form.copy) {
            (Some(content), None) => FileContent::Text(content.clone()),
            (None, Some(copy)) => FileContent::CopyOf(self.copied(index, copy)?),
            _ => {
                let detail = format!("the file `{}` needs either `content` or `copy`", form.path.display());
                return self.error(&at!["files", index, "path"], detail, "`content` is a template, `copy` a file");
            }
        };
        let mode = self.mode(index, form.mode.as_deref().unwrap_or("0644"))?;
        let line = first_line(self.source, &content_path(index));
        Ok(RoleFile { path: form.path.clone(), content, mode, when: form.when.clone(), line })
    }

    fn copied(&self, index: usize, copy: &Path) -> Checked<PathBuf> {
        let path: PathBuf = self.folder.unwrap_or(Path::new("/")).join(copy).components().collect();
        if path.is_file() {
            return Ok(path);
        }
        let detail = format!("there is no file `{}` to copy", path.display());
        self.error(&at!["files", index, "copy"], detail, "its path is relative to the role's file")
    }

    fn mode(&self, index: usize, text: &str) -> Checked<u32> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(mode),
            _ => {
                let detail = format!("`{text}` is not a file mode");
                self.error(&at!["files", index, "mode"], detail, "write octal digits: `mode: \"0644\"`")
            }
        }
    }

    fn command(&self, at: &[Step], command: &[String], what: &str) -> Checked<()> {
        match command.first() {
            Some(program) if !program.is_empty() => Ok(()),
            _ => self.error(at, format!("{what} is empty"), "write program and arguments: `[mkdir, -p, /srv]`"),
        }
    }

    fn services(&self, forms: &[ServiceForm]) -> Checked<Vec<RoleService>> {
        let mut names = BTreeSet::new();
        let mut services = Vec::new();
        for (index, form) in forms.iter().enumerate() {
            let at = at!["services", index, "name"];
            if !is_name(&form.name) {
                return self.error(&at, format!("`{}` can't be a service's name", form.name), RULE);
            }
            if !names.insert(&form.name) {
                let detail = format!("the service `{}` is declared twice", form.name);
                return self.error(&at, detail, "every service needs a name of its own: its log is called by it");
            }
            let what = format!("the command of `{}`", form.name);
            self.command(&at!["services", index, "command"], &form.command, &what)?;
            if let Some(folder) = &form.working_directory {
                self.absolute(&at!["services", index, "working_directory"], folder, "the working directory")?;
            }
            services.push(RoleService {
                name: form.name.clone(),
                command: form.command.clone(),
                environment: form.environment.clone(),
                working_directory: form.working_directory.clone(),
                when: form.when.clone(),
            });
        }
        Ok(services)
    }
}

/// Where a file's content is.
pub(super) fn content_path(index: usize) -> [Step; 3] {
    at!["files", index, "content"]
}

/// The line of a text's first line: a block (`|`, `>`) begins below its mark.
pub(super) fn first_line(source: &Source, path: &[Step]) -> usize {
    let Some((line, column)) = crate::infrastructure::yaml::locate(&source.text, path) else { return 1 };
    let text = source.text.lines().nth(line - 1).unwrap_or_default();
    let is_block = text.chars().nth(column - 1).is_some_and(|mark| mark == '|' || mark == '>');
    line + usize::from(is_block)
}
