//! A server's certificate: without one that the Puppet server has signed, an agent gets no catalog.
//!
//! A replacement has its predecessor's name and no certificate, and the Puppet server signs no second one for a name. So the old
//! one is cleaned (revoked and removed), the replacement asks for a new one, and that is signed: the paper's step 7. A Puppet
//! server that was itself replaced has another authority, which knows no server: all are enrolled again.

use super::{PATIENCE, exec};
use crate::config_agent::error::VisitError;
use crate::infrastructure::PUPPET_SERVER;
use crate::instance::{Instance, InstanceId};
use crate::provider::Remote;
use crate::site::Site;

/// Debian's place for an agent's certificates.
pub(super) const CERTIFICATES: &str = "/var/lib/puppet/ssl";

/// `$1`: the Puppet server's address, `$2`: its name, `$3`: this server's name, `$4`: its certificates, the rest: how long it
/// waits. A server that was just booted knows only its own name.
const REQUEST: &str = r#"
grep -qw -- "$2" /etc/hosts || printf '%s %s\n' "$1" "$2" >>/etc/hosts
rm -rf -- "$4"
name=$3 server=$2 certificates=$4
shift 4
exec nice -n 10 puppet ssl submit_request --color false --certname "$name" --server "$server" --ssldir "$certificates" "$@"
"#;
/// What is said of a name that has neither a certificate nor a request for one.
const NOTHING_TO_CLEAN: &str = "Could not find files to clean";
/// What is said when it is cleaned: of a request that was never signed with the status 24, since nothing could be revoked.
const CLEANED: &str = "Cleaned files related to";

/// Whose certificate is whose: that of an instance, signed by a Puppet server that is an instance too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Enrolment {
    pub instance: InstanceId,
    pub authority: InstanceId,
}

/// Gives a server a new certificate, after its old one is cleaned; says what was done.
///
/// # Errors
/// When one of the two can't be reached, or refuses.
pub(super) async fn enrol(
    site: &Site,
    server: &str,
    remote: &dyn Remote,
    authority: &Instance,
) -> Result<Vec<String>, VisitError> {
    let puppet = site.provider.connect(authority).await?;
    let mut done = Vec::new();
    if clean(server, puppet.as_ref()).await? {
        done.push(format!("cleaned the old certificate of {server}"));
    }
    let address = authority.address.to_string();
    let asked = ["sh", "-c", REQUEST, "sh", &address, PUPPET_SERVER, server, CERTIFICATES];
    exec(remote, &[&asked[..], &PATIENCE[..]].concat()).await?;
    exec(puppet.as_ref(), &["puppetserver", "ca", "sign", "--certname", server]).await?;
    done.push(format!("signed the certificate of {server}"));
    Ok(done)
}

/// Whether there was one, or a request for one.
async fn clean(server: &str, puppet: &dyn Remote) -> Result<bool, VisitError> {
    match exec(puppet, &["puppetserver", "ca", "clean", "--certname", server]).await {
        Ok(_) => Ok(true),
        Err(VisitError::Command { said, .. }) if said.contains(CLEANED) => Ok(true),
        Err(VisitError::Command { said, .. }) if said.contains(NOTHING_TO_CLEAN) => Ok(false),
        Err(why) => Err(why),
    }
}
