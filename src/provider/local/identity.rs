//! What a cloud decides of a server beside its spec: how it calls itself, its address of the link layer, who may log in.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Who a server is. The sandbox decides by the server's name; a cloud decides otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its host name.
    pub hostname: String,
    /// The address of its `eth0`.
    pub hardware_address: HardwareAddress,
    /// The public keys that root logs in with, as lines of `authorized_keys`. `None`: the one of the sandbox.
    pub authorized_keys: Option<Vec<String>>,
}

impl Identity {
    /// That of a server of the sandbox: everything follows from its name, so a replacement looks like what it replaces.
    pub fn of(name: &str) -> Identity {
        Identity { hostname: name.into(), hardware_address: HardwareAddress::of(name), authorized_keys: None }
    }
}

/// An address of the link layer. As text, six bytes: `fa:16:3e:00:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardwareAddress([u8; 6]);

impl HardwareAddress {
    /// A locally administered unicast address, always the same for a name.
    pub fn of(name: &str) -> HardwareAddress {
        let digest = Sha256::digest(name);
        HardwareAddress([0x02, digest[0], digest[1], digest[2], digest[3], digest[4]])
    }

    /// Its bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        f.write_str(&bytes.join(":"))
    }
}

/// Why a text is no hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HardwareAddressError {
    /// It has another form.
    #[error("`{0}` is not the hardware address of an interface: six bytes, as in `fa:16:3e:00:00:01`")]
    Form(String),
    /// It would reach several machines.
    #[error("`{0}` is a multicast address, which no interface can have")]
    Multicast(String),
}

impl FromStr for HardwareAddress {
    type Err = HardwareAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let byte = |word: &str| u8::from_str_radix(word, 16).ok().filter(|_| word.len() == 2 && !word.starts_with('+'));
        let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
        let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
        match bytes.ok_or_else(|| HardwareAddressError::Form(text.into()))? {
            bytes if bytes[0] & 1 == 1 => Err(HardwareAddressError::Multicast(text.into())),
            bytes => Ok(HardwareAddress(bytes)),
        }
    }
}

impl Serialize for HardwareAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HardwareAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_of_the_same_name_keeps_its_hardware_address() {
        assert_eq!(HardwareAddress::of("web-1"), HardwareAddress::of("web-1"));
        assert_ne!(HardwareAddress::of("web-1"), HardwareAddress::of("web-2"));
        assert_eq!(HardwareAddress::of("web-1").0[0] & 0b11, 0b10, "locally administered, not multicast");
    }

    #[test]
    fn a_hardware_address_is_read_as_it_is_shown() {
        let address: HardwareAddress = "fa:16:3e:00:0a:FF".parse().unwrap();
        assert_eq!(address.to_string(), "fa:16:3e:00:0a:ff");
        for wrong in
            ["", "fa:16:3e:00:0a", "fa:16:3e:00:0a:ff:01", "fa-16-3e-00-0a-ff", "fa:16:3e:0:0a:ff", "+f:16:3e:00:0a:ff"]
        {
            assert_eq!(wrong.parse::<HardwareAddress>(), Err(HardwareAddressError::Form(wrong.into())));
        }
        let all = "ff:ff:ff:ff:ff:ff";
        assert_eq!(all.parse::<HardwareAddress>(), Err(HardwareAddressError::Multicast(all.into())));
    }
}
