//! Cases that run inside a sandbox.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use anarcho_chimp::instance::{Command, FileContent, FileSpec, HowEnded, InstanceId, PowerOp, PowerState};
use anarcho_chimp::launch;
use anarcho_chimp::provider::local::{DROPPED_CAPABILITIES, LocalCloud};
use anarcho_chimp::provider::{Provider, ProviderError, RemoteError};
use futures::future::try_join_all;

use crate::runner::Case;
use crate::sandboxed::{Outcome, becomes, boot_all, claim, inside, service, shell, spec, ssh, state, text};

pub const CASES: &[Case] = &[
    Case { name: "five_instances_boot_and_answer_ssh_with_their_names", run: five_answer },
    Case { name: "fifty_instances_boot_and_answer", run: fifty_answer },
    Case { name: "frozen_and_thawed_are_measured_at_every_process", run: freezes },
    Case { name: "a_stopped_instance_keeps_its_disk_and_starts_its_services_again", run: keeps_its_disk },
    Case { name: "a_terminated_instance_is_gone_for_good", run: terminates },
    Case { name: "a_killed_host_sends_no_farewell", run: black_hole },
    Case { name: "a_replacement_keeps_address_and_hardware_address", run: replaces },
    Case { name: "who_waits_for_a_server_reaches_it_once_it_is_up", run: announced },
    Case { name: "an_instance_cannot_set_the_clock_or_make_devices", run: capabilities },
    Case { name: "there_is_no_route_out", run: no_route },
    Case { name: "files_are_written_before_commands_and_commands_before_services", run: user_data },
    Case { name: "a_boot_that_fails_says_why_and_leaves_nothing", run: failing_boots },
    Case { name: "a_service_that_dies_stays_dead_and_its_log_outlives_it", run: services },
    Case { name: "two_scenarios_live_side_by_side_and_do_not_meet", run: side_by_side },
    Case { name: "commands_over_ssh_keep_their_words_their_status_and_their_deadline", run: remote },
];

fn five_answer() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        for instance in boot_all(&cloud, 5).await? {
            claim(instance.state == PowerState::Running, &instance)?;
            let output = ssh(&cloud, &instance, &["hostname"]).await?;
            claim(output.stdout == format!("{}\n", instance.name), output)?;
        }
        cloud.close().await.map_err(text)?;
        let left = cloud.list().await.map_err(text)?;
        claim(left.iter().all(|instance| instance.state == PowerState::Terminated), left)
    })
}

fn fifty_answer() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instances = boot_all(&cloud, 50).await?;
        let names = try_join_all(instances.iter().map(|instance| shell(&cloud, instance, "hostname"))).await?;
        claim(names.iter().zip(&instances).all(|(name, instance)| name.trim() == instance.name), names)?;
        cloud.close().await.map_err(text)?;
        let links = fs::read_to_string("/proc/net/dev").map_err(text)?;
        claim(links.lines().skip(2).count() == 1, links)
    })
}

fn freezes() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let mut spec = spec(&cloud, 1);
        let busy = "while :; do sleep 0.01; done";
        spec.user_data.services = vec![service("busy", &["sh", "-c", busy]), service("idle", &["sleep", "1000"])];
        let id = cloud.boot(&spec).await.map_err(text)?.id;
        let frozen = becomes(&cloud, &id, PowerOp::Freeze, PowerState::Frozen).await?;
        let words: Vec<&str> = frozen.evidence.split(' ').collect();
        claim(words[0] == words[2] && words[0] != "0" && frozen.evidence.contains("stopped (T)"), &frozen)?;
        let remote = cloud.connect(&frozen).await.map_err(text)?;
        let mut command = Command::new(["true"]);
        command.timeout = Duration::from_millis(300);
        claim(remote.exec(&command).await.is_err(), "a frozen instance answered")?;
        becomes(&cloud, &id, PowerOp::Thaw, PowerState::Running).await?;
        claim(shell(&cloud, &frozen, "echo back").await? == "back\n", "no answer after the thaw")
    })
}

