//! Which servers a strike hits, and which addresses each victim of a partition no longer hears.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Nemesis, partition};
use crate::draw::Purpose;
use crate::instance::Instance;
use crate::plan::{Partition, StrikeOrder, Target};
use crate::provider::ProviderError;
use crate::selector::{self, Selection, View};

/// Which servers a strike hits.
pub(super) struct ResolvedTargets {
    pub selection: Selection,
    /// For each victim of a partition, the addresses that it no longer hears.
    peers: Option<BTreeMap<String, Vec<Ipv4Addr>>>,
}

impl ResolvedTargets {
    pub fn peers(&self, server: &str) -> &[Ipv4Addr] {
        self.peers.as_ref().and_then(|peers| peers.get(server)).map_or(&[], Vec::as_slice)
    }
}

impl Nemesis {
    /// Resolves an order to its victims; chance is drawn for the strike with this number.
    pub(super) async fn aim(&self, order: &StrikeOrder, number: u32) -> Result<ResolvedTargets, String> {
        let Some(partition) = &order.partition else {
            return Ok(ResolvedTargets { selection: self.select(&order.target, number)?, peers: None });
        };
        let (mut selection, far) = match partition {
            Partition::Between(far) | Partition::From(far) => self.select_sides(&order.target, far, number)?,
            Partition::Halves | Partition::MajoritiesRing => (self.select(&order.target, number)?, Vec::new()),
        };
        let mut rng = self.draw.for_purpose(Purpose::Sides, number.into());
        let peers = partition::peers(partition, &selection.servers, &far, &mut rng)?;
        self.separable(&peers).await.map_err(|why| why.to_string())?;
        let addresses = self.addresses().await.map_err(|why| why.to_string())?;
        let peers: BTreeMap<_, _> = peers
            .into_iter()
            .map(|(victim, peers)| {
                (victim, peers.iter().filter_map(|peer| addresses.get(peer)).flatten().copied().collect())
            })
            .collect();
        selection.servers = peers.keys().cloned().collect();
        Ok(ResolvedTargets { selection, peers: Some(peers) })
    }

    /// Whether each victim can be cut off from its peers by their addresses.
    async fn separable(&self, peers: &BTreeMap<String, Vec<String>>) -> Result<(), ProviderError> {
        let provider = &self.context.provider;
        let last: BTreeMap<String, Instance> =
            provider.list().await?.into_iter().map(|instance| (instance.name.clone(), instance)).collect();
        for (victim, peers) in peers {
            for both in peers.iter().map(|peer| last.get(victim).zip(last.get(peer))) {
                let Some((victim, peer)) = both else { continue };
                provider.separable(victim, peer).await?;
            }
        }
        Ok(())
    }

    /// Of the last instance of each server.
    async fn addresses(&self) -> Result<BTreeMap<String, Vec<Ipv4Addr>>, ProviderError> {
        let mut addresses = BTreeMap::new();
        for instance in self.context.provider.list().await? {
            let found = self.context.provider.addresses(&instance).await;
            addresses.insert(instance.name, found);
        }
        Ok(addresses)
    }

    /// The servers of a target, for the strike with this number.
    pub(super) fn select(&self, target: &Target, number: u32) -> Result<Selection, String> {
        let mut rng = self.draw.for_purpose(Purpose::Targets, number.into());
        self.with_view(|view| selector::resolve(target, view, &mut rng))
    }

    /// The near side of a partition with the reason for both, and the far side.
    fn select_sides(&self, near: &Target, far: &Target, number: u32) -> Result<(Selection, Vec<String>), String> {
        let is_drawn = far.choice.is_drawn();
        let sides = self.with_view(|view| selector::sides(near, far, view, self.draw, number.into()));
        let (mut near, far) = sides?;
        if is_drawn {
            near.why = format!("{}; the far side: {}", near.why, far.why);
        }
        Ok((near, far.servers))
    }

    /// What is known now.
    fn with_view<T>(&self, choose: impl FnOnce(&View<'_>) -> T) -> T {
        let holder = self.observations.holder.borrow().clone();
        let balancers = self.observations.balancers.borrow().clone();
        let infrastructure = &self.context.infrastructure;
        let protected = self.context.safeguards.protected(infrastructure);
        choose(&View {
            holder: holder.as_deref(),
            last_struck: &self.last_struck,
            balancers: Some(&balancers),
            protected: &protected,
            ..View::of(infrastructure)
        })
    }
}
