//! The fake tools with which this crate is tested, in one binary; the first argument says which.

mod outside;
mod ring;
mod ways;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use exec::lock::RunLock;
use exec::{Fence, Launch, Redactor, Session, SessionConfig};
use model::plan::{Network, Privilege};
use model::site::Sudo;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["__launch", ..] => std::process::exit(exec::launcher::launcher_main(&arguments[1..])),
        ["environment"] => print_environment(),
        ["stubborn", directory, depth] => stubborn(directory, depth.parse().unwrap_or(0)),
        ["polite", directory] => polite(directory),
        ["tcp", address] => TcpStream::connect(address).map(drop),
        ["udp", address] => UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect(address)),
        ["send", address, text] => {
            UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(text.as_bytes(), address)).map(drop)
        }
        // As a configure script does: it tries, fails, and goes on without a word.
        ["try-name", name] => {
            drop((*name, 80).to_socket_addrs());
            Ok(())
        }
        // As a downloader does that tries again and again.
        ["try-names", name, seconds] => {
            for _ in 0..seconds.parse::<u64>().unwrap_or(0) * 10 {
                drop((*name, 80).to_socket_addrs());
                thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        }
        ["write", path] => fs::write(path, "x"),
        ["own-name"] => own_name(),
        ["ask", server, name] => ask(server, name),
        ["many", address] => send_many(address),
        ["io-uring"] => io_uring(),
        ["socket", family, kind, protocol] => open_socket(family, kind, protocol),
        ["x32"] => call("x32 connect", X32_CONNECT),
        ["key"] => call("request_key", libc::SYS_request_key),
        ["serve", address] => serve_at(address),
        ["late-server"] => late_server(),
        ["loopback"] => loopback(),
        ["way", name, to, outside] => ways::go(name, to, outside),
        ["ways"] => {
            ways::WAYS.iter().for_each(|(name, _)| println!("{name}"));
            Ok(())
        }
        ["outside", words @ ..] => outside::serve(words),
        ["listen"] => outside::listen(),
        ["inherited"] => inherited(),
        ["burn", milliseconds] => burn(milliseconds.parse().unwrap_or(0)),
        ["session", rest @ ..] => session(rest),
        ["hold-lock", path] => hold_lock(path),
        _ => Err(io::Error::other(format!("no such fake tool: {words:?}"))),
    };
    if let Err(error) = result {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn print_environment() -> io::Result<()> {
    for (name, value) in std::env::vars() {
        println!("{name}={value}");
    }
    Ok(())
}

#[expect(unsafe_code, reason = "signal dispositions and sessions have no safe interface")]
fn ignore_and_leave() {
    // SAFETY: neither call takes a pointer.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        libc::signal(libc::SIGHUP, libc::SIG_IGN);
        libc::setsid();
    }
}

/// Ignores SIGTERM, leaves its session, and starts grandchildren that do the same, without an environment.
fn stubborn(directory: &str, depth: u32) -> io::Result<()> {
    ignore_and_leave();
    if depth > 0 {
        #[expect(clippy::disallowed_methods, reason = "a fake tool starts processes as real ones do")]
        let mut command = Command::new(std::env::current_exe()?);
        let child = command
            .args(["stubborn", directory, &(depth - 1).to_string()])
            .env_clear()
            .stdin(Stdio::null())
            .spawn()?;
        // Not waited for: it is an orphan as soon as this process is killed.
        drop(child);
    }
    fs::write(format!("{directory}/{}", std::process::id()), "stubborn")?;
    loop {
        thread::sleep(Duration::from_secs(1000));
    }
}

fn polite(directory: &str) -> io::Result<()> {
    fs::write(format!("{directory}/{}", std::process::id()), "polite")?;
    loop {
        thread::sleep(Duration::from_secs(1000));
    }
}

fn own_name() -> io::Result<()> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
    drop((name.trim(), 80).to_socket_addrs());
    drop(("localhost", 80).to_socket_addrs());
    Ok(())
}

/// Asks a name server without connecting to it, as musl's resolver does.
fn ask(server: &str, name: &str) -> io::Result<()> {
    UdpSocket::bind("0.0.0.0:0")?.send_to(&query(name)?, server).map(drop)
}

