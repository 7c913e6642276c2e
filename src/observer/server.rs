//! The observer of one component on one server: what it makes of each look is up to its [`View`].

use std::time::Duration;

use async_trait::async_trait;

use super::source::{Glimpse, Source};
use super::{Look, Observer, ObserverError};
use crate::agent::watch::Sight;

/// What is made of the looks at one component.
pub(super) trait View: Send {
    /// What is watched: (kind, object).
    fn watches(&self) -> (String, String);
    /// Records what is not known yet of what was seen, as of the look's moment.
    fn see(&mut self, look: &mut Look<'_>, sight: &Sight);
    /// The component can't be seen now, by one look or for longer.
    fn lose(&mut self);
    /// Another instance stands for the server: nothing is known of it.
    fn renew(&mut self);
}

/// Looks at one component, or listens to looks that are made on its server.
pub(super) struct ServerObserver<V> {
    source: Source,
    every: Duration,
    view: V,
    instance: Option<String>,
}

impl<V: View> ServerObserver<V> {
    /// `every`: from one look to the next.
    pub fn new(source: Source, every: Duration, view: V) -> Self {
        ServerObserver { source, every, view, instance: None }
    }

    fn take(&mut self, glimpse: Glimpse, look: &mut Look<'_>) {
        let Glimpse { instance, at, since_us, seen } = glimpse;
        if self.instance.as_ref() != Some(&instance) {
            self.instance = Some(instance);
            self.view.renew();
        }
        match seen {
            Ok(sight) => {
                if let Some(sight) = sight {
                    self.view.see(&mut look.made(at.by_us, since_us), &sight);
                }
                look.turn(at.by_us, Ok(()));
            }
            Err(why) => {
                self.view.lose();
                look.turn(at.by_us, Err(&why));
            }
        }
    }
}

#[async_trait]
impl<V: View> Observer for ServerObserver<V> {
    fn watches(&self) -> (String, String) {
        self.view.watches()
    }

    fn interval(&self) -> Duration {
        self.every
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let news = self.source.news(look).await;
        let blind_since_us = news.blind_since_us(look.now_us());
        for glimpse in news.glimpses {
            self.take(glimpse, look);
        }
        if let Err(why) = &news.sees {
            self.view.lose();
            look.turn(blind_since_us, Err(why));
        }
        news.sees
    }
}
