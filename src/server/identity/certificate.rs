//! Who a client's certificate names: its SPIFFE id, else its DNS name. The handshake has verified it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::domain::{Caller, Credential, Identity};

/// The most bytes of a SPIFFE id, by its standard.
const MAX_SPIFFE: usize = 2048;
/// The most bytes of a DNS name.
const MAX_DNS: usize = 253;

/// Why a certificate names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum NameError {
    /// It cannot be read.
    #[error("the client's certificate cannot be read")]
    Unreadable,
    /// It has no name that counts.
    #[error("the client's certificate has no SPIFFE id and no DNS name")]
    Nameless,
    /// It has a SPIFFE id, and another URI beside it, or one that is malformed.
    #[error("the client's certificate has not one well-formed SPIFFE id")]
    Spiffe,
}

/// When a certificate ends; absent: it cannot be read.
pub(in super::super) fn end(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    ends(&certificate)
}

/// The caller that a certificate names, until it ends.
///
/// # Errors
/// [`NameError`]: it names nobody, and so nobody calls.
pub(in super::super) fn caller(certificate: &CertificateDer<'_>) -> Result<Caller, NameError> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| NameError::Unreadable)?;
    let until = ends(&certificate).ok_or(NameError::Unreadable)?;
    let names = certificate.subject_alternative_name().map_err(|_| NameError::Unreadable)?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    let (id, subject) = if uris.iter().any(|uri| starts_spiffe(uri)) {
        match uris.as_slice() {
            [uri] if is_spiffe(uri) => ((*uri).to_owned(), (*uri).to_owned()),
            _ => return Err(NameError::Spiffe),
        }
    } else {
        let name = names.iter().find_map(|name| match name {
            GeneralName::DNSName(name) if is_dns(name) => Some(*name),
            _ => None,
        });
        let name = name.ok_or(NameError::Nameless)?.to_ascii_lowercase();
        (format!("dns:{name}"), name)
    };
    let identity = Identity { subject, ..Identity::bare(&id, Credential::Certificate) };
    Ok(Caller { identity: Arc::new(identity), until: Some(until), trace_id: String::new() })
}

fn ends(certificate: &X509Certificate<'_>) -> Option<Timestamp> {
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn starts_spiffe(uri: &str) -> bool {
    uri.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe://"))
}

/// `spiffe://TRUST-DOMAIN/PATH`, as its standard has it: a workload, not the trust domain itself.
fn is_spiffe(uri: &str) -> bool {
    let Some((domain, path)) = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let of_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let of_path = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_segment = |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(of_path);
    uri.len() <= MAX_SPIFFE
        && !domain.is_empty()
        && domain.len() <= 255
        && domain.bytes().all(of_domain)
        && path.split('/').all(is_segment)
}

/// The name of one host: no wildcard.
fn is_dns(name: &str) -> bool {
    let of_label = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty()
        && name.len() <= MAX_DNS
        && name.split('.').all(|label| !label.is_empty() && label.bytes().all(of_label))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn named(names: &[(&str, &str)]) -> Result<(String, String), NameError> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|(kind, name)| match *kind {
                "uri" => SanType::URI((*name).try_into().unwrap()),
                _ => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let found = caller(certificate.der())?;
        assert_eq!(found.identity.credential, Credential::Certificate);
        assert_eq!(found.until, end(certificate.der()));
        Ok((found.identity.id.clone(), found.identity.subject.clone()))
    }

    #[test]
    fn a_spiffe_id_comes_before_a_dns_name() {
        let id = "spiffe://prod.example/ns/storage/sa/writer";
        assert_eq!(named(&[("dns", "a.example"), ("uri", id)]), Ok((id.to_owned(), id.to_owned())));
        let dns = Ok(("dns:a.example".to_owned(), "a.example".to_owned()));
        assert_eq!(named(&[("dns", "A.example"), ("dns", "b.example")]), dns);
        // A URI of another kind is no name.
        assert_eq!(named(&[("uri", "https://prod.example/"), ("dns", "a.example")]), dns);
    }

    #[test]
    fn a_certificate_that_names_nobody_clearly_names_nobody() {
        assert_eq!(named(&[]), Err(NameError::Nameless));
        assert_eq!(named(&[("dns", "*.example")]), Err(NameError::Nameless));
        for ids in [
            &["spiffe://prod.example/a", "spiffe://prod.example/b"][..],
            &["spiffe://prod.example/a", "https://prod.example/"],
            &["spiffe://prod.example"],
            &["spiffe://prod.example/"],
            &["spiffe://prod.example/a/../b"],
            &["spiffe://prod.example/a//b"],
            &["SPIFFE://prod.example/a"],
            &["spiffe://prod.example:80/a"],
            &["spiffe://prod.example/a?x"],
            &["spiffe://prod.example/a#x"],
        ] {
            let mut names: Vec<_> = ids.iter().map(|id| ("uri", *id)).collect();
            names.push(("dns", "a.example"));
            assert_eq!(named(&names), Err(NameError::Spiffe), "{ids:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_name_nobody() {
        let bytes = CertificateDer::from(b"nothing".as_slice());
        assert_eq!(caller(&bytes).err(), Some(NameError::Unreadable));
        assert_eq!(end(&bytes), None);
    }
}
