//! Which HTTP methods a request may have.

use hyper::Method;

/// The methods that most applications know. Others are sent as they are, such as those of WebDAV.
const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Longer ones, in bytes, are no slips: none of the known ones is as long.
const LONGEST: usize = 16;

/// What is wrong with a method, and what to do. Methods are tokens, and upper and lower case differ. What is none of the known ones, but for a slip, is
/// refused: one letter, or two that changed places, in methods of up to four letters, two slips in longer ones. So `LIST` and `MOVE` are methods of their own.
pub(super) fn wrong_method(method: &str) -> Option<(String, String)> {
    if Method::from_bytes(method.as_bytes()).is_err() {
        return Some((format!("`{method}` is not an HTTP method"), "write for example `POST`".into()));
    }
    if KNOWN.contains(&method) || method.len() > LONGEST {
        return None;
    }
    let upper = method.to_uppercase();
    let (slips, meant) = KNOWN.iter().map(|known| (strsim::damerau_levenshtein(&upper, known), known)).min()?;
    let is_a_slip = slips <= if meant.len() <= 4 { 1 } else { 2 };
    is_a_slip.then(|| (format!("`{method}` is no HTTP method that is known"), format!("did you mean `{meant}`?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_known_method_is_refused_and_other_methods_are_let_through() {
        for (slip, meant) in [
            ("PSOT", "POST"),
            ("GTE", "GET"),
            ("PUTT", "PUT"),
            ("DELEET", "DELETE"),
            ("OPTONS", "OPTIONS"),
            ("post", "POST"),
            ("Get", "GET"),
        ] {
            let why = wrong_method(slip).expect(slip);
            assert_eq!(why.1, format!("did you mean `{meant}`?"));
        }
        let others = ["MOVE", "COPY", "LOCK", "LIST", "PURGE", "REPORT", "PROPFIND", "MKCOL", "ACL", "TRACE", "QUERY"];
        for fine in KNOWN.into_iter().chain(others) {
            assert_eq!(wrong_method(fine), None);
        }
        assert!(wrong_method("P OST").expect("no token").0.contains("is not an HTTP method"));
        assert_eq!(wrong_method(&"A".repeat(100_000)), None);
    }
}
