//! Credentials that are good whenever they are asked for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::{Credentials, get};
use crate::ec2::account::{Account, Source};
use crate::ec2::error::Ec2Error;
use crate::requests::Patience;

/// Credentials are renewed this long before they expire, as the AWS CLI does at the latest. Those that are good for less than
/// twice of it, when half of their time is over.
const RENEWED_BEFORE: Duration = Duration::from_secs(600);

/// An account's credentials, got when they are needed.
pub(in crate::ec2) struct Keeper {
    account: Arc<Account>,
    patience: Patience,
    held: Mutex<Option<Held>>,
}

struct Held {
    credentials: Arc<Credentials>,
    renewed_at: Option<SystemTime>,
}

impl Held {
    fn new(credentials: Credentials, now: SystemTime) -> Held {
        let renewed_at = credentials.expires.map(|expires| {
            let good_for = expires.duration_since(now).unwrap_or_default();
            expires - RENEWED_BEFORE.min(good_for / 2)
        });
        Held { credentials: Arc::new(credentials), renewed_at }
    }

    fn is_due(&self, now: SystemTime) -> bool {
        self.renewed_at.is_some_and(|at| now >= at)
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.credentials.expires.is_some_and(|at| now >= at)
    }
}

impl Keeper {
    pub(in crate::ec2) fn new(account: Arc<Account>, patience: Patience) -> Self {
        Keeper { account, patience, held: Mutex::new(None) }
    }

    /// Whose they are.
    pub(in crate::ec2) fn account(&self) -> &Account {
        &self.account
    }

    /// Whether others can be had in place of those that are refused.
    pub(in crate::ec2) fn can_renew(&self) -> bool {
        !matches!(self.account.source, Source::Keys(_))
    }

    /// Credentials that are good now; others where these were `refused`. Whoever comes while another renews them waits. Where
    /// they can't be renewed yet, those that are held serve until they expire.
    ///
    /// # Errors
    /// There are none.
    pub(in crate::ec2) async fn get(&self, refused: Option<&Arc<Credentials>>) -> Result<Arc<Credentials>, Ec2Error> {
        let mut held = self.held.lock().await;
        let now = SystemTime::now();
        let good = held.as_ref().filter(|held| refused.is_none_or(|refused| !Arc::ptr_eq(refused, &held.credentials)));
        if let Some(held) = good.filter(|held| !held.is_due(now)) {
            return Ok(held.credentials.clone());
        }
        match (self.renewed(now).await, good.filter(|held| !held.is_over(now))) {
            (Ok(renewed), _) => Ok(held.insert(renewed).credentials.clone()),
            (Err(why), Some(held)) => {
                tracing::warn!(%why, "credentials that expire soon could not be renewed yet");
                Ok(held.credentials.clone())
            }
            (Err(why), None) => Err(why),
        }
    }

    async fn renewed(&self, now: SystemTime) -> Result<Held, Ec2Error> {
        let held = Held::new(get(&self.account, self.patience).await?, now);
        if !held.is_over(now) {
            return Ok(held);
        }
        Err(Ec2Error::NoCredentials {
            place: super::source(&self.account),
            why: "those that came have expired already".into(),
            fix: "check the clock of this machine, and what gives the credentials".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::secret::Secret;

    #[test]
    fn credentials_are_due_ten_minutes_before_they_expire_or_after_half_their_time() {
        let (now, minutes) = (SystemTime::now(), |n: u64| Duration::from_secs(60 * n));
        let held = |good_for: Duration| {
            let expires = Some(now + good_for);
            Held::new(Credentials { expires, ..Credentials::new("a", Secret::new("b".into()), None) }, now)
        };
        let long = held(minutes(60));
        assert!(!long.is_due(now + minutes(49)) && long.is_due(now + minutes(50)) && !long.is_over(now + minutes(59)));
        let short = held(minutes(10));
        assert!(!short.is_due(now + minutes(4)) && short.is_due(now + minutes(5)) && short.is_over(now + minutes(10)));
        let for_ever = Held::new(Credentials::new("a", Secret::new("b".into()), None), now);
        assert!(!for_ever.is_due(now + minutes(1_000_000)) && !for_ever.is_over(now + minutes(1_000_000)));
    }
}
