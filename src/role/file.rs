//! Role files: what a user writes to make a server of their own.
//!
//! ```yaml
//! noun: webserver              # what steps call such servers, in the singular; default: the role's name
//! port: 8000                   # where its users reach it
//! programs: [python3]          # must be on the machine: checked before anything boots
//! packages: [python3]          # the Debian packages that bring them, in the same order
//! write_files:                 # as in cloud-config; in order, before anything runs
//!   - path: /etc/site.conf
//!     permissions: "0640"                                     # octal digits in quotes; default 0644
//!     owner: nobody                                           # or user:group; default root; set after `runcmd`
//!     when: virtual_ip                                        # default always
//!     content: |                                              # a template (minijinja)
//!       listen = {{ server.address }}:{{ server.port }}
//!   - { path: /srv/site/logo.png, content: !!binary iVBORw0KGgo= }  # or bytes as they are; also with `encoding: b64`
//!   - { path: /srv/site/index.html, copy: ./index.html }      # or a file as it is, relative to this one
//!   - { path: /usr/local/bin/shop, program: shop }            # or a program of this machine: beside `chimp`, or in PATH
//!   - path: /var/lib/shop                                     # or what commands leave there, made once a run and copied
//!     made_by: "shop-init /var/lib/shop"                      # a line for `sh -c`, or a list; see `made_from`
//!     made_from: [/etc/site.conf]                             # files above that it reads
//! runcmd:                      # as in cloud-config: before the services, in order
//!   - mkdir -p /var/lib/site                                  # a line for `sh -c`
//!   - [chown, nobody, /var/lib/site]                          # or program and arguments
//! services:                    # programs that stay in the foreground: one that ends while the site comes up is an error
//!   - name: site
//!     command: [python3, -m, http.server, "{{ server.port }}"]
//!     environment: { LANG: C.UTF-8 }
//!     working_directory: /srv/site
//! readiness: { http: /, within: 30 s }                        # or { tcp: true }, the default; `port` where it is another
//! reload: [nginx, -s, reload]                                 # takes changed files in, where that needs telling
//! monit: true                                                 # Monit starts services that die again; default false
//! stats_socket: /run/haproxy/admin.sock                       # of a HAProxy: makes the role a balancer
//! stub_status: http://127.0.0.1:8081/nginx_status             # of an nginx, as the server itself reaches it: what it counts is observed
//! standby_backends: [write]                                             # its backends where one server is up and the others wait
//! database: { status_port: 9200 }                             # of a MariaDB: makes the role a database, see [`super::DatabaseRole`]
//! keeps_data: true             # data is lost with such a server; default: by the names of its programs and packages
//! ```
//! What templates can speak of is listed in [`crate::render::context`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::templates;
use super::write_files::FileForm;
use super::{DatabaseRole, Readiness, Role, RoleService, StubStatusUrl, stub_status};
use crate::document::names::{RULE, is_name};
use crate::document::yaml::{PathSegment, Source, at};
use crate::document::{Checked, DocumentError};
use crate::units::HumanDuration;

/// How long a server may take to become ready where its role does not say.
const READY_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a role: a map with `port` and `services`")]
struct Form {
    noun: Option<String>,
    port: u16,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    write_files: Vec<FileForm>,
    #[serde(default)]
    runcmd: Vec<CommandForm>,
    #[serde(default)]
    services: Vec<ServiceForm>,
    #[serde(default)]
    readiness: ReadinessForm,
    reload: Option<Vec<String>>,
    stats_socket: Option<PathBuf>,
    stub_status: Option<String>,
    #[serde(default)]
    standby_backends: Vec<String>,
    database: Option<DatabaseRole>,
    keeps_data: Option<bool>,
    #[serde(default)]
    monit: bool,
}

/// A command as cloud-config has it: a line for a shell, or a program and its arguments.
#[derive(Debug, Clone)]
pub(super) enum CommandForm {
    Line(String),
    Words(Vec<String>),
}

