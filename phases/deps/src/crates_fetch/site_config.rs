//! Mirrors of the crate registry that the site's own cargo configuration names.
//!
//! A `CARGO_HOME` of our own hides the user's `config.toml`; without the mirrors in it, a site that has no way to the
//! public registry could fetch nothing, and `build` would look for the crates under another registry's name.

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};
use toml::{Table, Value};

use engine::files;

/// Writes what of the user's cargo configuration is about registries into `cargo_home`.
///
/// # Errors
/// When the configuration is there and cannot be read, or ours cannot be written.
pub fn bring(cargo_home: &Utf8Path, context: &dyn Context) -> Result<(), StepError> {
    let environment = context.network_environment();
    let home = environment.get("CARGO_HOME").map(Utf8PathBuf::from).or_else(|| {
        environment.get("HOME").filter(|home| !home.is_empty()).map(|home| Utf8Path::new(home).join(".cargo"))
    });
    let mut kept = Table::new();
    if let Some(home) = home.filter(|home| home != cargo_home) {
        for name in ["config.toml", "config"] {
            let file = home.join(name);
            let Some(text) = files::read_if_there(&file)? else { continue };
            let table: Table = toml::from_str(&text).map_err(|error| {
                StepError::new(format!("failed to read {file}: {error}"), format!("correct {file}"))
            })?;
            kept = about_registries(table);
            if without_credentials(&mut kept) {
                context.warn(&format!(
                    "{file} has user names or passwords in the addresses of registries: they are left out, \
                     so that no build contains them; give a token with CARGO_REGISTRIES_<NAME>_TOKEN"
                ));
            }
            break;
        }
    }
    if let Some(index) = environment.get("INSTALLER_CRATES_INDEX") {
        replace_public_index(&mut kept, index);
        if without_credentials(&mut kept) {
            context.warn(
                "the site's crate index has a user name or password in its address: cargo gets it \
                          without, so that no build contains it",
            );
        }
    }
    let ours = cargo_home.join("config.toml");
    let text = if kept.is_empty() { String::new() } else { kept.to_string() };
    if text.is_empty() {
        return match std::fs::remove_file(&ours) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StepError::io("remove", &ours, &error))
            }
            _ => Ok(()),
        };
    }
    files::atomic_write(&ours, text.as_bytes())
}

/// The site's index in the place of the public one (the cargo book, "Source Replacement").
fn replace_public_index(kept: &mut Table, index: &str) {
    let sparse = if index.starts_with("sparse+") { index.to_owned() } else { format!("sparse+{index}") };
    let sparse = if sparse.ends_with('/') { sparse } else { format!("{sparse}/") };
    let one =
        |key: &str, value: String| Value::Table(Table::from_iter([(key.to_owned(), Value::String(value))]));
    let sources = kept.entry("source").or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(sources) = sources {
        sources.insert("crates-io".to_owned(), one("replace-with", "installer-site".to_owned()));
        sources.insert("installer-site".to_owned(), one("registry", sparse));
    }
}

/// Source replacement and the indexes of registries. No tokens, no flags, no proxies: those reach cargo through its
/// environment or do not belong into a build.
fn about_registries(table: Table) -> Table {
    let mut kept = Table::new();
    if let Some(source) = table.get("source") {
        kept.insert("source".to_owned(), source.clone());
    }
    let registries: Table = table
        .get("registries")
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
        .filter_map(|(name, registry)| {
            let index = registry.get("index")?.clone();
            Some((name.clone(), Value::Table(Table::from_iter([("index".to_owned(), index)]))))
        })
        .collect();
    if !registries.is_empty() {
        kept.insert("registries".to_owned(), Value::Table(registries));
    }
    kept
}

/// Takes user and password out of every address, and says whether there was one.
fn without_credentials(table: &mut Table) -> bool {
    let mut found = false;
    for (_, value) in table.iter_mut() {
        match value {
            Value::Table(below) => found |= without_credentials(below),
            Value::String(text) => {
                let Some((scheme, rest)) = text.split_once("://") else { continue };
                let authority = rest.split('/').next().unwrap_or(rest);
                if let Some((user, host)) = authority.rsplit_once('@') {
                    // `git` is the name of every user of an ssh server, and no secret.
                    if user != "git" {
                        *text = format!("{scheme}://{host}{}", &rest[authority.len()..]);
                        found = true;
                    }
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_the_site_goes_over_the_users_mirror() {
        let mut kept: Table = toml::from_str(
            "[source.crates-io]\nreplace-with = \"mine\"\n[source.mine]\nregistry = \"sparse+https://mine.example/\"\n",
        )
        .unwrap();
        replace_public_index(&mut kept, "https://crates.example/index");
        assert_eq!(kept["source"]["crates-io"]["replace-with"].as_str(), Some("installer-site"));
        assert_eq!(
            kept["source"]["installer-site"]["registry"].as_str(),
            Some("sparse+https://crates.example/index/")
        );
    }

    #[test]
    fn mirrors_are_kept_and_secrets_and_flags_are_not() {
        let table: Table = toml::from_str(
            "[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = \"sparse+https://user:canary@mirror.example/i/\"\n\
             [registries.own]\nindex = \"https://own.example/\"\ntoken = \"canary\"\n[build]\nrustflags = [\"-Cx\"]\n\
             [http]\nproxy = \"user:canary@proxy\"\n",
        )
        .unwrap();
        let mut kept = about_registries(table);
        assert!(without_credentials(&mut kept));
        assert!(!without_credentials(&mut kept));
        let text = kept.to_string();
        assert!(text.contains("sparse+https://mirror.example/i/"), "{text}");
        assert!(
            text.contains("replace-with = \"mirror\"") && text.contains("https://own.example/"),
            "{text}"
        );
        assert!(!text.contains("canary") && !text.contains("rustflags"), "{text}");
    }
}
