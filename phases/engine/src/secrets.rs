//! Secrets in fingerprints. A step that was given another password runs again, and its record does not tell the password:
//! in place of such a value stands its hash under a key that never leaves the state directory, so that there is nothing
//! to guess against.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use exec::Redactor;
use exec::redact::{is_secret, looks_like_token, names_secret, parts_of_credentials};
use hmac::{Hmac, KeyInit, Mac};
use model::Digest;
use model::fingerprint::{Material, SECRET};
use model::site::GitAddress;
use sha2::Sha256;

use crate::files;
use crate::runner::StepError;

/// The name of its file in the state directory.
pub(crate) const KEY: &str = "secrets.key";

const KEY_BYTES: usize = 32;

/// The key of a state directory, read or made when the first secret is met.
pub(crate) struct Secrets {
    file: Utf8PathBuf,
    key: OnceLock<Vec<u8>>,
    names: Mutex<HashMap<String, bool>>,
}

impl Secrets {
    pub(crate) fn open(state: &Utf8Path) -> Self {
        Self { file: state.join(KEY), key: OnceLock::new(), names: Mutex::default() }
    }

    /// Puts hashes in place of the values that hold a secret.
    pub(crate) fn hide(&self, material: &mut Material) -> Result<(), StepError> {
        let mut secrets: Vec<String> = Vec::new();
        let told: Vec<bool> = material.action.iter().map(|(what, value)| self.tells(what, value)).collect();
        for ((what, value), told) in material.action.iter().zip(&told) {
            if *told {
                secrets.push(value.clone());
            } else if value.contains('@') {
                secrets.extend(parts_of_credentials(name_in(what), value));
                secrets.extend(GitAddress::new(value).header.map(|(_, value)| value));
            }
        }
        let redactor = if secrets.is_empty() { Redactor::default() } else { Redactor::new(secrets) };
        for ((what, value), told) in material.action.iter_mut().zip(told) {
            if told || matches!(redactor.redact(value), Cow::Owned(masked) if masked != *value) {
                *value = format!("{SECRET}{}", self.hash(what, value)?);
            }
        }
        Ok(())
    }

    /// Whether a value is secret by its name or by its look. The same few names are in every step.
    fn tells(&self, what: &str, value: &str) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let named = match names.get(what) {
            Some(named) => *named,
            None => *names.entry(what.to_owned()).or_insert_with(|| names_secret(name_in(what))),
        };
        if named { is_secret(name_in(what), value) } else { looks_like_token(value) }
    }

    /// Writes the key, if one was made: before the first record that was made with it.
    pub(crate) fn keep(&self) -> Result<(), StepError> {
        let Some(key) = self.key.get().filter(|_| !self.file.exists()) else { return Ok(()) };
        let failed = |error: &io::Error| StepError::io("write", &self.file, error);
        files::create_dir_all(self.file.parent().unwrap_or(&self.file))?;
        let made = self.file.with_extension("new");
        let mut file = files::create_private(&made).map_err(|error| failed(&error))?;
        file.write_all(key).and_then(|()| file.sync_all()).map_err(|error| failed(&error))?;
        fs::rename(&made, &self.file).map_err(|error| failed(&error))
    }

    fn hash(&self, what: &str, value: &str) -> Result<Digest, StepError> {
        let key = match self.key.get() {
            Some(key) => key,
            None => {
                let key = self.read_or_make().map_err(|error| StepError::io("read", &self.file, &error))?;
                self.key.get_or_init(|| key)
            }
        };
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|error| {
            StepError::new(format!("failed to hash a secret: {error}"), "report this defect")
        })?;
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        Ok(Digest::of(mac.finalize().into_bytes()))
    }

    /// A damaged key is made anew, which makes what was built with secrets stale.
    fn read_or_make(&self) -> io::Result<Vec<u8>> {
        match fs::read(&self.file) {
            Ok(key) if key.len() == KEY_BYTES => return Ok(key),
            Ok(_) => fs::remove_file(&self.file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A run has moved it aside; nothing else writes a key.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {}
            Err(error) => return Err(error),
        }
        let mut key = vec![0; KEY_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        Ok(key)
    }
}

/// The variable or option that a part of the material is about: `environment NAME of command 2`, `option --token`,
/// `environment.NAME`.
fn name_in(what: &str) -> &str {
    let name = what.strip_prefix("environment ").or_else(|| what.strip_prefix("option ")).unwrap_or(what);
    let name = name.split(' ').next().unwrap_or(name);
    name.rsplit('.').next().unwrap_or(name).trim_start_matches('-')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn material(entries: &[(&str, &str)]) -> Material {
        let action = entries.iter().map(|(what, value)| ((*what).to_owned(), (*value).to_owned()));
        Material { action: action.collect(), ..Material::default() }
    }

    #[test]
    fn secrets_stand_as_hashes_under_the_key_of_the_state() {
        let directory = tempfile::tempdir().unwrap();
        let state = Utf8Path::from_path(directory.path()).unwrap();
        let plain = [
            ("environment CC", "gcc"),
            ("environment DB_PASS", "hunter22"),
            ("environment INDEX of command 2", "https://me:s3cret@index.example/simple"),
            ("option --token", "abcdef"),
            ("option -DURL", "https://index.example/s3cret"),
            ("whole command 0", "x --say hunter22"),
            ("environment.MY_AUTH", "am9lOng="),
        ];
        let hidden = |secrets: &Secrets, entries: &[(&str, &str)]| {
            let mut material = material(entries);
            secrets.hide(&mut material).unwrap();
            material.action
        };
        let secrets = Secrets::open(state);
        let one = hidden(&secrets, &plain);
        let kept: BTreeMap<_, _> = one.iter().filter(|(_, value)| !value.starts_with(SECRET)).collect();
        assert_eq!(kept.len(), 1, "{one:?}");
        assert_eq!(one["environment CC"], "gcc");
        secrets.keep().unwrap();
        assert_eq!(hidden(&Secrets::open(state), &plain), one, "the key is kept");
        let mut changed = plain;
        changed[1].1 = "hunter23";
        assert_ne!(hidden(&secrets, &changed)["environment DB_PASS"], one["environment DB_PASS"]);
        fs::remove_file(state.join("secrets.key")).unwrap();
        assert_ne!(hidden(&Secrets::open(state), &plain)["environment DB_PASS"], one["environment DB_PASS"]);
    }
}
