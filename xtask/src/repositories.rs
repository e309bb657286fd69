//! `clean --repositories`: takes away what `deps` wrote below `/etc/apt` for a case.

use camino::Utf8Path;
use model::exit;
use serde_json::json;

use crate::args::Common;
use crate::error::{Error, Result};
use crate::load::Setting;
use crate::out::{self, say};

/// Removes the apt repositories of a case and their keys.
pub fn clean(common: &Common) -> Result<i32> {
    let setting = Setting::gather_without_sources(common, None)?;
    let name = &setting.case().metadata.name;
    let files = deps::packages::apt_repositories::written_for(Utf8Path::new("/"), name)?;
    if common.json {
        let files: Vec<_> =
            files.iter().map(|file| json!({ "kind": "apt-repository", "path": file })).collect();
        out::json(&json!({ "schema": 1, "case": name, "would_remove": files }))?;
        return Ok(exit::OK);
    }
    if files.is_empty() {
        say(&format!("no apt repository is set up for {name}"));
        return Ok(exit::OK);
    }
    if common.dry_run {
        files.iter().for_each(|file| say(&format!("would remove {file}")));
        return Ok(exit::OK);
    }
    if !setting.target.root {
        let words: Vec<String> =
            ["rm"].map(str::to_owned).into_iter().chain(files.iter().map(ToString::to_string)).collect();
        return Err(Error::new(exit::PREFLIGHT, "removing apt repositories must be run as root")
            .with_help(format!("run as root: {}", model::shell::words(&words))));
    }
    for file in &files {
        std::fs::remove_file(file)
            .map_err(|error| Error::internal(format!("failed to remove {file}: {error}")))?;
        say(&format!("removed {file}"));
    }
    say("packages from there stay installed; `apt-get update` drops the rest of their lists");
    Ok(exit::OK)
}
