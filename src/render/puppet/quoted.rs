//! Values as a manifest has them.

/// A text in single quotes, in which nothing is replaced: Puppet reads `\\` and `\'` there, and leaves all else as it is.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A list of texts.
pub(super) fn list<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word.as_ref())).collect();
    format!("[{}]", words.join(", "))
}

/// A hash within a node, a line for each entry; the values are written as they are.
pub(super) fn hash(entries: impl Iterator<Item = (String, String)>) -> String {
    let lines: Vec<String> = entries.map(|(key, value)| format!("\n      {} => {value},", quoted(&key))).collect();
    if lines.is_empty() { "{}".into() } else { format!("{{{}\n    }}", lines.concat()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The language's rule for single quotes, and what follows the text.
    fn read_back(source: &str) -> (String, &str) {
        let (mut text, mut signs) = (String::new(), source.strip_prefix('\'').unwrap().chars());
        loop {
            match signs.next().expect("the text has an end") {
                '\'' => return (text, signs.as_str()),
                '\\' if signs.as_str().starts_with(['\\', '\'']) => text.extend(signs.next()),
                sign => text.push(sign),
            }
        }
    }

    #[test]
    fn quotes_dollars_and_backslashes_stay_what_they_are() {
        assert_eq!(quoted(r#"it's $HOME ${x} "q" \n \\ \'"#), r#"'it\'s $HOME ${x} "q" \\n \\\\ \\\''"#);
        assert_eq!(list(&["a b", ""]), "['a b', '']");
        assert_eq!(hash([].into_iter()), "{}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn any_text_is_read_back_as_it_was(text in prop_oneof![any::<String>(), "[a-b \\\\'\"${}\\n]{0,20}"]) {
            let source = quoted(&text);
            prop_assert_eq!(read_back(&source), (text, ""));
        }
    }
}
