//! Processes, as `/proc` tells.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Every process with its parent, those aside that have ended and wait to be reaped.
fn parents() -> BTreeMap<u32, u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name before may hold anything, a parenthesis too.
            let mut after = stat.rsplit_once(')')?.1.split_whitespace();
            let state = after.next()?;
            let parent = after.next()?.parse().ok()?;
            (state != "Z").then_some((pid, parent))
        })
        .collect()
}

/// A process below another.
#[derive(Clone, Debug)]
pub struct Descendant {
    pub pid: u32,
    pub depth: usize,
    pub words: Vec<String>,
}

/// What runs below a process.
pub fn descendants(root: u32) -> Vec<Descendant> {
    let parents = parents();
    let mut found = Vec::new();
    for pid in parents.keys() {
        let mut depth = 0;
        let mut at = *pid;
        while at != root {
            let Some(parent) = parents.get(&at) else { break };
            at = *parent;
            depth += 1;
        }
        if at == root && depth > 0 {
            found.push(Descendant { pid: *pid, depth, words: words(*pid) });
        }
    }
    found
}

fn words(pid: u32) -> Vec<String> {
    let text = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Processes other than this one that have to do with a directory: by their words, environment, or where they are.
pub fn busy_with(directory: &Path) -> Vec<String> {
    let wanted = directory.to_str().unwrap();
    let own = std::process::id();
    let mut found = Vec::new();
    for pid in parents().into_keys().filter(|pid| *pid != own) {
        let text = |name: &str| {
            let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let place = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let line = text("cmdline");
        if line.contains(wanted) || text("environ").contains(wanted) || place.starts_with(directory) {
            found.push(format!("{pid}: {line}"));
        }
    }
    found
}

/// Sends a signal, by its name without `SIG`; to a process that is gone, nothing.
#[expect(clippy::disallowed_methods, reason = "the standard library sends no signal but SIGKILL to a child")]
pub fn signal(pid: u32, name: &str) -> bool {
    let command = format!("kill -{name} {pid} 2>/dev/null");
    Command::new("/bin/sh").args(["-c", &command]).status().unwrap().success()
}

/// Looks until there is something to see.
///
/// # Panics
/// When that takes longer than the limit.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
