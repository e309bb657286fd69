//! The bytes of a file that somebody wrote, as text.

/// The largest case, site file or recipe that is read, in bytes: thousands of times what people write, and still read
/// within two seconds.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// Why bytes are not the text of a file; it fits after the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// More than [`LARGEST`].
    TooLarge,
    /// A byte that UTF-8 does not have, on this line.
    NotUtf8(usize),
    /// A byte order mark of UTF-16, and something else behind it.
    NotUtf16,
    /// A byte order mark of UTF-32.
    Utf32,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(formatter, "is larger than {} MiB", LARGEST / 1024 / 1024),
            Self::NotUtf8(line) => write!(formatter, "is not UTF-8 on line {line}"),
            Self::NotUtf16 => formatter.write_str("begins like UTF-16 and is cut off or damaged"),
            Self::Utf32 => formatter.write_str("is UTF-32"),
        }
    }
}

impl Unreadable {
    /// What to do.
    pub fn help(self) -> &'static str {
        match self {
            Self::TooLarge => "data belongs into files beside it, which it names",
            Self::NotUtf8(_) | Self::NotUtf16 | Self::Utf32 => "save it as UTF-8 in your editor",
        }
    }
}

/// UTF-8 with or without a byte order mark, or UTF-16 with one, as editors on Windows write them. The mark is no part of
/// the text.
///
/// # Errors
/// When it is neither, or too large.
pub fn decode(bytes: &[u8]) -> Result<String, Unreadable> {
    if bytes.len() > LARGEST {
        return Err(Unreadable::TooLarge);
    }
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(Unreadable::Utf32);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return utf16(rest, u16::from_be_bytes);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Unreadable::NotUtf8(before.iter().filter(|byte| **byte == b'\n').count() + 1)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Unreadable> {
    let pairs = bytes.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Unreadable::NotUtf16);
    }
    let units = pairs.filter_map(|pair| pair.try_into().ok().map(unit));
    char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| Unreadable::NotUtf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_write_is_read_without_its_mark() {
        let text = "name = 'für 视频 🎞'\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(text.as_bytes()).as_deref(), Ok(text));
        assert_eq!(decode(&[b"\xef\xbb\xbf", text.as_bytes()].concat()).as_deref(), Ok(text));
        assert_eq!(decode(&[b"\xff\xfe".as_slice(), &little].concat()).as_deref(), Ok(text));
        assert_eq!(decode(&[b"\xfe\xff".as_slice(), &big].concat()).as_deref(), Ok(text));
        assert_eq!(decode(b"").as_deref(), Ok(""));
        assert_eq!(decode(b"\xff\xfea"), Err(Unreadable::NotUtf16));
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Err(Unreadable::NotUtf16), "half a pair");
        assert_eq!(decode(b"\xff\xfe\0\0a\0\0\0"), Err(Unreadable::Utf32));
        assert_eq!(decode(b"a\nb\nf\xfcr\n"), Err(Unreadable::NotUtf8(3)), "Latin-1");
        assert_eq!(decode(&vec![b'#'; LARGEST + 1]), Err(Unreadable::TooLarge));
        assert!(decode(&vec![b'#'; LARGEST]).is_ok());
    }
}
