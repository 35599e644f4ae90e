//! TLS is there from the start or the start ends; certificates that change are taken up while it serves; and
//! without TLS nobody beyond the machine is served unless that is asked for, loudly.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::pki::{Authority, Pair, Signer, in_seconds, jwks, write};
use common::place::{Place, small};
use common::server::{Server, Start, eventually, serves};
use common::with;
use serde_json::json;
use situs::grpc::proto::GetStatusRequest;
use situs::grpc::proto::policy_service_client::PolicyServiceClient;
use tonic::Code;
use tonic::transport::Channel;

const EVERYBODY: &str = "@id(\"test.everybody\") permit (principal, action, resource is Service);\n";

/// The name by which health speaks of certificates.
const TLS: &str = "situs.v1.Tls";

/// A folder as Kubernetes mounts a secret: the files are links through `..data`, a link that is swapped whole.
struct Mount(PathBuf);

impl Mount {
    fn new(folder: &Path, pair: &Pair) -> Self {
        let mount = Self(folder.to_owned());
        mount.swap("first", &pair.cert, &pair.key);
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
        }
        mount
    }

    fn swap(&self, version: &str, cert: &str, key: &str) {
        let folder = self.0.join(version);
        std::fs::create_dir(&folder).unwrap();
        write(&folder, "tls.crt", cert);
        write(&folder, "tls.key", key);
        let aside = self.0.join("..data_tmp");
        symlink(version, &aside).unwrap();
        std::fs::rename(&aside, self.0.join("..data")).unwrap();
    }

    fn of(&self, start: Start) -> Start {
        start.with("--tls-cert", self.0.join("tls.crt")).with("--tls-key", self.0.join("tls.key"))
    }
}

async fn asks(channel: &Channel) -> Code {
    let outcome = PolicyServiceClient::new(channel.clone()).get_status(GetStatusRequest {}).await;
    outcome.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn certificates_are_taken_up_while_it_serves() {
    let (first, second) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(folder.path(), &first.issue(&["localhost"]));
    let place = Place::with(&with(small(), "access/test.cedar", EVERYBODY));
    let server = mount.of(place.start()).ready();
    let before = server.connect_tls(first.client(None)).await.unwrap();
    assert_eq!(asks(&before).await, Code::Ok);
    assert!(server.connect_tls(second.client(None)).await.is_err());

    let pair = second.issue(&["localhost"]);
    mount.swap("second", &pair.cert, &pair.key);
    let by_new = || async { server.connect_tls(second.client(None)).await.ok() };
    let after = eventually("the new certificate", by_new).await;
    assert_eq!(asks(&after).await, Code::Ok);
    assert!(server.connect_tls(first.client(None)).await.is_err());
    // Who was connected stays so.
    assert_eq!(asks(&before).await, Code::Ok);

    // A bad pair leaves the old one, and is told.
    let other = second.issue(&["localhost"]);
    let ended = second.issue_with(&["localhost"], |params| {
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2001, 1, 1));
    });
    for (version, cert, key) in [
        ("mixed", &pair.cert, &other.key),
        ("empty", &String::new(), &pair.key),
        ("swapped", &pair.key, &pair.cert),
        ("ended", &ended.cert, &ended.key),
    ] {
        mount.swap(version, cert, key);
        let is_told = || async { (!serves(after.clone(), TLS).await).then_some(()) };
        eventually("health that says so", is_told).await;
        assert_eq!(
            asks(&server.connect_tls(second.client(None)).await.unwrap()).await,
            Code::Ok,
            "{version}"
        );
        mount.swap(&format!("after-{version}"), &pair.cert, &pair.key);
        eventually("health that is good", || async { serves(after.clone(), TLS).await.then_some(()) }).await;
    }
    let log = server.log();
    assert!(log.contains("ERROR") && log.contains("the last good ones hold"), "{log}");
    assert!(!log.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn authorities_of_clients_are_taken_up_too() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(folder.path(), &authority.issue(&["localhost"]));
    let ca = write(folder.path(), "clients.crt", &authority.pem());
    let place = Place::with(&with(small(), "access/test.cedar", EVERYBODY));
    let server = mount.of(place.start()).with("--tls-client-ca", &ca).ready();
    let own = clients.issue(&["job.test"]);
    let asked = || async {
        let channel = server.connect_tls(authority.client(Some(&own))).await.ok()?;
        (asks(&channel).await == Code::Ok).then_some(())
    };
    assert!(asked().await.is_none());
    // Both, as while one takes the place of the other.
    std::fs::write(&ca, authority.pem() + &clients.pem()).unwrap();
    eventually("the other authority", asked).await;
}

