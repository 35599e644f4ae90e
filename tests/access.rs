//! Who may call, by mutual TLS: nobody is somebody, nobody may do anything but what `access/` permits them, for
//! the tenants and the fields that it names, and a refusal tells nothing of what is there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::pki::{Authority, Pair, write};
use common::place::{Place, small};
use common::server::{Server, Start, serves};
use common::{question, with};
use serde_json::{Value as Json, json};
use situs::grpc::convert;
use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::catalog_service_client::CatalogServiceClient;
use situs::grpc::proto::policy_service_client::PolicyServiceClient;
use situs::grpc::proto::watch_response::Event;
use situs::grpc::proto::{
    AuthorizeBatchRequest, AuthorizeRequest, DeleteRequest, Entry, EntryKind, GetPolicyRequest, GetRequest,
    GetStatusRequest, Holding, ListPoliciesRequest, ListRequest, PutRequest, ReloadRequest, Tenant,
    WatchRequest, authorize_result, entry,
};
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// What these tests permit, beside the default bundle.
const RULES: &str = r#"
@id("test.admin.call")
permit (principal == Caller::"dns:admin.test", action == Action::"call", resource);
@id("test.admin.assert")
permit (principal == Caller::"dns:admin.test", action == Action::"assert", resource);

@id("test.storage.call")
permit (
  principal == Caller::"spiffe://prod.test/storage",
  action == Action::"call",
  resource == Service::"AuthorizationService"
) when { context.method == Method::"AuthorizationService/Authorize" && context.tenant == "acme" };
@id("test.storage.assert")
permit (principal == Caller::"spiffe://prod.test/storage", action == Action::"assert", resource)
when { context.tenant == "acme" && context.field like "requester.*" };

@id("test.clerk.call")
permit (principal == Caller::"dns:clerk.test", action == Action::"call", resource == Service::"CatalogService")
when { context.tenant == "acme" };

@id("test.auditor.call")
permit (principal == Caller::"dns:auditor.test", action == Action::"call", resource == Service::"CatalogService")
when { [Method::"CatalogService/Get", Method::"CatalogService/List", Method::"CatalogService/Watch"]
  .contains(context.method) };
@id("test.auditor.not")
forbid (principal == Caller::"dns:auditor.test", action == Action::"call", resource)
when { context.tenant == "secret" };
"#;

/// A server that knows callers by their certificates.
struct Fixture {
    authority: Authority,
    server: Server,
    place: Place,
    _folder: TempDir,
}

impl Fixture {
    fn start(rules: &str) -> Self {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let place = Place::with(&with(small(), "access/test.cedar", rules));
        let server = with_tls(place.start(), &authority, &folder).ready();
        Self { authority, server, place, _folder: folder }
    }

    async fn by(&self, name: &str) -> Channel {
        self.server.connect_tls(self.authority.client(Some(&self.authority.issue(&[name])))).await.unwrap()
    }

    /// The catalogue's client of who may do everything, with two tenants registered.
    async fn filled(&self) -> CatalogServiceClient<Channel> {
        let mut catalog = CatalogServiceClient::new(self.by("admin.test").await);
        for tenant in ["acme", "secret"] {
            put(&mut catalog, tenant_entry(tenant)).await.unwrap();
            put(&mut catalog, holding_entry(&format!("{tenant}/mail"))).await.unwrap();
        }
        catalog
    }
}

fn with_tls(start: Start, authority: &Authority, folder: &TempDir) -> Start {
    let (cert, key) = authority.issue(&["localhost", "127.0.0.1"]).write(folder.path());
    let ca = write(folder.path(), "ca.crt", &authority.pem());
    start.with("--tls-cert", cert).with("--tls-key", key).with("--tls-client-ca", ca)
}

fn tenant_entry(id: &str) -> Entry {
    let tenant = Tenant { id: id.to_owned(), ..Tenant::default() };
    Entry { entry: Some(entry::Entry::Tenant(tenant)) }
}

fn holding_entry(data_ref: &str) -> Entry {
    let holding =
        Holding { data_ref: data_ref.to_owned(), stored_in: vec!["DE".to_owned()], ..Holding::default() };
    Entry { entry: Some(entry::Entry::Holding(holding)) }
}

