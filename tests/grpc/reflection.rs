//! What a stranger learns: reflection, health, and a call made from reflection alone.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use prost_types::FileDescriptorProto;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::bytes::RawCodec;
use super::fakes::Fixture;

/// Learns the services, and the files of one of them, from one version of reflection.
macro_rules! reflect {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

        let ask = [
            MessageRequest::ListServices(String::new()),
            MessageRequest::FileContainingSymbol(String::from("situs.v1.AuthorizationService")),
            // A client must be able to show the details of a status.
            MessageRequest::FileContainingSymbol(String::from("google.rpc.BadRequest")),
            MessageRequest::FileByFilename(String::from("google/protobuf/duration.proto")),
            MessageRequest::FileByFilename(String::from("situs/v1/names.proto")),
            MessageRequest::FileByFilename(String::from("situs/v1/entry.proto")),
            MessageRequest::FileByFilename(String::from("google/rpc/status.proto")),
            MessageRequest::FileByFilename(String::from("google/protobuf/any.proto")),
            MessageRequest::FileByFilename(String::from("google/protobuf/timestamp.proto")),
        ]
        .map(|request| ServerReflectionRequest { host: String::new(), message_request: Some(request) });
        let mut client = ServerReflectionClient::new($channel);
        let mut answers = client.server_reflection_info(tokio_stream::iter(ask)).await.unwrap().into_inner();
        let (mut services, mut files) = (Vec::new(), Vec::new());
        while let Some(answer) = answers.message().await.unwrap() {
            match answer.message_response.unwrap() {
                MessageResponse::ListServicesResponse(list) => {
                    services.extend(list.service.into_iter().map(|service| service.name));
                }
                MessageResponse::FileDescriptorResponse(response) => {
                    files.extend(response.file_descriptor_proto);
                }
                other => panic!("{other:?}"),
            }
        }
        (services, files)
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_list_every_service() {
    let fixture = Fixture::start().await;
    for services in [reflect!(v1, fixture.channel.clone()).0, reflect!(v1alpha, fixture.channel.clone()).0] {
        for service in [
            "situs.v1.AuthorizationService",
            "situs.v1.CatalogService",
            "situs.v1.PolicyService",
            "grpc.health.v1.Health",
        ] {
            assert!(services.iter().any(|known| known == service), "{service} not in {services:?}");
        }
    }
}

#[tokio::test]
async fn a_client_made_from_reflection_alone_gets_its_answer() {
    let fixture = Fixture::start().await;
    let (_, files) = reflect!(v1, fixture.channel.clone());
    let mut pool = DescriptorPool::new();
    let files = files.iter().map(|file| FileDescriptorProto::decode(file.as_slice()).unwrap());
    pool.add_file_descriptor_protos(files).unwrap();
    assert!(pool.get_message_by_name("google.rpc.BadRequest").is_some());

    let service = pool.get_service_by_name("situs.v1.AuthorizationService").unwrap();
    let method = service.methods().find(|method| method.name() == "Authorize").unwrap();
    let mut requester = DynamicMessage::new(pool.get_message_by_name("situs.v1.Requester").unwrap());
    requester.set_field_by_name("id", Value::String(String::from("replicator")));
    let mut question = DynamicMessage::new(method.input());
    question.set_field_by_name("data_ref", Value::String(String::from("acme/mail")));
    question.set_field_by_name("requester", Value::Message(requester));
    question.set_field_by_name("jurisdiction", Value::String(String::from("IE")));

    let mut grpc = tonic::client::Grpc::new(fixture.channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/situs.v1.AuthorizationService/Authorize");
    let request = tonic::Request::new(question.encode_to_vec());
    let bytes = grpc.unary(request, path, RawCodec).await.unwrap().into_inner();
    let answer = DynamicMessage::decode(method.output(), bytes.as_slice()).unwrap();
    let decision = pool.get_enum_by_name("situs.v1.Decision").unwrap();
    let allow = decision.get_value_by_name("DECISION_ALLOW").unwrap().number();
    assert_eq!(answer.get_field_by_name("decision").unwrap().as_enum_number(), Some(allow));
}

#[tokio::test]
async fn nothing_serves_until_it_is_said_to() {
    let fixture = Fixture::start().await;
    let mut client = HealthClient::new(fixture.channel.clone());
    let names = ["", "situs.v1.AuthorizationService", "situs.v1.CatalogService", "situs.v1.PolicyService"];
    let mut expect = async |names: &[&str], status: ServingStatus| {
        for name in names {
            let request = HealthCheckRequest { service: (*name).to_owned() };
            assert_eq!(client.check(request).await.unwrap().into_inner().status(), status, "{name:?}");
        }
    };
    expect(&names, ServingStatus::NotServing).await;
    expect(&["situs.v1.Bundle"], ServingStatus::NotServing).await;
    fixture.health.set_ready(true).await;
    expect(&names, ServingStatus::Serving).await;
    expect(&["situs.v1.Bundle"], ServingStatus::NotServing).await;
    fixture.health.set_bundle(true).await;
    expect(&["situs.v1.Bundle"], ServingStatus::Serving).await;
    fixture.health.set_ready(false).await;
    expect(&names, ServingStatus::NotServing).await;
}
