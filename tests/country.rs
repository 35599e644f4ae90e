//! A country comes in by an edit of the bundle alone: a jurisdiction that the facts do not have, its law, its
//! treaty and its cases, while the server runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::load;
use common::place::{Place, small};
use common::server::eventually;
use situs::domain::Files;
use situs::grpc::convert;
use situs::policy::read_folder;
use situs::scenario::{compare, read_cases};

/// The files of the example of a new country, with the code of the country.
fn example() -> (Files, &'static str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/new-country");
    (read_folder(&folder).unwrap(), "FJ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_comes_in_while_the_server_runs() {
    let (files, country) = example();
    assert!(!common::facts::jurisdictions().iter().any(|code| code == country), "choose another country");
    let before: Files = small();
    let after: Files = before.clone().into_iter().chain(files.clone()).collect();
    let bundle = load(&after).unwrap();
    let cases: Vec<_> =
        read_cases(&after, bundle.facts()).unwrap().into_iter().flat_map(|file| file.cases).collect();
    assert!(cases.len() >= 4);
    let place = Place::with(&before);
    let server = place.start().ready();
    let mut client = server.authorization().await;

    // Of a country that nobody recorded nothing is assumed. Its words are not known yet either.
    let mut unrecorded = BTreeMap::new();
    for case in &cases {
        match client.authorize(convert::to_request(&case.question)).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let codes: Vec<&str> = answer.reasons.iter().map(|reason| reason.code.as_str()).collect();
                assert!(codes.contains(&"jurisdiction_not_recorded"), "{}: {codes:?}", case.id);
                assert_eq!(answer.decision(), situs::grpc::proto::Decision::Deny, "{}", case.id);
                *unrecorded.entry("denied").or_insert(0) += 1;
            }
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::InvalidArgument, "{}: {status:?}", case.id);
                *unrecorded.entry("a word of its law").or_insert(0) += 1;
            }
        }
    }
    assert!(unrecorded.contains_key("denied"));

    for (path, text) in &files {
        let path = place.file(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.as_bytes()).unwrap();
    }
    let came_in = || async { (server.version().await == bundle.version()).then_some(()) };
    eventually("the country", came_in).await;
    for case in &cases {
        let answer = client.authorize(convert::to_request(&case.question)).await.unwrap().into_inner();
        let by_engine = common::ask(&bundle, &case.question);
        assert!(compare(&case.expect, &by_engine).holds(), "{}", case.id);
        let by_engine = convert::to_response(by_engine);
        assert_eq!(
            (answer.decision, &answer.next_step),
            (by_engine.decision, &by_engine.next_step),
            "{}",
            case.id
        );
        assert_eq!(
            (&answer.reasons, &answer.regimes),
            (&by_engine.reasons, &by_engine.regimes),
            "{}",
            case.id
        );
        assert_eq!(answer.policy_version, bundle.version());
    }
}
