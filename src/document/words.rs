//! What serde complains of, in plain words: it speaks of Rust's types, and users write documents.

/// `invalid type: map, expected a string` becomes `found a map, expected a string`; what has no other form stays as it is.
/// A place before it (`hosts[0].name: `) stays, too.
pub(crate) fn plain(detail: &str) -> String {
    let untagged = "data did not match any variant of untagged enum ";
    if let Some(at) = detail.find(untagged) {
        return format!("{}this has none of the forms that are known", &detail[..at]);
    }
    for form in ["invalid type: ", "invalid value: "] {
        let Some((before, complaint)) = detail.split_once(form) else { continue };
        let Some((found, expected)) = complaint.rsplit_once(", expected ") else { continue };
        return format!("{before}found {}, expected {}", plain_found(found), plain_expected(expected));
    }
    detail.replace("unknown variant `", "unknown word `")
}

fn plain_found(found: &str) -> String {
    let quoted = found.split_once('`').and_then(|(kind, rest)| Some((kind.trim(), rest.strip_suffix('`')?)));
    match (found, quoted) {
        ("map", _) => "a map".into(),
        ("sequence", _) => "a list".into(),
        ("unit value" | "null" | "unit" | "Option value", _) => "nothing".into(),
        (_, Some(("integer" | "floating point", number))) => format!("the number {number}"),
        (_, Some(("boolean", value))) => format!("`{value}`"),
        _ => found.strip_prefix("string ").map_or_else(|| found.into(), |text| format!("the text {text}")),
    }
}

fn plain_expected(expected: &str) -> String {
    let whole = |most: u64| format!("a whole number from 0 to {most}");
    match expected {
        "a map" | "map" => "a map".into(),
        "a sequence" | "sequence" => "a list".into(),
        "a boolean" | "bool" => "true or false".into(),
        "u8" => whole(u8::MAX.into()),
        "u16" => whole(u16::MAX.into()),
        "u32" => whole(u32::MAX.into()),
        "u64" | "usize" => "a whole number, 0 or more".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        _ if expected.starts_with("struct ") => "a map".into(),
        _ if expected.starts_with("enum ") || expected.contains("tagged enum ") => "one of its words".into(),
        _ => expected.into(),
    }
}

/// The message of an error of JSON without its place, and its line and column, from 1.
pub(crate) fn of_json(why: &serde_json::Error) -> (String, Option<(usize, usize)>) {
    let shown = why.to_string();
    let detail = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(detail, _)| detail);
    (plain(detail), (why.line() > 0).then(|| (why.line(), why.column())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_rust_are_said_as_users_know_them() {
        for (serde, said) in [
            ("hosts[0].name: invalid type: map, expected a string", "hosts[0].name: found a map, expected a string"),
            ("invalid type: sequence, expected struct HostEntry", "found a list, expected a map"),
            ("invalid type: unit value, expected a sequence", "found nothing, expected a list"),
            ("invalid type: null, expected u16", "found nothing, expected a whole number from 0 to 65535"),
            (
                "invalid value: integer `70000`, expected u16",
                "found the number 70000, expected a whole number from 0 to 65535",
            ),
            ("invalid type: integer `-1`, expected usize", "found the number -1, expected a whole number, 0 or more"),
            ("invalid type: boolean `true`, expected a string", "found `true`, expected a string"),
            (
                "invalid type: string \"a, expected b\", expected f64",
                "found the text \"a, expected b\", expected a number",
            ),
            ("unknown variant `x`, expected `a` or `b`", "unknown word `x`, expected `a` or `b`"),
            (
                "power: data did not match any variant of untagged enum Written",
                "power: this has none of the forms that are known",
            ),
            ("missing field `role`", "missing field `role`"),
        ] {
            assert_eq!(plain(serde), said);
        }
    }
}
