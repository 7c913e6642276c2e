//! Cases run in sandboxes of their own, and what they ask of the cloud.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anarcho_chimp::instance::{
    Command, Instance, InstanceId, InstanceSpec, Output, PowerOp, PowerState, ServiceSpec, UserData,
};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::sandbox::enter;
use anarcho_chimp::provider::local::{LocalCloud, Zygote};
use futures::future::try_join_all;

pub type Outcome = Result<(), String>;

/// Runs a case in a sandbox of its own, with a folder for logs.
pub fn inside<F: Future<Output = Outcome>>(case: impl FnOnce(Zygote, PathBuf) -> F) -> Outcome {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("local-cloud-{}", std::process::id()));
    let code = enter(|zygote| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let outcome =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), case(zygote, logs.clone())).await });
        match outcome.unwrap_or_else(|_| Err("took longer than 60 s".into())) {
            Ok(()) => 0,
            Err(why) => {
                eprintln!("  {why}");
                1
            }
        }
    });
    let _ = fs::remove_dir_all(&logs);
    match code {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("failed inside the sandbox (exit {code})")),
        Err(why) => Err(why.to_string()),
    }
}

pub fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

pub fn claim(holds: bool, otherwise: impl std::fmt::Debug) -> Outcome {
    if holds { Ok(()) } else { Err(format!("{otherwise:?}")) }
}

pub fn spec(cloud: &LocalCloud, n: u16) -> InstanceSpec {
    InstanceSpec {
        name: format!("node-{n}"),
        zone: None,
        tags: Vec::new(),
        address: cloud.address(n + 1),
        user_data: UserData::default(),
        boot_delay: Duration::ZERO,
    }
}

pub fn service(name: &str, command: &[&str]) -> ServiceSpec {
    ServiceSpec {
        name: name.into(),
        command: command.iter().map(|word| word.to_string()).collect(),
        environment: Default::default(),
        working_directory: None,
    }
}

pub async fn boot_all(cloud: &LocalCloud, count: u16) -> Result<Vec<Instance>, String> {
    let specs: Vec<_> = (1..=count).map(|n| spec(cloud, n)).collect();
    try_join_all(specs.iter().map(|spec| cloud.boot(spec))).await.map_err(text)
}

pub async fn ssh(cloud: &LocalCloud, instance: &Instance, argv: &[&str]) -> Result<Output, String> {
    let remote = cloud.connect(instance).await.map_err(text)?;
    remote.exec(&Command::new(argv.iter().copied())).await.map_err(text)
}

/// Standard output of a shell line that must succeed.
pub async fn shell(cloud: &LocalCloud, instance: &Instance, line: &str) -> Result<String, String> {
    let output = ssh(cloud, instance, &["sh", "-c", line]).await?;
    claim(output.status == Some(0), (line, &output))?;
    Ok(output.stdout)
}

pub async fn state(cloud: &LocalCloud, id: &InstanceId) -> Result<Instance, String> {
    let all = cloud.list().await.map_err(text)?;
    all.into_iter().find(|instance| instance.id == *id).ok_or_else(|| format!("{id} is not listed"))
}

pub async fn becomes(
    cloud: &LocalCloud,
    id: &InstanceId,
    op: PowerOp,
    expected: PowerState,
) -> Result<Instance, String> {
    // Twice: every operation is idempotent.
    for _ in 0..2 {
        cloud.power(id, op).await.map_err(text)?;
        let found = state(cloud, id).await?;
        claim(found.state == expected, (op, expected, &found))?;
    }
    state(cloud, id).await
}
