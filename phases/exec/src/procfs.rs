//! What `/proc` tells about processes. A process may end between any two looks; then it is simply not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// All descendants of these processes, without the processes themselves.
pub(crate) fn descendants(roots: &[i32]) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut queue: Vec<i32> = roots.to_vec();
    // Without CONFIG_PROC_CHILDREN the files are missing, and the parents of all processes are read instead.
    let by_parent = if has_children_files() { None } else { Some(processes_by_parent()) };
    while let Some(pid) = queue.pop() {
        let children = match &by_parent {
            Some(map) => map.get(&pid).cloned().unwrap_or_default(),
            None => children(pid),
        };
        queue.extend(children.into_iter().filter(|child| found.insert(*child)));
    }
    found
}

/// Children of all threads of a process.
pub(crate) fn children_of(pid: i32) -> Vec<i32> {
    if has_children_files() { children(pid) } else { processes_by_parent().remove(&pid).unwrap_or_default() }
}

fn has_children_files() -> bool {
    // Read rather than looked at: some sandboxes show files that cannot be read.
    fs::read("/proc/thread-self/children").is_ok()
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_ascii_whitespace().flat_map(str::parse).collect::<Vec<i32>>())
        .collect()
}

fn processes_by_parent() -> BTreeMap<i32, Vec<i32>> {
    let mut map: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in all() {
        if let Some(status) = status(pid) {
            map.entry(status.parent).or_default().push(pid);
        }
    }
    map
}

/// All processes that can be seen.
pub(crate) fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// A process's place and age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// State letter: `R`, `S`, `Z` …
    pub(crate) state: char,
    /// Its parent.
    pub(crate) parent: i32,
    /// Clock ticks after boot at which it started: with the pid, an identity.
    pub(crate) started: u64,
}

/// See [`Status`]; none when the process is gone.
pub(crate) fn status(pid: i32) -> Option<Status> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain any character; the last one closes it. See proc(5).
    let rest = &text[text.rfind(')')? + 1..];
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    // Field 22 of the line; the state is field 3.
    let started = fields.nth(17)?.parse().ok()?;
    Some(Status { state, parent, started })
}

/// A name for people: the base name of argument zero, else what the kernel calls the process.
pub(crate) fn name(pid: i32) -> String {
    let first = fs::read(format!("/proc/{pid}/cmdline")).ok().and_then(|line| {
        let first = line.split(|byte| *byte == 0).next()?;
        let base = first.rsplit(|byte| *byte == b'/').next()?;
        (!base.is_empty()).then(|| String::from_utf8_lossy(base).into_owned())
    });
    first
        .or_else(|| Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned()))
        .unwrap_or_else(|| "a process that has ended".to_owned())
}

/// The process that a thread belongs to.
pub(crate) fn process_of(thread: i32) -> i32 {
    fs::read_to_string(format!("/proc/{thread}/status"))
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok()))
        .unwrap_or(thread)
}

/// Whether a process was started with all of these entries (`NAME=value`) in its environment. No, if it may not be read.
pub(crate) fn started_with(pid: i32, entries: &[&str]) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    entries.iter().all(|wanted| environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
}

/// Flags with which a descriptor of a process was opened (`O_NONBLOCK` and the like).
pub(crate) fn descriptor_flags(pid: i32, descriptor: u64) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).ok()?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}

/// Numbers of the sockets that a process has open, as far as it may be looked into.
pub(crate) fn sockets(pid: i32) -> BTreeSet<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_known() {
        let own = i32::try_from(std::process::id()).unwrap();
        let status = status(own).unwrap();
        assert!(status.started > 0);
        assert_eq!(status.parent, i32::try_from(std::os::unix::process::parent_id()).unwrap());
        assert!(all().contains(&own));
        assert!(descendants(&[status.parent]).contains(&own));
        assert_eq!(process_of(own), own);
        assert!(!started_with(own, &["NO_SUCH_VARIABLE=1"]));
    }
}
