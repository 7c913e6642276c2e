use std::fs;

use super::*;

/// Files of a user's `.aws`, and variables.
struct Made {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

const CONFIG: &str = "\
# comment = of a line
[default]
region = eu-central-1
output = json # no comment: part of the value

[profile staging]
Region: eu-west-1
s3 =
    addressing_style = path
    max_concurrent_requests = 20
aws_access_key_id = AKIACONFIG
aws_secret_access_key = of-config
endpoint_url = http://profile.test

[profile \"my site\"]
  credential_process = '/opt/my tool/print' --json
  ; comment
  region = us-east-1
";

const CREDENTIALS: &str = "\
[default]
aws_access_key_id=AKIADEFAULT
aws_secret_access_key = hunter2=/+

[staging]
aws_access_key_id = AKIASTAGING
aws_secret_access_key = hunter3
aws_session_token = t0ken
";

impl Made {
    fn of(config: &str, credentials: &str) -> Made {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        for (name, text) in [("config", config), ("credentials", credentials)] {
            fs::write(home.path().join(".aws").join(name), text).unwrap();
        }
        Made { home, variables: Vec::new() }
    }

    fn usual() -> Made {
        Made::of(CONFIG, CREDENTIALS)
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Made {
        self.variables.extend(variables.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        self
    }

    fn read(&self, asked: Option<&str>) -> Result<Account, String> {
        let variables = self.variables.iter().cloned().collect();
        let from = Surroundings { variables, home: self.home.path().into() };
        read(asked, &from).map_err(|why| self.short(&why.to_string()))
    }

    fn refused(&self, asked: Option<&str>) -> String {
        let why = self.read(asked).err().expect("it is refused");
        assert!(why.contains("\n  help: ") && !why.contains("hunter"), "{why}");
        why
    }

    fn short(&self, text: &str) -> String {
        text.replace(&format!("{}/.aws/", self.home.path().display()), "")
    }

    /// The key's id, the secret and the token, with the places of the first two.
    fn keys(&self, asked: Option<&str>) -> String {
        match self.read(asked).unwrap().source {
            Source::Keys(Keys { id, secret, token }) => {
                let token = token.map_or(String::new(), |token| format!(" {}", token.text()));
                let places = format!("{} {}", id.place, secret.place);
                self.short(&format!("{} {}{token} {places}", id.text(), secret.text()))
            }
            Source::Process(command) => self.short(&format!("{} {}", command.text(), command.place)),
            Source::Sso(sso) => format!("sso {}", sso.profile),
            Source::Metadata => "metadata".into(),
        }
    }

    fn region(&self, asked: Option<&str>) -> String {
        let region = self.read(asked).unwrap().region;
        region.map_or("none".into(), |region| self.short(&format!("{} {}", region.text(), region.place)))
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "hunter4")];

#[test]
fn the_files_are_read_as_the_cli_reads_them() {
    let made = Made::usual();
    assert_eq!(made.keys(None), "AKIADEFAULT hunter2=/+ credentials:2 credentials:3");
    assert_eq!(made.region(None), "eu-central-1 config:3");
    assert_eq!(made.region(Some("staging")), "eu-west-1 config:7", "`:` separates too, and keys have no case");
    assert_eq!(made.keys(Some("my site")), "'/opt/my tool/print' --json config:16");
    assert_eq!(made.region(Some("my site")), "us-east-1 config:18", "as much indented as the key before");
}

#[test]
fn the_file_credentials_overrides_the_file_config() {
    let made = Made::usual();
    assert_eq!(made.keys(Some("staging")), "AKIASTAGING hunter3 t0ken credentials:6 credentials:7");
    let alone = Made::of(CONFIG, "");
    assert_eq!(alone.keys(Some("staging")), "AKIACONFIG of-config config:11 config:12");
}

#[test]
fn a_command_comes_between_the_keys_of_both_files() {
    let config = "[default]\naws_access_key_id = a\naws_secret_access_key = b\ncredential_process = /print\n";
    assert_eq!(Made::of(config, "").keys(None), "/print config:4");
    let credentials = "[default]\naws_access_key_id = c\naws_secret_access_key = d\n";
    assert_eq!(Made::of(config, credentials).keys(None), "c d credentials:2 credentials:3");
}

#[test]
fn variables_override_profiles_except_one_that_is_asked_for() {
    let made = Made::usual().with(&KEYS).with(&[("AWS_SESSION_TOKEN", "t")]);
    let of_variables = "AKIAENV hunter4 t the variable `AWS_ACCESS_KEY_ID` the variable `AWS_SECRET_ACCESS_KEY`";
    assert_eq!(made.keys(None), of_variables);
    assert!(made.keys(Some("staging")).starts_with("AKIASTAGING "), "as `aws --profile`");
    let made = made.with(&[("AWS_PROFILE", "staging")]);
    assert_eq!(made.keys(None), of_variables, "as the CLI: `AWS_PROFILE` does not hide the keys of variables");
    assert_eq!(made.region(None), "eu-west-1 config:7", "but says where the region is");
}

#[test]
fn the_region_is_that_of_the_variables_then_that_of_the_profile() {
    let made = Made::usual().with(&[("AWS_DEFAULT_REGION", "us-west-1")]);
    assert_eq!(made.region(Some("staging")), "us-west-1 the variable `AWS_DEFAULT_REGION`");
    let made = made.with(&[("AWS_REGION", "us-west-2")]);
    assert_eq!(made.region(Some("staging")), "us-west-2 the variable `AWS_REGION`");
    assert_eq!(Made::usual().with(&[("AWS_REGION", "")]).region(None), "eu-central-1 config:3", "an empty one is none");
    let why = Made::usual().with(&[("AWS_REGION", "eu.test/")]).refused(None);
    assert!(why.starts_with("the variable `AWS_REGION`: `eu.test/` can't be a region"), "{why}");
}

#[test]
fn other_files_may_be_named_and_must_be_there_then() {
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("other");
    fs::write(&file, "[profile x]\nregion = north\n").unwrap();
    let named = [("AWS_CONFIG_FILE", file.to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")];
    assert!(Made::usual().with(&named).region(Some("x")).starts_with("north "));
    let why = Made::usual().with(&[("AWS_CONFIG_FILE", "/nowhere/config")]).refused(None);
    assert!(why.starts_with("/nowhere/config: can't be read: "), "{why}");
    assert!(why.contains("the variable `AWS_CONFIG_FILE` names it"), "{why}");
}

#[test]
fn an_unknown_profile_is_answered_with_the_nearest_and_where_it_was_named() {
    let why = Made::usual().with(&KEYS).with(&[("AWS_PROFILE", "stagin")]).refused(None);
    assert_eq!(
        why,
        "the variable `AWS_PROFILE`: there is no profile `stagin` in config and credentials\n  help: did you mean `staging`?"
    );
    let why = Made::usual().refused(Some("prod"));
    assert!(why.starts_with("--on: there is no profile `prod`"), "{why}");
    assert!(why.ends_with("known profiles: `default`, `my site`, `staging`"), "{why}");
}

#[test]
fn without_credentials_the_metadata_are_asked_unless_they_are_disabled() {
    assert_eq!(Made::of("", "").keys(None), "metadata");
    let disabled = Made::of("", "").with(&[("AWS_EC2_METADATA_DISABLED", "TRUE")]);
    let why = disabled.refused(None);
    assert!(why.starts_with("no credentials: no variable has them, and there is no profile `default` in"), "{why}");
    let account = Made::of("", "").read(None).unwrap();
    assert_eq!(account.metadata.unwrap().as_str(), "http://169.254.169.254/");
}

#[test]
fn addresses_are_named_by_variables_a_section_or_the_profile() {
    let config = "[default]\nservices = test\nendpoint_url = http://all.test\n[services test]\nec2 =\n  endpoint_url = https://ec2.test/api\n";
    let address = |made: &Made, asked: Option<&str>| {
        let endpoints = made.read(asked).unwrap().endpoints;
        [endpoints.ec2, endpoints.sts].map(|named| named.map_or("none".into(), |(url, _)| url.to_string()))
    };
    let made = Made::of(config, "");
    assert_eq!(address(&made, None), ["https://ec2.test/api/", "http://all.test/"]);
    let made = made.with(&[("AWS_ENDPOINT_URL", "http://v.test")]);
    assert_eq!(address(&made, None), ["http://v.test/", "http://v.test/"]);
    let made = made.with(&[("AWS_ENDPOINT_URL_EC2", "http://e.test")]);
    assert_eq!(address(&made, None), ["http://e.test/", "http://v.test/"]);
    let made = made.with(&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]);
    assert_eq!(address(&made, None), ["none", "none"]);
    for url in ["ec2.test", "ftp://ec2.test", "http://a:hunter2@ec2.test"] {
        let why = Made::usual().with(&[("AWS_ENDPOINT_URL_EC2", url)]).refused(None);
        assert!(why.starts_with("the variable `AWS_ENDPOINT_URL_EC2`: "), "{why}");
    }
}

#[test]
fn single_sign_on_comes_before_keys_and_its_token_has_the_clis_file() {
    let config = "[profile s]\nsso_session = my-sso\nsso_account_id = 123\nsso_role_name = admin\n[sso-session my-sso]\nsso_region = us-east-1\nsso_start_url = https://x.test/start\n";
    let made = Made::of(config, "[s]\naws_access_key_id = a\naws_secret_access_key = b\n");
    let Source::Sso(sso) = made.read(Some("s")).unwrap().source else { panic!("it is another source") };
    // As `printf my-sso | sha1sum` prints.
    assert!(
        sso.token_file.ends_with(".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json"),
        "{:?}",
        sso.token_file
    );
    assert_eq!((sso.region.text(), sso.account.text(), sso.role.text()), ("us-east-1", "123", "admin"));
    let why = Made::of(&config.replace("my-sso]", "other]"), "").refused(Some("s"));
    assert!(why.starts_with("config:2: there is no section `[sso-session my-sso]`"), "{why}");
    let why = Made::of(&config.replace("sso_role_name = admin\n", ""), "").refused(Some("s"));
    assert!(why.starts_with("config:3: the profile `s` signs on, but has no `sso_role_name`"), "{why}");
}

#[test]
fn what_would_need_a_role_to_be_assumed_is_refused_with_the_reason() {
    let config = "[profile r]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n";
    let why = Made::of(config, CREDENTIALS).refused(Some("r"));
    assert!(
        why.starts_with("config:2: `role_arn` is not supported: the role would have to be assumed by the `source_profile` at config:3"),
        "{why}"
    );
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "a web identity is not supported"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "a container's credentials are not supported"),
    ];
    for (name, reason) in variables {
        let why = Made::of("", "").with(&[(name, "x")]).refused(None);
        assert!(why.starts_with(&format!("the variable `{name}`: {reason}")), "{why}");
    }
}

#[test]
fn mistakes_name_their_line_and_never_a_value_that_may_be_secret() {
    let cases = [
        ("hunter2\n", "credentials:1: a line before the first section"),
        ("[default]\nhunter2\n", "credentials:2: neither a section nor `key = value`"),
        ("[a]\n[b]\n[a]\n", "credentials:3: the section `[a]` comes twice, first in line 1"),
        ("[a]\nx = hunter2\nX = hunter3\n", "credentials:3: `x` comes twice in the section `[a]`"),
        ("[a]\ns3 =\n  hunter2\n", "credentials:3: an indented line that is not `key = value`"),
        ("[default]\naws_access_key_id = AKIA\n", "credentials:2: the profile `default` has a key's id, but no secret"),
    ];
    for (text, expected) in cases {
        let why = Made::of("", text).refused(None);
        assert!(why.starts_with(expected), "{text}: {why}");
    }
    let half = Made::usual().with(&KEYS[..1]).refused(None);
    assert!(half.starts_with("the variable `AWS_ACCESS_KEY_ID`: there is a key's id, but no secret"), "{half}");
}
