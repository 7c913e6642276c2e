//! Stacks that people run, in `fixtures/examples`: each passes its own feature, and where one line of it is wrong, the same feature finds that out.
//! Here a green scenario of a wrong stack is a broken harness.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use support::{Folder, Needs, chimp, named, run};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::RootAnd(&[
                ("/usr/bin/redis-server", "redis-server python3-redis"),
                ("/usr/sbin/nginx", "nginx-light"),
            ]),
            named![
                redis_with_sentinel_keeps_what_the_shop_has_acknowledged,
                redis_without_its_log_comes_back_empty,
                redis_whose_replicas_are_not_waited_for_loses_what_a_failover_takes_away,
                users_of_an_application_behind_nginx_notice_neither_a_slow_start_nor_a_hang,
                nginx_that_passes_on_that_an_instance_is_not_ready_is_found,
                nginx_that_sends_orders_twice_is_found
            ],
        ),
        (
            Needs::Asked("CHIMP_STACKS", "make nightly"),
            named![
                postgres_with_patroni_keeps_what_the_shop_has_acknowledged,
                postgres_that_replicates_when_it_likes_loses_what_its_primary_alone_had,
                jobs_in_quorum_queues_come_out_when_a_broker_was_replaced,
                jobs_in_classic_queues_go_with_their_broker
            ],
        ),
    ])
}

/// An example, with one line of one of its files changed.
struct Stack {
    example: &'static str,
    /// File, what it says, and what it says instead.
    change: Option<(&'static str, &'static str, &'static str)>,
}

/// What became of a Then: its step, verdict and reason.
type Judged = (String, String, String);

impl Stack {
    /// Runs its scenarios, or one of them by a part of its name.
    fn judged(&self, scenario: &str) -> Vec<Judged> {
        // Two tests go side by side.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}", self.example, NUMBER.fetch_add(1, Ordering::SeqCst));
        let folder = Folder::new(&name);
        let example = Path::new("fixtures/examples").join(self.example);
        assert!(Command::new("cp").arg("-r").arg(&example).arg(folder.path()).status().unwrap().success());
        let example = folder.path().join(self.example);
        if let Some((file, right, wrong)) = self.change {
            let path = example.join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches(right).count(), 1, "{file}: {right}");
            fs::write(&path, text.replace(right, wrong)).unwrap();
        }
        let out = Folder::new(&format!("{name}-out"));
        run(chimp(&["run", "--retries", "1", "--seed", "7", "--config", "tests/features/short.toml"])
            .args(["--name", scenario])
            .arg(example.join("features"))
            .arg("--out")
            .arg(out.path()));
        let record = out.record();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let scenarios = record["scenarios"].as_array().unwrap();
        let judged = |scenario: &Value| match scenario["hypotheses"].as_array() {
            Some(all) if !all.is_empty() => {
                all.iter().map(|h| (text(&h["step"]), text(&h["verdict"]), text(&h["reason"]))).collect()
            }
            _ => vec![(text(&scenario["name"]), text(&scenario["verdict"]), text(&scenario["reason"]))],
        };
        scenarios.iter().flat_map(judged).collect()
    }

    fn passes(&self) {
        let judged = self.judged("");
        assert!(judged.len() > 1 && judged.iter().all(|(_, verdict, _)| verdict == "pass"), "{judged:#?}");
    }

    /// This Then of this scenario fails, and its reason has all of these words.
    fn fails(&self, scenario: &str, step: &str, because: &[&str]) {
        let judged = self.judged(scenario);
        let found = judged.iter().find(|(text, ..)| text == step);
        let (_, verdict, reason) = found.unwrap_or_else(|| panic!("{judged:#?}"));
        assert_eq!(verdict, "fail", "{judged:#?}");
        assert!(because.iter().all(|words| reason.contains(words)), "{step}: {reason}");
    }
}

const REDIS: &str = "redis-sentinel";
const NGINX: &str = "nginx-upstream";
const POSTGRES: &str = "postgres-patroni";
const RABBITMQ: &str = "rabbitmq-quorum";

fn redis_with_sentinel_keeps_what_the_shop_has_acknowledged() {
    Stack { example: REDIS, change: None }.passes();
}

fn redis_without_its_log_comes_back_empty() {
    Stack { example: REDIS, change: Some(("redis.yaml", "appendonly yes", "appendonly no")) }.fails(
        "The master is back before Sentinel misses it",
        "no acknowledged write is lost",
        &["value 1 ", " through redis-1, ", " is missing in the last read"],
    );
}

fn redis_whose_replicas_are_not_waited_for_loses_what_a_failover_takes_away() {
    Stack { example: REDIS, change: Some(("shop.yaml", "REPLICAS: 1", "REPLICAS: 0")) }.fails(
        "The master hears its replicas and their Sentinels no more",
        "no acknowledged write is lost",
        &["added by user ", " through redis-1, ", " after t0) is missing in the last read"],
    );
}

fn users_of_an_application_behind_nginx_notice_neither_a_slow_start_nor_a_hang() {
    Stack { example: NGINX, change: None }.passes();
}

fn nginx_that_passes_on_that_an_instance_is_not_ready_is_found() {
    Stack { example: NGINX, change: Some(("proxy.yaml", "error timeout http_503", "error timeout")) }.fails(
        "An instance is started again",
        "availability throughout is at least 99%",
        &[" good, with a deadline of 5 s"],
    );
}

fn nginx_that_sends_orders_twice_is_found() {
    Stack { example: NGINX, change: Some(("proxy.yaml", "timeout http_503", "timeout http_503 non_idempotent")) }
        .fails("An instance hangs", "no write is applied twice", &["value ", " is there twice (read by "]);
}

fn postgres_with_patroni_keeps_what_the_shop_has_acknowledged() {
    Stack { example: POSTGRES, change: None }.passes();
}

fn postgres_that_replicates_when_it_likes_loses_what_its_primary_alone_had() {
    Stack { example: POSTGRES, change: Some(("postgres.yaml", "synchronous_mode: true", "synchronous_mode: false")) }
        .fails(
            "The primary dies",
            "no acknowledged write is lost",
            &["value ", " after t0) is missing in the last read"],
        );
}

fn jobs_in_quorum_queues_come_out_when_a_broker_was_replaced() {
    Stack { example: RABBITMQ, change: None }.passes();
}

fn jobs_in_classic_queues_go_with_their_broker() {
    Stack { example: RABBITMQ, change: Some(("front.yaml", "QUEUE_TYPE: quorum", "QUEUE_TYPE: classic")) }.fails(
        "A broker is replaced",
        "no message is lost",
        &["message ", " never came out"],
    );
}
