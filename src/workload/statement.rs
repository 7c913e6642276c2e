//! A statement of SQL, with a place for each of its parameters.

use super::call::Names;
use super::database::DatabaseKind;
use crate::document::error::one_of;

/// A statement, cut where a parameter stands. What users send is bound there, and never becomes a part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// One more than there are parameters.
    texts: Vec<String>,
    /// What each parameter is.
    names: Vec<String>,
}

/// What is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A value or a key.
    Text(String),
    /// How much a counter is raised.
    Number(i64),
}

/// What is wrong with a statement, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatementError {
    pub detail: String,
    pub hint: String,
}

/// Statements that say how many rows they changed.
const COUNT_ROWS: [&str; 6] = ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH"];

impl Statement {
    /// Cuts a text, in which `{{ NAME }}` stands for a parameter.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Statement, StatementError> {
        let wrong = |detail: String, hint: String| Err(StatementError { detail, hint });
        let (mut texts, mut names) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return wrong("`{{` without `}}`".into(), "write for example `{{ value }}`".into());
            };
            let name = name.trim();
            if !known.contains(&name) {
                return wrong(format!("there is no `{name}` here"), one_of(name, "names", known.iter().copied()));
            }
            let quote = before.chars().next_back().filter(|sign| ['\'', '"', '`'].contains(sign));
            if quote.is_some_and(|quote| after.starts_with(quote)) {
                let detail = format!("`{{{{ {name} }}}}` stands within quotes, where it would be a text");
                return wrong(detail, "leave the quotes out: it is bound as a parameter, whatever it holds".into());
            }
            texts.push(before.to_string());
            names.push(name.to_string());
            rest = after;
        }
        if texts.is_empty() && rest.trim().is_empty() {
            return wrong("the statement is empty".into(), "write for example `SELECT item FROM orders`".into());
        }
        if text.contains("{%") || text.contains("{#") {
            return wrong(
                "a statement is no template: it has parameters, `{{ value }}`, and nothing else".into(),
                "leave `{%` and `{#` out".into(),
            );
        }
        texts.push(rest.to_string());
        Ok(Statement { texts, names })
    }

    /// What its parameters are, from left to right.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The text as this kind of database prepares it.
    pub fn text(&self, kind: DatabaseKind) -> String {
        let mut text = String::new();
        for (index, part) in self.texts.iter().enumerate() {
            match (index, kind) {
                (0, _) => {}
                (nth, DatabaseKind::Postgresql) => text.push_str(&format!("${nth}")),
                (_, DatabaseKind::Mysql) => text.push('?'),
            }
            text.push_str(part);
        }
        text
    }

    /// What is bound, from left to right.
    pub fn parameters(&self, names: &Names) -> Vec<Parameter> {
        let text = |value: &Option<String>| Parameter::Text(value.clone().unwrap_or_default());
        let parameter = |name: &str| match name {
            "value" => text(&names.value),
            "from" => text(&names.from),
            "to" => text(&names.to),
            "by" => Parameter::Number(names.by.unwrap_or_default()),
            _ => Parameter::Text(names.key.to_string()),
        };
        self.names().map(parameter).collect()
    }

    /// Whether the database says of it how many rows it changed.
    pub fn counts_rows(&self) -> bool {
        let first = self.texts[0].split(|sign: char| !sign.is_ascii_alphabetic()).find(|word| !word.is_empty());
        first.is_some_and(|first| COUNT_ROWS.iter().any(|word| word.eq_ignore_ascii_case(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Statement, String> {
        Statement::parse(text, &["from", "to", "key", "by"]).map_err(|why| why.detail)
    }

    #[test]
    fn what_is_sent_is_bound_and_never_a_part_of_the_text() {
        let statement = parse("UPDATE r SET v = {{ to }} WHERE k = {{key}} AND v = {{ from }};").unwrap();
        assert_eq!(statement.text(DatabaseKind::Postgresql), "UPDATE r SET v = $1 WHERE k = $2 AND v = $3;");
        assert_eq!(statement.text(DatabaseKind::Mysql), "UPDATE r SET v = ? WHERE k = ? AND v = ?;");
        let text = |text: &str| Parameter::Text(text.into());
        let names = Names { from: Some("1".into()), to: Some("'; DROP TABLE r".into()), key: 4, ..Names::default() };
        assert_eq!(statement.parameters(&names), [text("'; DROP TABLE r"), text("4"), text("1")]);
        let raised = parse("UPDATE c SET n = n + {{ by }}").unwrap();
        assert_eq!(raised.parameters(&Names { by: Some(3), ..Names::default() }), [Parameter::Number(3)]);
        assert_eq!(parse("SELECT 1").unwrap().text(DatabaseKind::Postgresql), "SELECT 1");
    }

    #[test]
    fn what_can_t_be_bound_is_refused() {
        let why = |text: &str| parse(text).unwrap_err();
        assert_eq!(why("SELECT {{ kye }}"), "there is no `kye` here");
        assert_eq!(why("SELECT {{ key | upper }}"), "there is no `key | upper` here");
        assert_eq!(why("SELECT {{ key"), "`{{` without `}}`");
        assert_eq!(why("SELECT '{{ key }}'"), "`{{ key }}` stands within quotes, where it would be a text");
        assert_eq!(why(" \n"), "the statement is empty");
        assert!(why("{% if 1 %}SELECT 1{% endif %}").starts_with("a statement is no template"));
        assert!(parse("SELECT 'it''s', {{ key }}").is_ok());
    }

    #[test]
    fn only_statements_that_change_rows_count_them() {
        let counts = |text: &str| parse(text).unwrap().counts_rows();
        assert!(
            counts("update r SET v = 1")
                && counts(" (insert INTO r VALUES (1))")
                && counts("WITH x AS (SELECT 1) DELETE FROM r")
        );
        assert!(!counts("CALL add_order()") && !counts("SELECT add_order()"));
    }
}
