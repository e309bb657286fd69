//! Distributions: what os-release says, and which package manager is in charge.

use crate::target::Os;

/// The package managers that cases and the catalog have names for. yum takes the names of dnf.
pub const MANAGERS: &[&str] = &["apk", "apt", "dnf", "zypper"];

/// How a user says which manager to use where it is not known, for messages.
pub const HOW_TO_SAY: &str =
    "--package-manager NAME (INSTALLER_PACKAGE_MANAGER), or `manager` in [packages] of site.toml";

/// Distributions (`ID` of os-release, in lower case) by the manager in charge of them. `ID_LIKE` covers most
/// derivatives; those that are listed although they are derivatives leave it out.
const DISTRIBUTIONS: &[(&str, &[&str])] = &[
    ("apk", &["alpine", "chainguard", "wolfi"]),
    ("apt", &["debian", "deepin", "devuan", "kali", "linuxmint", "openkylin", "raspbian", "ubuntu", "uos"]),
    (
        "dnf",
        &[
            "alinux",
            "almalinux",
            "amzn",
            "anolis",
            "centos",
            "euleros",
            "fedora",
            "kylin",
            "ol",
            "opencloudos",
            "openeuler",
            "rhel",
            "rocky",
            "tencentos",
        ],
    ),
    ("pacman", &["arch", "archarm", "manjaro"]),
    ("zypper", &["opensuse", "opensuse-leap", "opensuse-tumbleweed", "sled", "sles", "suse"]),
];

/// The name under which cases and the catalog have the packages of a manager.
pub fn naming(manager: &str) -> &str {
    if manager == "yum" { "dnf" } else { manager }
}

/// The manager in charge of a distribution: by its `ID`, else by each word of `ID_LIKE` in turn, whatever their case.
///
/// `has` tells whether a path below the root is there. Kylin is a Debian-like desktop and an RPM-based server under one
/// `ID`, so that a package database has the last word where it contradicts; and older distributions with rpm have yum
/// alone.
pub fn manager_of(os: &Os, has: &dyn Fn(&str) -> bool) -> Option<String> {
    let family = |id: &str| {
        let id = id.to_ascii_lowercase();
        DISTRIBUTIONS.iter().find(|(_, ids)| ids.contains(&id.as_str())).map(|(manager, _)| *manager)
    };
    let manager = std::iter::once(&os.id).chain(&os.id_like).find_map(|id| family(id))?;
    if manager != "dnf" {
        return Some(manager.to_owned());
    }
    let like_debian = os.id_like.iter().any(|id| family(id) == Some("apt"));
    let rpm = has("var/lib/rpm") || has("usr/lib/sysimage/rpm");
    if has("var/lib/dpkg/status") && (like_debian || !rpm) {
        return Some("apt".to_owned());
    }
    let of_yum =
        has("usr/bin/yum") && !["dnf", "dnf5", "dnf-3"].iter().any(|name| has(&format!("usr/bin/{name}")));
    Some(if of_yum { "yum" } else { "dnf" }.to_owned())
}

/// Whether a name is the `ID` of a distribution that this table has, in any case.
pub fn is_known(id: &str) -> bool {
    DISTRIBUTIONS.iter().any(|(_, ids)| ids.iter().any(|known| known.eq_ignore_ascii_case(id)))
}

/// Reads os-release (os-release(5)): shell-like assignments, values quoted or not.
pub fn parse_os_release(text: &str) -> Os {
    let mut os = Os::default();
    for line in text.lines() {
        let line = line.trim();
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let value = unquote(value.trim());
        match key {
            "ID" => os.id = value,
            "ID_LIKE" => os.id_like = value.split_ascii_whitespace().map(str::to_owned).collect(),
            "VERSION_ID" => os.version = value,
            "VERSION_CODENAME" => os.codename = value,
            "PRETTY_NAME" => os.pretty_name = value,
            _ => {}
        }
    }
    os
}

