use std::collections::BTreeMap;
use std::fs;

use super::*;

/// Files of a folder, and variables.
struct Given {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Given {
    fn files(files: &[(&str, &str)]) -> Given {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Given { folder, variables: BTreeMap::new() }
    }

    fn clouds(text: &str) -> Given {
        Given::files(&[("clouds.yaml", text)])
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Given {
        self.variables.extend(variables.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        self
    }

    fn read(&self, asked: Option<&str>) -> Result<Cloud, String> {
        let from = Surroundings { variables: self.variables.clone(), folders: vec![self.folder.path().into()] };
        let folder = format!("{}/", self.folder.path().display());
        read(asked, &from).map_err(|why| why.to_string().replace(&folder, ""))
    }

    fn refused(&self) -> String {
        self.read(None).map(|cloud| panic!("{cloud:?}")).unwrap_err()
    }
}

const TWO: &str = "\
clouds:
  staging:
    auth: &auth
      auth_url: https://cloud.test:5000/v3/
      username: chimp
      password: hunter2
      project_name: site
      user_domain_name: Default
      project_domain_name: Default
    region_name: north
  production:
    auth: { <<: *auth, project_name: shop }
    interface: internalURL
    verify: false
";

fn password(cloud: &Cloud) -> (&Named, &str, &Named) {
    match &cloud.login {
        Login::Password { user, password, project } => (user, password.reveal(), project),
        other => panic!("{other:?}"),
    }
}

fn named(name: &str, domain: &str) -> Named {
    Named::Name(name.into(), Domain::Name(domain.into()))
}

#[test]
fn a_cloud_is_read_by_its_name_and_says_where_each_field_stands() {
    let given = Given::clouds(TWO);
    let staging = given.read(Some("staging")).unwrap();
    assert_eq!(staging.auth_url.as_str(), "https://cloud.test:5000/v3");
    assert_eq!(password(&staging), (&named("chimp", "Default"), "hunter2", &named("site", "Default")));
    assert_eq!((staging.region.as_deref(), staging.interface), (Some("north"), Interface::Public));
    assert_eq!(staging.trust, Trust::Machine);
    assert!(staging.place("password").ends_with("clouds.yaml:6:17"), "{}", staging.place("password"));
    assert!(!format!("{staging:?}").contains("hunter2"));
    let production = given.with(&[("OS_CLOUD", "production")]).read(None).unwrap();
    assert_eq!(password(&production).2, &named("shop", "Default"), "a merged map gives what is not said");
    assert_eq!((production.interface, production.trust), (Interface::Internal, Trust::Anything));
}

#[test]
fn which_cloud_is_meant_is_said_or_the_only_one() {
    let given = Given::clouds(TWO);
    let why = given.refused();
    assert!(why.starts_with("clouds.yaml: there are 2 clouds, and nothing says which one is meant"), "{why}");
    assert!(why.contains("`production`, `staging`") && why.contains("--on openstack=CLOUD"), "{why}");
    let why = given.read(Some("stagin")).unwrap_err();
    assert_eq!(why, "clouds.yaml: there is no cloud `stagin`, which --on names\n  help: did you mean `staging`?");
    let why = given.with(&[("OS_CLOUD", "x")]).refused();
    assert!(why.starts_with("clouds.yaml: there is no cloud `x`, which the variable `OS_CLOUD` names"), "{why}");
    let only = TWO.split("  production:").next().unwrap();
    assert_eq!(Given::clouds(only).refused_not().name, "staging");
    assert!(Given::files(&[]).refused().starts_with("no file describes a cloud, and no variable does; looked for "));
    assert!(Given::clouds("clouds:\n").refused().starts_with("clouds.yaml: there is no cloud in it"));
}

impl Given {
    fn refused_not(&self) -> Cloud {
        self.read(None).unwrap()
    }
}

#[test]
fn the_secure_file_is_merged_and_counts_more() {
    let open = TWO.split("  production:").next().unwrap();
    let secure = "clouds:\n  staging:\n    auth:\n      password: 12345\n    region-name: south\n";
    let given = Given::files(&[("clouds.yml", open), ("secure.yaml", secure)]);
    let cloud = given.refused_not();
    assert_eq!(password(&cloud).1, "12345", "a number is its text");
    assert_eq!(cloud.region.as_deref(), Some("south"));
    assert!(cloud.place("password").ends_with("secure.yaml:4:17"));
    assert!(cloud.from.contains("clouds.yml and ") && cloud.from.ends_with("secure.yaml"), "{}", cloud.from);
}

const VARIABLES: [(&str, &str); 7] = [
    ("OS_AUTH_URL", "http://10.0.0.1:5000"),
    ("OS_USERNAME", "chimp"),
    ("OS_PASSWORD", "hunter2"),
    ("OS_PROJECT_ID", "0a1b"),
    ("OS_PROJECT_NAME", ""),
    ("OS_USER_DOMAIN_ID", "default"),
    ("OS_CACERT", "/ca.pem"),
];

#[test]
fn variables_describe_a_cloud_unless_another_is_named() {
    let given = Given::clouds(TWO).with(&VARIABLES);
    let cloud = given.refused_not();
    assert_eq!((cloud.name.as_str(), cloud.auth_url.as_str()), ("envvars", "http://10.0.0.1:5000/v3"));
    let user = Named::Name("chimp".into(), Domain::Id("default".into()));
    assert_eq!(password(&cloud), (&user, "hunter2", &Named::Id("0a1b".into())));
    assert_eq!(cloud.trust, Trust::File("/ca.pem".into()));
    assert_eq!(cloud.place("password"), "the variable `OS_PASSWORD`");
    assert_eq!(given.read(Some("staging")).unwrap().name, "staging");
    assert_eq!(given.with(&[("OS_CLOUD", "staging")]).refused_not().name, "staging");
    let selectors = [("OS_REGION_NAME", "north"), ("OS_TEST_PATH", "x"), ("OS_LOG_CAPTURE", "1")];
    let why = Given::files(&[]).with(&selectors).refused();
    assert!(why.starts_with("no file describes a cloud"), "variables that select describe none: {why}");
}

#[test]
fn what_a_cloud_of_variables_lacks_is_named_as_a_variable() {
    let given = Given::files(&[]).with(&VARIABLES[..3]);
    let why = given.refused();
    assert!(
        why.starts_with("the cloud `envvars` has no `user_domain_name`; the variables `OS_AUTH_URL`, `OS_PASSWORD`"),
        "{why}"
    );
    assert!(why.contains("help: set `OS_USER_DOMAIN_NAME`") && !why.contains("hunter2"), "{why}");
    let twice = Given::clouds("clouds: { envvars: {} }\n").with(&VARIABLES).refused();
    assert!(twice.starts_with("clouds.yaml:1:11: the cloud `envvars` is also that of the `OS_*` variables"), "{twice}");
}

#[test]
fn a_file_that_is_named_must_be_there_and_others_may_not_be() {
    let given = Given::clouds(TWO).with(&[("OS_CLIENT_CONFIG_FILE", "/nowhere/clouds.yaml")]);
    let why = given.refused();
    assert!(why.starts_with("/nowhere/clouds.yaml: can't be read: "), "{why}");
    assert!(why.contains("the variable `OS_CLIENT_CONFIG_FILE` names it"), "{why}");
    let named = given.folder.path().join("other.yaml");
    fs::write(&named, TWO.replace("staging", "named")).unwrap();
    let given = given.with(&[("OS_CLIENT_CONFIG_FILE", named.to_str().unwrap())]);
    assert_eq!(given.read(Some("named")).unwrap().name, "named");
}

#[test]
fn application_credentials_and_tokens_log_in() {
    let by_id = "clouds: { a: { auth_type: v3applicationcredential, auth: { auth_url: 'http://k/v3', application_credential_id: i, application_credential_secret: s3cret } } }";
    match Given::clouds(by_id).refused_not().login {
        Login::ApplicationCredential { of, secret } => {
            assert_eq!((of, secret.reveal()), (CredentialOf::Id("i".into()), "s3cret"));
        }
        other => panic!("{other:?}"),
    }
    let by_name = by_id.replace("_id: i", "_name: n, user_id: u");
    match Given::clouds(&by_name).refused_not().login {
        Login::ApplicationCredential { of, .. } => {
            assert_eq!(of, CredentialOf::Name("n".into(), Named::Id("u".into())));
        }
        other => panic!("{other:?}"),
    }
    let token = "clouds: { a: { auth_type: token, auth: { auth_url: 'http://k/v3', token: t0ken, tenant_id: p } } }";
    match Given::clouds(token).refused_not().login {
        Login::Token { token, project } => assert_eq!((token.reveal(), project), ("t0ken", Named::Id("p".into()))),
        other => panic!("{other:?}"),
    }
    let why = Given::clouds(&by_id.replace(", application_credential_secret: s3cret", "")).refused();
    assert!(why.starts_with("clouds.yaml:1:11: the cloud `a` has no `application_credential_secret`"), "{why}");
    let why = Given::clouds(&token.replace("type: token", "type: v3tokn")).refused();
    assert!(why.contains("not supported: `v3tokn`\n  help: did you mean `v3token`?"), "{why}");
}

#[test]
fn a_domain_of_both_is_that_of_each() {
    let text = TWO
        .replace("user_domain_name: Default", "domain_name: shared")
        .replace("      project_domain_name: Default\n", "");
    let cloud = Given::clouds(&text).read(Some("staging")).unwrap();
    assert_eq!(password(&cloud), (&named("chimp", "shared"), "hunter2", &named("site", "shared")));
}

#[test]
fn the_region_is_the_one_asked_for_of_those_that_the_cloud_has() {
    let regions = TWO.replace(
        "region_name: north",
        "regions: [north, { name: south, values: { interface: admin, auth: { project_name: other } } }]",
    );
    let given = Given::clouds(&regions);
    assert_eq!(
        given.read(Some("staging")).unwrap().region.as_deref(),
        Some("north"),
        "the first, where none is asked for"
    );
    let given = given.with(&[("OS_REGION_NAME", "south")]);
    let south = given.read(Some("staging")).unwrap();
    assert_eq!((south.region.as_deref(), south.interface), (Some("south"), Interface::Admin));
    assert_eq!(password(&south).2, &named("other", "Default"), "what a region says for itself counts more");
    assert_eq!(given.read(Some("production")).unwrap().region.as_deref(), Some("south"), "it names none itself");
    let why = given.with(&[("OS_REGION_NAME", "sout")]).read(Some("staging")).unwrap_err();
    assert_eq!(
        why,
        "the variable `OS_REGION_NAME`: the cloud `staging` has no region `sout`\n  help: did you mean `south`?"
    );
    let several = Given::clouds(&TWO.replace("region_name: north", "region_name: 'east, west'"));
    assert_eq!(several.read(Some("staging")).unwrap().region.as_deref(), Some("east"));
    let why = Given::clouds(&TWO.replace("region_name: north", "regions: [{ values: {} }]"))
        .read(Some("staging"))
        .unwrap_err();
    assert!(why.starts_with("clouds.yaml:10:15: this is not a region"), "{why}");
}

#[test]
fn mistakes_name_their_line_and_field_and_never_a_value_that_may_be_secret() {
    let cases = [
        ("password: hunter2", "password: [hunter2]", "6:17: `password` is not a plain text"),
        ("password: hunter2", "password: @hunter2", "6:17: "),
        ("      password: hunter2\n", "", "2:3: the cloud `staging` has no `password`"),
        ("      project_name: site\n", "", "2:3: the cloud `staging` has no `project_name`"),
        ("auth_url: https://cloud.test:5000/v3/", "auth_url: cloud.test", "4:17: `auth_url` is not a URL"),
        ("auth_url: https://cloud.test:5000/v3/", "auth_url: cloud.test:5000", "4:17: `auth_url` is not an HTTP URL"),
        ("/v3/", "/v2.0", "4:17: `auth_url` is that of Keystone's version 2"),
        ("https://cloud", "https://chimp:hunter2@cloud", "4:17: `auth_url` has a user or a password in it"),
        ("region_name: north", "profile: rackspace", "10:14: `profile` is not supported"),
        ("region_name: north", "cloud: rackspace", "10:12: `cloud` is not supported"),
        (
            "region_name: north",
            "compute_endpoint_override: http://x",
            "10:32: `compute_endpoint_override` is not supported",
        ),
        ("region_name: north", "cert: /x.pem", "10:11: `cert` is not supported"),
        ("region_name: north", "interface: pubic", "10:16: `interface` is `pubic`\n  help: did you mean `public`?"),
        ("region_name: north", "verify: perhaps", "10:13: `verify` is `perhaps`\n  help: write `true` or `false`"),
        ("region_name: north", "api_timeout: -1", "10:18: `api_timeout` is not a number of seconds above 0"),
        ("    auth: &auth\n", "    auth: hunter2\n    other: &auth\n", "3:11: `auth` is not a map"),
    ];
    for (from, to, expected) in cases {
        let why = Given::clouds(&TWO.replace(from, to)).read(Some("staging")).unwrap_err();
        assert!(why.starts_with(&format!("clouds.yaml:{expected}")), "{to}: {why}");
        assert!(!why.contains("hunter2") && why.contains("help: "), "{to}: {why}");
    }
    let why = Given::clouds("clouds: [staging]\n").refused();
    assert!(why.starts_with("clouds.yaml:1:9: `clouds` is not a map"), "{why}");
    assert!(Given::clouds("hunter2\n").refused().starts_with("clouds.yaml:1:1: `the file` is not a map"));
}
