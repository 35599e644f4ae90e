//! A catalogue that never changes: it takes what a catalogue takes, and no more.

use super::*;

fn fixed(entries: impl IntoIterator<Item = Entry>) -> Result<Catalog, WriteError> {
    let store = Fixed::new(entries, codec())?;
    Ok(Catalog::open(Arc::new(store), codec(), Limits::default()).unwrap())
}

#[test]
fn it_answers_as_a_catalogue_that_was_filled_does() {
    // In any order: the tenant may come last.
    let entries = [mk_holding("acme/mail/q1", "DE"), mk_holding("acme/mail", "IE"), mk_tenant("acme")];
    let catalog = fixed(entries).unwrap();
    let data_ref = DataRef::parse("acme/mail/q1/x").unwrap();
    let resolved = catalog.resolve(&data_ref);
    assert_eq!(resolved.matched.unwrap().as_str(), "acme/mail/q1");
    assert_eq!(resolved.holding.unwrap().stored_in, ["DE"]);
    assert_eq!(resolved.revision, 3);
    assert_eq!(fixed([]).unwrap().revision(), 0);
}

#[test]
fn it_refuses_what_a_catalogue_refuses() {
    let error = fixed([mk_tenant("acme"), mk_tenant("acme")]).unwrap_err();
    assert_eq!(error.to_string(), "tenant `acme`: `id` is there twice");
    let error = fixed([mk_holding("acme/mail", "IE")]).unwrap_err();
    assert!(matches!(error, WriteError::Refused(Refusal::Missing { .. })), "{error}");
}

#[tokio::test]
async fn it_cannot_be_written() {
    let catalog = fixed([mk_tenant("acme")]).unwrap();
    let error = catalog.put(mk_tenant("other"), Expected::Any).await.unwrap_err();
    assert!(matches!(error, WriteError::Store(_)), "{error}");
    assert_eq!(catalog.revision(), 1);
}
