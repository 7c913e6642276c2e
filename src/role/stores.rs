//! Whether servers of a role keep data that is lost with them.

use super::Role;

/// What programs that keep data are called, their packages, and servers for them. Only a remark in a report hangs on it: a role file that says
/// `keeps_data` is asked instead.
const DATA_STORES: [&str; 34] = [
    "cassandra",
    "clickhouse",
    "clickhouse-server",
    "couchdb",
    "database",
    "db",
    "default-mysql-server",
    "elasticsearch",
    "etcd",
    "etcd-server",
    "influxd",
    "influxdb",
    "kafka",
    "mariadb",
    "mariadb-server",
    "mariadb-server-core",
    "mariadbd",
    "minio",
    "mongo",
    "mongod",
    "mongodb",
    "mysql",
    "mysql-server",
    "mysqld",
    "opensearch",
    "patroni",
    "postgres",
    "postgresql",
    "rabbitmq",
    "rabbitmq-server",
    "redis",
    "redis-server",
    "valkey",
    "valkey-server",
];

impl Role {
    /// Whether its servers keep data: what its file says, else by the names of what it is and runs.
    pub fn is_data_store(&self) -> bool {
        self.keeps_data.unwrap_or_else(|| self.database.is_some() || self.names().any(|name| is_data_store(&name)))
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let last_word = |text: &String| text.split([' ', '-']).next_back().map(String::from);
        let words = [&self.name, &self.noun].into_iter().filter_map(last_word);
        let program = |path: &String| path.rsplit('/').next().map(String::from);
        let programs = self.programs.iter().chain(self.services.iter().filter_map(|service| service.command.first()));
        let packages = self.packages.iter().cloned();
        words.chain(programs.filter_map(program)).chain(packages).collect::<Vec<_>>().into_iter()
    }
}

/// `postgresql-15` is `postgresql`.
fn is_data_store(name: &str) -> bool {
    let name = name.trim_end_matches(|end: char| end.is_ascii_digit() || end == '.').trim_end_matches('-');
    DATA_STORES.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::yaml::Source;
    use crate::role::{file, shipped};

    fn role(text: &str) -> Role {
        file::parse("shop", &Source { path: "shop.yaml".into(), text: text.into() }, None).unwrap()
    }

    #[test]
    fn what_keeps_data_is_known_by_its_programs_or_its_name() {
        for text in [
            "port: 1\nprograms: [/usr/lib/postgresql/15/bin/postgres]\n",
            "port: 1\npackages: [postgresql-15]\n",
            "port: 1\nservices: [{ name: store, command: [redis-server, --port, '1'] }]\n",
            "port: 1\nnoun: order database\n",
            "port: 1\nkeeps_data: true\n",
        ] {
            assert!(role(text).is_data_store(), "{text}");
        }
        for text in [
            "port: 1\nnoun: database proxy\nprograms: [haproxy, psql]\npackages: [python3-redis, mariadb-client]\n",
            "port: 1\nprograms: [redis-server]\nkeeps_data: false\n",
        ] {
            assert!(!role(text).is_data_store(), "{text}");
        }
        let stores: Vec<&str> =
            shipped::names().filter(|name| shipped::role(name).is_some_and(|role| role.is_data_store())).collect();
        assert_eq!(stores, ["dbmaster", "dbslave"]);
    }
}
