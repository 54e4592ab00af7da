//! Addresses that run something when they are followed.

/// Schemes whose address is a program.
const PROGRAMS: [&[u8]; 5] = [b"javascript", b"vbscript", b"livescript", b"jscript", b"mocha"];
/// Kinds of `data:` that a browser shows as a page.
const PAGES: [&[u8]; 4] = [b"text/", b"application/", b"image/svg", b"multipart/"];
/// The length of the longest of them.
const LONGEST: usize = 12;

/// Whether an address, its character references read, is dangerous. As browsers do, it skips
/// what is not printed before it, and tabs and line ends anywhere.
pub(super) fn is_dangerous(address: impl Iterator<Item = char>) -> bool {
    let mut address = address.skip_while(|c| *c <= ' ').filter(|c| !matches!(c, '\t' | '\n' | '\r'));
    let (scheme, ended) = word(&mut address, Some(':'));
    if !ended {
        return false;
    }
    if scheme.as_slice() == b"data" {
        let (kind, _) = word(&mut address.skip_while(|c| *c == ' '), None);
        return PAGES.iter().any(|page| kind.as_slice().starts_with(page));
    }
    PROGRAMS.contains(&scheme.as_slice())
}

/// The beginning of an address in lower case.
struct Word {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Word {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What stands before `end`, or as much of it as can matter; and whether the end was met.
fn word(address: &mut impl Iterator<Item = char>, end: Option<char>) -> (Word, bool) {
    let mut word = Word { bytes: [0; LONGEST], length: 0 };
    for character in address {
        if Some(character) == end {
            return (word, true);
        }
        let (Some(place), Ok(byte)) = (word.bytes.get_mut(word.length), u8::try_from(character)) else {
            break;
        };
        *place = byte.to_ascii_lowercase();
        word.length += 1;
    }
    (word, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_pages_are_dangerous_however_they_are_written() {
        for address in [
            "javascript:alert(1)",
            "JavaScript:x",
            "\u{1} java\tscr\nipt:x",
            "vbscript:x",
            "data:text/html,x",
            "data: text/html;base64,x",
            "data:image/svg+xml,x",
            "data:application/xhtml+xml,x",
        ] {
            assert!(is_dangerous(address.chars()), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_not() {
        for address in [
            "https://example.com/javascript:x",
            "javascript",
            "/data:text/html",
            "data:image/png;base64,x",
            "data:item",
            "mailto:a@example.com",
            "",
            "notjavascript:x",
            "xjavascriptjavascript:x",
        ] {
            assert!(!is_dangerous(address.chars()), "{address}");
        }
    }
}
