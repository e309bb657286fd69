//! Reading `/var/lib/dpkg/status` (format: dpkg's `deb-control(5)`; states: `dpkg(1)`).

use super::manager::Database;

/// Reads the file's text.
pub fn read(text: &str) -> Database {
    let native = native_architecture(text);
    let mut database = Database::default();
    for paragraph in text.split("\n\n") {
        let Some(package) = Paragraph::read(paragraph) else { continue };
        let mut words = package.status.split_ascii_whitespace();
        let (reinstall, state) = (words.nth(1), words.next());
        let foreign = !matches!(package.architecture, "all" | "") && Some(package.architecture) != native;
        let name = if foreign {
            format!("{}:{}", package.name, package.architecture)
        } else {
            package.name.to_owned()
        };
        match state {
            // A package that waits for triggers is configured; its trigger is run by the next dpkg.
            Some("installed" | "triggers-awaited" | "triggers-pending") if reinstall == Some("ok") => {
                for provided in package.provides.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                    let provided = provided.split([' ', '(']).next().unwrap_or_default();
                    if !foreign {
                        database.provides.entry(provided.to_owned()).or_insert_with(|| name.clone());
                    }
                }
                database.installed.insert(name, package.version.to_owned());
            }
            Some("half-installed" | "unpacked" | "half-configured") => database.broken.push(name),
            Some("installed") => database.broken.push(name),
            _ => {}
        }
    }
    database.interrupted = !database.broken.is_empty();
    database
}

/// The architecture of dpkg itself is the one whose packages go by their bare name.
fn native_architecture(text: &str) -> Option<&str> {
    let start = if text.starts_with("Package: dpkg\n") { 0 } else { text.find("\nPackage: dpkg\n")? + 1 };
    let paragraph = text.get(start..)?.split("\n\n").next()?;
    Paragraph::read(paragraph).map(|package| package.architecture)
}

#[derive(Default)]
struct Paragraph<'a> {
    name: &'a str,
    status: &'a str,
    version: &'a str,
    architecture: &'a str,
    provides: &'a str,
}

impl<'a> Paragraph<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut found = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let slot = match key {
                "Package" => &mut found.name,
                "Status" => &mut found.status,
                "Version" => &mut found.version,
                "Architecture" => &mut found.architecture,
                "Provides" => &mut found.provides,
                _ => continue,
            };
            *slot = value.trim();
        }
        (!found.name.is_empty()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = include_str!("../../tests/data/dpkg-status");

    #[test]
    fn installed_removed_foreign_and_provided_packages_are_told_apart() {
        let database = read(STATUS);
        assert_eq!(database.find("nasm"), Some(("nasm", "2.16.01-1")));
        assert_eq!(database.find("libx264-dev"), None, "removed, only its configuration is left");
        assert_eq!(database.find("awk"), Some(("mawk", "1.3.4.20200120-3.1")));
        assert_eq!(database.find("zlib1g-dev"), None, "only the foreign architecture's is there");
        assert_eq!(database.find("zlib1g-dev:i386"), Some(("zlib1g-dev:i386", "1:1.2.13.dfsg-1")));
        assert_eq!(database.find("adduser"), Some(("adduser", "3.134")), "architecture all");
        assert_eq!(database.find("man-db").map(|found| found.1), Some("2.11.2-2"), "waits for a trigger");
    }

    #[test]
    fn what_an_interrupted_transaction_left_is_seen() {
        let database = read(STATUS);
        assert_eq!(database.broken, ["cmake", "cmake-data"]);
        assert!(database.interrupted);
        assert_eq!(database.find("cmake"), None);
    }

    #[test]
    fn a_missing_last_newline_loses_nothing() {
        let database =
            read("Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22");
        assert_eq!(database.find("dpkg"), Some(("dpkg", "1.21.22")));
    }
}
