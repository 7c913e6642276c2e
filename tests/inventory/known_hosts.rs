//! A file of known hosts says the same to OpenSSH: the same lines name a host, with the same markers and keys.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anarcho_chimp::provider::host_key::known_hosts::{KnownHosts, KnownKey, Marker};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

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

/// Lists of names.
fn hosts() -> [String; 25] {
    [
        "192.0.2.1",
        "[192.0.2.1]:2222",
        "192.0.2.1,192.0.2.2",
        "other,[192.0.2.1]:2222,192.0.2.*",
        "*",
        "192.0.2.?",
        "192.0.2.1?",
        "!192.0.2.1,*",
        "*,!192.0.2.1",
        "!192.0.2.1",
        "[192.0.2.*]:*",
        "[*]:2222",
        "[192.0.2.1]:22",
        "192.0.2.[12]",
        "WEB-1.Example",
        "web-?.*",
        "192.0.2.1,",
        ",192.0.2.1",
        "!",
        HASHED[0],
        HASHED[1],
        "|1|c2hvcnQ=|AAAA",
        "|2|a|b",
        &format!("{},192.0.2.1", HASHED[0]),
        &format!("192.0.2.1,{}", HASHED[0]),
    ]
    .map(str::to_string)
}

/// Keys, and what is none.
fn keys() -> [String; 13] {
    let rsa_by_its_signature = RSA.replacen("ssh-rsa", "rsa-sha2-512", 1);
    let of_another_kind = ED25519.replacen("ssh-ed25519", "ssh-rsa", 1);
    [
        ED25519,
        RSA,
        ECDSA,
        &format!("{ANOTHER} a comment # here"),
        &rsa_by_its_signature,
        &of_another_kind,
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 no=base64",
        "ssh-unknown AAAAC3NzaC1lZDI1NTE5",
        "# a comment",
        "1024 35 1234567890",
        "",
    ]
    .map(str::to_string)
}

/// Every list of names, marker, key, separator and end of line that is worth a look, in one file.
fn every_line() -> String {
    let mut file = String::from("# a comment\n\n   # another\n\t\n");
    let (hosts, keys) = (hosts(), keys());
    for host in &hosts {
        for (number, key) in keys.iter().enumerate() {
            let (before, between, end) = [("", " ", "\n"), ("  ", "\t", "\r\n"), ("\t", " \t ", "\n")][number % 3];
            let _ = write!(file, "{before}{host}{between}{key}{end}");
        }
        for marker in ["@revoked", "@cert-authority"] {
            // A marked line that can't be read is an error here, and skipped by OpenSSH.
            if !host.starts_with("|1|c2hv") && !host.starts_with("|2|") {
                let _ = write!(file, "{marker} {host} {ED25519} x\n{marker}  {host}\t{ECDSA}\r\n");
            }
        }
    }
    file + "192.0.2.1 " + ED25519
}

/// What `ssh-keygen -l -F` finds for a name: line, marker and fingerprint of each key.
fn found_by_openssh(file: &Path, host: &str) -> Vec<String> {
    let output = Command::new("ssh-keygen").args(["-l", "-F", host, "-f"]).arg(file).env("LC_ALL", "C").output();
    let text = String::from_utf8(output.expect("the set-up installs openssh-client").stdout).unwrap();
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let (Some(head), Some(key)) = (lines.next(), lines.next()) {
        let (_, place) = head.split_once(" found: line ").unwrap_or_else(|| panic!("{head}"));
        let fingerprint = key.split(' ').find(|word| word.starts_with("SHA256:")).unwrap_or_else(|| panic!("{key}"));
        found.push(format!("{} {fingerprint}", place.trim()));
    }
    found
}

fn found_here(known: &KnownHosts, host: &str) -> Vec<String> {
    let shown = |key: KnownKey<'_>| {
        let marker = match key.marker {
            Marker::None => "",
            Marker::Revoked => "REVOKED ",
            Marker::Authority => "CA ",
        };
        format!("{} {marker}SHA256:{}", key.line, STANDARD_NO_PAD.encode(Sha256::digest(key.bytes)))
    };
    known.keys_of(host).map(shown).collect()
}

pub fn the_same_lines_name_a_host_as_for_openssh() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    std::fs::write(&path, every_line()).unwrap();
    let known = KnownHosts::read(&path).unwrap();
    let hosts = ["192.0.2.1", "192.0.2.2", "192.0.2.12", "[192.0.2.1]:2222", "[192.0.2.1]:22", "[192.0.2.9]:2222"];
    let mut lines = 0;
    for host in hosts.into_iter().chain(["web-1.example", "WEB-1.example", "198.51.100.1", "!", "*"]) {
        let theirs = found_by_openssh(&path, host);
        lines += theirs.len();
        assert_eq!(found_here(&known, host), theirs, "{host}");
    }
    assert!(lines > 300, "only {lines} lines matched: the file says too little");
}