fn keeps_its_disk() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?;
        let mut spec = spec(&cloud, 1);
        spec.user_data.files =
            vec![FileSpec { path: "/etc/kept".into(), content: FileContent::Text("first".into()), mode: 0o644 }];
        spec.user_data.services = vec![service("hello", &["sh", "-c", "echo started; exec sleep 1000"])];
        let instance = cloud.boot(&spec).await.map_err(text)?;
        shell(&cloud, &instance, "echo second > /etc/kept; echo volatile > /run/gone").await?;
        let stopped = becomes(&cloud, &instance.id, PowerOp::Stop, PowerState::Stopped).await?;
        claim(stopped.evidence.contains("is gone (pidfd), link gone, disk kept"), &stopped)?;
        becomes(&cloud, &instance.id, PowerOp::Start, PowerState::Running).await?;
        claim(
            shell(&cloud, &instance, "cat /etc/kept; ls /run/gone 2>&1 || true").await?.starts_with("second"),
            "kept",
        )?;
        cloud.power(&instance.id, PowerOp::SoftReboot).await.map_err(text)?;
        claim(shell(&cloud, &instance, "cat /etc/kept").await? == "second\n", "kept over a reboot")?;
        claim(shell(&cloud, &instance, "test -e /run/gone || echo gone").await? == "gone\n", "/run is fresh")?;
        let log = fs::read_to_string(logs.join("node-1/hello.log")).map_err(text)?;
        claim(log == "started\nstarted\nstarted\n", log)
    })
}

fn terminates() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = cloud.boot(&spec(&cloud, 1)).await.map_err(text)?;
        cloud.power(&instance.id, PowerOp::Freeze).await.map_err(text)?;
        let gone = becomes(&cloud, &instance.id, PowerOp::Terminate, PowerState::Terminated).await?;
        claim(gone.evidence.contains("is gone (pidfd), link gone, no disk"), &gone)?;
        for op in [PowerOp::Start, PowerOp::SoftReboot, PowerOp::Thaw, PowerOp::Suspend, PowerOp::Stop] {
            becomes(&cloud, &instance.id, op, PowerState::Terminated).await?;
        }
        let unknown = cloud.power(&InstanceId("node-1.9".into()), PowerOp::Stop).await;
        claim(matches!(unknown, Err(ProviderError::Unknown(_))), unknown)
    })
}

fn black_hole() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let mut spec = spec(&cloud, 1);
        spec.user_data.services = vec![service("idle", &["sleep", "1000"])];
        let instance = cloud.boot(&spec).await.map_err(text)?;
        let mut connection = TcpStream::connect((instance.address, 22)).map_err(text)?;
        let mut banner = [0_u8; 4];
        connection.read_exact(&mut banner).map_err(text)?;
        claim(&banner == b"SSH-", banner)?;
        connection.set_read_timeout(Some(Duration::from_millis(200))).map_err(text)?;
        while connection.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
        cloud.power(&instance.id, PowerOp::Terminate).await.map_err(text)?;
        let heard = connection.read(&mut [0; 1]);
        claim(matches!(&heard, Err(why) if why.kind() == std::io::ErrorKind::WouldBlock), heard)
    })
}

fn replaces() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let spec = spec(&cloud, 1);
        let first = cloud.boot(&spec).await.map_err(text)?;
        let hardware = shell(&cloud, &first, "cat /sys/class/net/eth0/address").await?;
        let twice = cloud.boot(&spec).await;
        claim(matches!(twice, Err(ProviderError::System { .. })), twice)?;
        cloud.power(&first.id, PowerOp::Stop).await.map_err(text)?;
        let second = cloud.boot(&spec).await.map_err(text)?;
        claim((first.id.0.as_str(), second.id.0.as_str()) == ("node-1.1", "node-1.2"), (&first, &second))?;
        claim(shell(&cloud, &second, "cat /sys/class/net/eth0/address").await? == hardware, hardware)?;
        // Healing an instance that was replaced does nothing, successfully.
        becomes(&cloud, &first.id, PowerOp::Start, PowerState::Stopped).await?;
        claim(state(&cloud, &second.id).await?.state == PowerState::Running, "the replacement runs")
    })
}

/// Without an announcement, whoever asks for its hardware address in vain asks again only a second later.
fn announced() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let mut delays = Vec::new();
        for n in 1..=5 {
            let spec = spec(&cloud, n);
            let address = std::net::SocketAddr::from((spec.address, 22));
            let waiting = tokio::task::spawn_blocking(move || {
                let connected = TcpStream::connect_timeout(&address, Duration::from_secs(3));
                (std::time::Instant::now(), connected.is_ok())
            });
            while !fs::read_to_string("/proc/net/arp").map_err(text)?.contains(&format!("{} ", spec.address)) {
                tokio::task::yield_now().await;
            }
            cloud.boot(&spec).await.map_err(text)?;
            let up = std::time::Instant::now();
            let (answered, ok) = waiting.await.map_err(text)?;
            claim(ok, "no connection within 3 s")?;
            delays.push(answered.saturating_duration_since(up));
        }
        delays.sort();
        // Without it, all five would take what is left of the second; one may be late for reasons of the machine's.
        claim(delays[2] < Duration::from_millis(500), delays)
    })
}

