//! What the test servers of clouds' APIs have in common: an endpoint on loopback that keeps every request, and has a test say what
//! is answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Patience;

/// Tests do not wait as users do. A loaded machine answers within the second.
pub(crate) const HASTE: Patience = Patience {
    attempts: 3,
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_secs(5),
    connect_within: Duration::from_secs(5),
    answer_within: Duration::from_secs(60),
};

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path, such as `GET /compute/v2.1/limits`.
    pub(crate) line: String,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Good(String),
    Json(Value),
    /// Status, further headers, body.
    Status(u16, &'static str, String),
    Hang,
    Cut,
}

/// Answers the last of these requests, at an endpoint of this address; with headers that go with a good answer.
type Answer = dyn Fn(&[Asked], &str) -> (Reply, String) + Send + Sync;

/// An endpoint that lives as long as the test's runtime.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// Its address, with the scheme.
    pub(crate) base: String,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Endpoint {
    pub(crate) async fn start(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&[Asked], &str) -> (Reply, String) + Send + Sync + 'static,
    ) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base = format!("{scheme}://{}", listener.local_addr().unwrap());
        let endpoint = Endpoint { base, asked: Arc::default() };
        let (served, answer) = (endpoint.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (endpoint, answer, tls) = (served.clone(), Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => endpoint.converse(stream, &*answer).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                endpoint.converse(stream, &*answer).await;
                            }
                        }
                    }
                });
            }
        });
        endpoint
    }

    /// One request per connection.
    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Answer) {
        let mut read = Vec::new();
        let asked = loop {
            match stream.read_buf(&mut read).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if let Some(asked) = whole(&String::from_utf8_lossy(&read)) {
                break asked;
            }
        };
        let (reply, more) = {
            let mut all = self.asked.lock().unwrap();
            all.push(asked);
            answer(&all, &self.base)
        };
        let (status, headers, body) = match reply {
            Reply::Good(body) => (200, more.as_str(), body),
            Reply::Json(body) => (200, more.as_str(), body.to_string()),
            Reply::Status(status, headers, body) => (status, headers, body),
            Reply::Hang => return std::future::pending().await,
            Reply::Cut => return,
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}");
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// A request, if all of it has come.
fn whole(text: &str) -> Option<Asked> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let line = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    (body.len() >= length.unwrap_or(0)).then(|| Asked { line, body: body.into(), head })
}
