//! An instance that no packet reaches, whose link is up all the same: it is isolated, or suspended.

use std::io;
use std::sync::atomic::Ordering;

use super::{Life, Machine};
use crate::provider::ProviderError;
use crate::provider::local::link::{Port, Whither};

impl Machine {
    /// Nothing that it sends arrives, and nothing that is sent to it, in this life and in those to come.
    pub async fn isolate(&self) -> Result<(), ProviderError> {
        self.is_isolated.store(true, Ordering::Relaxed);
        self.plug_living().await.map_err(self.system("isolating it"))
    }

    /// Undoes [`isolate`](Self::isolate).
    pub async fn rejoin(&self) -> Result<(), ProviderError> {
        self.is_isolated.store(false, Ordering::Relaxed);
        self.plug_living().await.map_err(self.system("letting it rejoin the network"))
    }

    async fn plug_living(&self) -> io::Result<()> {
        match self.living() {
            Some(life) => self.plug(&life).await,
            None => Ok(()),
        }
    }

    /// Plugs its link in where packets pass, or where none does.
    pub(super) async fn plug(&self, life: &Life) -> io::Result<()> {
        let is_silent = self.is_isolated.load(Ordering::Relaxed) || life.is_suspended.load(Ordering::Relaxed);
        let whither = if is_silent { Whither::Limbo } else { Whither::Bridge };
        match life.port.get() {
            Some(port) => self.context.bridge.plug_into(port, whither).await,
            None => Ok(()),
        }
    }

    /// The link of a new life is where that of the last one was, before it is up.
    pub(super) async fn stay_isolated(&self, port: &Port) -> io::Result<()> {
        match self.is_isolated.load(Ordering::Relaxed) {
            true => self.context.bridge.plug_into(port, Whither::Limbo).await,
            false => Ok(()),
        }
    }

    /// The same as a part of its evidence.
    pub(super) fn unplugged(&self, life: &Life) -> &'static str {
        match (self.is_isolated.load(Ordering::Relaxed), life.is_suspended.load(Ordering::Relaxed)) {
            (_, true) => ", suspended",
            (true, false) => ", isolated",
            (false, false) => "",
        }
    }
}
