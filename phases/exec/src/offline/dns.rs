//! Just enough of the domain name system (RFC 1035) to learn what was asked and to say that it does not exist.

/// Length of a message's header.
const HEADER: usize = 12;

/// The name asked in a query, in lower case and without the final dot; none when the packet is no query.
/// A query with the two bytes of length that precede it on TCP is understood as well.
pub(crate) fn question(packet: &[u8]) -> Option<String> {
    parse(body(packet)).map(|(name, _)| name)
}

/// The answer "no such name" to a query, in the form in which the query came.
pub(crate) fn no_such_name(packet: &[u8]) -> Option<Vec<u8>> {
    let query = body(packet);
    let (_, end) = parse(query)?;
    let mut answer = query[..end].to_vec();
    // Response; the operation and "recursion desired" are the query's.
    answer[2] = 0x80 | (query[2] & 0x79);
    // Recursion available; code 3, no such name.
    answer[3] = 0x83;
    // One question, nothing else.
    answer[4..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    if query.len() != packet.len() {
        let length = u16::try_from(answer.len()).ok()?;
        answer.splice(0..0, length.to_be_bytes());
    }
    Some(answer)
}

fn body(packet: &[u8]) -> &[u8] {
    match packet.first_chunk::<2>() {
        Some(length) if usize::from(u16::from_be_bytes(*length)) + 2 == packet.len() => &packet[2..],
        _ => packet,
    }
}

/// The name, and where the question ends.
fn parse(query: &[u8]) -> Option<(String, usize)> {
    let is_response = *query.get(2)? & 0x80 != 0;
    let questions = u16::from_be_bytes([*query.get(4)?, *query.get(5)?]);
    if is_response || questions == 0 {
        return None;
    }
    let mut name = String::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // Longer "lengths" are pointers, which a first question cannot have.
        if length > 63 {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        for byte in query.get(at..at + length)? {
            let printable = byte.is_ascii_graphic();
            name.push(if printable { byte.to_ascii_lowercase() as char } else { '?' });
        }
        at += length;
    }
    // Type and class.
    query.get(at..at + 4)?;
    Some((name, at + 4))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn query(name: &str) -> Vec<u8> {
        let mut packet = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.') {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend(label.bytes());
        }
        packet.extend([0, 0, 1, 0, 1]);
        // An EDNS record, as resolvers add it.
        packet.extend([0, 0, 41, 4, 0xb0, 0, 0, 0, 0, 0, 0]);
        packet
    }

    #[test]
    fn the_name_is_learned_and_denied() {
        let packet = query("Files.Example.ORG");
        assert_eq!(question(&packet).as_deref(), Some("files.example.org"));
        let answer = no_such_name(&packet).unwrap();
        assert_eq!(answer[..2], packet[..2]);
        assert_eq!(answer[2..12], [0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer[12..], packet[12..packet.len() - 11]);
        assert_eq!(question(&answer), None, "an answer is no query");
    }

    #[test]
    fn a_query_as_on_tcp_is_answered_as_on_tcp() {
        let packet = query("example.org");
        let mut framed = u16::try_from(packet.len()).unwrap().to_be_bytes().to_vec();
        framed.extend(&packet);
        assert_eq!(question(&framed).as_deref(), Some("example.org"));
        let answer = no_such_name(&framed).unwrap();
        assert_eq!(usize::from(u16::from_be_bytes([answer[0], answer[1]])), answer.len() - 2);
    }

    #[test]
    fn what_is_no_query_is_left_alone() {
        let packet = query("example.org");
        for length in 0..packet.len() - 11 {
            assert_eq!(question(&packet[..length]), None, "cut at {length}");
        }
        assert_eq!(question(b"GET / HTTP/1.1\r\nHost: example.org\r\n"), None);
    }
}