async fn put(catalog: &mut CatalogServiceClient<Channel>, entry: Entry) -> Result<u64, Status> {
    let request = PutRequest { entry: Some(entry), expected_revision: None };
    Ok(catalog.put(request).await?.into_inner().revision)
}

fn asking(data_ref: &str, more: &Json) -> AuthorizeRequest {
    let mut words = json!({
        "data_ref": data_ref, "action": "transfer", "jurisdiction": "DE", "requester": { "id": "job" },
    });
    let (words_of, more) = (words.as_object_mut().unwrap(), more.as_object().unwrap());
    words_of.extend(more.clone());
    convert::to_request(&question(&words).unwrap())
}

async fn authorize(channel: &Channel, data_ref: &str, more: &Json) -> Result<(), Status> {
    let mut client = AuthorizationServiceClient::new(channel.clone());
    client.authorize(asking(data_ref, more)).await.map(drop)
}

async fn get(channel: &Channel, kind: EntryKind, key: &str) -> Result<(), Status> {
    let request = GetRequest { kind: kind.into(), key: key.to_owned() };
    CatalogServiceClient::new(channel.clone()).get(request).await.map(drop)
}

/// Everything that a refusal tells.
fn told(refusal: Result<(), Status>) -> (Code, String, Vec<u8>) {
    let status = refusal.unwrap_err();
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

/// The code of each call there is.
async fn every_call(channel: &Channel) -> Vec<(&'static str, Code)> {
    let code = |outcome: Result<(), Status>| outcome.map_or_else(|status| status.code(), |()| Code::Ok);
    let mut catalog = CatalogServiceClient::new(channel.clone());
    let mut policies = PolicyServiceClient::new(channel.clone());
    let mut authorization = AuthorizationServiceClient::new(channel.clone());
    let batch = AuthorizeBatchRequest { requests: vec![asking("acme/mail", &json!({}))] };
    let batch = authorization.authorize_batch(batch).await.map(|answer| {
        let results = answer.into_inner().results;
        results.into_iter().next().unwrap().result.unwrap()
    });
    let batch = match batch {
        Ok(authorize_result::Result::Status(status)) => Code::from_i32(status.code),
        Ok(authorize_result::Result::Response(_)) => Code::Ok,
        Err(status) => status.code(),
    };
    let delete =
        DeleteRequest { kind: EntryKind::Tenant.into(), key: "none".to_owned(), expected_revision: None };
    let put = PutRequest { entry: Some(tenant_entry("zz")), expected_revision: None };
    let list = ListRequest { kind: EntryKind::Tenant.into(), ..ListRequest::default() };
    let policy = GetPolicyRequest { policy_id: "access.local.call".to_owned() };
    vec![
        ("authorize", code(authorize(channel, "acme/mail", &json!({})).await)),
        ("batch", batch),
        ("get", code(get(channel, EntryKind::Tenant, "acme").await)),
        ("put", code(catalog.put(put).await.map(drop))),
        ("delete", code(catalog.delete(delete).await.map(drop))),
        ("list", code(catalog.list(list).await.map(drop))),
        ("watch", code(catalog.watch(WatchRequest::default()).await.map(drop))),
        ("status", code(policies.get_status(GetStatusRequest {}).await.map(drop))),
        ("policies", code(policies.list_policies(ListPoliciesRequest::default()).await.map(drop))),
        ("policy", code(policies.get_policy(policy).await.map(drop))),
        ("reload", code(policies.reload(ReloadRequest {}).await.map(drop))),
    ]
}

#[tokio::test]
async fn by_default_who_is_known_may_do_nothing() {
    // The default bundle's own access, and nothing beside it.
    let fixture = Fixture::start("");
    let channel = fixture.by("spiffe://prod.test/storage").await;
    for (call, code) in every_call(&channel).await {
        assert_eq!(code, Code::PermissionDenied, "{call}");
    }
    // Health tells whether to send requests here, and asks nobody who they are.
    assert!(serves(channel, "").await);
}

#[tokio::test]
async fn nobody_is_somebody() {
    let fixture = Fixture::start(RULES);
    let (server, authority) = (&fixture.server, &fixture.authority);
    let stranger = Authority::new();
    let as_if = |own: Option<&Pair>| server.connect_tls(authority.client(own));
    let reaches = |channel: Channel| async move { authorize(&channel, "acme/mail", &json!({})).await };
    for own in [
        None,
        // Of another authority, whatever it says.
        Some(stranger.issue(&["admin.test"])),
        Some(authority.issue_with(&["admin.test"], |params| {
            (params.not_before, params.not_after) =
                (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2001, 1, 1));
        })),
    ] {
        // By TLS 1.3 a client learns of it with its first call.
        if let Ok(channel) = as_if(own.as_ref()).await {
            let refusal = reaches(channel).await.unwrap_err();
            assert_ne!(refusal.code(), Code::PermissionDenied, "it came to a service: {refusal:?}");
        }
    }
    // A certificate of the authority that names nobody.
    let nameless = authority.issue(&["10.0.0.1"]);
    let refusal = reaches(as_if(Some(&nameless)).await.unwrap()).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.message()), (Code::Unauthenticated, "nobody knows who calls"));
    // Without TLS there is nothing to be reached.
    let plain =
        tonic::transport::Endpoint::from_shared(format!("http://127.0.0.1:{}", server.port())).unwrap();
    let plain = plain.connect_lazy();
    assert!(AuthorizationServiceClient::new(plain).authorize(asking("acme/mail", &json!({}))).await.is_err());
    // And who is known, is.
    assert!(
        every_call(&fixture.by("admin.test").await)
            .await
            .iter()
            .all(|(_, code)| *code != Code::PermissionDenied)
    );
}

