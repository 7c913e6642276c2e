//! The names of a line of `known_hosts`: a list of patterns, or one hash. Exactly as OpenSSH matches them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Begins a hashed name; the salt and the hash follow, in base64.
const HASHED: &str = "|1|";
/// The salt has as many bytes as the hash.
const SALT_BYTES: usize = 20;

/// Whether the list names this host: at least one pattern matches, and none of those after a `!`.
///
/// # Errors
/// When it begins like a hash, and is none.
pub(super) fn names(list: &str, host: &str) -> Result<bool, &'static str> {
    match list.starts_with('|') {
        true => is_hash_of(list, host),
        false => Ok(any_of(&list.to_ascii_lowercase(), &host.to_ascii_lowercase())),
    }
}

fn any_of(list: &str, host: &str) -> bool {
    let mut named = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), host.as_bytes()) => return false,
            Some(_) => {}
            None => named |= matches(pattern.as_bytes(), host.as_bytes()),
        }
    }
    named
}

/// `*` stands for any bytes, `?` for one; nothing else is special, no bracket either.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last `*` is, and up to where it reaches.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(sign) if *sign == b'?' || *sign == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, reach)) = star else { return false };
                star = Some((at, reach + 1));
                (p, t) = (at + 1, reach + 1);
            }
        }
    }
    pattern[p..].iter().all(|sign| *sign == b'*')
}

fn is_hash_of(list: &str, host: &str) -> Result<bool, &'static str> {
    const FORM: &str = "a hashed name has the form `|1|salt|hash`, in base64";
    let (salt, hash) = list.strip_prefix(HASHED).and_then(|rest| rest.split_once('|')).ok_or(FORM)?;
    let salt = STANDARD.decode(salt).map_err(|_| FORM)?;
    if salt.len() != SALT_BYTES {
        return Err("the salt of a hashed name has 20 bytes");
    }
    let mut hasher = Hmac::<Sha1>::new_from_slice(&salt).expect("a key of any length will do");
    hasher.update(host.as_bytes());
    // The text is compared, as OpenSSH does: what follows the hash makes it another one.
    Ok(hash == STANDARD.encode(hasher.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &str, host: &str) -> bool {
        names(list, host).unwrap()
    }

    #[test]
    fn a_star_stands_for_any_bytes_and_a_question_mark_for_one() {
        assert!(named("10.0.0.*", "10.0.0.17") && named("*", "") && named("a*b*c", "aXbXbXc"));
        assert!(named("10.0.0.1?", "10.0.0.17") && !named("10.0.0.1?", "10.0.0.1"));
        assert!(!named("10.0.0.[1-9]", "10.0.0.5"), "brackets are no classes");
        assert!(named("[10.0.0.1]:2222", "[10.0.0.1]:2222") && !named("[10.0.0.1]:2222", "10.0.0.1"));
    }

    #[test]
    fn what_is_excluded_is_not_named_wherever_it_stands() {
        assert!(!named("!10.0.0.5,10.0.0.*", "10.0.0.5") && !named("10.0.0.*,!10.0.0.5", "10.0.0.5"));
        assert!(named("!10.0.0.5,10.0.0.*", "10.0.0.6"));
        assert!(!named("!10.0.0.5", "10.0.0.6"), "an exclusion alone names no host");
    }

    #[test]
    fn names_differ_in_no_capital_letter() {
        assert!(named("WEB-1.Example", "web-1.example") && named("web-1", "WEB-1"));
    }

    #[test]
    fn a_hash_is_of_one_name_alone() {
        // `ssh-keygen -H` made it of 192.0.2.1.
        let hash = "|1|ywF4TWRjhkJU/4SEcoGPzmLbwqc=|";
        assert!(names(hash, "192.0.2.1").is_ok_and(|named| !named));
        assert!(names("|1|c2hvcnQ=|AAAA", "192.0.2.1").is_err(), "a salt of five bytes");
        assert!(names("|2|x|y", "192.0.2.1").is_err() && names("|1|only-salt", "192.0.2.1").is_err());
    }
}
