//! One request to the Query API of EC2, STS or Auto Scaling: signed, sent again while that can help, then one clear error.
//!
//! Sent again, after a growing pause, is what met throttling, 5xx, a time-out or a broken connection. What no pause changes fails
//! at once: another refusal, no route, a certificate that is not trusted, a zone without capacity. Credentials that have expired
//! before they should have are renewed once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};

use super::account::{Account, Given};
use super::credentials::{Credentials, Keeper, metadata};
use super::error::{Ec2Error, Skew};
use super::signature::{self, Scope};
use super::xml::Element;
use super::{advice, endpoint, http};
use crate::document::DocumentError;
use crate::requests::{Pace, Patience, Tally};

/// A service that is asked by the Query API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Ec2,
    Sts,
    AutoScaling,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Ec2 => "ec2",
            Service::Sts => "sts",
            Service::AutoScaling => "autoscaling",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Service::Ec2 => "2016-11-15",
            Service::Sts => "2011-06-15",
            Service::AutoScaling => "2011-01-01",
        }
    }
}

/// The way to the APIs of an account in its region. Clones share the pace and the credentials.
#[derive(Clone)]
pub(crate) struct Api {
    keeper: Arc<Keeper>,
    client: Client,
    pace: Arc<Mutex<Pace>>,
    /// What was sent for a part of what is done.
    tally: Tally,
    pub(super) patience: Patience,
    /// The region, and where it is named.
    pub(super) region: Given,
    ec2: Url,
    sts: Url,
    auto_scaling: Url,
}

/// What is sent beside the action.
pub(super) type Parameters<'p> = &'p [(&'p str, &'p str)];

impl Api {
    /// Finds the region and the addresses. Nothing is sent but to the instance's metadata, where no region is named.
    ///
    /// # Errors
    /// No region is named, and this machine is no instance; the file of certificates can't be used.
    pub(super) async fn open(account: Arc<Account>, per_minute: u32, patience: Patience) -> Result<Api, Ec2Error> {
        let region = match &account.region {
            Some(region) => region.clone(),
            None => metadata::region(&account).await.map_err(|_| no_region(&account))?,
        };
        let address = |named: &Option<(Url, Given)>, service: Service| match named {
            Some((url, _)) => Ok(url.clone()),
            None => endpoint::of(service.name(), region.text()).map_err(DocumentError::new),
        };
        let ec2 = address(&account.endpoints.ec2, Service::Ec2)?;
        let sts = address(&account.endpoints.sts, Service::Sts)?;
        let auto_scaling = address(&account.endpoints.auto_scaling, Service::AutoScaling)?;
        let client = http::client(&ec2, &account, patience)?;
        let pace = Arc::new(Mutex::new(Pace::new(per_minute)));
        let keeper = Arc::new(Keeper::new(account, patience));
        Ok(Api { keeper, client, pace, tally: Tally::default(), patience, region, ec2, sts, auto_scaling })
    }

    /// The address of EC2.
    pub(super) fn address(&self) -> &Url {
        self.address_of(Service::Ec2)
    }

    pub(super) fn address_of(&self, service: Service) -> &Url {
        match service {
            Service::Ec2 => &self.ec2,
            Service::Sts => &self.sts,
            Service::AutoScaling => &self.auto_scaling,
        }
    }

    /// The same way for a part of what is done: what it sends is [counted](Self::of_this_part) for itself, too.
    pub(crate) fn part(&self) -> Api {
        Api { tally: Tally::default(), ..self.clone() }
    }

    /// How many requests were sent for this part so far.
    pub(crate) fn of_this_part(&self) -> u64 {
        self.tally.count()
    }

    /// An error with what to do about it.
    pub(crate) fn explained(&self, why: &Ec2Error) -> String {
        match why {
            // It has its hint in it.
            Ec2Error::Described(why) => why.to_string(),
            why => format!("{why}\n  help: {}", advice::on(why, self.keeper.account())),
        }
    }

