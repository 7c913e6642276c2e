//! The process that follows logs on a server. It ends as a [watcher](crate::agent::watch::watcher) does: with its standard
//! input or output, or when its standard input was silent for too long.

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::log::Log;
use super::{FollowOrder, HEARTBEAT, LOOK, Line, MOST_LOGS};
use crate::agent::verbs::VerbError;
use crate::agent::watch::watcher::listened_to;
use crate::clock::monotonic_us;

/// Lives as a follower.
///
/// # Errors
/// When the order asks for too much, or there can be no runtime.
pub(in crate::agent) fn follow(order: FollowOrder) -> Result<(), VerbError> {
    if order.logs.len() > MOST_LOGS {
        return Err(VerbError::TooMuch { asked: order.logs.len(), most: MOST_LOGS });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| VerbError::System { action: "starting to follow", source })?;
    runtime.block_on(async {
        tokio::select! {
            () = follow_on(order.logs.into_iter().map(Log::new).collect()) => {}
            () = listened_to() => {}
        }
    });
    // A thread may be waiting for the standard input.
    runtime.shutdown_background();
    Ok(())
}

/// Until the output is closed. While it takes nothing, nothing is read.
async fn follow_on(mut logs: Vec<Log>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut spoken: Option<Instant> = None;
    loop {
        ticks.tick().await;
        let looks = logs.iter_mut().enumerate().map(|(log, file)| {
            let said = file.look(monotonic_us());
            Line { read_us: monotonic_us(), log, said }
        });
        let mut lines: Vec<Line> = looks.filter(|line| !line.said.is_empty()).collect();
        if lines.is_empty() && spoken.is_none_or(|at| at.elapsed() >= HEARTBEAT) {
            lines.push(Line { read_us: monotonic_us(), log: 0, said: Vec::new() });
        }
        for line in &lines {
            spoken = Some(Instant::now());
            if !is_written(line).await {
                return;
            }
        }
    }
}

async fn is_written(line: &Line) -> bool {
    let mut output = tokio::io::stdout();
    let text = serde_json::to_string(line).expect("a line is plain data") + "\n";
    output.write_all(text.as_bytes()).await.is_ok() && output.flush().await.is_ok()
}