#[tokio::test]
async fn a_right_is_to_a_call_of_a_tenant_and_to_a_field() {
    let fixture = Fixture::start(RULES);
    fixture.filled().await;
    let storage = fixture.by("spiffe://prod.test/storage").await;
    assert!(authorize(&storage, "acme/mail", &json!({})).await.is_ok());
    let requester = json!({ "requester": { "kind": "workload", "jurisdiction": "DE" } });
    assert!(authorize(&storage, "acme/mail", &requester).await.is_ok());
    // A field that it may not assert is named.
    for (field, more) in [
        ("holding.stored_in", json!({ "holding": { "stored_in": ["DE"] } })),
        ("as_of", json!({ "as_of": "2016-07-14T00:00:00Z" })),
        ("process.upheld", json!({ "process": { "upheld": true } })),
    ] {
        let (code, message, _) = told(authorize(&storage, "acme/mail", &more).await);
        assert_eq!(code, Code::PermissionDenied);
        let asserted = message.split('`').nth(1).unwrap();
        assert!(field == asserted || field.split('.').next() == asserted.split('.').next(), "{message}");
    }
    // Another call, and all of another service, are other rights.
    for (call, code) in every_call(&storage).await {
        assert_eq!(code, if call == "authorize" { Code::Ok } else { Code::PermissionDenied }, "{call}");
    }
}

#[tokio::test]
async fn no_right_and_no_such_data_answer_alike() {
    let fixture = Fixture::start(RULES);
    fixture.filled().await;
    let storage = fixture.by("spiffe://prod.test/storage").await;
    let there = told(authorize(&storage, "secret/mail", &json!({})).await);
    assert_eq!(there.0, Code::PermissionDenied);
    assert_eq!(there, told(authorize(&storage, "nothing/mail", &json!({})).await));
    // To assert makes no difference either.
    let more = json!({ "holding": { "stored_in": ["DE"] } });
    assert_eq!(there, told(authorize(&storage, "secret/mail", &more).await));
    let clerk = fixture.by("clerk.test").await;
    for (kind, known, unknown) in
        [(EntryKind::Tenant, "secret", "nothing"), (EntryKind::Holding, "secret/mail", "nothing/mail")]
    {
        let there = told(get(&clerk, kind, known).await);
        assert_eq!(there.0, Code::PermissionDenied);
        assert_eq!(there, told(get(&clerk, kind, unknown).await));
    }
    // Of its own tenant it may know.
    assert!(get(&clerk, EntryKind::Holding, "acme/mail").await.is_ok());
    assert_eq!(told(get(&clerk, EntryKind::Holding, "acme/none").await).0, Code::NotFound);
}