    /// How many requests were sent, those that were sent again among them.
    pub(crate) fn count(&self) -> u64 {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// The credentials that are used now.
    ///
    /// # Errors
    /// There are none.
    pub(super) async fn credentials(&self) -> Result<Arc<Credentials>, Ec2Error> {
        self.keeper.get(None).await
    }

    /// Sends a request until it has a good answer or trying again is no use. What makes something must carry a client token,
    /// since it may be sent twice.
    ///
    /// # Errors
    /// What the last attempt met.
    pub(super) async fn ask(
        &self,
        service: Service,
        action: &str,
        parameters: Parameters<'_>,
    ) -> Result<Element, Ec2Error> {
        self.send(&Request::new(self, service, action, parameters)).await
    }

    /// The same of EC2, for what makes something and takes no client token: it is sent again only where it surely was not carried out.
    ///
    /// # Errors
    /// What the last attempt met; it may be [unclear](Ec2Error::is_unclear) then what became of it.
    pub(super) async fn ask_once(&self, action: &str, parameters: Parameters<'_>) -> Result<Element, Ec2Error> {
        let request = Request::new(self, Service::Ec2, action, parameters);
        self.send(&Request { makes_once: true, ..request }).await
    }

    async fn send(&self, request: &Request<'_>) -> Result<Element, Ec2Error> {
        let credentials = self.keeper.get(None).await?;
        match request.send(&credentials).await {
            Err(why) if why.is_expired() && self.keeper.can_renew() => {
                request.send(&*self.keeper.get(Some(&credentials)).await?).await
            }
            done => done,
        }
    }

    /// All items of a list of EC2, over all its pages.
    ///
    /// # Errors
    /// As [`Self::ask`], or the pages do not end.
    pub(super) async fn list(
        &self,
        action: &str,
        list: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Element>, Ec2Error> {
        let (mut items, mut next) = (Vec::new(), String::new());
        loop {
            let page: Vec<(&str, &str)> = match next.as_str() {
                "" => parameters.to_vec(),
                next => [parameters, &[("NextToken", next)]].concat(),
            };
            let answer = self.ask(Service::Ec2, action, &page).await?;
            let after = answer.text_of("nextToken").to_owned();
            items.extend(answer.into_items(list));
            if after.is_empty() {
                return Ok(items);
            }
            if after == next {
                let request = format!("{action} at {}", self.ec2);
                return Err(Ec2Error::Unexpected { request, why: "a page leads to itself".into() });
            }
            next = after;
        }
    }

    async fn wait(&self) {
        let at = self.pace.lock().unwrap_or_else(PoisonError::into_inner).next(Instant::now());
        tokio::time::sleep_until(at.into()).await;
    }
}

fn no_region(account: &Account) -> DocumentError {
    let hint = match &account.profile {
        Some(profile) => format!("set `AWS_REGION`, or run `aws configure set region REGION --profile {profile}`"),
        None => "set `AWS_REGION`".into(),
    };
    DocumentError::new("no region: no variable names one, and neither does the profile").with_hint(hint)
}

/// A request, ready to be signed.
struct Request<'r> {
    api: &'r Api,
    service: Service,
    url: &'r Url,
    form: String,
    /// It in words, without its parameters.
    shown: String,
    /// Whether a second one would make another thing.
    makes_once: bool,
}

impl<'r> Request<'r> {
    fn new(api: &'r Api, service: Service, action: &str, parameters: Parameters<'_>) -> Self {
        let url = api.address_of(service);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", service.version()).extend_pairs(parameters);
        Request { api, service, url, form: form.finish(), shown: format!("{action} at {url}"), makes_once: false }
    }

    async fn send(&self, credentials: &Credentials) -> Result<Element, Ec2Error> {
        self.api.patience.outlast(|attempt| self.attempt(credentials, attempt)).await
    }

