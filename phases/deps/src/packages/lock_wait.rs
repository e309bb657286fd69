//! Waiting for another run of the package manager, with its name, instead of failing on its lock.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, StepError};

/// After this long the package manager is started all the same, and says itself what is wrong.
const PATIENCE: Duration = Duration::from_secs(600);

/// Returns when nobody holds one of `files`, or after ten minutes.
///
/// # Errors
/// When the run is cancelled meanwhile.
pub fn wait(files: &[Utf8PathBuf], context: &dyn Context) -> Result<(), StepError> {
    let start = Instant::now();
    let mut told = None;
    while let Some((file, process)) = holder(files) {
        if context.cancelled() {
            return Err(StepError::Cancelled);
        }
        if start.elapsed() > PATIENCE {
            context.warn(&format!("{process} still locks {file} after ten minutes; continuing without it"));
            break;
        }
        if told.as_ref() != Some(&process) {
            context.note(&format!("waiting for {process}, which locks {file}"));
            told = Some(process);
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}

/// Which of the files is locked, and by whom.
fn holder(files: &[Utf8PathBuf]) -> Option<(Utf8PathBuf, String)> {
    // Without /proc the manager's own wait has to do.
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    files.iter().find_map(|file| {
        let data = std::fs::metadata(file).ok()?;
        let pid = locker(&locks, data.dev(), data.ino())?;
        Some((file.clone(), describe(Utf8Path::new("/proc"), pid)))
    })
}

/// The process that holds a lock on this file, from the text of `/proc/locks` (`proc(5)`).
fn locker(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
    locks.lines().filter(|line| !line.contains("->")).find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(4);
        let pid = words.next()?.parse().ok()?;
        let mut id = words.next()?.split(':');
        let line_major = u64::from_str_radix(id.next()?, 16).ok()?;
        let line_minor = u64::from_str_radix(id.next()?, 16).ok()?;
        let line_inode: u64 = id.next()?.parse().ok()?;
        // Overlay and btrfs show another device number (of major 0) here than stat does.
        let same_device = (line_major, line_minor) == (major, minor) || line_major == 0 || major == 0;
        (same_device && line_inode == inode).then_some(pid)
    })
}

fn describe(proc: &Utf8Path, pid: u32) -> String {
    let name = std::fs::read_to_string(proc.join(pid.to_string()).join("comm")).unwrap_or_default();
    match name.trim() {
        "" => format!("process {pid}"),
        name => format!("{name} (process {pid})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: POSIX  ADVISORY  WRITE 4711 08:01:1308 0 EOF\n\
                         1: -> POSIX  ADVISORY  WRITE 4712 08:01:1308 0 EOF\n\
                         2: FLOCK  ADVISORY  WRITE 99 00:2f:55 0 EOF\n";

    #[test]
    fn the_holder_and_not_the_waiter_is_found() {
        assert_eq!(locker(LOCKS, 0x801, 1308), Some(4711));
        assert_eq!(locker(LOCKS, 0x802, 1308), None, "another disk");
        assert_eq!(locker(LOCKS, 0x801, 1309), None);
        assert_eq!(locker(LOCKS, 0x33, 55), Some(99), "an overlay's device number differs");
    }
}