/// A question for an address.
fn query(name: &str) -> io::Result<Vec<u8>> {
    let mut query = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).map_err(io::Error::other)?);
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    Ok(query)
}

/// One `sendmmsg` with a message to loopback and one to this address.
#[expect(unsafe_code, reason = "the call has no safe interface")]
fn send_many(address: &str) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let parse = |text: &str| text.parse::<std::net::SocketAddrV4>().map_err(io::Error::other);
    let mut addresses = [parse("127.0.0.1:9")?, parse(address)?].map(|address| libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    });
    let mut part = libc::iovec { iov_base: b"x".as_ptr().cast_mut().cast(), iov_len: 1 };
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: zeroed headers are valid; all pointers outlive the call.
    let sent = unsafe {
        let mut messages: [libc::mmsghdr; 2] = std::mem::zeroed();
        for (message, address) in messages.iter_mut().zip(&mut addresses) {
            message.msg_hdr.msg_name = (&raw mut *address).cast();
            message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            message.msg_hdr.msg_iov = &raw mut part;
            message.msg_hdr.msg_iovlen = 1;
        }
        libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), 2, 0)
    };
    println!("sent {sent}");
    Ok(())
}

/// Number of `connect` for x32 programs.
const X32_CONNECT: libc::c_long = 0x4000_0000 + 42;

/// Prints how a call without arguments fails.
#[expect(unsafe_code, reason = "the call has no safe interface")]
fn call(name: &str, number: libc::c_long) -> io::Result<()> {
    let none = std::ptr::null_mut::<u8>();
    // SAFETY: null pointers are refused before they are used.
    let result = unsafe { libc::syscall(number, none, none, none, none) };
    println!("{name} {result} {}", io::Error::last_os_error().raw_os_error().unwrap_or(0));
    Ok(())
}

fn io_uring() -> io::Result<()> {
    call("io_uring_setup", libc::SYS_io_uring_setup)
}

#[expect(unsafe_code, reason = "the call has no safe interface")]
fn open_socket(family: &str, kind: &str, protocol: &str) -> io::Result<()> {
    let number = |text: &str| text.parse::<i32>().map_err(io::Error::other);
    // SAFETY: takes no pointer.
    match unsafe { libc::socket(number(family)?, number(kind)?, number(protocol)?) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A server at this address, and its client.
fn serve_at(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind((address, 0))?;
    TcpStream::connect(listener.local_addr()?).map(drop)
}

/// A client that finds no server, as that of a compiler cache, and starts one.
fn late_server() -> io::Result<()> {
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    println!("first {:?}", TcpStream::connect(free).map_err(|error| error.kind()).err());
    let listener = TcpListener::bind(free)?;
    println!("then {}", TcpStream::connect(listener.local_addr()?).is_ok());
    Ok(())
}

/// A server and its client, as a compiler cache has them; and bytes both ways.
fn loopback() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut text = [0; 4];
        stream.read_exact(&mut text)?;
        stream.write_all(&text)
    });
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"ping")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    server.join().map_err(|_| io::Error::other("the server panicked"))??;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(b"x", socket.local_addr()?)?;
    println!("{text}");
    Ok(())
}

/// Lists open descriptors other than the standard streams, and what the process is allowed to.
fn inherited() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let target = fs::read_link(entry.path())?;
        let number: u32 = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        if number > 2 && !target.ends_with("fd") && !target.to_string_lossy().contains("/proc/") {
            println!("descriptor {number} {}", target.display());
        }
    }
    for line in fs::read_to_string("/proc/self/status")?.lines() {
        if line.starts_with("Sig") || line.starts_with("Umask") {
            println!("{line}");
        }
    }
    println!("stdin {}", fs::read_link("/proc/self/fd/0")?.display());
    Ok(())
}