/// By hand, so that a number in a list is a word, as everywhere.
impl<'de> Deserialize<'de> for CommandForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = CommandForm;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a command: a line for `sh -c`, or a list of program and arguments")
            }

            fn visit_str<E: Error>(self, line: &str) -> Result<CommandForm, E> {
                Ok(CommandForm::Line(line.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<CommandForm, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = items.next_element()? {
                    words.push(word);
                }
                Ok(CommandForm::Words(words))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl CommandForm {
    pub(super) fn argv(&self) -> Vec<String> {
        match self {
            CommandForm::Line(line) if line.is_empty() => Vec::new(),
            CommandForm::Line(line) => vec!["sh".into(), "-c".into(), line.clone()],
            CommandForm::Words(words) => words.clone(),
        }
    }
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
    port: Option<u16>,
    within: Option<HumanDuration>,
}

/// Reads and checks a user's role file.
///
/// # Errors
/// The first mistake with file, line, column and a hint; templates are checked for syntax and unknown names.
pub fn read(name: &str, path: &Path) -> Result<Role, DocumentError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    parse(name, &Source::read(path)?, Some(&absolute))
}

/// Parses a role; `file` is its absolute path, `None` for a shipped one.
pub(super) fn parse(name: &str, source: &Source, file: Option<&Path>) -> Result<Role, DocumentError> {
    let form: Form = source.parse()?;
    let reader = Reader { source, folder: file.and_then(Path::parent) };
    let readiness = reader.head(&form)?;
    let files = form.write_files.iter().enumerate().map(|(index, file)| reader.file(index, file));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    reader.made_from(&files)?;
    let run: Vec<Vec<String>> = form.runcmd.iter().map(CommandForm::argv).collect();
    let commands = run.iter().enumerate().try_for_each(|(index, command)| {
        let place = format!("command {} of `runcmd`", index + 1);
        reader.command(&at!["runcmd", index], command, &place)
    });
    commands?;
    let services = reader.services(&form.services)?;
    let role = Role {
        name: name.into(),
        noun: form.noun.unwrap_or_else(|| name.into()),
        files,
        run,
        services,
        readiness,
        reload: form.reload,
        port: form.port,
        programs: form.programs,
        packages: form.packages,
        monit: form.monit,
        stub_status: reader.stub_status(form.stub_status.as_deref())?,
        stats_socket: form.stats_socket,
        standby_backends: form.standby_backends,
        database: form.database,
        keeps_data: form.keeps_data,
        source: file.map(Path::to_path_buf),
    };
    templates::check(&role, source)?;
    Ok(role)
}

pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) folder: Option<&'a Path>,
}

impl Reader<'_> {
    pub(super) fn error<T>(
        &self,
        at: &[PathSegment],
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Checked<T> {
        Err(self.source.error(at, detail, Some(hint.into())))
    }

    /// The fields that stand alone.
    fn head(&self, form: &Form) -> Checked<Readiness> {
        if form.noun.as_deref() == Some(crate::role::EVERY_SERVER) {
            return self.error(&at!["noun"], "the noun `node` means every server", "choose another noun");
        }
        if form.port == 0 {
            return self.error(&at!["port"], "nobody can reach port 0", "a port is a number from 1 to 65535");
        }
        if let Some(socket) = &form.stats_socket {
            self.absolute(&at!["stats_socket"], socket, "the stats socket")?;
        }
        if let Some(database) = &form.database {
            self.absolute(&at!["database", "socket"], &database.socket, "the socket")?;
            self.absolute(&at!["database", "data"], &database.data, "the data directory")?;
        }
        if let Some(reload) = &form.reload {
            self.command(&at!["reload"], reload, "`reload`")?;
        }
        self.readiness(&form.readiness)
    }

    fn stub_status(&self, url: Option<&str>) -> Checked<Option<StubStatusUrl>> {
        let read =
            |url: &str| url.parse().or_else(|why: String| self.error(&at!["stub_status"], why, stub_status::HINT));
        url.map(read).transpose()
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
        Ok(Readiness { http: form.http.clone(), tcp, port: form.port, within })
    }

    pub(super) fn absolute(&self, at: &[PathSegment], path: &Path, what: &str) -> Checked<()> {
        if path.is_absolute() {
            return Ok(());
        }
        let detail = format!("{what} `{}` is not an absolute path", path.display());
        self.error(at, detail, "paths on a server begin with `/`")
    }

    pub(super) fn command(&self, at: &[PathSegment], command: &[String], what: &str) -> Checked<()> {
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
pub(crate) fn content_path(index: usize) -> [PathSegment; 3] {
    at!["write_files", index, "content"]
}

/// The line of a text's first line: a block (`|`, `>`) begins below its mark.
pub(super) fn first_line(source: &Source, path: &[PathSegment]) -> usize {
    let Some((line, column)) = crate::document::yaml::locate(&source.text, path) else { return 1 };
    let text = source.text.lines().nth(line - 1).unwrap_or_default();
    let is_block = text.chars().nth(column - 1).is_some_and(|mark| mark == '|' || mark == '>');
    line + usize::from(is_block)
}
