//! What a file of known hosts says, beside what OpenSSH reads in it.

use std::path::Path;

use super::*;

const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQeXG+8mymW3pgvWckTl8a4qrUQHBqkhpO1B91eYmE7";
const ANOTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmmX2eCiWGv9H/yXzNyqzWojJV5zcz6Ttzs3i+64gn5";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDieKlTp7mrYgE8y+gEDR0hcXaP89Ckv5pI7JuSUp5AaXWgA8vrUhpJm7Xa5o0rV6YlBpS8DbUohqLpjsKWMxT0=";
const RSA: &str = concat!(
    "ssh-rsa ",
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCtSmLR8UXrXh8tWRnuQhfQ9iO4LkyTeGCvLmfpE7w+m7bGsYlZcvQztqPL+0tYG8wr7sna",
    "Z+ml1Xoebp/TwjNvOSA6BTWpmOhYLx/ORVWLpeL6NsjKClFDaC+u6HJ6W8IfzSMrgs2BDvYyTtHXdpPlrYnU6S13GrBp1fH6D3gx",
    "EITT2FCDKfxdbOIu/2BTUrOVFvlGlQjlQU2fOl8QRqAP+eL/NKjl3YhlOaYGUWyzUCno0wunbUzMXJp7loTzB56gOzzIkZ5gRpzM",
    "EE47NSbaVLyMXh5rF9n85tUvRl2dRIR9Sg3wMN3kEKpaanjAWJn/diMp1H4vYhHuFYU76Clp"
);
/// Hashed by `ssh-keygen -H`.
const HASHED: [&str; 2] = [
    "|1|1sjPvrdMdiWnHSa/GfPJHX7VuZc=|2UBWnHujWiopinfoD/792GpGZaY=",
    "|1|MumQNe4Hv/sG5Fmer3RBgluV3ZE=|GscuAeiNp5GjvDP3udowyiHKH0U=",
];

const HOST: &str = "192.0.2.1";

fn bytes(key: &str) -> Vec<u8> {
    STANDARD.decode(key.split(' ').nth(1).unwrap()).unwrap()
}

fn trust(file: &str, port: u16, shown: &str) -> Trust {
    KnownHosts::parse(Path::new("known_hosts"), file).unwrap().trust(HOST, port, &bytes(shown))
}

#[test]
fn a_revoked_key_is_refused_whatever_else_names_it() {
    for revoked in ["*", "192.0.2.?", "other,192.0.2.1", "[192.0.2.1]:*", HASHED[0], HASHED[1]] {
        for file in [
            format!("192.0.2.1 {ED25519}\n[192.0.2.1]:2222 {ED25519}\n@revoked {revoked} {ED25519}\n"),
            format!("@revoked {revoked} {ED25519}\n[192.0.2.1]:2222 {ED25519}\n192.0.2.1 {ED25519}\n"),
        ] {
            let told = trust(&file, 2222, ED25519);
            assert!(matches!(told, Trust::Revoked { .. }), "{revoked}: {told:?}");
        }
    }
    let file = format!("@revoked * {ANOTHER}\n@revoked 192.0.2.9,!192.0.2.1 {ED25519}\n192.0.2.1 {ED25519}\n");
    assert_eq!(trust(&file, 22, ED25519), Trust::Known);
    assert_eq!(trust(&file, 22, ANOTHER), Trust::Revoked { line: 1 });
}

#[test]
fn an_authority_is_no_key_and_says_so_where_there_is_no_other() {
    let authority = format!("@cert-authority *.0.2.1 {ED25519}\n");
    assert_eq!(trust(&authority, 22, ED25519), Trust::Authority { line: 1 });
    assert_eq!(trust(&format!("{authority}192.0.2.1 {RSA}\n"), 22, RSA), Trust::Known);
}

#[test]
fn a_host_may_have_several_keys_and_any_of_them_will_do() {
    let file = format!("192.0.2.1 {ED25519}\n192.0.2.1 {ANOTHER}\nweb,192.0.2.1 {ECDSA} a comment\n");
    for key in [ED25519, ANOTHER, ECDSA] {
        assert_eq!(trust(&file, 22, key), Trust::Known);
    }
    let known = "SHA256:pmfSgnc65I9vG4bdYQurPG73aCI4ZrAxjKKvr5k6pSU".to_string();
    assert_eq!(trust(&file, 22, RSA), Trust::Another { line: 1, known });
    assert_eq!(trust("192.0.2.2 ssh-ed25519 AAAA\n", 22, RSA), Trust::Unknown);
}

#[test]
fn the_kinds_are_those_of_the_keys_that_name_the_host() {
    let file = format!(
        "# ours\n192.0.2.1 {ED25519}\n[192.0.2.1]:2222,other {ECDSA}\n{} {RSA}\n@revoked 192.0.2.1 {ANOTHER}\n\
         192.0.2.2 {RSA}\n192.0.2.1 ssh-dss AAAA\n",
        HASHED[1]
    );
    let known = KnownHosts::parse(Path::new("known_hosts"), &file).unwrap();
    assert_eq!(known.kinds(HOST, 2222), ["ecdsa-sha2-nistp256", "ssh-rsa", "ssh-ed25519"]);
    assert_eq!(known.kinds(HOST, 22), ["ssh-ed25519"]);
}

#[test]
fn a_marked_line_that_can_t_be_read_is_an_error_with_its_number() {
    for line in [
        "@revoked",
        "@revoked *",
        "@revoked * ssh-ed25519",
        "@revoked * ssh-ed25519 AAAA",
        "@Revoked * ssh-ed25519 AAAA",
        &format!("@revoked @cert-authority * {RSA}"),
        &format!("@revoked |1|salt {RSA}"),
        &format!("@trusted * {RSA}"),
    ] {
        let file = format!("# ours\n192.0.2.1 {RSA}\n{line}\n");
        let told = KnownHosts::parse(Path::new("known_hosts"), &file).expect_err(line).to_string();
        assert!(told.starts_with("line 3 has a marker and can't be read: "), "{line}: {told}");
    }
}

#[test]
fn a_plain_line_that_can_t_be_read_is_skipped_and_named_where_it_matters() {
    let told = trust("192.0.2.1 ssh-ed25519\n", 22, ED25519);
    assert!(matches!(told, Trust::Unreadable { line: 1, .. }), "{told:?}");
    assert_eq!(trust("192.0.2.9 ssh-ed25519\n", 22, ED25519), Trust::Unknown);
    assert_eq!(trust(&format!("192.0.2.1 ssh-rsa AAAA\n192.0.2.1 {ED25519}\n"), 22, ED25519), Trust::Known);
}

#[test]
fn a_mark_of_byte_order_and_ends_of_lines_of_windows_hide_no_line() {
    let file = format!("\u{feff}@revoked * {ANOTHER}\r\n\r\n192.0.2.1 {ED25519}\r\n");
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, file).unwrap();
    let known = KnownHosts::read(path.path()).unwrap();
    assert_eq!(known.trust(HOST, 22, &bytes(ANOTHER)), Trust::Revoked { line: 1 });
    assert_eq!(known.trust(HOST, 22, &bytes(ED25519)), Trust::Known);
}
