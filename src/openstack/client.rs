//! A user of a cloud who makes and removes things there: requests to Nova, Neutron and Glance, by path.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::advice;
use super::api::{Api, ApiError, Repeat};
use super::catalogue::{below, versioned};
use super::clouds::Cloud;
use super::compute::Compute;
use super::error::CloudError;
use super::session::{Order, Session};
use crate::provider::secret::Secret;
use crate::requests::{Patience, Tally};

/// How many entries one page of a list has at most.
const PAGE: usize = 500;
/// How often something is looked for of which it is not clear whether it was made.
const LOOKS: u32 = 4;

/// A service of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Nova,
    Neutron,
    Glance,
}

/// The way to everything in a cloud's project.
#[derive(Clone)]
pub(crate) struct Client {
    pub(super) session: Arc<Session>,
    pub(super) patience: Patience,
    cloud: Cloud,
    api: Arc<Api>,
    compute: Compute,
    network: Url,
    image: Url,
    tally: Tally,
}

impl Client {
    /// Logs in, and looks where the services are. Sends at most so many requests per minute.
    ///
    /// # Errors
    /// The login is refused, a service is not there, or none of Nova's microversions is known here.
    pub(crate) async fn log_in(cloud: Cloud, per_minute: u32) -> Result<Client, CloudError> {
        Client::log_in_with(cloud, per_minute, Patience::default()).await
    }

    pub(super) async fn log_in_with(cloud: Cloud, per_minute: u32, patience: Patience) -> Result<Client, CloudError> {
        let api = Arc::new(Api::new(&cloud, per_minute, patience)?);
        let refused = |why: ApiError| CloudError::Api { fix: advice::on_login(&why, &cloud), why: Box::new(why) };
        let session = Session::log_in(cloud.clone(), api.clone()).await.map_err(refused)?;
        let lacking = |why: ApiError| CloudError::Api { fix: advice::on_request(&why, &cloud), why: Box::new(why) };
        let compute = Compute::find(&session).await.map_err(lacking)?;
        let network = versioned(&session.address("network").await.map_err(lacking)?, "v2.0");
        let image = versioned(&session.address("image").await.map_err(lacking)?, "v2");
        let (session, tally) = (Arc::new(session), Tally::default());
        Ok(Client { session, patience, cloud, api, compute, network, image, tally })
    }

    /// The same way, by the same login, for a part of what is done: what it sends is [counted](Self::of_this_part) for itself, too.
    pub(crate) fn part(&self) -> Client {
        Client { tally: Tally::default(), ..self.clone() }
    }

    /// How many requests were sent for this part so far, logins aside.
    pub(crate) fn of_this_part(&self) -> u64 {
        self.tally.count()
    }

    /// How many requests were sent so far, the login among them.
    pub(crate) fn requests(&self) -> u64 {
        self.api.count()
    }

    /// What stands at a path, which may have a query.
    pub(super) async fn get(&self, service: Service, path: &str) -> Result<Value, CloudError> {
        self.send(service, Method::GET, path, None, None, Repeat::Harmless).await
    }

    /// What stands at a path below this key.
    pub(super) async fn get_as<T: DeserializeOwned>(
        &self,
        service: Service,
        path: &str,
        key: &str,
    ) -> Result<T, CloudError> {
        let mut answer = self.get(service, path).await?;
        self.read(service, Method::GET, path, answer.get_mut(key).map(Value::take).unwrap_or_default())
    }

