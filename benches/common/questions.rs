//! The questions that every benchmark asks of the example catalogue.

/// What is asked, in the words of the wire, by a name.
pub const QUESTIONS: &[(&str, &str)] = &[
    // Inside the places that the customer allows: one place, few regimes.
    (
        "transfer",
        r#"{"data_ref": "northwind/records", "requester": {"id": "replicator"}, "jurisdiction": "FR",
            "transfer": {"mode": "replication"}}"#,
    ),
    // A demand that reaches abroad: several regimes of two continents.
    (
        "disclosure",
        r#"{"data_ref": "contoso/mail", "requester": {"id": "us-attorney"}, "jurisdiction": "US-NY",
            "process": {"id": "warrant"}}"#,
    ),
    // A demand for three categories, each judged by itself.
    (
        "disclosure of three categories",
        r#"{"data_ref": "fabrikam/mail", "requester": {"id": "us-attorney"}, "jurisdiction": "US-NY",
            "process": {"id": "warrant"}}"#,
    ),
];
