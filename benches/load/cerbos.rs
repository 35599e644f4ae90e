//! The same load on a Cerbos server, if one is at hand: as many rules, and a check of one action of one resource.

use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::server::Server;

/// Rules of the policy: as many as the default bundle evaluates for a demand.
const RULES: usize = 60;
const CHECKS: usize = 4000;
const IN_FLIGHT: usize = 64;
/// The longest that a server may take to start.
const START: Duration = Duration::from_secs(60);

/// The part of `cerbos.request.v1.CheckResourcesRequest` that a check needs.
#[derive(Clone, prost::Message)]
struct Check {
    #[prost(message, optional, tag = "3")]
    principal: Option<Principal>,
    #[prost(message, repeated, tag = "4")]
    resources: Vec<Entry>,
}

#[derive(Clone, prost::Message)]
struct Principal {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, repeated, tag = "3")]
    roles: Vec<String>,
}

#[derive(Clone, prost::Message)]
struct Entry {
    #[prost(string, repeated, tag = "1")]
    actions: Vec<String>,
    #[prost(message, optional, tag = "2")]
    resource: Option<Resource>,
}

#[derive(Clone, prost::Message)]
struct Resource {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    id: String,
    #[prost(btree_map = "string, message", tag = "4")]
    attr: std::collections::BTreeMap<String, prost_types::Value>,
}

/// Nothing is read of the answer.
#[derive(Clone, prost::Message)]
struct Checked {}

/// Measures it, or says that it is not there.
pub async fn measure(rounds: usize) {
    let Some(binary) = std::env::var_os("CERBOS") else {
        println!("Cerbos: not at hand; name a server binary by the variable CERBOS");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.yaml"), policy()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(binary);
    command.arg("server");
    for setting in [
        format!("server.grpcListenAddr=127.0.0.1:{port}"),
        String::from("server.httpListenAddr=127.0.0.1:0"),
        String::from("storage.driver=disk"),
        format!("storage.disk.directory={}", folder.path().display()),
        String::from("telemetry.disabled=true"),
    ] {
        command.args(["--set", &setting]);
    }
    let server = Server::other(command, &format!("127.0.0.1:{port}"));
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let began = Instant::now();
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) => assert!(began.elapsed() < START, "Cerbos does not listen: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        check(&channel, CHECKS / 20).await;
        let before = server.cpu_micros();
        check(&channel, CHECKS).await;
        least = least.min((server.cpu_micros() - before) / CHECKS as f64);
    }
    println!(
        "{:<46} {least:>9.1} {:>9} {:>9} {:>9} {:>9} {:>8.0}",
        "Cerbos: one check, 60 rules",
        "",
        "",
        "",
        "",
        server.memory_mib()
    );
}

/// A rule set of the same size: each rule asks of the data where it is, and who asks.
fn policy() -> String {
    let mut text = String::from(
        "apiVersion: api.cerbos.dev/v1\nresourcePolicy:\n  version: default\n  resource: data\n  rules:\n",
    );
    for rule in 0..RULES {
        let effect = if rule == 0 { "EFFECT_ALLOW" } else { "EFFECT_DENY" };
        let condition = match rule {
            0 => String::from("'IE' in request.resource.attr.stored_in"),
            rule => format!(
                "'X{rule}' in request.resource.attr.stored_in && request.resource.attr.place == 'X{rule}'"
            ),
        };
        let _written = write!(
            text,
            "    - name: rule-{rule}\n      actions: ['transfer']\n      effect: {effect}\n      roles: ['workload']\n      \
             condition: {{match: {{expr: \"{condition}\"}}}}\n"
        );
    }
    text
}

async fn check(channel: &Channel, checks: usize) {
    let text = |text: &str| prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue(text.to_owned())),
    };
    let stored = prost_types::ListValue { values: ["IE", "EU", "EEA"].map(text).to_vec() };
    let stored = prost_types::Value { kind: Some(prost_types::value::Kind::ListValue(stored)) };
    let attr = [(String::from("stored_in"), stored), (String::from("place"), text("FR"))].into();
    let resource = Resource { kind: String::from("data"), id: String::from("acme/mail"), attr };
    let asked = Check {
        principal: Some(Principal { id: String::from("replicator"), roles: vec![String::from("workload")] }),
        resources: vec![Entry { actions: vec![String::from("transfer")], resource: Some(resource) }],
    };
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (asked, mut client) = (asked.clone(), Grpc::new(channel.clone()));
        tasks.spawn(async move {
            for _ in 0..checks / IN_FLIGHT {
                client.ready().await.unwrap();
                let path = PathAndQuery::from_static("/cerbos.svc.v1.CerbosService/CheckResources");
                let codec: ProstCodec<Check, Checked> = ProstCodec::default();
                client.unary(tonic::Request::new(asked.clone()), path, codec).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
}
