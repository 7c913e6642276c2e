//! The fabric of a scenario: its bridge and the links plugged into it, by netlink.
//!
//! Addresses of the link layer never change: an instance's is derived from its name and the bridge's from its slot.
//! A replacement with a new one would be missed by neighbours that remember the old.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use futures::TryStreamExt;
use rtnetlink::packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkMessage, State};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::identity::HardwareAddress;
use super::subnet::Subnet;
use super::sys;

/// The longest wait for a link to carry; without it, all works, a second later.
const SETTLE: Duration = Duration::from_millis(500);

/// A bridge with the harness's own address of the scenario.
#[derive(Debug)]
pub(super) struct Bridge {
    netlink: Handle,
    connection: JoinHandle<()>,
    name: String,
    index: u32,
    group: u32,
    /// Made when the first instance is isolated.
    limbo: OnceCell<u32>,
}

/// Where a link is plugged in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whither {
    Bridge,
    Limbo,
}

/// The bridge's side of an instance's link.
#[derive(Debug, Clone)]
pub(super) struct Port {
    /// Its interface's name in the sandbox.
    pub name: String,
    index: u32,
}

impl Bridge {
    /// Makes the bridge of a slot and gives it the first address of its subnet.
    ///
    /// # Errors
    /// `AlreadyExists` when the slot is in use; else those of netlink.
    pub async fn create(slot: u32) -> io::Result<Self> {
        let (connection, netlink, _) = rtnetlink::new_connection()?;
        let connection = tokio::spawn(connection);
        let (name, group) = (format!("br{slot}"), slot + 1);
        let message = LinkMessageBuilder::<LinkBridge>::new(&name)
            .address(HardwareAddress::of(&name).bytes())
            .nf_call_iptables(false)
            .nf_call_ip6tables(false)
            .mcast_snooping(false)
            .link_group(group)
            .build();
        netlink.link().add(message).execute().await.map_err(as_io)?;
        let index = nix::net::if_::if_nametoindex(name.as_str())?;
        let bridge = Bridge { netlink, connection, name, index, group, limbo: OnceCell::new() };
        sys::set_address(&bridge.name, Subnet::of_slot(slot).address(1), Subnet::PREFIX)?;
        sys::raise_interface(&bridge.name)?;
        Ok(bridge)
    }

    /// The bridge's interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a link from the bridge into the network namespace of a process, there called `eth0`. Both ends are down.
    ///
    /// # Errors
    /// Those of netlink.
    pub async fn plug(&self, port: &str, address: HardwareAddress, process: i32) -> io::Result<Port> {
        let process = u32::try_from(process).map_err(io::Error::other)?;
        let peer = LinkMessageBuilder::<LinkUnspec>::new()
            .name("eth0")
            .index(2)
            .setns_by_pid(process)
            .address(address.bytes())
            .build();
        self.pair(port, peer).await
    }

    /// Makes a link from the bridge into another network namespace, there called `name`, with the address of the link
    /// layer that belongs to that name. The bridge's end is up, the other one is down and has no address.
    ///
    /// # Errors
    /// Those of netlink: `AlreadyExists` when there is an interface of this name already.
    pub async fn plug_outside(&self, port: &str, name: &str, namespace: BorrowedFd<'_>) -> io::Result<Port> {
        let peer = LinkMessageBuilder::<LinkUnspec>::new()
            .name(name)
            .setns_by_fd(namespace.as_raw_fd())
            .address(HardwareAddress::of(name).bytes())
            .build();
        let port = self.pair(port, peer).await?;
        port.raise()?;
        Ok(port)
    }

    async fn pair(&self, port: &str, peer: LinkMessage) -> io::Result<Port> {
        let message = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(port)
            .controller(self.index)
            .link_group(self.group)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        self.netlink.link().add(message).execute().await.map_err(as_io)?;
        Ok(Port { name: port.to_string(), index: nix::net::if_::if_nametoindex(port)? })
    }

    /// Waits until the kernel has noticed that both ends of a link are up; before, the bridge drops what is for it.
    /// Takes a millisecond or so; a busy kernel is not waited for longer than half a second.
    pub async fn settle(&self, port: &Port) {
        let deadline = tokio::time::Instant::now() + SETTLE;
        while !self.carries(port).await && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn carries(&self, port: &Port) -> bool {
        let mut found = self.netlink.link().get().match_index(port.index).execute();
        let Ok(Some(link)) = found.try_next().await else { return false };
        link.attributes.contains(&LinkAttribute::OperState(State::Up))
    }

    /// Takes a link down: from now on nothing gets through, and nobody is told.
    ///
    /// # Errors
    /// Those of netlink; a link that is gone is no error.
    pub async fn cut(&self, port: &Port) -> io::Result<()> {
        let message = LinkUnspec::new_with_index(port.index).down().build();
        gone_is_fine(self.netlink.link().change(message).execute().await)
    }

    /// Plugs a link into the limbo, which drops every frame from and for it, or into the bridge again. Its ends see nothing of it:
    /// the link stays as it is, up and with a carrier.
    ///
    /// # Errors
    /// Those of netlink; a link that is gone is no error.
    pub async fn plug_into(&self, port: &Port, whither: Whither) -> io::Result<()> {
        let index = match whither {
            Whither::Bridge => self.index,
            Whither::Limbo => *self.limbo.get_or_try_init(|| self.make_limbo()).await?,
        };
        let message = LinkUnspec::new_with_index(port.index).controller(index).build();
        gone_is_fine(self.netlink.link().change(message).execute().await)
    }

    /// A bridge that is never up: it forwards nothing, between those that are plugged into it neither.
    async fn make_limbo(&self) -> io::Result<u32> {
        let name = format!("{}-limbo", self.name);
        let message = LinkMessageBuilder::<LinkBridge>::new(&name).link_group(self.group).build();
        self.netlink.link().add(message).execute().await.map_err(as_io)?;
        Ok(nix::net::if_::if_nametoindex(name.as_str())?)
    }

    /// Removes a link with both its ends.
    ///
    /// # Errors
    /// Those of netlink; a link that is gone is no error.
    pub async fn unplug(&self, port: &Port) -> io::Result<()> {
        gone_is_fine(self.netlink.link().del(port.index).execute().await)
    }

    /// Removes the bridge and every link on it in one stroke.
    ///
    /// # Errors
    /// Those of netlink.
    pub async fn delete(&self) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::Group(self.group));
        gone_is_fine(self.netlink.link().del_with_message(message).execute().await)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Port {
    /// Raises the bridge's side. To be done last: raised before the other side, it would forward at once, but lose
    /// what it is given until the kernel has noticed the carrier.
    ///
    /// # Errors
    /// Those of the ioctls.
    pub fn raise(&self) -> io::Result<()> {
        sys::raise_interface(&self.name)
    }

    /// What the port is doing, as the kernel says now: `link up`, `link down`, `link gone`.
    pub fn state(&self) -> &'static str {
        match sys::interface_is_up(&self.name) {
            Some(true) => "link up",
            Some(false) => "link down",
            None => "link gone",
        }
    }
}

fn gone_is_fine(result: Result<(), rtnetlink::Error>) -> io::Result<()> {
    match result.map_err(as_io) {
        Err(why) if why.raw_os_error() == Some(libc::ENODEV) => Ok(()),
        other => other,
    }
}

fn as_io(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}