fn unquote(value: &str) -> String {
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! recorded {
        ($($name:literal),* $(,)?) => {
            &[$(($name, include_str!(concat!("../tests/data/os-release/", $name)))),*]
        };
    }

    const RECORDED: &[(&str, &str)] = recorded![
        "almalinux-9",
        "alpine-3.19",
        "amzn-2",
        "amzn-2023",
        "anolis-23",
        "anolis-8",
        "centos-7",
        "centos-stream-9",
        "debian-12",
        "debian-13",
        "debian-sid",
        "deepin-23",
        "derivative",
        "fedora-40",
        "kylin-v10-desktop",
        "kylin-v10-server",
        "linuxmint-21",
        "openeuler-22.03",
        "openeuler-24.03",
        "opensuse-leap-15",
        "opensuse-tumbleweed",
        "rhel-9",
        "rocky-9",
        "sles-15",
        "ubuntu-22.04",
        "unknown",
    ];

    fn recorded(name: &str) -> Os {
        let (_, text) = RECORDED.iter().find(|(other, _)| *other == name).unwrap();
        parse_os_release(text)
    }

    #[test]
    fn every_recorded_distribution_has_its_package_manager() {
        let expected = [
            ("almalinux-9", "almalinux", "9.4", Some("dnf")),
            ("alpine-3.19", "alpine", "3.19.1", Some("apk")),
            ("amzn-2", "amzn", "2", Some("dnf")),
            ("amzn-2023", "amzn", "2023", Some("dnf")),
            ("anolis-23", "anolis", "23", Some("dnf")),
            ("anolis-8", "anolis", "8.8", Some("dnf")),
            ("centos-7", "centos", "7", Some("dnf")),
            ("centos-stream-9", "centos", "9", Some("dnf")),
            ("debian-12", "debian", "12", Some("apt")),
            ("debian-13", "debian", "13", Some("apt")),
            ("debian-sid", "debian", "", Some("apt")),
            ("deepin-23", "deepin", "23", Some("apt")),
            ("derivative", "houselinux", "3", Some("apt")),
            ("fedora-40", "fedora", "40", Some("dnf")),
            ("kylin-v10-desktop", "kylin", "v10", Some("dnf")),
            ("kylin-v10-server", "kylin", "V10", Some("dnf")),
            ("linuxmint-21", "linuxmint", "21.3", Some("apt")),
            ("openeuler-22.03", "openEuler", "22.03", Some("dnf")),
            ("openeuler-24.03", "openEuler", "24.03", Some("dnf")),
            ("opensuse-leap-15", "opensuse-leap", "15.5", Some("zypper")),
            ("opensuse-tumbleweed", "opensuse-tumbleweed", "20240512", Some("zypper")),
            ("rhel-9", "rhel", "9.4", Some("dnf")),
            ("rocky-9", "rocky", "9.4", Some("dnf")),
            ("sles-15", "sles", "15.5", Some("zypper")),
            ("ubuntu-22.04", "ubuntu", "22.04", Some("apt")),
            ("unknown", "nixos", "24.05", None),
        ];
        assert_eq!(expected.map(|row| row.0)[..], RECORDED.iter().map(|row| row.0).collect::<Vec<_>>()[..]);
        for (name, id, version, manager) in expected {
            let os = recorded(name);
            assert_eq!((os.id.as_str(), os.version.as_str()), (id, version), "{name}");
            assert_eq!(manager_of(&os, &|_| false).as_deref(), manager, "{name}");
        }
    }

    #[test]
    fn every_word_of_id_like_counts_whatever_its_case() {
        for (like, manager) in [
            ("nobody openEuler", Some("dnf")),
            ("cumulus OPENSUSE", Some("zypper")),
            ("Alpine", Some("apk")),
            ("nobody", None),
        ] {
            let os = parse_os_release(&format!("ID=houselinux\nID_LIKE=\"{like}\"\n"));
            assert_eq!(manager_of(&os, &|_| false).as_deref(), manager, "{like}");
        }
    }

    #[test]
    fn one_name_for_two_distributions_is_settled_by_the_database_that_is_there() {
        let manager = |name: &str, there: &[&str]| manager_of(&recorded(name), &|path| there.contains(&path));
        let dpkg = "var/lib/dpkg/status";
        assert_eq!(manager("kylin-v10-desktop", &[dpkg]).as_deref(), Some("apt"));
        assert_eq!(
            manager("kylin-v10-desktop", &[dpkg, "var/lib/rpm"]).as_deref(),
            Some("apt"),
            "rpm as a tool"
        );
        assert_eq!(manager("kylin-v10-server", &["var/lib/rpm"]).as_deref(), Some("dnf"));
        let dpkg_as_a_tool = [dpkg, "usr/lib/sysimage/rpm"];
        assert_eq!(manager("fedora-40", &dpkg_as_a_tool).as_deref(), Some("dnf"));
    }

    #[test]
    fn yum_is_used_where_there_is_no_dnf() {
        let manager = |name: &str, there: &[&str]| manager_of(&recorded(name), &|path| there.contains(&path));
        assert_eq!(manager("centos-7", &["usr/bin/yum"]).as_deref(), Some("yum"));
        assert_eq!(manager("amzn-2", &["usr/bin/yum"]).as_deref(), Some("yum"));
        assert_eq!(manager("rocky-9", &["usr/bin/yum", "usr/bin/dnf"]).as_deref(), Some("dnf"));
        assert_eq!(naming("yum"), "dnf");
    }

    #[test]
    fn quotes_and_escapes_are_taken_off() {
        let os = recorded("derivative");
        assert_eq!(os.pretty_name, "House \"A\" $Linux");
        assert_eq!(os.id_like, ["cumulus", "ubuntu", "debian"]);
    }
}
