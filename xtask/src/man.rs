//! `__man DIR`: manual pages, one a command, for whoever installs the binary.

use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use clap_mangen::Man;
use model::exit;

use crate::error::{Error, Result};
use crate::help;

/// Writes `installer.1`, `installer-build.1`, `installer-case-list.1` and so on.
pub fn write(directory: &Utf8Path) -> Result<i32> {
    engine::files::create_dir_all(directory)?;
    let mut command = help::tailored().disable_help_subcommand(true);
    command.build();
    let date = date();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let mut page = Vec::new();
        Man::new(command)
            .date(&date)
            .source(concat!("installer ", env!("CARGO_PKG_VERSION")))
            .manual("installer")
            .render(&mut page)
            .map_err(|error| {
                Error::internal(format!("failed to write the manual page of {name}: {error}"))
            })?;
        engine::files::atomic_write(&directory.join(format!("{name}.1")), &page)?;
    }
    Ok(exit::OK)
}

/// The day of the release that is packaged, else today.
fn date() -> String {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|epoch| epoch.trim().parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let day = exec::utc::compact(given.unwrap_or_else(now));
    match (day.get(..4), day.get(4..6), day.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => day,
    }
}
