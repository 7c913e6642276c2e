//! The root queueing discipline of one interface: run `tc`, read what it shows as JSON.
//!
//! It is only ever added where the kernel's own default is (handle `0:`), under a handle made of the strike's id, and
//! deleted by that handle: the kernel refuses to delete any other by it.

use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::driver::{DriverError, Trace};
use super::prefork::{self, Preforked};
use super::{StrikeId, interface, iptables};

/// A root qdisc of one strike, with what removes it prepared.
pub(super) struct Root {
    place: Place,
    remover: Option<Preforked>,
}

/// Where it is, and under which handle: all that must be known to remove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub interface: String,
    pub handle: Handle,
}

/// A queueing discipline as `tc -j qdisc show` tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Qdisc {
    /// `netem`, `tbf`, `noqueue`, …
    pub kind: String,
    /// `4711:`, or `0:` for the kernel's default.
    pub handle: String,
    #[serde(default)]
    root: bool,
    /// Its parameters, as each kind has them.
    #[serde(default)]
    options: serde_json::Value,
}

/// The handle of one strike's qdisc: `2f10:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Handle(String);

impl Handle {
    /// Made of the id alone. Between 1000: and 7fff:, above what people choose by hand, below what the kernel gives
    /// out by itself (8000: and up).
    pub fn of(strike: &StrikeId) -> Handle {
        let hash = Sha256::digest(&strike.0);
        let number = u16::from_be_bytes([hash[0], hash[1]]);
        Handle(format!("{:x}:", 0x1000 + number % 0x7000))
    }
}

impl Root {
    /// The strike's place on this interface. Touches nothing.
    pub fn new(place: Place) -> Self {
        Root { place, remover: None }
    }

    /// Checks that the way is clear, and prepares the removal. Touches nothing.
    ///
    /// # Errors
    /// When the root is not the kernel's default: it is somebody's, and could not be put back as it was.
    pub fn arm(&mut self) -> Result<(), DriverError> {
        if let Some(theirs) = root(&self.place.interface)? {
            return Err(DriverError::Unfit {
                what: format!("the root qdisc of {}", self.place.interface),
                found: theirs.to_string(),
                expected: "the kernel's default".into(),
            });
        }
        let argv = self.place.delete();
        self.remover = Some(Preforked::prepare(&argv).map_err(DriverError::at(&argv.join(" ")))?);
        Ok(())
    }

    /// Adds a qdisc of this kind, with its parameters.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn add(&self, kind: &[String]) -> Result<(), DriverError> {
        let Place { interface, handle } = &self.place;
        let start = ["tc", "qdisc", "add", "dev", interface, "root", "handle", handle.0.as_str()];
        let argv: Vec<_> = start.iter().map(ToString::to_string).chain(kind.iter().cloned()).collect();
        iptables::call(&argv).map(drop)
    }

    /// Removes the strike's qdisc; nothing to do where it, or its interface, is gone.
    ///
    /// # Errors
    /// When it is there still.
    pub fn remove(&mut self) -> Result<(), DriverError> {
        let ended = iptables::call_preforked(&self.place.delete(), self.remover.take());
        match (ended, self.place.shown()) {
            (_, Ok(None)) | (Ok(_), Err(_)) => Ok(()),
            (Err(why), _) => Err(why),
            (Ok(_), Ok(Some(ours))) => {
                Err(DriverError::Left { what: format!("the qdisc {ours} on {}", self.place.interface) })
            }
        }
    }
}

impl Place {
    /// Where a strike's root qdisc belongs.
    pub fn of(strike: &StrikeId, interface: String) -> Place {
        Place { interface, handle: Handle::of(strike) }
    }

    /// The strike's qdisc, if it is there now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn shown(&self) -> Result<Option<Qdisc>, DriverError> {
        Ok(root(&self.interface)?.filter(|qdisc| qdisc.handle == self.handle.0))
    }

    fn delete(&self) -> Vec<String> {
        let words = ["tc", "qdisc", "del", "dev", &self.interface, "root", "handle", &self.handle.0];
        words.map(str::to_string).to_vec()
    }
}

/// How what is left without a record is removed. A handle does not tell its strike's id, so none is found; but whoever
/// knows the id knows the handle.
pub(super) const TRACE: Trace = Trace { find: || Ok(Vec::new()), sweep };

fn sweep(strike: &StrikeId) -> Result<(), DriverError> {
    if !prefork::exists("tc") {
        return Ok(());
    }
    let places = interface::all().into_iter().map(|interface| Place::of(strike, interface));
    let remove = |place: Place| match place.shown()? {
        Some(_) => Root::new(place).remove(),
        None => Ok(()),
    };
    places.map(remove).fold(Ok(()), Result::and)
}

/// The root qdisc of an interface if it is there and is not the kernel's own default.
fn root(interface: &str) -> Result<Option<Qdisc>, DriverError> {
    if !interface::exists(interface) {
        return Ok(None);
    }
    let argv = ["tc", "-j", "qdisc", "show", "dev", interface].map(str::to_string);
    let shown = iptables::call(&argv)?;
    parse(&shown).map_err(|why| DriverError::at(&argv.join(" "))(io::Error::new(io::ErrorKind::InvalidData, why)))
}

fn parse(shown: &str) -> serde_json::Result<Option<Qdisc>> {
    let all: Vec<Qdisc> = serde_json::from_str(shown)?;
    Ok(all.into_iter().find(|qdisc| qdisc.root && qdisc.handle != "0:"))
}

impl Qdisc {
    /// The number at this place of its parameters (a JSON pointer).
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.options.pointer(pointer).and_then(serde_json::Value::as_f64)
    }
}

impl std::fmt::Display for Qdisc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.handle)
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_root_is_none_and_anything_else_is_somebodys() {
        let noqueue = r#"[{"kind":"noqueue","handle":"0:","root":true,"refcnt":2,"options":{}}]"#;
        assert_eq!(parse(noqueue).unwrap(), None);
        assert_eq!(parse("[]").unwrap(), None);
        // A card with several queues: only the children differ from kernel to kernel.
        let multi = r#"[{"kind":"mq","handle":"0:","root":true,"options":{}},
            {"kind":"fq_codel","handle":"0:","parent":":1","options":{"limit":10240}}]"#;
        assert_eq!(parse(multi).unwrap(), None);
        let shaped = r#"[{"kind":"tbf","handle":"4242:","root":true,"refcnt":2,
            "options":{"rate":1250000,"burst":"12500b/1","mpu":0,"lat":50000,"linklayer":"ethernet"}}]"#;
        let root = parse(shaped).unwrap().unwrap();
        assert_eq!(root.to_string(), "tbf 4242:");
        assert_eq!(root.number("/rate"), Some(1_250_000.0));
    }

    #[test]
    fn a_handle_is_the_strikes_own_and_never_one_the_kernel_gives_out() {
        let handles: Vec<_> = (0..2_000).map(|n| Handle::of(&StrikeId(format!("run-{n}.1")))).collect();
        for handle in &handles {
            let number = u16::from_str_radix(handle.0.trim_end_matches(':'), 16).unwrap();
            assert!((0x1000..0x8000).contains(&number), "{handle}");
        }
        assert_eq!(handles[5], Handle::of(&StrikeId("run-5.1".into())));
        assert_ne!(handles[5], handles[6]);
    }
}