fn capabilities() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = cloud.boot(&spec(&cloud, 1)).await.map_err(text)?;
        let status = shell(&cloud, &instance, "cat /proc/self/status /proc/1/status").await?;
        let sets: Vec<&str> = status.lines().filter(|line| line.starts_with("Cap")).collect();
        for set in &sets {
            let bits = u64::from_str_radix(set.split_whitespace().nth(1).unwrap_or("?"), 16).map_err(text)?;
            claim(DROPPED_CAPABILITIES.iter().all(|(_, number)| bits & (1 << number) == 0), set)?;
        }
        claim(sets.len() == 10, sets)?;
        let refused = [
            "date -s @0",
            "mknod /tmp/disk b 254 0",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            "echo h > /proc/sysrq-trigger",
            "echo 1 > /sys/class/net/eth0/mtu",
        ];
        for line in refused {
            let output = ssh(&cloud, &instance, &["sh", "-c", line]).await?;
            claim(output.status != Some(0), (line, output))?;
        }
        let kept = shell(&cloud, &instance, "ls -A /home /root /mnt | grep -v : | wc -w; cat /etc/hosts").await?;
        claim(kept.starts_with("0\n") && kept.contains("198.18.0.2 node-1"), kept)
    })
}

fn no_route() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = cloud.boot(&spec(&cloud, 1)).await.map_err(text)?;
        // 000012C6 is 198.18.0.0, as the kernel prints it.
        let local_only = |routes: &str| routes.lines().skip(1).all(|line| line.contains("\t000012C6\t"));
        let ours = fs::read_to_string("/proc/net/route").map_err(text)?;
        let theirs = shell(&cloud, &instance, "cat /proc/net/route").await?;
        claim(local_only(&ours) && local_only(&theirs), (&ours, &theirs))?;
        let links = fs::read_to_string("/proc/net/dev").map_err(text)?;
        let names: Vec<&str> = links.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
        claim(names.iter().all(|name| ["lo", "br0", "v0.0"].contains(name)), &names)?;
        let refused = TcpStream::connect(("192.0.2.1", 80)).map(drop).map_err(|why| why.kind());
        claim(refused == Err(std::io::ErrorKind::NetworkUnreachable), refused)
    })
}

fn user_data() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?;
        let file = |path: &str, content, mode| FileSpec { path: path.into(), content, mode };
        let mut spec = spec(&cloud, 1);
        spec.user_data.files = vec![
            file("/opt/site/deep/copy", FileContent::CopyOf("/proc/self/exe".into()), 0o755),
            file("/etc/hosts", FileContent::Text("198.18.0.9 elsewhere\n".into()), 0o600),
        ];
        let made = "cp /etc/hosts /made && test -x /opt/site/deep/copy";
        spec.user_data.run = vec![["sh", "-c", made].map(String::from).to_vec()];
        let mut reader = service("reader", &["sh", "-c", "cat made; echo $COLOUR $HOME $PWD; exec sleep 1000"]);
        reader.environment.insert("COLOUR".into(), "red".into());
        reader.working_directory = Some("/".into());
        spec.user_data.services = vec![reader];
        let instance = cloud.boot(&spec).await.map_err(text)?;
        let modes = shell(&cloud, &instance, "stat -c %a /etc/hosts /opt/site/deep/copy; cat /etc/hosts").await?;
        claim(modes == "600\n755\n198.18.0.9 elsewhere\n", modes)?;
        cloud.close().await.map_err(text)?;
        let log = fs::read_to_string(logs.join("node-1/reader.log")).map_err(text)?;
        claim(log == "198.18.0.9 elsewhere\nred /root /\n", log)
    })
}

fn failing_boots() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let mut fails = spec(&cloud, 1);
        fails.user_data.run = vec![["sh", "-c", "echo broken pipe >&2; exit 3"].map(String::from).to_vec()];
        let why = cloud.boot(&fails).await.expect_err("status 3 fails the boot").to_string();
        claim(why.contains("node-1") && why.contains("status 3") && why.contains("broken pipe"), why)?;
        let mut missing = spec(&cloud, 2);
        missing.user_data.services = vec![service("site", &["/no/such/program"])];
        let why = cloud.boot(&missing).await.expect_err("no such program").to_string();
        claim(why.contains("node-2: starting its services") && why.contains("/no/such/program"), why)?;
        let mut unreadable = spec(&cloud, 3);
        let content = FileContent::CopyOf("/no/such/file".into());
        unreadable.user_data.files = vec![FileSpec { path: "/x".into(), content, mode: 0o644 }];
        let why = cloud.boot(&unreadable).await.expect_err("no such file").to_string();
        claim(why.contains("writing its files") && why.contains("/no/such/file"), why)?;
        claim(cloud.list().await.map_err(text)?.is_empty(), "failed boots are not listed")?;
        // The name is free again.
        cloud.boot(&spec(&cloud, 1)).await.map(drop).map_err(text)
    })
}

