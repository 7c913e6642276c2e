//! Deaths of the reconciler at a step, for scenarios and tests: what it can be killed at, it must survive.

use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc;

use crate::plan::reconciler_step::ReconcilerStep;

/// Where a reconciler dies, if somebody asked for it. Clones are of the same reconciler.
#[derive(Debug, Clone)]
pub struct Death {
    at: Arc<Mutex<Option<ReconcilerStep>>>,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    /// Whoever supervises it is told, and ends it where it is.
    Told(mpsc::UnboundedSender<ReconcilerStep>),
    /// The process is killed with SIGKILL.
    Process,
}

impl Death {
    /// Of a reconciler that is a task: it stays where it died, and the receiver is told.
    pub(super) fn told() -> (Death, mpsc::UnboundedReceiver<ReconcilerStep>) {
        let (tell, told) = mpsc::unbounded_channel();
        (Death { at: Arc::default(), how: How::Told(tell) }, told)
    }

    /// Of a reconciler that is a process of its own.
    pub fn of_this_process(at: Option<ReconcilerStep>) -> Death {
        Death { at: Arc::new(Mutex::new(at)), how: How::Process }
    }

    /// It dies the next time it comes to this step.
    pub(super) fn arm(&self, step: ReconcilerStep) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
    }

    /// Comes back unless it is to die here.
    pub(super) async fn pass(&self, step: ReconcilerStep) {
        if !self.is_here(step) {
            return;
        }
        match &self.how {
            How::Told(tell) => drop(tell.send(step)),
            How::Process => drop(kill(Pid::this(), Signal::SIGKILL)),
        }
        std::future::pending().await
    }

    /// Once only: the next life passes.
    fn is_here(&self, step: ReconcilerStep) -> bool {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.take_if(|armed| *armed == step).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_dies_once_at_its_step_and_nowhere_else() {
        let (death, mut told) = Death::told();
        death.pass(ReconcilerStep::List).await;
        death.arm(ReconcilerStep::Ask);
        death.pass(ReconcilerStep::List).await;
        let dying = {
            let death = death.clone();
            tokio::spawn(async move { death.pass(ReconcilerStep::Ask).await })
        };
        assert_eq!(told.recv().await, Some(ReconcilerStep::Ask));
        assert!(!dying.is_finished());
        dying.abort();
        death.pass(ReconcilerStep::Ask).await;
    }
}
