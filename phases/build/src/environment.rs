//! The whole environment of a component's commands: an allow-list, the same on every machine of a kind.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use engine::planning::Known;
use model::case::{CompilerCache, Component, Driver};
use model::layout::SYSTEM_PATH;

use crate::rpath::RPATH_PLACEHOLDER;

/// Variables with flags of compilers.
const FLAGS: [&str; 4] = ["CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS"];

/// The environment of the commands of a component that stands on these prefixes.
pub fn environment(
    known: &Known<'_>,
    component: &Component,
    driver: Driver,
    prefixes: &[Utf8PathBuf],
) -> BTreeMap<String, String> {
    let layout = known.layout;
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    set("PATH", path(known, driver, prefixes));
    set("HOME", layout.cache.join("home").into_string());
    set("LC_ALL", "C.UTF-8".to_owned());
    set("TZ", "UTC".to_owned());
    set("TERM", "dumb".to_owned());
    let options = &known.case.build_options;
    let rpath = format!("-Wl,-rpath,{RPATH_PLACEHOLDER}");
    let libraries = prefixes.iter().flat_map(|prefix| library_directories(prefix, known));
    let mut ldflags: Vec<String> = options.ldflags.clone();
    ldflags.push(rpath);
    ldflags.extend(libraries.map(|directory| format!("-L{directory}")));
    set("LDFLAGS", ldflags.join(" "));
    let includes: Vec<String> = prefixes.iter().map(|prefix| format!("-I{prefix}/include")).collect();
    for (name, value) in [
        ("CFLAGS", options.cflags.join(" ")),
        ("CXXFLAGS", options.cxxflags.join(" ")),
        ("CPPFLAGS", includes.join(" ")),
    ] {
        if !value.is_empty() {
            set(name, value);
        }
    }
    if !prefixes.is_empty() {
        set("CMAKE_PREFIX_PATH", join(prefixes.iter().map(Utf8PathBuf::as_path), ":"));
        set("PKG_CONFIG_PATH", pkg_config_path(known, prefixes));
    }
    if let Some(cache) = known.case.toolchains.compiler_cache {
        let name = cache_program(cache);
        set(&format!("{}_DIR", name.to_ascii_uppercase()), layout.cache.join(name).into_string());
        set("CC", format!("{name} cc"));
        set("CXX", format!("{name} c++"));
        if cache == CompilerCache::Sccache {
            set("RUSTC_WRAPPER", name.to_owned());
        }
    }
    let mut said = known.case.environment.clone();
    said.extend(component.environment.clone());
    for (name, value) in said {
        // Flags of their own are joined to those for all components.
        let joined = FLAGS.contains(&name.as_str()).then(|| variables.get(&name)).flatten();
        let value = joined.map_or_else(|| value.clone(), |before| format!("{before} {value}"));
        variables.insert(name, value);
    }
    variables
}

/// What a command gets that has nothing to do with compiling.
pub fn plain(known: &Known<'_>) -> BTreeMap<String, String> {
    let home = known.layout.cache.join("home").into_string();
    [("PATH", known.layout.build_path()), ("HOME", home), ("LC_ALL", "C.UTF-8".to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// The program of a compiler cache, which is also its row in the catalog.
pub fn cache_program(cache: CompilerCache) -> &'static str {
    match cache {
        CompilerCache::Ccache => "ccache",
        CompilerCache::Sccache => "sccache",
    }
}

/// PATH: tools that `deps` brought, programs of needed components, the system; for cargo also where this machine has
/// it, when that is nowhere of these.
fn path(known: &Known<'_>, driver: Driver, prefixes: &[Utf8PathBuf]) -> String {
    let mut directories = vec![known.layout.tools().join("bin")];
    directories.extend(prefixes.iter().map(|prefix| prefix.join("bin")));
    directories.extend(SYSTEM_PATH.split(':').map(Utf8PathBuf::from));
    let tools = ["cargo", "rustc"].iter().filter(|_| driver == Driver::Cargo);
    let places = tools.filter_map(|tool| Utf8Path::new(&known.target.tools.get(*tool)?.path).parent());
    directories.extend(places.map(Utf8Path::to_owned));
    let mut words: Vec<&str> = Vec::new();
    for word in directories.iter().map(|directory| directory.as_str()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(":")
}

/// The directories below a prefix in which libraries are looked for.
pub fn library_directories(prefix: &Utf8Path, known: &Known<'_>) -> Vec<Utf8PathBuf> {
    let triplet = format!("lib/{}", known.target.multiarch());
    ["lib", "lib64", &triplet].iter().map(|below| prefix.join(below)).collect()
}

fn pkg_config_path(known: &Known<'_>, prefixes: &[Utf8PathBuf]) -> String {
    let directories: Vec<Utf8PathBuf> = prefixes
        .iter()
        .flat_map(|prefix| {
            let mut directories = library_directories(prefix, known);
            directories.push(prefix.join("share"));
            directories
        })
        .map(|directory| directory.join("pkgconfig"))
        .collect();
    join(directories.iter().map(Utf8PathBuf::as_path), ":")
}

fn join<'a>(paths: impl Iterator<Item = &'a Utf8Path>, separator: &str) -> String {
    paths.map(Utf8Path::as_str).collect::<Vec<_>>().join(separator)
}
