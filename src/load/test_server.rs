//! A website for tests: answers on 127.0.0.1 as it is told, and can be told otherwise while it runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a test server does; shared with the test.
#[derive(Default)]
pub(super) struct Behaviour {
    /// Reads requests, answers nothing.
    pub(super) hang: AtomicBool,
    /// Connections that were accepted so far.
    pub(super) connections: AtomicUsize,
    /// Requests that were read so far.
    pub(super) requests: AtomicUsize,
}

/// A certificate authority and a server certificate for `site`, made by `test_certificates/make.sh`.
pub(super) struct Certificates {
    pub(super) authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    /// The `own` ones of the folder `test_certificates`, or the `other` ones.
    pub(super) fn of(name: &str) -> Certificates {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/load/test_certificates");
        let at = |suffix: &str| folder.join(format!("{name}-{suffix}"));
        Certificates { authority: at("ca.pem"), certificate: at("site.pem"), key: at("site.key") }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let chain = CertificateDer::pem_file_iter(&self.certificate).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(&self.key).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Starts a server that lives as long as the test's runtime.
pub(super) async fn serve(behaviour: Arc<Behaviour>, certificates: Option<&Certificates>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = certificates.map(Certificates::acceptor);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            behaviour.connections.fetch_add(1, Ordering::SeqCst);
            let (behaviour, acceptor) = (behaviour.clone(), acceptor.clone());
            tokio::spawn(async move {
                match acceptor {
                    None => converse(stream, &behaviour).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            converse(stream, &behaviour).await;
                        }
                    }
                }
            });
        }
    });
    address
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, behaviour: &Behaviour) {
    let (mut buffer, mut read) = (vec![0; 16 * 1024], 0);
    loop {
        let Some(end) = buffer[..read].windows(4).position(|four| four == b"\r\n\r\n") else {
            match stream.read(&mut buffer[read..]).await {
                Ok(0) | Err(_) => return,
                Ok(n) => read += n,
            }
            continue;
        };
        let request = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.copy_within(end + 4..read, 0);
        read -= end + 4;
        behaviour.requests.fetch_add(1, Ordering::SeqCst);
        while behaviour.hang.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if stream.write_all(answer(&request).as_bytes()).await.is_err() || request.starts_with("GET /cut") {
            return;
        }
    }
}

/// By path: `/` welcomes, `/503` fails, `/cut` breaks off, `/loop`, `/moved` and `/hops/N` redirect, `/echo` returns the request.
fn answer(request: &str) -> String {
    let whole = |status: &str, more: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n{body}", body.len())
    };
    match request.split(' ').nth(1).unwrap_or_default() {
        "/503" => whole("503 Service Unavailable", "", "no server is available"),
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this".into(),
        "/loop" => whole("302 Found", "location: /loop\r\n", ""),
        hops if hops.starts_with("/hops/") => match hops[6..].parse::<u32>() {
            Ok(0) | Err(_) => whole("200 OK", "", "welcome"),
            Ok(left) => whole("302 Found", &format!("location: /hops/{}\r\n", left - 1), ""),
        },
        "/moved" => whole("301 Moved Permanently", "location: /\r\n", ""),
        "/needs-key" if request.to_lowercase().contains("x-key: secret") => whole("200 OK", "", "welcome"),
        "/needs-key" => whole("403 Forbidden", "", ""),
        "/host" if request.to_lowercase().contains("host: shop.example") => whole("200 OK", "", "welcome"),
        "/host" => whole("404 Not Found", "", ""),
        _ => whole("200 OK", "", "welcome to the site"),
    }
}
