//! Which certificate authorities are trusted: those of the site or the system, and those compiled in, so that a bare
//! image without a certificate package can download.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::site::Authorities;
use ureq::tls::{Certificate, PemItem, parse_pem};

/// Where distributions keep their bundle (the list of Go's `crypto/x509`, `root_linux.go`).
pub const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Variables that name a bundle of the site.
const BUNDLE_VARIABLES: &[&str] = &["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT"];

/// The trusted certificates, and what could not be read.
#[derive(Debug, Default)]
pub struct Roots {
    /// Each once.
    pub certificates: Vec<Certificate<'static>>,
    /// What the site names and what cannot be used.
    pub warnings: Vec<String>,
    seen: BTreeSet<Vec<u8>>,
}

impl Roots {
    /// Gathers them.
    pub fn load(environment: &BTreeMap<String, String>, site: Option<&Authorities>) -> Self {
        let mut roots = Self::default();
        let mut named = false;
        // What is joined in the bundle is read where it comes from: the bundle is for tools, and may not be there yet.
        if let Some(site) = site {
            for file in std::iter::once(&site.file).chain(&site.base) {
                if let Err(error) = roots.add_file(file.as_std_path()) {
                    roots.warnings.push(format!("failed to use {file} as certificate authorities ({error})"));
                }
            }
            named = site.base.is_some();
        }
        for variable in BUNDLE_VARIABLES {
            let is_joined = |file: &&String| site.is_some_and(|site| site.bundle == file.as_str());
            if let Some(file) = environment.get(*variable).filter(|file| !is_joined(file)) {
                named = true;
                if let Err(error) = roots.add_file(Path::new(file)) {
                    roots.warnings.push(format!(
                        "{variable} names {file}, which cannot be used ({error}): correct or unset it"
                    ));
                }
            }
        }
        if let Some(directories) = environment.get("SSL_CERT_DIR").filter(|_| !named) {
            named = true;
            for directory in directories.split(':') {
                if let Err(error) = roots.add_directory(Path::new(directory)) {
                    roots.warnings.push(format!(
                        "SSL_CERT_DIR names {directory}, which cannot be read ({error}): correct or unset it"
                    ));
                }
            }
        }
        if !named {
            // Any of them may be absent; the compiled-in ones are there.
            let _ = SYSTEM_BUNDLES.iter().any(|file| roots.add_file(Path::new(file)).is_ok());
        }
        for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            roots.add(Certificate::from_der(certificate).to_owned());
        }
        roots
    }

    fn add(&mut self, certificate: Certificate<'static>) {
        if self.seen.insert(certificate.der().to_vec()) {
            self.certificates.push(certificate);
        }
    }

    fn add_file(&mut self, file: &Path) -> Result<(), String> {
        let text = std::fs::read(file).map_err(|error| error.to_string())?;
        let mut found = 0;
        for item in parse_pem(&text) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
                self.add(certificate);
                found += 1;
            }
        }
        if found == 0 { Err("it contains no certificate".to_owned()) } else { Ok(()) }
    }

    fn add_directory(&mut self, directory: &Path) -> std::io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            // Such directories hold other things as well (README files, dangling links): what is no certificate is
            // not an error.
            let _ = self.add_file(&entry?.path());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_in_roots_are_there_when_the_site_has_none() {
        let missing = BTreeMap::from([("SSL_CERT_FILE".to_owned(), "/nonexistent.pem".to_owned())]);
        let roots = Roots::load(&missing, None);
        assert!(roots.certificates.len() > 50, "{}", roots.certificates.len());
        assert_eq!(roots.warnings.len(), 1);
        assert!(roots.warnings[0].contains("SSL_CERT_FILE names /nonexistent.pem"), "{:?}", roots.warnings);
    }

    #[test]
    fn a_bundle_without_a_certificate_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("empty.pem");
        std::fs::write(&file, "nothing\n").unwrap();
        let roots = Roots::load(
            &BTreeMap::from([("SSL_CERT_FILE".to_owned(), file.to_string_lossy().into_owned())]),
            None,
        );
        assert!(roots.warnings[0].contains("contains no certificate"), "{:?}", roots.warnings);
    }
}
