//! What a reported call wants, read from its maker's memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::address::{self, Destination};
use crate::sys::seccomp::{Call, Interface, Wish};

/// A message has rarely more parts, and a query one.
const MOST_PARTS: u64 = 8;
/// Messages of one `sendmmsg` that are looked at; resolvers send two. The kernel takes no more than this.
const MOST_MESSAGES: u64 = 1024;
/// Bytes of a datagram that are looked at for a name.
const LONGEST_QUERY: u64 = 1500;
pub(crate) const NAME_SERVICE: u16 = 53;

/// What is asked of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A socket of this family, type and protocol.
    Socket(i32, i32, i32),
    /// That this descriptor be connected.
    Connection(u64, Destination),
    /// That these be sent through this descriptor.
    Messages(u64, Vec<Message>),
    /// A ring through which calls are made that nobody sees.
    Ring,
    /// An open file of another process, which may be a connection.
    Descriptor,
    /// A key, which a program outside may be started for.
    Key,
    /// A network call of x32.
    Foreign,
    /// Nothing that leads anywhere.
    Nothing,
}

/// One message: where it leads, and its bytes if it leads to a name server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) destination: Destination,
    pub(crate) query: Vec<u8>,
}

impl Wanted {
    /// Reads a call.
    ///
    /// # Errors
    /// When memory that it points to cannot be read.
    pub(crate) fn read(call: &Call) -> io::Result<Self> {
        let memory = Memory {
            file: File::open(format!("/proc/{}/mem", call.thread))?,
            word: if call.interface == Interface::Native { 8 } else { 4 },
        };
        match (call.wish, call.interface) {
            (Wish::Ring, _) => Ok(Self::Ring),
            (Wish::Descriptor, _) => Ok(Self::Descriptor),
            (Wish::Key, _) => Ok(Self::Key),
            (Wish::Other, _) => Ok(Self::Nothing),
            (_, Interface::X32) => Ok(Self::Foreign),
            (Wish::SocketCall, _) => {
                // socketcall(2); numbers of the calls from `linux/net.h`.
                let (wish, count) = match call.arguments[0] & 0xffff_ffff {
                    1 => (Wish::Socket, 3),
                    3 => (Wish::Connect, 3),
                    11 => (Wish::SendTo, 6),
                    16 => (Wish::SendMessage, 3),
                    20 => (Wish::SendMessages, 4),
                    _ => return Ok(Self::Nothing),
                };
                let mut arguments = [0; 6];
                for (index, argument) in arguments.iter_mut().enumerate().take(count) {
                    *argument = memory.word(call.arguments[1].wrapping_add(index as u64 * 4))?;
                }
                memory.wanted(wish, arguments)
            }
            (wish, _) => memory.wanted(wish, call.arguments),
        }
    }
}

struct Memory {
    file: File,
    /// Bytes of a pointer and of a size.
    word: usize,
}

impl Memory {
    fn wanted(&self, wish: Wish, arguments: [u64; 6]) -> io::Result<Wanted> {
        let [first, second, third, _, fifth, sixth] = arguments;
        let half = |argument: u64| argument & 0xffff_ffff;
        Ok(match wish {
            Wish::Socket => Wanted::Socket(first as i32, second as i32, third as i32),
            Wish::Connect => Wanted::Connection(half(first), self.destination(second, half(third), true)?),
            Wish::SendTo => {
                let destination = self.destination(fifth, half(sixth), false)?;
                let query = if leads_to_names(&destination) {
                    self.bytes(second, third.min(LONGEST_QUERY))?
                } else {
                    Vec::new()
                };
                Wanted::Messages(half(first), vec![Message { destination, query }])
            }
            Wish::SendMessage => Wanted::Messages(half(first), vec![self.message(second)?]),
            Wish::SendMessages => Wanted::Messages(
                half(first),
                (0..half(third).min(MOST_MESSAGES))
                    .map(|index| self.message(second.wrapping_add(index * self.many_header())))
                    .collect::<io::Result<_>>()?,
            ),
            _ => Wanted::Nothing,
        })
    }

    fn bytes(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn word(&self, at: u64) -> io::Result<u64> {
        let mut bytes = self.bytes(at, self.word as u64)?;
        bytes.resize(8, 0);
        Ok(bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// Size of `struct mmsghdr`: a `msghdr` of seven words (its two lengths of 32 bits are padded) and a length.
    fn many_header(&self) -> u64 {
        8 * self.word as u64
    }

    fn destination(&self, at: u64, length: u64, connects: bool) -> io::Result<Destination> {
        if at == 0 || length < 2 {
            return Ok(Destination::Inside);
        }
        let bytes = self.bytes(at, length.min(address::LONGEST_ADDRESS))?;
        Ok(address::parse(&bytes, connects))
    }

    /// Reads a `struct msghdr`: name, its length, parts, their number.
    fn message(&self, at: u64) -> io::Result<Message> {
        let word = |index: u64| self.word(at.wrapping_add(index * self.word as u64));
        let destination = self.destination(word(0)?, word(1)? & 0xffff_ffff, false)?;
        let mut query = Vec::new();
        if leads_to_names(&destination) {
            let parts = word(2)?;
            for part in 0..word(3)?.min(MOST_PARTS) {
                let part = parts.wrapping_add(part * 2 * self.word as u64);
                let room = LONGEST_QUERY - query.len() as u64;
                let length = self.word(part.wrapping_add(self.word as u64))?.min(room);
                query.extend(self.bytes(self.word(part)?, length)?);
            }
        }
        Ok(Message { destination, query })
    }
}

fn leads_to_names(destination: &Destination) -> bool {
    matches!(destination, Destination::Internet(to) if to.port() == NAME_SERVICE)
}
