//! What a container prints, followed while it runs and after each of its starts, and written to a file of the bundle.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

use super::client::encoded;
use super::{Docker, DockerError};

/// How long after an output ended it is asked for again.
const AGAIN: Duration = Duration::from_millis(200);
/// The length of what stands before each piece of what is printed to two streams: the stream, three zeros, the piece's length.
const HEADER: usize = 8;

/// Follows a container until this is dropped: each line with the daemon's time, from `since` on (seconds since 1970). Says in the file
/// itself what is missing.
pub async fn follow(docker: Docker, id: String, is_terminal: bool, file: PathBuf, since: f64) {
    let mut since = since;
    loop {
        match once(&docker, &id, is_terminal, &file, since).await {
            Ok(last) => since = last.unwrap_or(since),
            Err(why) if why.is_absent() => return,
            Err(why) => note(&file, &why.to_string()).await,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// One answer to its end; the moment of its end, where it had anything.
async fn once(
    docker: &Docker,
    id: &str,
    is_terminal: bool,
    file: &Path,
    since: f64,
) -> Result<Option<f64>, DockerError> {
    let query = format!("follow=1&stdout=1&stderr=1&timestamps=1&since={since:.9}");
    let mut body = docker.stream(&format!("/containers/{}/logs?{query}", encoded(id))).await?;
    let (mut waiting, mut last) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let Ok(Some(data)) = frame.map(|frame| frame.into_data().ok()) else { break };
        waiting.extend_from_slice(&data);
        let text = if is_terminal { std::mem::take(&mut waiting) } else { pieces(&mut waiting) };
        if !text.is_empty() {
            last = Some(jiff::Timestamp::now().as_nanosecond() as f64 / 1e9);
            append(file, &text).await;
        }
    }
    Ok(last)
}

/// The whole pieces of what has come, without their headers.
fn pieces(waiting: &mut Vec<u8>) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(length) = waiting.get(4..HEADER).and_then(|length| Some(u32::from_be_bytes(length.try_into().ok()?)))
    {
        let end = HEADER + length as usize;
        let Some(piece) = waiting.get(HEADER..end) else { break };
        text.extend_from_slice(piece);
        waiting.drain(..end);
    }
    text
}

async fn note(file: &Path, why: &str) {
    append(file, format!("[anarcho-chimp: {why}]\n").as_bytes()).await;
}

/// Whatever writes the history reports a bundle that can't be written to.
async fn append(file: &Path, text: &[u8]) {
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file).await {
        let _ = file.write_all(text).await;
        let _ = file.flush().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_though_they_come_in_parts() {
        let piece = |text: &str| [&[1, 0, 0, 0], &(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
        let all = [piece("one\n"), piece("two\n")].concat();
        let (mut waiting, mut text) = (Vec::new(), Vec::new());
        for byte in all {
            waiting.push(byte);
            text.extend(pieces(&mut waiting));
        }
        assert_eq!((text.as_slice(), waiting.len()), (&b"one\ntwo\n"[..], 0));
    }
}
