//! A login that lasts: its token is renewed before it expires, and once more where a service no longer takes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use tokio::sync::Mutex;

use super::api::{Api, ApiError, Repeat, Request};
use super::clouds::Cloud;
use super::login::{self, Token, Who};
use crate::provider::secret::Secret;
use crate::requests::Tally;

/// A token is renewed this long before it expires: a request with it may take that long. One that is good for less than twice
/// of it, when half of its time is over.
const RENEWED_BEFORE: Duration = Duration::from_secs(60);

/// A user of a cloud, logged in.
pub(crate) struct Session {
    cloud: Cloud,
    api: Arc<Api>,
    region: String,
    held: Mutex<Held>,
}

/// The token that is used now.
struct Held {
    token: Arc<Token>,
    asked: Instant,
    renewed_at: Instant,
}

/// What goes with a request.
pub(super) type Headers<'h> = &'h [(&'static str, String)];

/// A request that a user of the cloud makes.
pub(super) struct Order<'o> {
    pub(super) method: Method,
    pub(super) url: &'o Url,
    pub(super) headers: Headers<'o>,
    pub(super) body: Option<&'o Value>,
    /// A part of the body that no error may quote.
    pub(super) private: Option<&'o Secret>,
    pub(super) repeat: Repeat,
    /// Where it is counted, beside the count of all requests.
    pub(super) tally: Option<&'o Tally>,
}

impl<'o> Order<'o> {
    /// Without a body. Only a POST is harmful to repeat.
    pub(super) fn new(method: Method, url: &'o Url, headers: Headers<'o>) -> Order<'o> {
        let repeat = if method == Method::POST { Repeat::Harmful } else { Repeat::Harmless };
        Order { method, url, headers, body: None, private: None, repeat, tally: None }
    }
}

impl Held {
    fn new(token: Token, asked: Instant) -> Held {
        let good = token.good_for.saturating_sub(RENEWED_BEFORE.min(token.good_for / 2));
        Held { token: Arc::new(token), asked, renewed_at: asked + good }
    }
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// Keystone refuses or can't be asked, or there is no such region.
    pub(super) async fn log_in(cloud: Cloud, api: Arc<Api>) -> Result<Session, ApiError> {
        let asked = Instant::now();
        let token = login::log_in(&api, &cloud).await?;
        let region = token.catalogue.region(cloud.region.as_deref())?;
        Ok(Session { cloud, api, region, held: Mutex::new(Held::new(token, asked)) })
    }

    /// Who is logged in.
    pub(super) async fn who(&self) -> Who {
        self.held.lock().await.token.who.clone()
    }

    /// The region that services are asked in.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Where a service is.
    ///
    /// # Errors
    /// The catalogue does not have it in this region.
    pub(super) async fn address(&self, service: &'static str) -> Result<Url, ApiError> {
        let token = self.held.lock().await.token.clone();
        Ok(token.catalogue.address(service, &self.region, self.cloud.interface)?)
    }

    /// What time it is by the cloud's own clock.
    pub(super) async fn now(&self) -> Timestamp {
        let held = self.held.lock().await;
        held.token.issued_at.saturating_add(held.asked.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// What stands at an address.
    ///
    /// # Errors
    /// The service refuses or can't be asked.
    pub(super) async fn get(&self, url: &Url, headers: Headers<'_>) -> Result<Value, ApiError> {
        self.send(&Order::new(Method::GET, url, headers)).await
    }

    /// Carries out an order; nothing (`null`) where the good answer is empty.
    ///
    /// # Errors
    /// The service refuses or can't be asked. Whether it was carried out all the same, [`ApiError::is_unclear`] says.
    pub(super) async fn send(&self, order: &Order<'_>) -> Result<Value, ApiError> {
        let token = self.token(None).await?;
        match self.send_with(order, &token).await {
            Err(ApiError::Refused { status: StatusCode::UNAUTHORIZED, .. }) => {
                let renewed = self.token(Some(&token)).await?;
                self.send_with(order, &renewed).await
            }
            done => done,
        }
    }

    async fn send_with(&self, order: &Order<'_>, token: &Token) -> Result<Value, ApiError> {
        let Order { method, url, headers, body, private, repeat, tally } = order;
        let (method, url, token) = (method.clone(), (*url).clone(), Some(&token.id));
        let (body, private, repeat, tally) = (*body, *private, *repeat, *tally);
        let request = Request { method, url, token, headers, body, private, repeat, tally };
        Ok(self.api.send(&request).await?.body)
    }

    /// A token that is good for a request; a new one where this one was `refused`. Whoever comes while another renews it waits.
    async fn token(&self, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, ApiError> {
        let mut held = self.held.lock().await;
        let is_refused = refused.is_some_and(|token| Arc::ptr_eq(token, &held.token));
        let asked = Instant::now();
        if is_refused || asked >= held.renewed_at {
            *held = Held::new(login::log_in(&self.api, &self.cloud).await?, asked);
        }
        Ok(held.token.clone())
    }
}