fn services() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?;
        let mut spec = spec(&cloud, 1);
        let speaks = "echo out; echo err >&2; exec sleep 1000";
        spec.user_data.services = vec![service("site", &["sh", "-c", speaks])];
        let instance = cloud.boot(&spec).await.map_err(text)?;
        shell(&cloud, &instance, "until pkill -9 -x sleep; do :; done; while pgrep -x sleep; do :; done").await?;
        claim(shell(&cloud, &instance, "pgrep -x sleep || echo none").await? == "none\n", "the service is back")?;
        let ends = loop {
            match cloud.ended(&instance.id).await.map_err(text)? {
                ends if ends.is_empty() => tokio::time::sleep(Duration::from_millis(5)).await,
                ends => break ends,
            }
        };
        let killed = ends.len() == 1 && ends[0].how == HowEnded::Signal(9) && ends[0].last_lines == ["out", "err"];
        claim(killed && ends[0].log == Some(logs.join("node-1/site.log")), ends)?;
        let again = launch::command(&spec.user_data.services[0]);
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        claim(ssh(&cloud, &instance, &again).await?.status == Some(0), "it is started again")?;
        shell(&cloud, &instance, "until pgrep -x sleep; do :; done").await?;
        let left = shell(&cloud, &instance, "ls /run/services").await?;
        claim(left == "site.log\nsite.pid\n" && cloud.ended(&instance.id).await.map_err(text)?.is_empty(), left)?;
        cloud.power(&instance.id, PowerOp::Terminate).await.map_err(text)?;
        let log = fs::read_to_string(logs.join("node-1/site.log")).map_err(text)?;
        claim(log == "out\nerr\nout\nerr\n", log)
    })
}

fn side_by_side() -> Outcome {
    inside(async |zygote, logs| {
        let one = LocalCloud::create(&zygote, 0, logs.join("one")).await.map_err(text)?;
        let two = LocalCloud::create(&zygote, 1, logs.join("two")).await.map_err(text)?;
        let taken = LocalCloud::create(&zygote, 1, logs).await.err().map(text).unwrap_or_default();
        claim(taken.contains("slot 1"), taken)?;
        let (ours, theirs) = tokio::try_join!(boot_all(&one, 3), boot_all(&two, 3))?;
        claim(shell(&one, &ours[0], "hostname").await? == shell(&two, &theirs[0], "hostname").await?, "same names")?;
        let meet = format!("! timeout 1 bash -c 'exec 3<>/dev/tcp/{}/22' 2>&1", theirs[0].address);
        shell(&one, &ours[0], &meet).await?;
        one.close().await.map_err(text)?;
        claim(shell(&two, &theirs[2], "hostname").await? == "node-3\n", "the other scenario goes on")
    })
}

fn remote() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = cloud.boot(&spec(&cloud, 1)).await.map_err(text)?;
        let words = ["printf", "%s|", "a b", "$HOME", "it's", "*", "", "new\nline", "\\", "`id`"];
        let output = ssh(&cloud, &instance, &words).await?;
        claim(output.stdout == words[2..].join("|") + "|", output)?;
        let output = ssh(&cloud, &instance, &["sh", "-c", "echo no >&2; exit 7"]).await?;
        claim((output.status, output.stderr.as_str()) == (Some(7), "no\n"), &output)?;
        let output = ssh(&cloud, &instance, &["sh", "-c", "kill -9 $$"]).await?;
        claim(output.status.is_none(), output)?;
        let flood = "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 3000000 /dev/zero | tr '\\0' o";
        let output = ssh(&cloud, &instance, &["sh", "-c", flood]).await?;
        claim((output.stdout.len(), output.stderr.len()) == (3_000_000, 3_000_000), output.stdout.len())?;
        let remote = cloud.connect(&instance).await.map_err(text)?;
        let slow = Command { argv: vec!["sleep".into(), "50".into()], timeout: Duration::from_millis(200) };
        let late = remote.exec(&slow).await;
        claim(matches!(late, Err(RemoteError::TimedOut { .. })), late)?;
        let text_file = |text: &str| FileSpec {
            path: "/opt/it's here/file".into(),
            content: FileContent::Text(text.into()),
            mode: 0o640,
        };
        for content in ["one", ""] {
            remote.upload(&text_file(content)).await.map_err(text)?;
            let seen = shell(&cloud, &instance, "stat -c %a '/opt/it'\\''s here/file'; cat /opt/it*/*").await?;
            claim(seen == format!("640\n{content}"), seen)?;
        }
        Ok(())
    })
}
