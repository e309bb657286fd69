//! Errors with a message of their own that keep the number which the kernel gave: what there is too little of shows in
//! nothing else.

use std::error::Error;
use std::fmt;
use std::io;

#[derive(Debug)]
struct Numbered {
    message: String,
    errno: i32,
}

impl fmt::Display for Numbered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for Numbered {}

/// An error with this message and the kind and number of another one.
pub(crate) fn worded(error: &io::Error, message: String) -> io::Error {
    match errno(error) {
        Some(errno) => io::Error::new(error.kind(), Numbered { message, errno }),
        None => io::Error::new(error.kind(), message),
    }
}

/// The number of the kernel's error that an error came of (errno(3)).
pub fn errno(error: &io::Error) -> Option<i32> {
    let inner = || error.get_ref()?.downcast_ref::<Numbered>().map(|numbered| numbered.errno);
    error.raw_os_error().or_else(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_its_own_keeps_the_number() {
        let few = io::Error::from_raw_os_error(libc::EMFILE);
        let told = worded(&worded(&few, "once".to_owned()), "twice".to_owned());
        assert_eq!((errno(&told), told.to_string().as_str()), (Some(libc::EMFILE), "twice"));
        assert_eq!(errno(&io::Error::other("x")), None);
    }
}
