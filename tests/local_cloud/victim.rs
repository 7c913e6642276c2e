//! What is run to be killed: this very program, with `--victim KIND`.

use std::future::pending;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anarcho_chimp::instance::{Command, InstanceSpec, PowerOp, ServiceSpec, UserData};
use anarcho_chimp::provider::local::sandbox::{SandboxError, enter};
use anarcho_chimp::provider::local::{LocalCloud, Zygote};
use anarcho_chimp::provider::{Provider, ProviderError};
use futures::future::try_join_all;
use nix::sys::signal::{SigSet, Signal};

/// The variable by which a victim's processes are found again.
pub const MARK: &str = "CHIMP_TEST_VICTIM";
/// The exit code of a victim whose harness had to be killed by the launcher.
pub const CUT_SHORT: i32 = 77;

pub fn main(kind: &str) -> ExitCode {
    let ended = match kind {
        "seven" => enter(|_| 7),
        "orderly" => enter(|zygote| until_signalled(&zygote)),
        "stubborn" => enter(|_| ignore_signals()),
        "churn" => enter(|zygote| runtime().block_on(churn(zygote)).map_or(1, |()| 0)),
        "threads" => return with_threads(),
        _ => return ExitCode::from(2),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(SandboxError::CutShort { .. }) => ExitCode::from(CUT_SHORT as u8),
        Err(_) => ExitCode::from(78),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn until_signalled(zygote: &Zygote) -> u8 {
    let mut awaited = SigSet::empty();
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().for_each(|signal| awaited.add(signal));
    awaited.thread_block().expect("valid signals");
    let runtime = runtime();
    let cloud = runtime.block_on(async {
        let cloud = LocalCloud::create(zygote, 0, logs()).await.expect("a bridge");
        cloud.boot(&spec(&cloud, 1)).await.expect("an instance");
        cloud
    });
    println!("ready");
    awaited.wait().expect("valid signals");
    runtime.block_on(cloud.close()).expect("an orderly end");
    42
}

fn ignore_signals() -> u8 {
    let mut ignored = SigSet::empty();
    ignored.add(Signal::SIGINT);
    ignored.thread_block().expect("a valid signal");
    println!("ready");
    runtime().block_on(pending())
}

fn with_threads() -> ExitCode {
    let (to, from) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || from.recv());
    let refused = matches!(enter(|_| 0), Err(SandboxError::Threads(2)));
    drop(to);
    let _ = thread.join();
    ExitCode::from(u8::from(!refused))
}

fn logs() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("local-cloud-victims")
}

fn spec(cloud: &LocalCloud, n: u16) -> InstanceSpec {
    let mark = std::env::var(MARK).unwrap_or_default();
    let service = ServiceSpec {
        name: "busy".into(),
        command: ["sh", "-c", "while :; do sleep 0.05; done"].map(String::from).to_vec(),
        environment: [(MARK.to_string(), mark)].into(),
        working_directory: None,
    };
    InstanceSpec {
        name: format!("node-{n}"),
        zone: None,
        tags: Vec::new(),
        address: cloud.address(n + 1),
        user_data: UserData {
            files: Vec::new(),
            run: vec![["sleep", "0.02"].map(String::from).to_vec()],
            unconfigured: false,
            services: vec![service],
        },
        boot_delay: Duration::ZERO,
    }
}

/// Boots, reboots, freezes and kills without end, so that whatever the moment, something is half done.
async fn churn(zygote: Zygote) -> Result<(), ProviderError> {
    println!("ready");
    loop {
        let cloud = LocalCloud::create(&zygote, 0, logs()).await?;
        let specs: Vec<_> = (1..=6).map(|n| spec(&cloud, n)).collect();
        let instances = try_join_all(specs.iter().map(|spec| cloud.boot(spec))).await?;
        let remote = cloud.connect(&instances[0]).await?;
        remote.exec(&Command::new(["hostname"])).await?;
        let ops = [PowerOp::Freeze, PowerOp::SoftReboot, PowerOp::Terminate, PowerOp::Stop, PowerOp::Suspend];
        try_join_all(instances.iter().zip(ops).map(|(instance, op)| cloud.power(&instance.id, op))).await?;
        cloud.close().await?;
    }
}
