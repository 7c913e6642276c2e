//! One request over a connection, for what answers over HTTP.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Unseen;

/// An answer is some hundred bytes; more than this is none.
const MOST_ANSWER: usize = 1 << 20;

/// The answer to a GET of this path from this host.
pub(super) async fn get(connection: TcpStream, host: &str, path: &str) -> Result<Bytes, Unseen> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await.map_err(unexpected)?;
    let request = hyper::Request::get(path).header("host", host).header("connection", "close");
    let request = request.body(Empty::<Bytes>::new()).map_err(unexpected)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(unexpected)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST_ANSWER).collect().await.map_err(unexpected)?.to_bytes();
        match status.is_success() {
            true => Ok(body),
            false => Err(Unseen::Unexpected(format!("{status}: {}", String::from_utf8_lossy(&body).trim()))),
        }
    };
    // The connection's own end says nothing that the exchange does not.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = exchange => answer,
        () = driven => unreachable!("it is pending"),
    }
}

pub(super) fn unexpected(why: impl std::fmt::Display) -> Unseen {
    Unseen::Unexpected(why.to_string())
}
