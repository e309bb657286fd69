//! Exit codes of `installer`. Scripts rely on them; a code never changes its meaning.

/// Everything that was asked for holds.
pub const OK: i32 = 0;
/// A defect of `installer` itself, or an error without a code of its own (an unreadable state directory, say).
pub const INTERNAL: i32 = 1;
/// The command line was wrong.
pub const USAGE: i32 = 2;
/// The case file (or a file that it names, or a site file) is wrong.
pub const BAD_CASE: i32 = 3;
/// Preflight or `doctor` found that something is missing on the host; nothing was compiled.
pub const PREFLIGHT: i32 = 4;
/// A step failed.
pub const STEP_FAILED: i32 = 5;
/// A step of `build` reached for the network.
pub const OFFLINE_VIOLATED: i32 = 6;
/// With `--detailed-exitcode`: the plan was made and there is something to do.
pub const CHANGES_PENDING: i32 = 7;
/// Another run holds the state directory.
pub const LOCKED: i32 = 8;
/// `verify` found a file or a check that does not hold.
pub const VERIFY_FAILED: i32 = 9;
/// `case diff`: the cases differ.
pub const DIFFERENT: i32 = 10;
/// Cancelled by Ctrl-C or SIGTERM, as a shell would say it (128 + SIGINT).
pub const CANCELLED: i32 = 130;

/// Every code with its name and meaning, for the reference page and `--help`.
pub const ALL: &[(i32, &str, &str)] = &[
    (OK, "ok", "success: everything requested is in place"),
    (INTERNAL, "internal", "an error without a code of its own"),
    (USAGE, "usage", "the command line was wrong"),
    (BAD_CASE, "bad case", "the case file, a file that it names, or a site file is wrong"),
    (PREFLIGHT, "preflight", "something is missing on the host; nothing was compiled"),
    (STEP_FAILED, "step failed", "a step failed; finished steps are kept"),
    (OFFLINE_VIOLATED, "offline violated", "a step of `build` tried to use the network"),
    (CHANGES_PENDING, "changes pending", "with --detailed-exitcode: there is something to do"),
    (LOCKED, "locked", "another run has locked the state directory"),
    (VERIFY_FAILED, "verify failed", "an installed file or a check failed verification"),
    (DIFFERENT, "different", "`case diff`: the cases differ"),
    (CANCELLED, "cancelled", "cancelled by Ctrl-C or SIGTERM"),
];
