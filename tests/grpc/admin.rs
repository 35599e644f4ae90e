//! `CatalogService` and `PolicyService`.

use situs::domain::{DataRef, Entry as Registered, EntryKind as Kind, Holding as RegisteredHolding};
use situs::grpc::ports::{CatalogError, WatchEvent};
use situs::grpc::proto::catalog_service_client::CatalogServiceClient;
use situs::grpc::proto::entry::Entry as OneOf;
use situs::grpc::proto::policy_service_client::PolicyServiceClient;
use situs::grpc::proto::watch_response::Event;
use situs::grpc::proto::{
    DeleteRequest, Effect, Entry, EntryKind, GetPolicyRequest, GetRequest, GetStatusRequest, Holding,
    ListPoliciesRequest, ListRequest, PutRequest, ReloadRequest, WatchRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::fakes::Fixture;

fn holding(data_ref: &str) -> Entry {
    let holding =
        Holding { data_ref: data_ref.to_owned(), stored_in: vec![String::from("IE")], ..Holding::default() };
    Entry { entry: Some(OneOf::Holding(holding)) }
}

async fn put(
    client: &mut CatalogServiceClient<Channel>,
    entry: Entry,
    expected_revision: Option<u64>,
) -> Result<u64, Status> {
    let request = PutRequest { entry: Some(entry), expected_revision };
    Ok(client.put(request).await?.into_inner().revision)
}

fn info(status: &Status, key: &str) -> String {
    status.get_details_error_info().unwrap().metadata.get(key).cloned().unwrap_or_default()
}

#[tokio::test]
async fn writes_say_what_they_expect() {
    let fixture = Fixture::start().await;
    let mut client = CatalogServiceClient::new(fixture.channel.clone());
    assert_eq!(put(&mut client, holding("acme/mail"), Some(0)).await.unwrap(), 1);
    let exists = put(&mut client, holding("acme/mail"), Some(0)).await.unwrap_err();
    assert_eq!((exists.code(), info(&exists, "actual_revision").as_str()), (Code::AlreadyExists, "1"));
    let conflict = put(&mut client, holding("acme/mail"), Some(9)).await.unwrap_err();
    assert_eq!((conflict.code(), info(&conflict, "actual_revision").as_str()), (Code::Aborted, "1"));
    assert_eq!(put(&mut client, holding("acme/mail"), Some(1)).await.unwrap(), 2);
    assert_eq!(put(&mut client, holding("acme/mail"), None).await.unwrap(), 3);

    let (kind, key) = (EntryKind::Holding as i32, String::from("acme/mail"));
    let read = client.get(GetRequest { kind, key: key.clone() }).await.unwrap().into_inner();
    assert_eq!((read.entry.unwrap(), read.revision), (holding("acme/mail"), 3));
    let delete = |expected_revision| DeleteRequest { kind, key: key.clone(), expected_revision };
    assert_eq!(client.delete(delete(Some(0))).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.delete(delete(Some(1))).await.unwrap_err().code(), Code::Aborted);
    assert_eq!(client.delete(delete(Some(3))).await.unwrap().into_inner().revision, 4);
    assert_eq!(client.delete(delete(None)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.get(GetRequest { kind, key }).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_bad_entry_is_refused_and_a_broken_store_keeps_its_secrets() {
    let fixture = Fixture::start().await;
    let mut client = CatalogServiceClient::new(fixture.channel.clone());
    let Entry { entry: Some(OneOf::Holding(mut bad)) } = holding("acme/mail") else { panic!("a holding") };
    bad.stored_in.push(String::from("XX"));
    let bad = Entry { entry: Some(OneOf::Holding(bad)) };
    let status = put(&mut client, bad, None).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "entry.holding.stored_in[1]");
    let status = put(&mut client, Entry { entry: None }, None).await.unwrap_err();
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "entry");
    let status = put(&mut client, holding("broken/store"), None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
    let status = client.get(GetRequest { kind: 0, key: String::new() }).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), ["kind", "key"]);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let fixture = Fixture::start().await;
    let mut client = CatalogServiceClient::new(fixture.channel.clone());
    for index in 0..30 {
        put(&mut client, holding(&format!("acme/{index:02}")), None).await.unwrap();
    }
    put(&mut client, holding("other/data"), None).await.unwrap();
    let list = |page_size, page_token: &str| ListRequest {
        kind: EntryKind::Holding as i32,
        prefix: String::from("acme/"),
        page_size,
        page_token: page_token.to_owned(),
    };
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.list(list(12, &token)).await.unwrap().into_inner();
        assert!(page.entries.len() <= 12);
        seen.extend(page.entries.into_iter().map(|stored| stored.revision));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, (1..=30).collect::<Vec<u64>>());
    assert_eq!(client.list(list(0, "")).await.unwrap().into_inner().entries.len(), 30);
    for (request, field) in [(list(1001, ""), "page_size"), (list(1, "forged"), "page_token")] {
        let status = client.list(request).await.unwrap_err();
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
}

#[tokio::test]
async fn a_page_of_large_entries_fits_into_a_message() {
    let fixture = Fixture::start().await;
    let mut client = CatalogServiceClient::new(fixture.channel.clone());
    for index in 0..80 {
        let Entry { entry: Some(OneOf::Holding(mut large)) } = holding(&format!("acme/{index:02}")) else {
            panic!("a holding")
        };
        large.labels = (0..64).map(|label| (label.to_string(), "x".repeat(1024))).collect();
        put(&mut client, Entry { entry: Some(OneOf::Holding(large)) }, None).await.unwrap();
    }
    let kind = EntryKind::Holding as i32;
    let page = client.list(ListRequest { kind, page_size: 1000, ..ListRequest::default() }).await;
    let page = page.unwrap().into_inner();
    assert!(page.entries.len() < 80 && !page.next_page_token.is_empty());
}

#[tokio::test]
async fn a_watch_tells_what_happens_in_order() {
    let fixture = Fixture::start().await;
    let mut client = CatalogServiceClient::new(fixture.channel.clone());
    let data_ref = DataRef::parse("acme/mail").ok();
    let entry = Registered::Holding(RegisteredHolding { data_ref, ..RegisteredHolding::default() });
    let events = vec![
        Ok(WatchEvent::Put { entry, revision: 1 }),
        Ok(WatchEvent::SnapshotEnd { revision: 1 }),
        Ok(WatchEvent::Delete { kind: Kind::Holding, key: String::from("acme/mail"), revision: 2 }),
        Ok(WatchEvent::Bookmark { revision: 3 }),
        Err(CatalogError::Lagged { last: 3 }),
    ];
    *fixture.catalog.events.lock().unwrap() = (events, true);
    let mut watch = client.watch(WatchRequest::default()).await.unwrap().into_inner();
    let mut seen = Vec::new();
    let status = loop {
        match watch.message().await {
            Ok(message) => {
                let message = message.unwrap();
                seen.push((message.revision, message.event.unwrap()));
            }
            Err(status) => break status,
        }
    };
    assert!(matches!(
        seen.as_slice(),
        [
            (1, Event::Put(_)),
            (1, Event::SnapshotEnd(_)),
            (2, Event::Delete(deleted)),
            (3, Event::Bookmark(_)),
        ] if deleted.key == "acme/mail" && deleted.kind() == EntryKind::Holding
    ));
    assert_eq!((status.code(), info(&status, "last_revision").as_str()), (Code::Aborted, "3"));
}

#[tokio::test]
async fn a_watch_ends_with_the_server_and_not_without_reason() {
    let fixture = Fixture::start().await;
    let mut client = CatalogServiceClient::new(fixture.channel.clone());
    let compacted = WatchRequest { from_revision: Some(1), ..WatchRequest::default() };
    let status = client.watch(compacted).await.unwrap_err();
    assert_eq!((status.code(), info(&status, "oldest_revision").as_str()), (Code::OutOfRange, "5"));
    let unknown = WatchRequest { kinds: vec![1, 0], ..WatchRequest::default() };
    assert_eq!(client.watch(unknown).await.unwrap_err().code(), Code::InvalidArgument);

    *fixture.catalog.events.lock().unwrap() = (vec![Ok(WatchEvent::Bookmark { revision: 1 })], true);
    let mut watch = client.watch(WatchRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().revision, 1);
    fixture.closer.close();
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn policies_are_shown_in_pages_with_their_source() {
    let fixture = Fixture::start().await;
    let mut client = PolicyServiceClient::new(fixture.channel.clone());
    let list = |page_token: &str| ListPoliciesRequest {
        prefix: String::from("core/"),
        page_size: 1,
        page_token: page_token.to_owned(),
    };
    let first = client.list_policies(list("")).await.unwrap().into_inner();
    assert_eq!((first.policies[0].policy_id.as_str(), first.next_page_token.as_str()), ("core/a", "core/a"));
    assert_eq!((first.policies[0].effect(), first.policies[0].line), (Effect::Forbid, 3));
    let second = client.list_policies(list("core/a")).await.unwrap().into_inner();
    assert_eq!((second.policies[0].policy_id.as_str(), second.next_page_token.as_str()), ("core/b", ""));

    let get = |policy_id: &str| GetPolicyRequest { policy_id: policy_id.to_owned() };
    let policy = client.get_policy(get("core/a")).await.unwrap().into_inner();
    assert!(policy.source.starts_with("forbid"));
    assert_eq!(policy.policy.unwrap().annotations.get("reason").unwrap(), "out_of_reach");
    assert_eq!(client.get_policy(get("core/z")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.get_policy(get("")).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_status_names_the_last_failure() {
    let fixture = Fixture::start().await;
    let mut client = PolicyServiceClient::new(fixture.channel.clone());
    let status = client.get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.active.unwrap().policy_count, 3);
    let failure = status.last_failure.unwrap();
    assert_eq!((failure.errors.len(), failure.more_errors), (100, 50));
    assert_eq!((failure.errors[0].file.as_str(), failure.errors[0].line), ("core/reach.cedar", Some(1)));
    assert_eq!(failure.errors[0].help, "close the scope");

    let rejected = client.reload(ReloadRequest {}).await.unwrap_err();
    assert_eq!(rejected.code(), Code::FailedPrecondition);
    let violations = rejected.get_details_precondition_failure().unwrap().violations;
    assert_eq!(violations[0].subject, "core/reach.cedar");
    assert!(violations[0].description.contains("core/reach.cedar:1: unexpected end"));
}
