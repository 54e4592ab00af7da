//! What a text may hold: most texts hold little of what is looked for.

use memchr::memchr2;

/// What a text may hold. What is false here, it does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    pub(super) controls: bool,
    pub(super) beyond_ascii: bool,
    pub(super) markup: bool,
}

impl Content {
    pub(super) fn of(text: &str) -> Self {
        Self {
            // Without a way out, a loop looks at many bytes at a time.
            controls: text.bytes().fold(false, |seen, byte| seen | is_control(byte)),
            beyond_ascii: !text.is_ascii(),
            markup: memchr2(b'<', b']', text.as_bytes()).is_some(),
        }
    }
}

/// Whether a control character may begin with `byte`. Tab, newline and carriage return are text;
/// C1 is 0xC2 followed by 0x80 to 0x9F.
const fn is_control(byte: u8) -> bool {
    (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f || byte == 0xc2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_byte_is_seen() {
        let kinds = |text: &str| {
            let Content { controls, beyond_ascii, markup } = Content::of(text);
            [controls, beyond_ascii, markup]
        };
        assert_eq!(kinds("Task 12\tdone\r\n, so what & why?"), [false; 3]);
        for control in ["\0", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f"] {
            assert_eq!(kinds(control), [true, false, false], "{control:?}");
        }
        assert_eq!(kinds("\u{85}"), [true, true, false]);
        assert_eq!(kinds("é"), [false, true, false]);
        assert_eq!(kinds("中"), [false, true, false]);
        assert_eq!(kinds("<"), [false, false, true]);
        assert_eq!(kinds("]"), [false, false, true]);
    }
}
