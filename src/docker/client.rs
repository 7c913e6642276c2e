//! Requests to the Docker Engine's API over its socket, a connection each.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::DockerError;

/// Where it listens where nothing else is said.
const USUAL: &str = "/var/run/docker.sock";
/// The variable that says where it listens.
const VARIABLE: &str = "DOCKER_HOST";
/// How long an answer may take, where what is asked for takes no time itself.
const WITHIN: Duration = Duration::from_secs(20);

/// The daemon at a socket. Nothing is connected to before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docker {
    socket: PathBuf,
}

/// What it says when it refuses.
#[derive(Deserialize)]
struct Complaint {
    message: String,
}

impl Docker {
    /// The one that `DOCKER_HOST` names, else the usual one.
    ///
    /// # Errors
    /// [`DockerError::Elsewhere`] where that is no socket of this machine.
    pub fn of_this_machine() -> Result<Docker, DockerError> {
        match std::env::var(VARIABLE) {
            Ok(host) if !host.is_empty() => match host.strip_prefix("unix://") {
                Some(socket) => Ok(Docker::at(Path::new(socket))),
                None => Err(DockerError::Elsewhere { host }),
            },
            _ => Ok(Docker::at(Path::new(USUAL))),
        }
    }

    /// The one that listens here.
    pub fn at(socket: &Path) -> Docker {
        Docker { socket: socket.into() }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it says of something.
    ///
    /// # Errors
    /// It can't be asked, refuses, or says something else.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DockerError> {
        let what = format!("GET {path}");
        let body = self.whole(Method::GET, path, WITHIN).await?;
        serde_json::from_slice(&body).map_err(|why| DockerError::Broken { what, detail: why.to_string() })
    }

    /// Has it do something, which may take a while of its own.
    ///
    /// # Errors
    /// It can't be asked, refuses, or takes more than 20 s longer than that. That it is done already is none.
    pub async fn post(&self, path: &str, takes: Duration) -> Result<(), DockerError> {
        self.whole(Method::POST, path, takes + WITHIN).await.map(drop)
    }

    /// Has it remove something.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub async fn delete(&self, path: &str) -> Result<(), DockerError> {
        self.whole(Method::DELETE, path, WITHIN).await.map(drop)
    }

    /// An answer that goes on for as long as it is read.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn stream(&self, path: &str) -> Result<Incoming, DockerError> {
        let what = format!("GET {path}");
        let sent = timeout(WITHIN, self.send(&Method::GET, path)).await;
        let answer = sent.map_err(|_| late(&what, WITHIN))??;
        if answer.status().is_success() { Ok(answer.into_body()) } else { Err(refused(what, answer).await) }
    }

    async fn whole(&self, method: Method, path: &str, within: Duration) -> Result<Bytes, DockerError> {
        let what = format!("{method} {path}");
        let exchange = async {
            let answer = self.send(&method, path).await?;
            // 304: it is so already.
            if !answer.status().is_success() && answer.status().as_u16() != 304 {
                return Err(refused(what.clone(), answer).await);
            }
            let body = answer.into_body().collect().await.map_err(|why| broken(&what, why))?;
            Ok(body.to_bytes())
        };
        timeout(within, exchange).await.map_err(|_| late(&what, within))?
    }

    async fn send(&self, method: &Method, path: &str) -> Result<Response<Incoming>, DockerError> {
        let what = format!("{method} {path}");
        let stream = UnixStream::connect(&self.socket).await.map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied => DockerError::Forbidden { socket: self.socket.clone() },
            _ => DockerError::Absent { socket: self.socket.clone(), source },
        })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|why| broken(&what, why))?;
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "docker");
        let request = request.body(Empty::<Bytes>::new()).map_err(|why| broken(&what, why))?;
        sender.send_request(request).await.map_err(|why| broken(&what, why))
    }
}

fn broken(what: &str, why: impl std::fmt::Display) -> DockerError {
    DockerError::Broken { what: what.into(), detail: why.to_string() }
}

fn late(what: &str, within: Duration) -> DockerError {
    broken(what, format_args!("no answer within {}", crate::units::show_duration(within)))
}

async fn refused(what: String, answer: Response<Incoming>) -> DockerError {
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let told = serde_json::from_slice(&body).map(|Complaint { message }| message);
    DockerError::Refused { what, status, message: told.unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned()) }
}

/// A text as a part of a query, or of a path.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
