//! Which database the statements of a workload are sent to.

use std::fmt;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{Workload, file};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::yaml::at;
use crate::provider::secret::Secret;

/// A database, from a URL such as `postgresql://USER:PASSWORD@HOST:PORT/NAME`. It is written with the plan, so it never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSpec {
    /// What it speaks.
    pub kind: DatabaseKind,
    /// The name of a server or of a virtual IP; another host's name or address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Which of the server's databases.
    pub name: String,
    /// Where the password is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
}

/// What a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgresql,
    /// MySQL, MariaDB.
    Mysql,
}

/// Where a password is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// In this environment variable: `${NAME}`.
    Variable(String),
    /// It is the run's own of this name, as in the templates of roles: `{{ secrets.NAME }}`.
    Run(String),
    /// In the workload file, which is read again for it.
    File,
}

/// What is wrong with the URL of a database, and what to do. Neither shows the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatabaseUrlError {
    pub detail: String,
    pub hint: String,
}

const SCHEMES: [(&str, DatabaseKind, u16); 4] = [
    ("postgresql", DatabaseKind::Postgresql, 5432),
    ("postgres", DatabaseKind::Postgresql, 5432),
    ("mysql", DatabaseKind::Mysql, 3306),
    ("mariadb", DatabaseKind::Mysql, 3306),
];
const EXAMPLE: &str = "write for example `postgresql://shop:${SHOP_PASSWORD}@db-1:5432/shop`, or `mysql://…`";

impl DatabaseSpec {
    /// Reads a URL; the password, where the URL holds it.
    pub(super) fn parse(text: &str) -> Result<(DatabaseSpec, Option<Secret>), DatabaseUrlError> {
        let wrong = |detail: String, hint: &str| DatabaseUrlError { detail, hint: hint.into() };
        let url = match text.contains("://") {
            true => Url::parse(text).map_err(|why| wrong(format!("`database` is no URL: {why}"), EXAMPLE))?,
            false => return Err(wrong("`database` is no URL: it has no scheme".into(), EXAMPLE)),
        };
        let Some((_, kind, port)) = SCHEMES.iter().find(|(scheme, ..)| *scheme == url.scheme()) else {
            let detail = format!("`{}://` is no database that is known", url.scheme());
            let hint = one_of(url.scheme(), "schemes", SCHEMES.iter().map(|(scheme, ..)| *scheme));
            return Err(wrong(detail, &hint));
        };
        let part = |text: &str, what: &str| {
            let decoded = percent_decode_str(text).decode_utf8().map(|text| text.trim().to_string());
            decoded.map_err(|_| wrong(format!("the {what} of `database` is not UTF-8"), EXAMPLE))
        };
        let missing = |what: &str| wrong(format!("`database` names no {what}"), EXAMPLE);
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let user = part(url.username(), "user")?;
        let name = part(url.path().trim_start_matches('/'), "name")?;
        match () {
            () if host.is_empty() => return Err(missing("host")),
            () if user.is_empty() => return Err(missing("user")),
            () if name.is_empty() || name.contains('/') => return Err(missing("database after the host: `/shop`")),
            () if url.query().is_some() || url.fragment().is_some() => {
                let detail = "`database` has options after its name, and none is known".to_string();
                return Err(wrong(detail, "leave out what follows `?` or `#`; it is asked without TLS"));
            }
            () => {}
        }
        let password = url.password().map(|text| part(text, "password")).transpose()?;
        let (password, secret) = match password.filter(|password| !password.is_empty()) {
            None => (None, None),
            Some(text) => found_in(text).map(|(password, secret)| (Some(password), secret))?,
        };
        let port = url.port().unwrap_or(*port);
        Ok((DatabaseSpec { kind: *kind, host: host.into(), port, user, name, password }, secret))
    }
}

/// As in a workload file, without the password.
impl fmt::Display for DatabaseSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            DatabaseKind::Postgresql => "postgresql",
            DatabaseKind::Mysql => "mysql",
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "{scheme}://{}@{host}:{}/{}", self.user, self.port, self.name)
    }
}

