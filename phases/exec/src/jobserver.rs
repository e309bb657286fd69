//! The pool of job tokens: one for the whole run, shared by the scheduler and by tools that speak the protocol of
//! GNU make's jobserver (GNU make manual, "POSIX Jobserver Interaction").
//!
//! A token is a byte in a pipe. Tools get the two ends as inherited descriptors (`--jobserver-auth=R,W`), which make
//! 4.3 and 4.4, cargo, and ninja from 1.13 understand; the newer `fifo:` form kills make 4.3.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::output::{Chunk, read_chunk};
use crate::sys::descriptors;

const TOKEN: u8 = b'+';

/// The pool. Clones share it.
#[derive(Clone, Debug)]
pub struct Pool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    size: u32,
    /// Both ends of the pipe, through a file description of our own: make sets its one to not block.
    own: File,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    /// Tokens that the scheduler holds.
    held: u32,
    /// Running tools that got the descriptors.
    clients: u32,
}

/// A token that the scheduler holds; it goes back when this is dropped.
#[derive(Debug)]
pub struct Token {
    pool: Pool,
}

/// A running client; when the last one is dropped the pool is counted.
#[derive(Debug)]
pub(crate) struct Client {
    pool: Pool,
}

impl Pool {
    /// A pool of `jobs` tokens, at least one.
    ///
    /// # Errors
    /// When no pipe can be made.
    pub fn new(jobs: u32) -> io::Result<Self> {
        let size = jobs.max(1);
        let (read, _write) = descriptors::pipe()?;
        // Opened for reading and writing, so that a write never finds the reader gone.
        let own = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/proc/self/fd/{}", read.as_raw_fd()))?;
        (&own).write_all(&vec![TOKEN; size as usize])?;
        Ok(Self { inner: Arc::new(Inner { size, own, accounts: Mutex::default() }) })
    }

    /// Tokens in all.
    pub fn size(&self) -> u32 {
        self.inner.size
    }

    /// Takes a token if one is free.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub fn try_acquire(&self) -> io::Result<Option<Token>> {
        let mut accounts = self.accounts();
        let mut byte = [0];
        match read_chunk(&self.inner.own, &mut byte)? {
            Chunk::Bytes(_) => {
                accounts.held += 1;
                Ok(Some(Token { pool: self.clone() }))
            }
            Chunk::Nothing | Chunk::End => Ok(None),
        }
    }

    /// Takes a token, waiting for one as long as that.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub fn acquire_within(&self, limit: Duration) -> io::Result<Option<Token>> {
        let until = Instant::now() + limit;
        loop {
            if let Some(token) = self.try_acquire()? {
                return Ok(Some(token));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            descriptors::poll(&[self.inner.own.as_fd()], Some(left))?;
        }
    }

    /// Tokens that are free now.
    ///
    /// # Errors
    /// When the pipe cannot be asked.
    pub fn free(&self) -> io::Result<u32> {
        let there = descriptors::bytes_waiting(&self.inner.own)?;
        Ok(u32::try_from(there).unwrap_or(u32::MAX).min(self.inner.size))
    }

    /// Takes up to `most` tokens that are free now.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub fn lease(&self, most: u32) -> io::Result<Vec<Token>> {
        (0..most).map_while(|_| self.try_acquire().transpose()).collect()
    }

    /// Counts the tokens when no client runs, and replaces those that killed clients took along (or removes what
    /// confused clients put in). Returns how many were replaced, negative when removed; none while clients run.
    /// Called by itself whenever the last client ends.
    ///
    /// # Errors
    /// When the pipe cannot be read or written.
    pub fn repair(&self) -> io::Result<Option<i64>> {
        let accounts = self.accounts();
        if accounts.clients > 0 {
            return Ok(None);
        }
        let there = descriptors::bytes_waiting(&self.inner.own)? as i64;
        let missing = i64::from(self.inner.size) - i64::from(accounts.held) - there;
        let count = usize::try_from(missing.unsigned_abs()).map_err(io::Error::other)?;
        if missing > 0 {
            (&self.inner.own).write_all(&vec![TOKEN; count])?;
        } else if missing < 0 {
            (&self.inner.own).read_exact(&mut vec![0; count])?;
        }
        Ok(Some(missing))
    }

    /// Registers a client and gives it descriptors of its own: (read, write).
    pub(crate) fn client(&self) -> io::Result<(Client, OwnedFd, OwnedFd)> {
        let path = format!("/proc/self/fd/{}", self.inner.own.as_raw_fd());
        let read = OpenOptions::new().read(true).open(&path)?;
        let write = OpenOptions::new().write(true).open(&path)?;
        self.accounts().clients += 1;
        Ok((Client { pool: self.clone() }, read.into(), write.into()))
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        // Two numbers that are changed one at a time.
        self.inner.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut accounts = self.pool.accounts();
        accounts.held -= 1;
        // The pipe has room for far more tokens than there are, and we hold both ends. Were it to fail, the next
        // `repair` would replace the token.
        drop((&self.pool.inner.own).write_all(&[TOKEN]));
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.pool.accounts().clients -= 1;
        // A pool that cannot be counted is noticed by whoever acquires next.
        drop(self.pool.repair());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_as_many_as_asked_for_and_come_back() {
        let pool = Pool::new(3).unwrap();
        assert_eq!(pool.free().unwrap(), 3);
        let mut leased = pool.lease(8).unwrap();
        assert_eq!((leased.len(), pool.free().unwrap()), (3, 0));
        assert!(pool.try_acquire().unwrap().is_none());
        leased.pop();
        assert!(pool.acquire_within(Duration::from_secs(5)).unwrap().is_some());
        assert_eq!(Pool::new(0).unwrap().size(), 1);
    }

    #[test]
    fn tokens_that_a_client_took_along_are_replaced_when_it_is_gone() {
        let pool = Pool::new(3).unwrap();
        let (client, read, _write) = pool.client().unwrap();
        let mut byte = [0; 2];
        File::from(read).read_exact(&mut byte).unwrap();
        let held = pool.try_acquire().unwrap();
        assert!(held.is_some());
        assert_eq!(pool.repair().unwrap(), None, "not while it runs");
        drop(client);
        assert_eq!(pool.lease(8).unwrap().len(), 2);
        drop(held);
        assert_eq!(pool.lease(8).unwrap().len(), 3);
    }

    #[test]
    fn tokens_that_a_client_made_up_are_removed() {
        let pool = Pool::new(2).unwrap();
        let (client, _read, write) = pool.client().unwrap();
        File::from(write).write_all(b"++").unwrap();
        drop(client);
        assert_eq!(pool.lease(8).unwrap().len(), 2);
    }
}