    /// One attempt. With an error comes the pause that the service asks for, at least, where another attempt can help.
    async fn attempt(&self, credentials: &Credentials, attempts: u32) -> Result<Element, (Ec2Error, Option<Duration>)> {
        self.api.wait().await;
        self.api.tally.add();
        let built = self.signed(credentials).map_err(|why| (why, None))?;
        let answered = http::send(built, &self.shown, self.api.patience.answer_within, attempts).await;
        let answer = match answered {
            Ok(answer) => answer,
            Err(why) => {
                let again = (why.may_have_arrived() && !self.makes_once).then_some(Duration::ZERO);
                return Err((why.into(), again));
            }
        };
        if answer.status.is_success() {
            let unexpected = |why| (Ec2Error::Unexpected { request: self.shown.clone(), why }, None);
            return Element::parse(&answer.body).map_err(unexpected);
        }
        let why = self.refused(&answer, credentials, attempts);
        let may_repeat = why.is_worth_repeating() && !(self.makes_once && why.is_unclear());
        let again = may_repeat.then(|| retry_after(&answer.headers));
        Err((why, again))
    }

    fn signed(&self, credentials: &Credentials) -> Result<reqwest::RequestBuilder, Ec2Error> {
        let scope = Scope { service: self.service.name(), region: self.api.region.text() };
        let headers = signature::headers(self.url, &self.form, scope, credentials, SystemTime::now());
        let cannot =
            |why| Ec2Error::Unexpected { request: self.shown.clone(), why: format!("it can't be signed: {why}") };
        let mut built = self.api.client.post(self.url.clone()).header(CONTENT_TYPE, signature::FORM);
        for (name, value) in headers.map_err(cannot)? {
            let mut value = HeaderValue::from_str(&value).map_err(|why| cannot(why.to_string()))?;
            value.set_sensitive(true);
            built = built.header(name, value);
        }
        Ok(built.body(self.form.clone()))
    }

    fn refused(&self, answer: &http::Answer, credentials: &Credentials, attempts: u32) -> Ec2Error {
        let tree = Element::parse(&answer.body).unwrap_or_default();
        let error = tree.find("Error");
        let of_error = |name: &str| error.map(|error| error.text_of(name)).unwrap_or_default();
        let id = ["RequestID", "RequestId"].iter().find_map(|name| tree.find(name));
        let code = of_error("Code").to_owned();
        let words = of_error("Message").split_whitespace().collect::<Vec<_>>().join(" ");
        Ec2Error::Refused {
            request: self.shown.clone(),
            status: answer.status,
            message: credentials.removed_from(&words).chars().take(MESSAGE).collect(),
            request_id: id.map(|id| id.text.trim().to_owned()).unwrap_or_default(),
            skew: skew(&answer.headers, SystemTime::now()).filter(|_| is_of_clock(&code)),
            code,
            attempts,
        }
    }
}

/// The longest message that is shown, in characters.
const MESSAGE: usize = 300;

/// In seconds; a date is read as no time, and the growing pause applies.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// A clock that is wrong by less than this is no reason to refuse a signature: 5 min are allowed, and the answer took a while.
const TOLERATED: Duration = Duration::from_secs(4 * 60);

/// Whether a wrong clock may be the reason for such an answer.
fn is_of_clock(code: &str) -> bool {
    let codes = [
        "RequestExpired",
        "RequestTimeTooSkewed",
        "RequestInTheFuture",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
    ];
    codes.contains(&code)
}

fn skew(headers: &HeaderMap, here: SystemTime) -> Option<Skew> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let there = SystemTime::from(jiff::fmt::rfc2822::parse(date).ok()?.timestamp());
    let skew = match there.duration_since(here) {
        Ok(behind) => Skew::Behind(behind),
        Err(ahead) => Skew::Ahead(ahead.duration()),
    };
    let (Skew::Behind(by) | Skew::Ahead(by)) = skew;
    (by >= TOLERATED).then_some(skew)
}
