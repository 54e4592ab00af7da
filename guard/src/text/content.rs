//! What a text may hold, from one pass over its bytes: most texts hold little of what is looked
//! for.

/// What a text may hold. What is false here, it does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content(u8);

const CONTROL: u8 = 1;
const BEYOND_ASCII: u8 = 2;
const MARKUP: u8 = 4;
const PATTERN: u8 = 8;

impl Content {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().fold(0, |seen, byte| seen | CLASSES[usize::from(byte)]))
    }

    pub(super) const fn has_controls(self) -> bool {
        self.0 & CONTROL != 0
    }

    pub(super) const fn is_beyond_ascii(self) -> bool {
        self.0 & BEYOND_ASCII != 0
    }

    pub(super) const fn has_markup(self) -> bool {
        self.0 & MARKUP != 0
    }

    pub(super) const fn has_patterns(self) -> bool {
        self.0 & PATTERN != 0
    }
}

/// The bytes that a pattern is looked for around.
pub(super) const TRIGGERS: &[u8] = b"{%(_.[';=uU";

/// Whether `byte` is one of [`TRIGGERS`].
pub(super) const fn is_trigger(byte: u8) -> bool {
    CLASSES[byte as usize] & PATTERN != 0
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = class(byte);
        byte += 1;
    }
    let mut index = 0;
    while index < TRIGGERS.len() {
        classes[TRIGGERS[index] as usize] |= PATTERN;
        index += 1;
    }
    classes
};

const fn class(byte: usize) -> u8 {
    match byte {
        // Tab, newline and carriage return are text.
        9 | 10 | 13 => 0,
        ..=31 | 127 => CONTROL,
        60 | 93 => MARKUP,
        // C1 is 0xC2 followed by 0x80 to 0x9F.
        0xC2 => CONTROL | BEYOND_ASCII,
        128.. => BEYOND_ASCII,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_byte_is_seen() {
        let kinds = |text: &str| {
            let content = Content::of(text);
            [content.has_controls(), content.is_beyond_ascii(), content.has_markup(), content.has_patterns()]
        };
        assert_eq!(kinds("Task 12\tdone\r\n, so what & why?"), [false; 4]);
        assert_eq!(kinds("\0"), [true, false, false, false]);
        assert_eq!(kinds("\x7f\x1b\x1f\x0b"), [true, false, false, false]);
        assert_eq!(kinds("\u{85}"), [true, true, false, false]);
        assert_eq!(kinds("é"), [false, true, false, false]);
        assert_eq!(kinds("中"), [false, true, false, false]);
        assert_eq!(kinds("<"), [false, false, true, false]);
        assert_eq!(kinds("]"), [false, false, true, false]);
        for trigger in TRIGGERS {
            assert!(is_trigger(*trigger) && kinds(&char::from(*trigger).to_string())[3]);
        }
    }
}
