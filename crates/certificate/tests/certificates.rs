//! What is signed, kept and refused.

#![allow(clippy::unwrap_used)]

use guise_certificate::{Authority, Brought, CertificateError, Certified};
use std::os::unix::fs::PermissionsExt;

const HOST: &str = "main-bvxea6i-abcdefgh12345.localhost";

#[test]
fn an_authority_is_the_same_after_a_restart_and_its_key_is_roots() {
    let directory = tempfile::tempdir().unwrap();
    let first = Authority::open(directory.path(), "localhost").unwrap();
    let again = Authority::open(directory.path(), "localhost").unwrap();
    assert_eq!(first.certificate(), again.certificate());
    let key = directory.path().join("localhost.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        first.path().metadata().unwrap().permissions().mode() & 0o777,
        0o644
    );
    assert!(!std::fs::read_to_string(first.path()).unwrap().contains("PRIVATE"));
}

#[test]
fn a_host_keeps_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::open(directory.path(), "localhost").unwrap();
    let first = authority.certify(HOST).unwrap();
    assert_eq!(first, authority.certify(HOST).unwrap());
    assert!(first.covers(HOST) && !first.covers("other.localhost"));
    assert!(first.remaining().as_secs() > 390 * 24 * 3600);
}

#[test]
fn a_brought_certificate_is_found_by_host_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::open(&directory.path().join("authority"), "example.com").unwrap();
    let Certified { chain, key, .. } = authority.certify("*.example.com").unwrap();
    let brought = Brought::at(&directory.path().join("brought"));
    assert!(brought.list().unwrap().is_empty());
    let added = brought.add(&chain, &key).unwrap();
    assert_eq!(brought.find("www.example.com").unwrap().unwrap().id, added.id);
    assert!(brought.find("example.com").unwrap().is_none());
    assert!(brought.find("a.b.example.com").unwrap().is_none());
    assert!(brought.delete("../authority/example.com").unwrap().is_none());
    assert_eq!(brought.delete(&added.id).unwrap().unwrap().id, added.id);
    assert!(brought.list().unwrap().is_empty());
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::open(directory.path(), "localhost").unwrap();
    let (one, other) = (
        authority.certify("a.localhost").unwrap(),
        authority.certify("b.localhost").unwrap(),
    );
    let refused = Certified::read(&one.chain, &other.key).unwrap_err();
    assert!(matches!(refused, CertificateError::OtherKey), "{refused}");
    let refused = Certified::read("nothing", &one.key).unwrap_err();
    assert!(
        matches!(refused, CertificateError::Unreadable { .. }),
        "{refused}"
    );
}