#[tokio::test]
async fn a_list_and_a_watch_show_what_one_may_see() {
    let fixture = Fixture::start(RULES);
    let mut admin = fixture.filled().await;
    let list = |channel: Channel, prefix: &str| {
        let request = ListRequest {
            kind: EntryKind::Holding.into(),
            prefix: prefix.to_owned(),
            page_size: 1,
            ..ListRequest::default()
        };
        async move { CatalogServiceClient::new(channel).list(request).await.map(tonic::Response::into_inner) }
    };
    let clerk = fixture.by("clerk.test").await;
    assert_eq!(list(clerk.clone(), "acme/").await.unwrap().entries.len(), 1);
    for prefix in ["", "a", "acme", "secret/"] {
        assert_eq!(list(clerk.clone(), prefix).await.unwrap_err().code(), Code::PermissionDenied, "{prefix}");
    }
    let auditor = fixture.by("auditor.test").await;
    let page = list(auditor.clone(), "").await.unwrap();
    // There is another holding, and neither the page nor its token says so.
    assert_eq!((page.entries.len(), page.next_page_token.as_str()), (1, ""));
    let mut events =
        CatalogServiceClient::new(auditor).watch(WatchRequest::default()).await.unwrap().into_inner();
    let mut seen = Vec::new();
    loop {
        match events.message().await.unwrap().unwrap().event.unwrap() {
            Event::Put(entry) => seen.push(key(entry)),
            Event::SnapshotEnd(_) => break,
            other => assert!(matches!(other, Event::Bookmark(_)), "{other:?}"),
        }
    }
    assert_eq!(seen, ["acme", "acme/mail"]);
    for data_ref in ["secret/files", "acme/files"] {
        put(&mut admin, holding_entry(data_ref)).await.unwrap();
    }
    let next = loop {
        if let Event::Put(entry) = events.message().await.unwrap().unwrap().event.unwrap() {
            break key(entry);
        }
    };
    assert_eq!(next, "acme/files");
    // The right ends with the rule that gives it.
    let rules = std::fs::read_to_string(fixture.place.file("access/test.cedar")).unwrap();
    let without = rules.replace("Method::\"CatalogService/Watch\"]", "Method::\"CatalogService/Put\"]");
    assert_ne!(rules, without);
    std::fs::write(fixture.place.file("access/test.cedar"), without).unwrap();
    PolicyServiceClient::new(fixture.by("admin.test").await).reload(ReloadRequest {}).await.unwrap();
    put(&mut admin, holding_entry("acme/more")).await.unwrap();
    let end = loop {
        match events.message().await {
            Ok(Some(event)) => assert!(!matches!(event.event, Some(Event::Put(_))), "{event:?}"),
            Ok(None) => unreachable!("it ends with a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn the_example_of_the_page_holds() {
    let fixture = Fixture::start(include_str!("../docs/examples/access/access/callers.cedar"));
    let replicator = fixture.by("spiffe://prod.example/ns/storage/sa/replicator").await;
    let own = ["authorize", "batch"];
    for (call, code) in every_call(&replicator).await {
        assert_eq!(code, if own.contains(&call) { Code::Ok } else { Code::PermissionDenied }, "{call}");
    }
    let more = json!({ "holding": { "stored_in": ["DE"] } });
    assert_eq!(told(authorize(&replicator, "acme/mail", &more).await).0, Code::PermissionDenied);
    let pipeline = fixture.by("deploy.prod.example").await;
    for (call, code) in every_call(&pipeline).await {
        assert_eq!(code == Code::PermissionDenied, own.contains(&call), "{call}: {code:?}");
    }
    for name in ["spiffe://prod.example/ns/storage/sa/other", "prod.example"] {
        let other = fixture.by(name).await;
        assert!(every_call(&other).await.iter().all(|(_, code)| *code == Code::PermissionDenied), "{name}");
    }
}

fn key(entry: Entry) -> String {
    match entry.entry.unwrap() {
        entry::Entry::Tenant(tenant) => tenant.id,
        entry::Entry::Holding(holding) => holding.data_ref,
        other => format!("{other:?}"),
    }
}
