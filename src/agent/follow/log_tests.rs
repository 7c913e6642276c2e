//! Files that grow, move, shrink and vanish, with the moments of the looks given.

use std::fs::{self, File};
use std::io::Write;

use tempfile::TempDir;

use super::*;

/// A log in a folder of its own, and the follower's looks at it, a tenth of a second apart.
struct Followed {
    folder: TempDir,
    log: Log,
    now_us: u64,
}

impl Followed {
    /// Followed from now on; with these bytes there already, or no file.
    fn with(content: Option<&str>) -> Followed {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.log");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        Followed { log: Log::new(path), folder, now_us: 5_000_000 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("site.log")
    }

    fn look(&mut self) -> Vec<Said> {
        self.now_us += 100_000;
        self.log.look(self.now_us)
    }

    fn append(&self, text: &str) {
        append(&self.path(), text);
    }

    fn rotate(&self) -> PathBuf {
        let moved = self.folder.path().join("site.log.1");
        fs::rename(self.path(), &moved).unwrap();
        moved
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn line(text: &str) -> Said {
    Said::Line { text: text.into(), cut: 0 }
}

#[test]
fn what_is_appended_is_told_line_by_line_and_what_was_there_before_is_not() {
    let mut followed = Followed::with(Some("old\n"));
    assert_eq!(followed.look(), [Said::From(4)]);
    assert_eq!(followed.look(), []);
    followed.append("one\n\ntwo\r\n");
    assert_eq!(followed.look(), [line("one"), line(""), line("two")]);
    assert_eq!(followed.look(), []);
}

#[test]
fn a_line_is_told_once_it_has_ended() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    followed.append("GET /a");
    assert_eq!(followed.look(), []);
    followed.append(" 200\nGET");
    assert_eq!(followed.look(), [line("GET /a 200")]);
}

#[test]
fn of_a_long_line_its_beginning_is_told_and_the_rest_is_counted() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    followed.append(&"a".repeat(LINE + 7));
    assert_eq!(followed.look(), []);
    followed.append("bc\nnext\n");
    assert_eq!(followed.look(), [Said::Line { text: "a".repeat(LINE), cut: 9 }, line("next")]);
}

#[test]
fn after_a_rotation_the_old_file_is_read_on_beside_the_new_one_and_then_no_more() {
    let mut followed = Followed::with(Some("old\n"));
    followed.look();
    followed.append("last of all\nunfinished");
    let moved = followed.rotate();
    followed.append("first\n");
    assert_eq!(followed.look(), [line("last of all"), Said::Rotated, line("first")]);
    append(&moved, " and late\nhalf");
    followed.append("second\n");
    assert_eq!(followed.look(), [line("unfinished and late"), line("second")]);
    followed.now_us += MOVED_US;
    assert_eq!(followed.look(), [line("half")], "it gets no line feed any more");
    append(&moved, "too late\n");
    assert_eq!(followed.look(), []);
}

#[test]
fn a_file_that_was_moved_away_is_read_until_another_takes_its_place() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    let moved = followed.rotate();
    append(&moved, "one\n");
    let said = followed.look();
    assert!(
        matches!(&said[..], [told, Said::Unreadable(why)] if *told == line("one") && why.contains("No such")),
        "{said:?}"
    );
    append(&moved, "two\n");
    assert_eq!(followed.look(), [line("two")], "the reason was said");
    followed.append("three\n");
    assert_eq!(followed.look(), [Said::Rotated, line("three")]);
}

#[test]
fn a_truncated_file_is_read_from_its_beginning() {
    let mut followed = Followed::with(Some("a long line that was there\n"));
    followed.look();
    followed.append("part");
    assert_eq!(followed.look(), []);
    File::create(followed.path()).unwrap();
    followed.append("new\n");
    assert_eq!(followed.look(), [line("part"), Said::Truncated, line("new")]);
}

#[test]
fn a_flood_is_told_within_bounds_and_the_rest_is_counted() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    followed.now_us += SECOND_US;
    followed.look();
    let flood: String = (0..MOST_LINES + 120).map(|number| format!("{number}\n")).collect();
    followed.append(&flood);
    let said = followed.look();
    assert_eq!((said.len() as u64, &said[0]), (MOST_LINES, &line("0")));
    assert_eq!(followed.look(), []);
    followed.now_us += SECOND_US;
    followed.append("after\n");
    assert_eq!(followed.look(), [Said::LeftOut { lines: 120, unread: 0 }, line("after")]);
}

#[test]
fn long_lines_are_told_within_as_many_bytes() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    let long = "a".repeat(LINE) + "\n";
    let mut told = 0;
    for _ in 0..8 {
        followed.append(&long.repeat(10));
        let said = followed.look();
        told += said.iter().map(|said| if let Said::Line { text, .. } = said { text.len() } else { 0 }).sum::<usize>();
    }
    assert_eq!(told, MOST_BYTES / LINE * LINE);
}

#[test]
fn of_what_grows_faster_than_it_is_read_the_end_is_told_and_the_rest_is_counted() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    let filled = vec![b'x'; BEHIND as usize + READ];
    fs::write(followed.path(), [&filled[..], b"\nlast\n"].concat()).unwrap();
    let said = followed.look();
    let unread = BEHIND + 6;
    assert_eq!(said.first(), Some(&Said::LeftOut { lines: 0, unread }));
    assert_eq!(said.last(), Some(&line("last")));
    assert_eq!(said.len(), 3, "between them is what was read of the long line");
}

#[test]
fn what_can_t_be_read_is_told_once_and_a_file_that_appears_is_read_from_its_beginning() {
    let mut followed = Followed::with(None);
    let said = followed.look();
    assert!(matches!(&said[..], [Said::Unreadable(why)] if why.contains("No such file")), "{said:?}");
    assert_eq!(followed.look(), []);
    fs::create_dir(followed.path()).unwrap();
    assert_eq!(followed.look(), [Said::Unreadable("it is no regular file".into())], "another reason");
    assert_eq!(followed.look(), []);
    fs::remove_dir(followed.path()).unwrap();
    assert!(matches!(&followed.look()[..], [Said::Unreadable(_)]));
    followed.append("first\n");
    assert_eq!(followed.look(), [Said::From(0), line("first")]);
}

#[test]
fn a_file_that_comes_back_is_read_on_where_reading_ended() {
    let mut followed = Followed::with(Some("old\n"));
    followed.look();
    let moved = followed.rotate();
    assert!(matches!(&followed.look()[..], [Said::Unreadable(_)]));
    append(&moved, "meanwhile\n");
    fs::rename(moved, followed.path()).unwrap();
    assert_eq!(followed.look(), [line("meanwhile"), Said::From(14)]);
}

#[test]
fn what_took_the_place_of_a_log_and_can_t_be_opened_does_not_end_the_reading_of_the_old_one() {
    let mut followed = Followed::with(Some(""));
    followed.look();
    let moved = followed.rotate();
    nix::unistd::mkfifo(&followed.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    append(&moved, "one\n");
    assert_eq!(followed.look(), [line("one"), Said::Unreadable("it is no regular file".into())]);
}
