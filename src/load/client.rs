//! The prober's HTTP client: one request at a time over a pool of kept-alive connections, nothing hidden.
//!
//! No retry: what was sent once has its outcome. A connection that the server had closed while it rested is not an
//! outage: it is noticed before anything is written, and another is taken or opened.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderMap, LOCATION};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::history::Outcome;
use crate::settings::Scheme;

use super::request::{PreparedRequest, REDIRECTS_MAX, outcome_of};
use super::stream::Stream;

/// A connection that rested this long is closed, long before a server would do it under a request's feet
/// (usual keep-alive times are 5 s and more).
const REST_MAX: Duration = Duration::from_secs(2);

/// Sends one prepared request again and again.
pub(super) struct Client {
    prepared: PreparedRequest,
    method: Method,
    path: Uri,
    headers: HeaderMap,
    body: Bytes,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Resting connections, the longest at rest first.
    pool: Mutex<VecDeque<Resting>>,
}

/// An open connection; dropping it closes it.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

struct Resting {
    connection: Connection,
    since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    pub(super) fn new(prepared: PreparedRequest) -> Client {
        let tls = (prepared.scheme == Scheme::Https).then(|| {
            let name = ServerName::try_from(prepared.server_name.clone()).expect("validated");
            (TlsConnector::from(prepared.trust()), name)
        });
        Client {
            method: Method::from_bytes(prepared.method.as_bytes()).expect("validated"),
            path: prepared.path.parse().expect("validated"),
            headers: prepared.header_map(),
            body: prepared.body.clone().unwrap_or_default().into(),
            tls,
            pool: Mutex::new(VecDeque::new()),
            prepared,
        }
    }

    /// Sends the request, follows redirects if that was asked for, reads the last answer to its end and judges it.
    /// The connection comes back as well where it may be used again; give it to [`rest`](Self::rest).
    pub(super) async fn exchange(&self) -> (Outcome, Option<Connection>) {
        let (mut method, mut path, mut body) = (self.method.clone(), self.path.clone(), self.body.clone());
        for followed in 0.. {
            let (response, connection) = match self.send(self.message(&method, &path, &body)).await {
                Ok(answered) => answered,
                Err(outcome) => return (outcome, None),
            };
            let status = response.status();
            let next = if self.prepared.follow_redirects && followed < REDIRECTS_MAX {
                self.redirect(&path, &response)
            } else {
                None
            };
            let Ok(content) = self.read(response).await else { return (Outcome::Broken, None) };
            let Some(next) = next else {
                return (self.prepared.judge(status.as_u16(), &content), Some(connection));
            };
            path = next;
            if redirects_to_get(status, &method) {
                (method, body) = (Method::GET, Bytes::new());
            }
            // Nobody waits for this request but itself, so the connection is ready for its next hop as soon as it can.
            self.rest(connection).await;
        }
        unreachable!("the last redirect is not followed")
    }

    /// Keeps a connection for the next request, once it is ready for one.
    pub(super) async fn rest(&self, mut connection: Connection) {
        if connection.sender.ready().await.is_ok() {
            self.resting().push_back(Resting { connection, since: Instant::now() });
        }
    }

    /// Closes what rested for too long.
    pub(super) fn tidy(&self) {
        let mut pool = self.resting();
        while pool.front().is_some_and(|front| front.since.elapsed() > REST_MAX) {
            pool.pop_front();
        }
    }

    fn message(&self, method: &Method, path: &Uri, body: &Bytes) -> Request<Full<Bytes>> {
        let mut message = Request::new(Full::new(body.clone()));
        *message.method_mut() = method.clone();
        *message.uri_mut() = path.clone();
        *message.headers_mut() = self.headers.clone();
        message
    }

    async fn send(&self, mut message: Request<Full<Bytes>>) -> Result<(Response<Incoming>, Connection), Outcome> {
        while let Some(mut connection) = self.take_rested() {
            match connection.sender.try_send_request(message).await {
                Ok(response) => return Ok((response, connection)),
                // Given back: not a byte of it was written.
                Err(mut why) => message = why.take_message().ok_or(Outcome::Broken)?,
            }
        }
        let mut connection = self.connect().await?;
        let response = connection.sender.send_request(message).await.map_err(|_| Outcome::Broken)?;
        Ok((response, connection))
    }

    /// The connection that rested least: the others may become superfluous.
    fn take_rested(&self) -> Option<Connection> {
        let mut pool = self.resting();
        while let Some(Resting { connection, .. }) = pool.pop_back() {
            if connection.sender.is_ready() && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Connection, Outcome> {
        let stream = TcpStream::connect(self.prepared.address).await.map_err(|why| outcome_of(&why))?;
        stream.set_nodelay(true).map_err(|why| outcome_of(&why))?;
        let stream = Stream::new(stream);
        match &self.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(|why| outcome_of(&why))?;
                handshake(TokioIo::new(stream)).await
            }
        }
    }

    /// The whole body, or nothing of it if only its end matters.
    async fn read(&self, response: Response<Incoming>) -> Result<Vec<u8>, hyper::Error> {
        let mut body = response.into_body();
        let mut content = Vec::new();
        while let Some(frame) = body.frame().await {
            if let (true, Some(data)) = (self.prepared.needs_body(), frame?.data_ref()) {
                content.extend_from_slice(data);
            }
        }
        Ok(content)
    }

    /// Where a redirect leads, if it stays on this site: another site would be another system under test.
    fn redirect(&self, from: &Uri, response: &Response<Incoming>) -> Option<Uri> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        self.prepared.on_this_site(from.path(), location)
    }

    /// How many connections rest.
    #[cfg(test)]
    pub(super) fn at_rest(&self) -> usize {
        self.resting().len()
    }

    fn resting(&self) -> MutexGuard<'_, VecDeque<Resting>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After these a browser goes on with GET.
fn redirects_to_get(status: StatusCode, method: &Method) -> bool {
    status == StatusCode::SEE_OTHER && method != Method::HEAD
        || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && method == Method::POST
}

async fn handshake<S>(stream: TokioIo<S>) -> Result<Connection, Outcome>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (sender, driver) = http1::handshake(stream).await.map_err(|_| Outcome::Broken)?;
    // How a connection ends is told to the request that used it.
    let driver = tokio::spawn(async move { drop(driver.await) });
    Ok(Connection { sender, driver })
}
