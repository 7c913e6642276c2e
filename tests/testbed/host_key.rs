//! A server that was made with its host key is logged in to only where it shows that key.

use std::sync::Arc;

use anarcho_chimp::instance::Command;
use anarcho_chimp::provider::host_key::HostKey;
use anarcho_chimp::provider::key_pair::KeyPair;
use anarcho_chimp::provider::secret::Secret;
use anarcho_chimp::provider::ssh::{Login, Proof, Route, SshRemote};
use anarcho_chimp::provider::{Remote, RemoteError};
use anarcho_chimp::testbed::protocol::{Request, Response};

use crate::kept::{Up, instance};

#[tokio::main]
pub async fn another_key_than_the_one_that_a_server_was_made_with_is_refused() {
    let up = Up::start("testbed-host-key", &[]);
    let Ok(Response::Login { user, key }) = up.testbed().ask(&Request::Login) else {
        panic!("a testbed says who logs in")
    };
    let public = up.read("web-1", "/etc/ssh/host_key.pub").await;
    let own = KeyPair { private: Secret::new(String::new()), public };
    let address = instance(&up.cloud(), "web-1").await.address;
    let log_in = async |host: &KeyPair| {
        let login = Login {
            name: None,
            address,
            port: 22,
            user: user.clone(),
            proof: Proof::Key(Secret::new(key.clone())),
            host_key: HostKey::Given(host.public_bytes().into()),
            route: Route::Dialled(Arc::new(up.testbed())),
        };
        SshRemote::new(login).exec(&Command::new(["true"])).await
    };
    assert_eq!(log_in(&own).await.unwrap().status, Some(0));
    let why = log_in(&KeyPair::make().unwrap()).await.unwrap_err();
    assert!(matches!(why, RemoteError::Connect { .. }), "{why}");
    assert!(why.to_string().contains("its host key is not the one that it was made with: expected SHA256:"), "{why}");
}
