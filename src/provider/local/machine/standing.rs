//! An instance that stands still: frozen, or suspended.

use std::sync::atomic::Ordering;

use super::Machine;
use crate::provider::ProviderError;
use crate::provider::local::process;

impl Machine {
    /// Stops every process of it; nothing to do where there is none.
    pub async fn freeze(&self) -> Result<(), ProviderError> {
        let Some(life) = self.living() else { return Ok(()) };
        life.stood().get_or_insert_with(|| process::standing(life.namespace));
        process::freeze(life.namespace).await.map_err(self.system("freezing it"))
    }

    /// The same; and its kernel, which is this machine's, answers nothing for it either.
    pub async fn suspend(&self) -> Result<(), ProviderError> {
        let Some(life) = self.living() else { return Ok(()) };
        life.is_suspended.store(true, Ordering::Relaxed);
        self.plug(&life).await.map_err(self.system("suspending it"))?;
        self.freeze().await
    }

    /// Lets every process of it go on that its freezing stopped, and packets pass again where it was suspended; nothing to do where
    /// there is none.
    pub async fn thaw(&self) -> Result<(), ProviderError> {
        let Some(life) = self.living() else { return Ok(()) };
        let stood = life.stood().clone();
        if let Some(stood) = stood {
            process::thaw(life.namespace, &stood).await.map_err(self.system("thawing it"))?;
            life.stood().take();
        }
        life.is_suspended.store(false, Ordering::Relaxed);
        self.plug(&life).await.map_err(self.system("resuming it"))
    }
}
