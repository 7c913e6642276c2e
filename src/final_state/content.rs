//! The site's tables, read whole in one session, and folded into what checkers compare.

use std::collections::BTreeSet;

use super::Database;
use super::sql::{self, SqlError};
use crate::history::final_state::Content;
use crate::history::operation::post_of;

/// Each row says what it is; the checksums come last.
const TABLES: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
    SELECT 'post', author, client_key FROM site.posts; \
    SELECT 'user', name, IFNULL(made_by, ''), followers FROM site.users; \
    SELECT 'follow', follower, followee FROM site.follows; \
    COMMIT; \
    CHECKSUM TABLE site.users, site.posts, site.follows";

/// Reads a database.
///
/// # Errors
/// When it does not answer, or not with the site's tables.
pub(super) async fn read(database: &Database) -> Result<Content, SqlError> {
    folded(&sql::rows(database, TABLES).await?)
}

fn folded(rows: &[Vec<String>]) -> Result<Content, SqlError> {
    let mut content = Content::default();
    for row in rows {
        let columns: Vec<&str> = row.iter().map(String::as_str).collect();
        match columns[..] {
            ["post", author, key] => post(&mut content, author, key),
            ["user", name, made_by, followers] => {
                let followers = followers.parse().map_err(|_| SqlError::Unexpected(row.join(" ")))?;
                user(&mut content, name, made_by, followers);
            }
            ["follow", follower, followee] => follow(&mut content, follower, followee),
            [table, checksum] if table.starts_with("site.") && checksum != "NULL" => {
                let table = table.trim_start_matches("site.").to_string();
                content.checksums.insert(table, checksum.to_string());
            }
            _ => return Err(SqlError::Unexpected(row.join(" "))),
        }
    }
    Ok(content)
}

fn post(content: &mut Content, author: &str, key: &str) {
    match post_of(key) {
        Some((by, seq)) if by == author => {
            if !content.posts.insert(author, seq) {
                content.twice.push(format!("post {key}"));
            }
        }
        _ => content.strange.push(format!("{key} of {author}")),
    }
}

fn user(content: &mut Content, name: &str, made_by: &str, followers: i64) {
    if content.users.insert(name.into(), made_by.into()).is_some() {
        content.twice.push(format!("user {name}"));
    }
    if followers != 0 {
        content.followers.insert(name.into(), followers);
    }
}

fn follow(content: &mut Content, follower: &str, followee: &str) {
    let followers: &mut BTreeSet<String> = content.follows.entry(followee.into()).or_default();
    if !followers.insert(follower.into()) {
        content.twice.push(format!("follow of {followee} by {follower}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.lines().map(|line| line.split('|').map(str::to_string).collect()).collect()
    }

    #[test]
    fn rows_become_a_compact_content() {
        let text = "post|u-1|u-1-1\npost|u-1|u-1-2\npost|u-1|u-1-2\npost|u-2|u-1-3\nuser|u-1|u-1|1\nuser|ada|u-2|0\n\
            follow|u-2|u-1\nsite.users|12\nsite.posts|0";
        insta::assert_json_snapshot!(folded(&rows(text)).unwrap(), @r#"
        {
          "posts": {
            "u-1": [
              [
                1,
                2
              ]
            ]
          },
          "strange": [
            "u-1-3 of u-2"
          ],
          "twice": [
            "post u-1-2"
          ],
          "users": {
            "ada": "u-2",
            "u-1": "u-1"
          },
          "follows": {
            "u-1": [
              "u-2"
            ]
          },
          "followers": {
            "u-1": 1
          },
          "checksums": {
            "posts": "0",
            "users": "12"
          }
        }
        "#);
    }

    #[test]
    fn what_is_no_table_of_the_site_is_told() {
        for row in ["site.posts|NULL", "user|u-1|u-1|many", "hello"] {
            assert!(folded(&rows(row)).unwrap_err().to_string().starts_with("unexpected row: `"), "{row}");
        }
    }
}
