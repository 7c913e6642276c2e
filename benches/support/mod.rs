//! What benchmarks of instances have in common: a sandbox with one server.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anarcho_chimp::instance::{InstanceSpec, UserData};
use anarcho_chimp::provider::local::sandbox::enter;
use anarcho_chimp::provider::local::{LocalCloud, Zygote};

/// Measures in a sandbox of its own; `name` is that of the folder for logs, which goes afterwards.
pub fn in_sandbox<E: std::fmt::Display>(
    name: &str,
    measure: impl AsyncFnOnce(Zygote, &Path) -> Result<(), E>,
) -> ExitCode {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}-{}", std::process::id()));
    let ended = enter(|zygote| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        match runtime.block_on(measure(zygote, &logs)) {
            Ok(()) => 0,
            Err(why) => {
                eprintln!("{why}");
                1
            }
        }
    });
    let _ = std::fs::remove_dir_all(&logs);
    if matches!(ended, Ok(0)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A server without a role.
pub fn spec(cloud: &LocalCloud) -> InstanceSpec {
    InstanceSpec {
        name: "node-1".into(),
        zone: None,
        tags: Vec::new(),
        address: cloud.address(2),
        user_data: UserData::default(),
        boot_delay: Duration::ZERO,
    }
}
