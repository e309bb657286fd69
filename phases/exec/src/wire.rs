//! What scheduler and launcher tell each other: frames of JSON over the Unix socket that is the launcher's standard
//! input. The first frame carries descriptors.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use camino::Utf8PathBuf;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sys::descriptors;

/// Set in the environment of every child to what identifies the state directory.
pub const MARKER_VARIABLE: &str = "INSTALLER_RUN_MARKER";
/// Set to `1` for a child that must be waited for and not killed.
pub const PATIENT_VARIABLE: &str = "INSTALLER_PATIENT";
/// Set to `1` for launchers themselves.
pub const LAUNCHER_VARIABLE: &str = "INSTALLER_LAUNCHER";

/// Larger than any argument vector that Linux accepts.
const LONGEST_FRAME: usize = 64 << 20;

/// What a launcher process is for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub(crate) enum Task {
    /// Start a tool and see to its end.
    Launch(Box<LaunchTask>),
    /// Find out how the network can be kept away, and hold the namespaces that do it.
    Hold(HoldTask),
}

/// See [`Task::Launch`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LaunchTask {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) directory: String,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) grace_ms: u64,
    pub(crate) patient: bool,
    /// It runs through `sudo`: no session of its own, for the terminal's ticket counts.
    pub(crate) elevated: bool,
    /// It has the standard streams of the scheduler, and stays in the process group that the terminal listens to.
    pub(crate) attached: bool,
    /// Job tokens of the pool whose descriptors are sent along.
    pub(crate) jobserver: Option<u32>,
    pub(crate) audit: Option<AuditTask>,
    /// It has no network: it keeps no capability that a build does not need, and opens no socket that leads out.
    pub(crate) restricted: bool,
    pub(crate) fence: Option<Fence>,
    /// What the descriptors are that come with this frame, in order.
    pub(crate) descriptors: Vec<Role>,
}

/// What a child may not write to, of what its user may. Directories that do not exist are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Files and directories with all that is below them.
    pub read_only: Vec<Utf8PathBuf>,
    /// Directories below those that it may write to all the same.
    pub writable: Vec<Utf8PathBuf>,
}

/// How to watch for network calls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AuditTask {
    /// There is no wall: calls that lead out are refused here.
    pub(crate) enforce: bool,
    /// Calls to a name server can be answered here.
    pub(crate) answers_names: bool,
    /// Addresses of this machine, at which its own processes may be reached without a wall.
    pub(crate) own_addresses: Vec<IpAddr>,
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    RunLock,
    JobserverRead,
    JobserverWrite,
    /// Joined in the order in which they come; a user namespace first.
    Namespace,
    /// The root directory after all namespaces were joined.
    Root,
    /// The tool's standard input.
    Input,
    /// The reading end of one of the tool's output pipes, held so that a patient tool can go on writing.
    Output,
}

/// See [`Task::Hold`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HoldTask {
    pub(crate) wall: bool,
    pub(crate) audit: bool,
    /// Arguments with which this binary becomes a launcher.
    pub(crate) launcher_args: Vec<String>,
}

/// What the scheduler tells later.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// End the tool and everything that it started.
    Cancel,
    /// Answer with [`Report::Pong`].
    Ping,
}

/// A process reached for the network although it must not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Its name; `unknown` where only the resolver noticed.
    pub process: String,
    /// Its number; 0 where unknown.
    pub pid: u32,
    /// A host name, an address with port, or another way out in words.
    pub wanted: String,
}

/// What the holder found out about this place.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Findings {
    /// There was no interface but loopback to begin with.
    pub(crate) isolated: bool,
    /// Namespaces of our own were made.
    pub(crate) namespace: bool,
    pub(crate) no_namespace_because: Option<String>,
    /// Network calls can be seen.
    pub(crate) audit: bool,
    pub(crate) no_audit_because: Option<String>,
    /// Name queries can be answered by the launcher.
    pub(crate) answers_names: bool,
    pub(crate) own_addresses: Vec<IpAddr>,
    /// What could not be masked in the namespaces.
    pub(crate) unmasked: Vec<String>,
}

/// What a launcher reports.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub(crate) enum Report {
    /// The tool runs.
    Started {
        pid: i32,
        /// What of the fence could not be put up.
        unfenced: Vec<String>,
    },
    /// The tool could not be started.
    Failed { errno: i32, message: String },
    /// It reached for the network.
    Leaked { leak: Leak },
    /// For people.
    Note { line: String },
    /// It and all its descendants are gone.
    Ended { status: i32, timed_out: bool, cancelled: bool, cpu_us: u64, peak_rss_kib: u64 },
    /// What the holder could do; namespaces come as descriptors.
    Held { findings: Findings },
    /// A name was asked of the holder's resolver.
    Asked { name: String },
    /// Everything before the ping has been told.
    Pong,
}

/// Sends a frame whole, with descriptors.
pub(crate) fn send(socket: &UnixStream, message: &impl Serialize, with: &[BorrowedFd<'_>]) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(body);
    let sent = descriptors::send_with(socket.as_fd(), &frame, with)?;
    (&*socket).write_all(&frame[sent..])
}

/// Receives a frame and the descriptors that came with it, waiting for it; none at the end of the stream.
pub(crate) fn receive<M: DeserializeOwned>(socket: &UnixStream) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let (received, with) = descriptors::receive_with(socket.as_fd(), &mut length)?;
    if received == 0 {
        return Ok(None);
    }
    let mut rest = socket;
    rest.read_exact(&mut length[received..])?;
    let mut body = vec![0; checked_length(length)?];
    rest.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, with)))
}

fn checked_length(bytes: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(bytes) as usize;
    if length > LONGEST_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too long"));
    }
    Ok(length)
}