/// Uses that much CPU time, however long it takes.
#[expect(unsafe_code, reason = "the clock has no safe interface")]
fn burn(milliseconds: u64) -> io::Result<()> {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    while Duration::new(used.tv_sec.unsigned_abs(), 0) + Duration::from_nanos(used.tv_nsec.unsigned_abs())
        < Duration::from_millis(milliseconds)
    {
        // SAFETY: writes one timespec.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    }
    Ok(())
}

fn hold_lock(path: &str) -> io::Result<()> {
    let lock = RunLock::acquire(Utf8Path::new(path), false).map_err(io::Error::other)?;
    println!("held");
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(lock);
    Ok(())
}

/// Paths that are separated by colons.
fn paths(text: &str) -> Vec<Utf8PathBuf> {
    text.split(':').filter(|path| !path.is_empty()).map(Utf8PathBuf::from).collect()
}

/// Runs one child in a session of its own, and tells in JSON how it went:
/// `session [--offline] [--allowed] [--patient] [--sudo] [--timeout-ms NUMBER] [--lock PATH] [--marker TEXT] DIRECTORY -- PROGRAM ARGUMENT...`
fn session(words: &[&str]) -> io::Result<()> {
    let split = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let (options, command) = (&words[..split], &words[split + 1..]);
    let value =
        |name: &str| options.iter().position(|word| *word == name).map(|index| options[index + 1].to_owned());
    let run_lock = match value("--lock") {
        Some(path) => {
            Some(Arc::new(RunLock::acquire(Utf8Path::new(&path), false).map_err(io::Error::other)?))
        }
        None => None,
    };
    let began = std::time::Instant::now();
    let session = Session::start(SessionConfig {
        launcher: std::env::current_exe()?,
        launcher_args: vec!["__launch".to_owned()],
        marker: value("--marker").unwrap_or_else(|| "test".to_owned()),
        run_lock,
        offline: options.contains(&"--offline"),
        jobs: 2,
        redactor: Redactor::default(),
    })?
    .with_grace(Duration::from_millis(200));
    let ready = began.elapsed();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sunk = Arc::clone(&lines);
    let sudo = options.contains(&"--sudo");
    let timeout = value("--timeout-ms").and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let leak_grace = value("--leak-grace-ms").and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let fence = value("--read-only").map(|closed| Fence {
        read_only: paths(&closed),
        writable: paths(&value("--writable").unwrap_or_default()),
    });
    let repeat: u32 = value("--repeat").and_then(|text| text.parse().ok()).unwrap_or(1);
    let began = std::time::Instant::now();
    let mut ended = None;
    let told = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..repeat {
        let sunk = Arc::clone(&sunk);
        let child = session.spawn(
            Launch {
                program: command[0].to_owned(),
                args: command[1..].iter().map(|word| (*word).to_owned()).collect(),
                environment: BTreeMap::from(
                    [("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")]
                        .map(|(name, value)| (name.to_owned(), value.to_owned())),
                ),
                directory: Utf8PathBuf::from(value("--directory").unwrap_or_else(|| "/".to_owned())),
                network: if options.contains(&"--allowed") { Network::Allowed } else { Network::Denied },
                privilege: if sudo { Privilege::Root } else { Privilege::User },
                sudo: if sudo { Sudo::Allowed } else { Sudo::NotNeeded },
                jobserver: options.contains(&"--jobserver"),
                timeout,
                leak_grace,
                fence: fence.clone(),
                patient: options.contains(&"--patient"),
                capture_stdout: false,
                unlogged: None,
                log: None,
            },
            Box::new(move |_, line| {
                if let Ok(mut lines) = sunk.lock() {
                    lines.push(line.to_owned());
                }
            }),
        )?;
        let sunk = Arc::clone(&told);
        let began = std::time::Instant::now();
        let child = child.telling_leaks(Box::new(move |leak| {
            if let Ok(mut told) = sunk.lock() {
                told.push((leak.wanted.clone(), began.elapsed().as_millis() as u64));
            }
        }));
        ended = Some(child.wait()?);
    }
    let Some(ended) = ended else { return Ok(()) };
    let lines = lines.lock().map(|lines| lines.clone()).unwrap_or_default();
    let result = serde_json::json!({
        "force": session.offline_force(),
        "status": ended.status,
        "cpu_us": ended.cpu.as_micros() as u64,
        "peak_rss_kib": ended.peak_rss_kib,
        "leaks": ended.leaks,
        "ended_for_leak": ended.ended_for_leak,
        "told": told.lock().map(|told| told.clone()).unwrap_or_default(),
        "lines": lines,
        "start_us": ready.as_micros() as u64,
        "each_us": (began.elapsed() / repeat.max(1)).as_micros() as u64,
    });
    println!("{}", serde_json::to_string_pretty(&result)?);
    Ok(())
}
