//! Memory of this machine, or of the container that it runs in.

use std::fs;

/// Memory in MiB that new processes may still take: what the kernel calls available, and no more than the control
/// group's limit leaves. None where it cannot be told.
pub fn available_mib() -> Option<u64> {
    let machine = meminfo("MemAvailable");
    let group = group_limit().map(|limit| limit.saturating_sub(group_usage().unwrap_or_default()));
    smaller(machine, group).map(to_mib)
}

/// All memory and swap space in MiB: the machine's, or the control group's limit where that is lower. None where it
/// cannot be told.
pub fn total_mib() -> Option<u64> {
    total().map(|total| total.mib)
}

/// All that there is, and why it is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Memory and swap space in MiB.
    pub mib: u64,
    /// It is the limit of the control group, such as a container's.
    pub is_limit: bool,
}

/// All memory that there is. None where it cannot be told.
pub fn total() -> Option<Total> {
    // Swap counts: a compile that swaps is slow, but does not die.
    let machine = meminfo("MemTotal").map(|total| total + meminfo("SwapTotal").unwrap_or_default());
    let limit = group_limit();
    let bytes = smaller(machine, limit)?;
    Some(Total { mib: to_mib(bytes), is_limit: limit == Some(bytes) })
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn to_mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

/// A line of proc(5)'s meminfo, `MemTotal: 16303392 kB`, in bytes.
fn meminfo(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The limit of the control group, in bytes: version 2, then version 1, as the kernel's documentation names the files.
/// A container sees its own group at the top.
fn group_limit() -> Option<u64> {
    // Without a limit version 2 says `max`, which is no number, and version 1 a number beyond all memory.
    number(&["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"])
}

fn group_usage() -> Option<u64> {
    number(&["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"])
}

fn number(files: &[&str]) -> Option<u64> {
    files.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory() {
        let (total, available) = (total_mib().unwrap(), available_mib().unwrap());
        assert!(total > 0 && available <= total, "{available} of {total}");
    }

    #[test]
    fn the_lower_of_two_limits_counts() {
        assert_eq!(smaller(Some(5), Some(3)), Some(3));
        assert_eq!(smaller(None, Some(3)), Some(3));
        assert_eq!(smaller(None, None), None);
    }
}