#[tokio::test]
async fn a_token_stands_where_a_client_need_not_have_a_certificate() {
    let (authority, signer) = (Authority::new(), Signer::new("one"));
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(folder.path(), &authority.issue(&["localhost"]));
    let ca = write(folder.path(), "clients.crt", &authority.pem());
    let keys = write(folder.path(), "keys.json", &jwks(&[&signer]));
    let place = Place::with(&with(
        small(),
        "access/test.cedar",
        r#"@id("test.token") permit (principal == Caller::"issuer#alice", action, resource is Service);"#,
    ));
    let start = mount.of(place.start()).with("--tls-client-ca", ca).with("--tls-client-auth", "optional");
    let start = start.with("--jwt-issuer", "issuer").with("--jwt-audience", "situs").with("--jwt-jwks", keys);
    let server = start.ready();
    let bare = server.connect_tls(authority.client(None)).await.unwrap();
    let known = server.connect_tls(authority.client(Some(&authority.issue(&["job.test"])))).await.unwrap();
    assert_eq!([asks(&bare).await, asks(&known).await], [Code::Unauthenticated, Code::PermissionDenied]);
    let token = |subject: &str, audience: &str| {
        signer.token(&json!({ "iss": "issuer", "aud": audience, "sub": subject, "exp": in_seconds(60) }))
    };
    let ask = |channel: &Channel, token: String| {
        let mut request = tonic::Request::new(GetStatusRequest {});
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut client = PolicyServiceClient::new(channel.clone());
        async move { client.get_status(request).await.map_or_else(|status| status.code(), |_| Code::Ok) }
    };
    for channel in [&bare, &known] {
        assert_eq!(ask(channel, token("alice", "situs")).await, Code::Ok);
        assert_eq!(ask(channel, token("bob", "situs")).await, Code::PermissionDenied);
        // A bad token is not made good by a certificate.
        assert_eq!(ask(channel, token("alice", "elsewhere")).await, Code::Unauthenticated);
    }
}

#[test]
fn tls_that_cannot_be_set_up_ends_the_start() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let (good, other) = (authority.issue(&["localhost"]), authority.issue(&["localhost"]));
    let ended = authority.issue_with(&["localhost"], |params| {
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2001, 1, 1));
    });
    for (cert, key, ca, says) in [
        ("nonsense", good.key.as_str(), None, "holds no certificate"),
        (&good.cert, "nonsense", None, "holds no private key"),
        (&good.cert, &other.key, None, "are no pair"),
        (&ended.cert, &ended.key, None, "ended at 2001-01-01"),
        (&good.cert, &good.key, Some("nonsense"), "holds no certificate"),
    ] {
        let (cert, key) = (write(folder.path(), "tls.crt", cert), write(folder.path(), "tls.key", key));
        let mut start =
            Start::new(&folder.path().join("data")).with("--tls-cert", cert).with("--tls-key", key);
        if let Some(ca) = ca {
            start = start.with("--tls-client-ca", write(folder.path(), "ca.crt", ca));
        }
        let (code, said) = start.fails();
        assert!(
            code == Some(1) && said.contains("failed to set up TLS") && said.contains(says),
            "{code:?}: {said}"
        );
    }
}

#[tokio::test]
async fn without_tls_nobody_beyond_the_machine_is_served_unless_asked_for_loudly() {
    let place = Place::with(&small());
    let (code, said) = place.start().listen("0.0.0.0:0").fails();
    assert!(code == Some(78) && said.contains("not a loopback address"), "{code:?}: {said}");
    let server = place.start().listen("0.0.0.0:0").with_flag("--insecure").ready();
    assert!(server.log().contains("WARNING: INSECURE: 0.0.0.0"), "{}", server.log());
    // Whoever comes from this machine is no more than who does not.
    let channel = Channel::from_shared(format!("http://127.0.0.1:{}", server.port())).unwrap();
    assert_eq!(asks(&channel.connect().await.unwrap()).await, Code::PermissionDenied);
}

#[test]
fn the_command_line_speaks_tls() {
    let (authority, signer) = (Authority::new(), Signer::new("one"));
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(folder.path(), &authority.issue(&["localhost"]));
    let ca = write(folder.path(), "ca.crt", &authority.pem());
    let keys = write(folder.path(), "keys.json", &jwks(&[&signer]));
    let place = Place::with(&with(
        small(),
        "access/test.cedar",
        r#"@id("test.known") permit (principal, action, resource is Service)
           when { ["dns:me.test", "issuer#me"].contains(principal.subject) || principal.subject == "me.test"
                  || principal.subject == "me" };"#,
    ));
    let start = mount.of(place.start()).with("--tls-client-ca", &ca).with("--tls-client-auth", "optional");
    let start = start.with("--jwt-issuer", "issuer").with("--jwt-audience", "situs").with("--jwt-jwks", keys);
    let server = start.ready();
    let own = authority.issue(&["me.test"]);
    let (cert, key) = (write(folder.path(), "me.crt", &own.cert), write(folder.path(), "me.key", &own.key));
    let claims = json!({ "iss": "issuer", "aud": "situs", "sub": "me", "exp": in_seconds(60) });
    let token = write(folder.path(), "token", &(signer.token(&claims) + "\n"));
    let list = |more: &[&Path]| list(&server, &ca, more);
    assert!(list(&[Path::new("--cert"), &cert, Path::new("--key"), &key]).is_ok());
    assert!(list(&[Path::new("--token-file"), &token]).is_ok());
    let said = list(&[]).unwrap_err();
    assert!(said.contains("nobody knows who calls") && said.contains("--token-file"), "{said}");
    // A server that is not trusted is told nothing.
    let stranger = write(folder.path(), "stranger.crt", &Authority::new().pem());
    let said = self::list(&server, &stranger, &[Path::new("--token-file"), &token]).unwrap_err();
    assert!(said.contains("failed to reach a server"), "{said}");
}

/// `situs catalog list`; the error is what it said.
fn list(server: &Server, ca: &Path, more: &[&Path]) -> Result<(), String> {
    let output = Command::new(env!("CARGO_BIN_EXE_situs"))
        .args(["catalog", "list", "--server", &format!("https://localhost:{}", server.port())])
        .arg("--ca")
        .arg(ca)
        .args(more)
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
