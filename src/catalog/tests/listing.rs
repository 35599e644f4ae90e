//! Lists, page by page.

use std::collections::BTreeSet;

use super::*;

async fn mk_parties(catalog: &Catalog, ids: impl IntoIterator<Item = String>) {
    let entries = ids.into_iter().map(|id| (mk_party(&id, "IE"), Expected::Any)).collect();
    catalog.put_many(entries).await.unwrap();
}

fn keys(page: &Page) -> Vec<String> {
    page.entries.iter().map(|(entry, _)| entry.key().to_owned()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_in_key_order_below_the_prefix() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    mk_parties(&catalog, (0..100).map(|n| format!("p{n:02}"))).await;
    mk_parties(&catalog, ["o9", "p", "q", "p1é"].map(String::from)).await;
    for (prefix, size) in [("p", 7), ("p", 1000), ("p1", 3), ("", 13), ("x", 5), ("p42", 1), ("", 0)] {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let page = catalog.list(EntryKind::Party, prefix, size, &token, |_| true).unwrap();
            assert!(page.entries.len() <= if size == 0 { 100 } else { size });
            assert_eq!(page.revision, 104);
            found.extend(keys(&page));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let mut expected: Vec<_> = (0..100).map(|n| format!("p{n:02}")).collect();
        expected.extend(["o9", "p", "q", "p1é"].map(String::from));
        expected.retain(|key| key.starts_with(prefix));
        expected.sort();
        assert_eq!(found, expected, "{prefix} {size}");
    }
    assert!(catalog.list(EntryKind::Holding, "p", 7, "", |_| true).unwrap().entries.is_empty());
}

#[tokio::test]
async fn writes_between_pages_neither_repeat_nor_skip_what_stays() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    mk_parties(&catalog, (0..60).map(|n| format!("p{n:02}"))).await;
    let mut found = Vec::new();
    let mut token = String::new();
    for round in 0.. {
        let page = catalog.list(EntryKind::Party, "p", 4, &token, |_| true).unwrap();
        found.extend(keys(&page));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        // The very key that the token names goes, one that was passed is rewritten, others come on both sides.
        let last = found.last().unwrap();
        catalog.delete(EntryKind::Party, last, Expected::Any).await.unwrap();
        mk_parties(&catalog, ["p00".into(), format!("p00-{round}"), format!("p50-{round}")]).await;
    }
    let unique: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(unique.len(), found.len(), "repeated: {found:?}");
    assert!((0..60).all(|n| unique.contains(&format!("p{n:02}"))), "skipped: {found:?}");
    assert!(found.is_sorted());
}

#[tokio::test]
async fn a_token_serves_its_own_list_only() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    mk_parties(&catalog, (0..10).map(|n| format!("p{n}"))).await;
    let token = catalog.list(EntryKind::Party, "p", 3, "", |_| true).unwrap().next_page_token;
    assert!(catalog.list(EntryKind::Party, "p", 3, &token, |_| true).is_ok());
    for (kind, prefix) in [(EntryKind::Process, "p"), (EntryKind::Party, ""), (EntryKind::Party, "p2")] {
        assert_eq!(catalog.list(kind, prefix, 3, &token, |_| true), Err(ListError::Token));
    }
    let cut = token.get(1..).unwrap();
    for forged in [cut, "zz", "0", "ff", "é1", "7061727479"] {
        assert_eq!(
            catalog.list(EntryKind::Party, "p", 3, forged, |_| true),
            Err(ListError::Token),
            "{forged}"
        );
    }
}

#[tokio::test]
async fn what_is_not_shown_leaves_no_trace() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    mk_parties(&catalog, (0..20).map(|n| format!("p{n:02}"))).await;
    let shown = |key: &str| !("p05"..="p15").contains(&key);
    let first = catalog.list(EntryKind::Party, "", 5, "", shown).unwrap();
    assert_eq!(keys(&first), ["p00", "p01", "p02", "p03", "p04"]);
    let second = catalog.list(EntryKind::Party, "", 5, &first.next_page_token, shown).unwrap();
    assert_eq!(keys(&second), ["p16", "p17", "p18", "p19"]);
    assert_eq!(second.next_page_token, "");
    // The page is the last where what follows is not shown.
    let end = catalog.list(EntryKind::Party, "", 5, "", |key| key < "p05").unwrap();
    assert_eq!((end.entries.len(), end.next_page_token.as_str()), (5, ""));
}

#[tokio::test]
async fn a_page_fits_into_a_message() {
    let limits = Limits { page_entries: 50, page_bytes: 600, ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(limits);
    for n in 0..20 {
        catalog.put(mk_process(&format!("w{n:02}"), &"x".repeat(200)), Expected::Any).await.unwrap();
    }
    let page = catalog.list(EntryKind::Process, "", 1000, "", |_| true).unwrap();
    assert_eq!(page.entries.len(), 3, "the third entry passes 600 bytes");
    let next = catalog.list(EntryKind::Process, "", 1000, &page.next_page_token, |_| true).unwrap();
    assert_eq!(keys(&next), ["w03", "w04", "w05"]);

    let wide = Limits { page_entries: 50, ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(wide);
    mk_parties(&catalog, (0..60).map(|n| format!("{n:02}"))).await;
    assert_eq!(catalog.list(EntryKind::Party, "", 1000, "", |_| true).unwrap().entries.len(), 50);
}
