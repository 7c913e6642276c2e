//! What Docker reports of the containers that stand for servers. It is reported as it happens, so a look takes what has come since the last.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::instance::{ContainerNews, ContainerReport};

/// Records every change that is reported. No hypothesis rests on it.
pub(super) struct ContainerObserver {
    reports: UnboundedReceiver<ContainerReport>,
    /// Why nothing is heard now.
    lost: Option<String>,
}

impl ContainerObserver {
    /// Of these reports.
    pub fn new(reports: UnboundedReceiver<ContainerReport>) -> Self {
        ContainerObserver { reports, lost: None }
    }
}

#[async_trait]
impl Observer for ContainerObserver {
    fn watches(&self) -> (String, String) {
        ("containers".into(), "Docker".into())
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(50)
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        while let Ok(report) = self.reports.try_recv() {
            match report {
                ContainerReport::Changed(ContainerNews { server, container, change, when }) => {
                    look.changed_between(when, Event::ContainerChanged { server, container, change });
                }
                ContainerReport::Lost(why) => self.lost = Some(why),
                ContainerReport::Found => self.lost = None,
            }
        }
        self.lost.clone().map_or(Ok(()), |why| Err(ObserverError::Unreadable(why)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::clock::{Clock, monotonic_us};
    use crate::history::Recorder;
    use crate::instance::{Between, ContainerChange};
    use crate::observer::watcher::Blindness;

    #[tokio::test]
    async fn a_change_has_the_moment_of_its_report_and_a_broken_stream_makes_blind() {
        let (recorder, memory) = Recorder::memory(Clock::start());
        let (out, reports) = unbounded_channel();
        let mut observer = ContainerObserver::new(reports);
        let mut blindness = Blindness::new(recorder.clone(), observer.watches());
        let mut observe = async |observer: &mut ContainerObserver| {
            let mut look = Look { recorder: &recorder, since_us: 0, made_us: None, blindness: &mut blindness };
            observer.observe(&mut look).await
        };
        let by_us = monotonic_us() + 7_000;
        let change = ContainerChange::Exited { exit_code: 137 };
        let news = ContainerNews {
            server: "web-1".into(),
            container: "3f9a1c2b7d5e".into(),
            change: change.clone(),
            when: Between { since_us: by_us - 2_000, by_us },
        };
        out.send(ContainerReport::Changed(news)).unwrap();
        assert!(observe(&mut observer).await.is_ok());
        out.send(ContainerReport::Lost("gone".into())).unwrap();
        assert!(observe(&mut observer).await.is_err() && observe(&mut observer).await.is_err());
        out.send(ContainerReport::Found).unwrap();
        assert!(observe(&mut observer).await.is_ok());
        let events = memory.take_events();
        let event = Event::ContainerChanged { server: "web-1".into(), container: "3f9a1c2b7d5e".into(), change };
        assert_eq!(events.len(), 1);
        assert_eq!((&events[0].event, events[0].resolution_us), (&event, 2_000));
        assert_eq!(events[0].at_us, by_us - recorder.clock().epoch());
        let line = serde_json::to_string(&events[0]).unwrap();
        assert!(
            line.contains(r#""event":"container_changed""#) && line.contains(r#""change":"exited","exit_code":137"#)
        );
        assert_eq!(serde_json::from_str::<crate::history::Record>(&line).unwrap(), events[0]);
    }
}