fn found_in(text: String) -> Result<(Password, Option<Secret>), DatabaseUrlError> {
    let within = |start: &str, end: &str| Some(text.strip_prefix(start)?.strip_suffix(end)?.trim().to_string());
    let is_word =
        |name: &String| !name.is_empty() && name.chars().all(|sign| sign.is_alphanumeric() || "_-".contains(sign));
    let variable = within("${", "}").filter(is_word).map(Password::Variable);
    let of_run = || within("{{", "}}").and_then(|name| name.strip_prefix("secrets.").map(String::from)).filter(is_word);
    match variable.or_else(|| of_run().map(Password::Run)) {
        Some(password) => Ok((password, None)),
        None if text.contains("${") || text.contains("{{") => Err(DatabaseUrlError {
            detail: "the password of `database` is neither a text nor a name".into(),
            hint: "write `${NAME}`, which is taken from the environment, or `{{ secrets.NAME }}`, which roles know too, and nothing beside it".into(),
        }),
        None => Ok((Password::File, Some(Secret::new(text)))),
    }
}

impl Workload {
    /// The password of its database; `of_run` gives the run's own. Nothing where there is none.
    ///
    /// # Errors
    /// It is not where the file says: the variable is not set, or the file has changed.
    pub fn password(&self, of_run: impl Fn(&str) -> String) -> Result<Option<Secret>, DocumentError> {
        let found = self.database.as_ref().and_then(|database| database.password.as_ref());
        found
            .map(|password| match password {
                Password::Variable(name) => {
                    let set = std::env::var(name).ok().filter(|value| !value.is_empty());
                    set.map(Secret::new).ok_or_else(|| {
                        let detail = format!("the environment variable `{name}` is not set");
                        self.database_error(detail, format!("set it where chimp is started: export {name}=…"))
                    })
                }
                Password::Run(name) => Ok(Secret::new(of_run(name))),
                Password::File => file::password(self.file()),
            })
            .transpose()
    }

    /// An error about `database`, at its place in the file.
    pub fn database_error(&self, detail: impl Into<String>, hint: impl Into<String>) -> DocumentError {
        self.error(&at!["database"], detail, hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (DatabaseSpec, Option<Secret>) {
        DatabaseSpec::parse(text).unwrap()
    }

    #[test]
    fn a_url_says_all() {
        let (spec, secret) = parse("postgresql://app:s%40cret@db-1/shop");
        assert_eq!((spec.kind, spec.host.as_str(), spec.port), (DatabaseKind::Postgresql, "db-1", 5432));
        assert_eq!(
            (spec.user.as_str(), spec.name.as_str(), spec.password.clone()),
            ("app", "shop", Some(Password::File))
        );
        assert_eq!(secret.unwrap().reveal(), "s@cret");
        let written = serde_json::to_string(&spec).unwrap();
        assert!(!written.contains("cret") && !format!("{spec:?}").contains("cret"), "{written}");
        let (spec, secret) = parse("mariadb://app:${DB_PASSWORD}@[2001:db8::1]:3307/shop");
        assert_eq!((spec.kind, spec.host.as_str(), spec.port), (DatabaseKind::Mysql, "2001:db8::1", 3307));
        assert_eq!(spec.to_string(), "mysql://app@[2001:db8::1]:3307/shop");
        assert_eq!((spec.password, secret), (Some(Password::Variable("DB_PASSWORD".into())), None));
        let (spec, _) = parse("mysql://app:{{ secrets.shop }}@db.example.org/shop");
        assert_eq!(spec.password, Some(Password::Run("shop".into())));
        assert_eq!(parse("mysql://app@db/shop").0.password, None);
    }

    #[test]
    fn what_is_no_database_is_refused_and_never_shown() {
        let urls = [
            "db-1",
            "app:hunter2@db-1/shop",
            "postgresql://app:hunter2@db-1:port/shop",
            "postgrsql://app:hunter2@db-1/shop",
            "redis://app:hunter2@db-1/0",
            "mysql://:hunter2@db-1/shop",
            "mysql://app:hunter2@/shop",
            "mysql://app:hunter2@db-1",
            "mysql://app:hunter2@db-1/shop?ssl=true",
            "mysql://app:hunter2${X}@db-1/shop",
            "mysql://app:{{ hunter2 }}@db-1/shop",
        ];
        let told = urls
            .map(|url| DatabaseSpec::parse(url).map(drop).unwrap_err())
            .map(|why| format!("{}\n  help: {}", why.detail, why.hint));
        assert!(told.iter().all(|why| !why.contains("hunter2")), "{told:?}");
        insta::assert_snapshot!(told.join("\n"));
    }
}
