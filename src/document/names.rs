//! Names of servers, virtual IPs and roles: what is allowed, and their natural order (`web-2` before `web-10`).

/// What a name may be, in words.
pub(crate) const RULE: &str =
    "a name has 1 to 41 lower-case letters, digits and hyphens, and starts with a letter or a digit";

/// Whether it matches `[a-z0-9][a-z0-9-]{0,40}`, so that it can be a host name.
pub fn is_name(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 41 && bytes.first().is_some_and(|c| plain(*c)) && bytes.iter().all(|c| plain(*c) || *c == b'-')
}

/// A sort key: the text before the number at the end, then that number, then the whole.
pub fn natural(name: &str) -> (&str, u64, &str) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0), name)
}

/// In natural order.
pub(crate) fn sort_naturally(names: &mut [String]) {
    names.sort_by(|a, b| natural(a).cmp(&natural(b)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_2_comes_before_web_10() {
        let mut names = ["web-10", "lb-1", "web-2", "web"].map(String::from);
        sort_naturally(&mut names);
        assert_eq!(names, ["lb-1", "web", "web-2", "web-10"]);
    }

    #[test]
    fn a_name_can_be_a_host_name() {
        assert!(is_name("web-1") && is_name("1a"));
        for bad in ["", "-a", "Web", "a.b", "a_b", "ü", &"a".repeat(42)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
