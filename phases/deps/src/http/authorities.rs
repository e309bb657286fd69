//! The bundle that joins the system's certificate authorities and the site's: tools replace theirs by what they are
//! told, and do not add to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use model::site::Authorities;
use ureq::tls::{PemItem, parse_pem};

use super::roots::SYSTEM_BUNDLES;

/// The system's own bundle, where there is one.
pub fn system_bundle() -> Option<Utf8PathBuf> {
    SYSTEM_BUNDLES.iter().map(Utf8PathBuf::from).find(|file| file.is_file())
}

/// A certificate, as far as `doctor` wants to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its common name, or empty.
    pub name: String,
    /// Until when it is valid, as `YYYYMMDDhhmmss` in UTC, so that texts compare as times do.
    pub until: String,
}

/// Writes the joined bundle, if it is not there as it should be.
///
/// # Errors
/// When a file cannot be read, is no PEM or holds no certificate; when the bundle cannot be written.
pub fn write(authorities: &Authorities) -> Result<(), String> {
    let mut text = match &authorities.base {
        Some(base) => read(base)?,
        // A bare image has no bundle; what is compiled in serves the tools as it serves us.
        None => webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|one| pem(one.as_ref())).collect(),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let own = read(&authorities.file)?;
    certificates(&own).map_err(|why| format!("{}: {why}", authorities.file))?;
    text.push_str(&own);
    if std::fs::read(&authorities.bundle).ok().as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    engine::files::atomic_write(&authorities.bundle, text.as_bytes())
        .map_err(|error| engine::EngineError::from(error).to_string())
}

/// Looks into a file of authorities.
///
/// # Errors
/// When it cannot be read, is no PEM or holds no certificate.
pub fn inspect(file: &Utf8Path) -> Result<Vec<Certificate>, String> {
    certificates(&read(file)?).map_err(|why| format!("{file}: {why}"))
}

fn read(file: &Utf8Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("failed to read {file}: {error}"))
}

fn certificates(text: &str) -> Result<Vec<Certificate>, String> {
    let mut found = Vec::new();
    for item in parse_pem(text.as_bytes()) {
        if let PemItem::Certificate(one) = item.map_err(|error| format!("it is not a PEM file: {error}"))? {
            found.push(look(one.der()).ok_or("it contains an unreadable certificate")?);
        }
    }
    if found.is_empty() { Err("it contains no certificate".to_owned()) } else { Ok(found) }
}

/// RFC 5280, section 4.1: version, serial number, algorithm, issuer, validity, subject.
fn look(der: &[u8]) -> Option<Certificate> {
    let (_, certificate, _) = value(der)?;
    let (_, mut fields, _) = value(certificate)?;
    if fields.first() == Some(&0xa0) {
        fields = value(fields)?.2;
    }
    for _ in 0..3 {
        fields = value(fields)?.2;
    }
    let (_, validity, fields) = value(fields)?;
    let (_, _, after) = value(validity)?;
    let (kind, until, _) = value(after)?;
    let until = std::str::from_utf8(until).ok()?.trim_end_matches('Z');
    let until = match kind {
        // UTCTime has two digits of the year: from 50 on they mean the last century.
        0x17 if until.get(..2)? >= "50" => format!("19{until}"),
        0x17 => format!("20{until}"),
        _ => until.to_owned(),
    };
    let (_, subject, _) = value(fields)?;
    // The object identifier of the common name, 2.5.4.3.
    let at = subject.windows(5).position(|window| window == [6, 3, 0x55, 4, 3]);
    let name = at.and_then(|at| value(subject.get(at + 5..)?)).map(|(_, name, _)| name).unwrap_or_default();
    Some(Certificate { name: String::from_utf8_lossy(name).into_owned(), until })
}

/// One DER value: its tag, its content, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        length = 0;
        for _ in 0..(first & 0x7f).min(5) {
            let (&byte, after) = rest.split_first()?;
            length = length << 8 | usize::from(byte);
            rest = after;
        }
    }
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let encoded = STANDARD.encode(der);
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compiled_in_root_survives_its_way_through_pem_and_says_until_when() {
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let read = certificates(&pem(root.as_ref())).unwrap();
            assert_eq!(read.len(), 1);
            assert!(read[0].until.len() == 14 && read[0].until.as_str() > "20200101000000", "{read:?}");
        }
        let names: Vec<String> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .filter_map(|root| Some(look(root.as_ref())?.name))
            .filter(|name| !name.is_empty())
            .collect();
        assert!(names.len() > 50, "{names:?}");
    }

    #[test]
    fn the_bundle_has_both_and_a_file_without_a_certificate_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
        let authorities = Authorities {
            file: directory.join("site.pem"),
            base: Some(directory.join("system.pem")),
            bundle: directory.join("cache/joined.pem"),
        };
        std::fs::write(directory.join("system.pem"), pem(roots[0].as_ref()).trim_end()).unwrap();
        std::fs::write(&authorities.file, "nothing\n").unwrap();
        assert!(write(&authorities).unwrap_err().contains("site.pem: it contains no certificate"));
        std::fs::write(&authorities.file, pem(roots[1].as_ref())).unwrap();
        write(&authorities).unwrap();
        assert_eq!(inspect(&authorities.bundle).unwrap().len(), 2);
        write(&Authorities { base: None, ..authorities.clone() }).unwrap();
        assert_eq!(inspect(&authorities.bundle).unwrap().len(), roots.len() + 1);
    }

    #[test]
    fn what_is_cut_off_is_no_certificate_and_no_panic() {
        let der = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].as_ref();
        for end in 0..der.len() {
            assert_eq!(look(&der[..end]), None);
        }
    }
}