    /// Reads a part of an answer.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        service: Service,
        method: Method,
        path: &str,
        part: Value,
    ) -> Result<T, CloudError> {
        serde_json::from_value(part).map_err(|why| {
            let request = format!("{method} {}", self.url(service, path));
            self.met(ApiError::Unexpected { request, why: format!("the answer has another form: {why}") })
        })
    }

    /// All entries of a list, page by page. A service that has no such kind of things has none of them.
    pub(super) async fn list(&self, service: Service, path: &str, key: &str) -> Result<Vec<Value>, CloudError> {
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let after = marker.map(|marker: String| format!("&marker={marker}")).unwrap_or_default();
            let join = if path.contains('?') { '&' } else { '?' };
            let page = format!("{path}{join}limit={PAGE}{after}");
            let mut answer = match self.get(service, &page).await {
                Ok(answer) => answer,
                Err(why) if why.is_not_found() && service == Service::Neutron => return Ok(all),
                Err(why) => return Err(why),
            };
            let entries: Vec<Value> = self.read(service, Method::GET, path, answer[key].take())?;
            marker = entries.last().and_then(marker_of).filter(|_| has_more(&answer, key));
            all.extend(entries);
            if marker.is_none() {
                return Ok(all);
            }
        }
    }

    /// Asks for something that must not be done twice.
    pub(super) async fn post(&self, service: Service, path: &str, body: &Value) -> Result<Value, CloudError> {
        self.send(service, Method::POST, path, Some(body), None, Repeat::Harmful).await
    }

    /// A question that is asked by a POST.
    pub(super) async fn ask(&self, service: Service, path: &str, body: &Value) -> Result<Value, CloudError> {
        self.send(service, Method::POST, path, Some(body), None, Repeat::Harmless).await
    }

    /// Makes what stands at a path so.
    pub(super) async fn put(&self, service: Service, path: &str, body: &Value) -> Result<Value, CloudError> {
        self.send(service, Method::PUT, path, Some(body), None, Repeat::Harmless).await
    }

    /// Removes what stands at a path; true if it was there.
    pub(super) async fn delete(&self, service: Service, path: &str) -> Result<bool, CloudError> {
        match self.send(service, Method::DELETE, path, None, None, Repeat::Harmless).await {
            Ok(_) => Ok(true),
            Err(why) if why.is_not_found() => Ok(false),
            Err(why) => Err(why),
        }
    }

    /// Makes one thing, never two: where it is not clear whether the request was carried out, what it makes is looked for by
    /// `find`, a few times, and the request is not sent again. Returns what is answered, or found.
    pub(super) async fn create<F: Future<Output = Result<Option<Value>, CloudError>>>(
        &self,
        service: Service,
        path: &str,
        making: &Making<'_>,
        find: impl Fn() -> F,
    ) -> Result<Value, CloudError> {
        let sent = self.send(service, Method::POST, path, Some(&making.body), making.private, Repeat::Harmful).await;
        let why = match sent {
            Err(CloudError::Api { why, .. }) if why.is_unclear() => why,
            done => return done,
        };
        let mut pause = self.patience.first_pause;
        for _ in 0..LOOKS {
            if let Ok(Some(found)) = find().await {
                tracing::info!(%why, "the {} `{}` was made all the same", making.kind, making.name);
                return Ok(found);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let (kind, name, run) = (making.kind, making.name.into(), making.run.into());
        Err(CloudError::Unclear { kind, name, run, why })
    }

    async fn send(
        &self,
        service: Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
        private: Option<&Secret>,
        repeat: Repeat,
    ) -> Result<Value, CloudError> {
        let url = self.url(service, path);
        let compute = self.compute.headers();
        let headers: &[_] = if service == Service::Nova { &compute } else { &[] };
        let tally = Some(&self.tally);
        let order = Order { body, private, repeat, tally, ..Order::new(method, &url, headers) };
        self.session.send(&order).await.map_err(|why| self.met(why))
    }

    fn url(&self, service: Service, path: &str) -> Url {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = match service {
            Service::Nova => below(&self.compute.address, path),
            Service::Neutron => below(&self.network, path),
            Service::Glance => below(&self.image, path),
        };
        url.set_query(query);
        url
    }

    fn met(&self, why: ApiError) -> CloudError {
        match why {
            ApiError::Refused { request, message, .. } if is_quota(&message) => CloudError::Quota { request, message },
            why => CloudError::Api { fix: advice::on_request(&why, &self.cloud), why: Box::new(why) },
        }
    }
}

/// Something that is to be made.
pub(super) struct Making<'m> {
    pub(super) kind: &'static str,
    pub(super) name: &'m str,
    pub(super) run: &'m str,
    pub(super) body: Value,
    /// A part of the body that no error may quote.
    pub(super) private: Option<&'m Secret>,
}

/// Nova says so with 403 or 413, Neutron with 409.
fn is_quota(message: &str) -> bool {
    message.contains("Quota exceeded") || message.contains("quota exceeded")
}

/// What the next page begins after.
fn marker_of(last: &Value) -> Option<String> {
    last.get("id")?.as_str().map(String::from)
}

/// Whether an answer is a page with another one behind it. Nova and Neutron link to it by the key, Glance by `next`.
fn has_more(answer: &Value, key: &str) -> bool {
    let is_next = |link: &Value| link.get("rel").and_then(Value::as_str) == Some("next");
    let links = answer.get(format!("{key}_links")).and_then(Value::as_array);
    links.is_some_and(|links| links.iter().any(is_next)) || answer.get("next").is_some_and(Value::is_string)
}

/// The next pause between two looks: longer, up to a bound.
pub(super) fn longer(pause: Duration) -> Duration {
    (pause * 2).min(Duration::from_secs(2))
}
