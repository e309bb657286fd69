//! Points at which a run can be made to fail or die, for tests.
//!
//! `INSTALLER_FAULT=<point>[@n]=<kill|enospc|eio|erofs|eacces>` makes the n-th pass (the first by default) through a
//! point abort this process, or return that error of the operating system. Points are enumerated, so that
//! a test can visit every one of them; `installer __fault-points` lists them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Every point, sorted.
pub const POINTS: &[&str] = &[
    "cache-write",
    "commit-clear",
    "commit-copy",
    "commit-rename",
    "commit-sync",
    "directory-create",
    "download-write",
    "event-log",
    "file-write",
    "kept-link",
    "kept-write",
    "ledger-begin",
    "ledger-finish",
    "lock-write",
    "manifest-write",
    "pack-write",
    "rename",
    "step-finish",
    "step-start",
    "tree-remove",
    "unpack-write",
];

/// The variable that names a fault.
pub const FAULT_VARIABLE: &str = "INSTALLER_FAULT";

struct Fault {
    point: String,
    pass: u32,
    kind: String,
}

fn wanted() -> Option<&'static Fault> {
    static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
    FAULT
        .get_or_init(|| {
            let text = std::env::var(FAULT_VARIABLE).ok()?;
            let (place, kind) = text.split_once('=')?;
            let (point, pass) = place.split_once('@').unwrap_or((place, "1"));
            Some(Fault { point: point.to_owned(), pass: pass.parse().ok()?, kind: kind.to_owned() })
        })
        .as_ref()
}

/// Passes a point.
///
/// # Errors
/// The error that `INSTALLER_FAULT` asks for here; none without it.
pub fn check(point: &'static str) -> io::Result<()> {
    debug_assert!(POINTS.contains(&point), "fault point {point} is not enumerated");
    let Some(fault) = wanted() else { return Ok(()) };
    if fault.point != point {
        return Ok(());
    }
    static PASSES: Mutex<BTreeMap<&'static str, u32>> = Mutex::new(BTreeMap::new());
    let mut passes = PASSES.lock().unwrap_or_else(PoisonError::into_inner);
    let pass = passes.entry(point).or_insert(0);
    *pass += 1;
    if *pass != fault.pass {
        return Ok(());
    }
    // Numbers as in errno(3) on Linux.
    match fault.kind.as_str() {
        // As sudden as SIGKILL: no destructor runs.
        "kill" => std::process::abort(),
        "enospc" => Err(io::Error::from_raw_os_error(28)),
        "erofs" => Err(io::Error::from_raw_os_error(30)),
        "eacces" => Err(io::Error::from_raw_os_error(13)),
        _ => Err(io::Error::from_raw_os_error(5)),
    }
}
