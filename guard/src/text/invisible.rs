//! Characters that nobody sees: they hide words from people that a model still reads, or make
//! code look like other code. Where a script or an emoji needs them, they are left in peace.

use std::ops::Range;

use crate::scan;

const BLACK_FLAG: char = '\u{1F3F4}';
const CANCEL_TAG: char = '\u{E007F}';

/// Every run of invisible characters that its neighbours do not call for, with its rule.
pub(super) fn runs(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    let mut found = unasked(text).peekable();
    std::iter::from_fn(move || {
        let (mut range, rule) = found.next()?;
        while let Some((next, _)) = found.next_if(|(next, of)| *of == rule && next.start == range.end) {
            range.end = next.end;
        }
        Some((range, rule))
    })
}

/// Every invisible character that its neighbours do not call for.
fn unasked(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    // Where a letter of a flag of a region would stand.
    let mut in_flag = None;
    scan::places(text.as_bytes(), may_begin_one).filter_map(move |at| {
        let character = text[at..].chars().next()?;
        let range = at..at + character.len_utf8();
        let is_in_flag = in_flag == Some(at) && matches!(character, '\u{E0020}'..=CANCEL_TAG);
        if character == BLACK_FLAG || (is_in_flag && character != CANCEL_TAG) {
            in_flag = Some(range.end);
        }
        let rule = rule_of(character)?;
        let (before, after) = (text[..at].chars().next_back(), text[range.end..].chars().next());
        (!is_in_flag && !is_called_for(character, before, after)).then_some((range, rule))
    })
}

/// Whether an invisible character or a flag may begin with `byte` and the one behind it: few
/// letters do.
const fn may_begin_one(_: u8, byte: u8, behind: u8) -> bool {
    (byte == 0xC2) & (behind == 0xAD)
        | (byte == 0xCD) & (behind == 0x8F)
        | (byte == 0xD8) & (behind == 0x9C)
        | (byte == 0xE1) & ((behind == 0x85) | (behind == 0x9E) | (behind == 0xA0))
        | (byte == 0xE2) & ((behind == 0x80) | (behind == 0x81))
        | (byte == 0xE3) & (behind == 0x85)
        | (byte == 0xEF) & (behind >= 0xB8)
        | (byte == 0xF0) & ((behind == 0x9B) | (behind == 0x9D) | (behind == 0x9F))
        | (byte == 0xF3)
}

/// Whether nobody sees the character.
pub(super) fn is_invisible(character: char) -> bool {
    rule_of(character).is_some()
}

fn rule_of(character: char) -> Option<&'static str> {
    match character {
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            Some("bidi_control")
        }
        '\u{E0000}'..='\u{E007F}' => Some("tag_character"),
        // What Unicode calls default-ignorable, fillers that are drawn as nothing, and the marks
        // of interlinear notes.
        '\u{AD}'
        | '\u{34F}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200D}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206A}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0080}'..='\u{E0FFF}' => Some("invisible_character"),
        _ => None,
    }
}

/// Whether the characters beside it are of a kind that needs it.
fn is_called_for(character: char, before: Option<char>, after: Option<char>) -> bool {
    match character {
        // Joiners: in emoji, and in scripts whose letters change shape.
        '\u{200C}' | '\u{200D}' => {
            let needs = |beside: Option<char>| beside.is_some_and(|c| joins(c) || is_emoji_part(c));
            needs(before) && needs(after)
        }
        // Marks of direction, beside a letter that is written from the right.
        '\u{61C}' | '\u{200E}' | '\u{200F}' => {
            before.is_some_and(is_right_to_left) || after.is_some_and(is_right_to_left)
        }
        // One variation selector behind what it varies.
        '\u{FE00}'..='\u{FE0F}' => {
            before.is_some_and(|c| rule_of(c).is_none() && (!c.is_ascii() || "0123456789#*".contains(c)))
        }
        '\u{E0100}'..='\u{E01EF}' => before.is_some_and(is_ideograph),
        '\u{180B}'..='\u{180F}' => before.is_some_and(|c| matches!(c, '\u{1800}'..='\u{18AF}')),
        '\u{115F}' | '\u{1160}' => before.is_some_and(is_hangul) || after.is_some_and(is_hangul),
        _ => false,
    }
}

/// Letters and marks of scripts that use joiners: from Hebrew to Khmer, and Mongolian.
const fn joins(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{17B3}' | '\u{17B6}'..='\u{180A}' | '\u{1810}'..='\u{18AF}'
        | '\u{A800}'..='\u{AAFF}' | '\u{FB1D}'..='\u{FDCF}' | '\u{FE70}'..='\u{FEFC}' | '\u{11000}'..='\u{11FFF}')
}

/// Pictures, arrows and signs that emoji are made of, with what may follow one.
const fn is_emoji_part(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' | '\u{FE0F}')
}

const fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}')
        && c != '\u{61C}'
}

const fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

const fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115E}' | '\u{1161}'..='\u{11FF}' | '\u{AC00}'..='\u{D7FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        runs(text).map(|(_, rule)| rule).collect()
    }

    #[test]
    fn each_begins_with_bytes_that_are_looked_for() {
        for character in ('\0'..=char::MAX).filter(|c| is_invisible(*c) || *c == BLACK_FLAG) {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes);
            assert!(may_begin_one(0, bytes[0], bytes[1]), "{character:?}");
        }
    }

    #[test]
    fn what_scripts_and_emoji_need_is_left_in_peace() {
        for text in [
            "👩‍👩‍👧 ❤️ 1️⃣ #️⃣ 🏳️‍🌈 👩🏽‍💻 🧑‍⚕️",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "می\u{200C}خواهم",
            "क\u{94D}\u{200D}ष",
            "\u{200F}שלום\u{200F}",
            "辻\u{E0100}",
            "ᠮ\u{180B}ᠣ",
            "한\u{1160} \u{115F}한",
            "Zürich, naïve, 中文, العربية v1.2",
        ] {
            assert_eq!(rules(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn what_hides_or_reorders_is_flagged_once_a_run() {
        for (text, expected) in [
            ("user\u{202E} // admin\u{2066}", vec!["bidi_control", "bidi_control"]),
            ("a\u{200F}b", vec!["bidi_control"]),
            ("bug\u{E0069}\u{E0067}\u{E006E}", vec!["tag_character"]),
            ("🏴\u{E0067}x\u{E0062}", vec!["tag_character"]),
            ("a\u{200B}\u{200C}\u{200B}b", vec!["invisible_character"]),
            ("ad\u{200D}min", vec!["invisible_character"]),
            ("می\u{200C}x", vec!["invisible_character"]),
            ("x\u{200C}می", vec!["invisible_character"]),
            ("x\u{1160}y", vec!["invisible_character"]),
            ("x\u{180B}", vec!["invisible_character"]),
            ("x\u{E0100}", vec!["invisible_character"]),
            ("ad\u{AD}min \u{FEFF}", vec!["invisible_character", "invisible_character"]),
            ("😀\u{E0153}\u{E0151}", vec!["invisible_character"]),
            ("x\u{FE0F}", vec!["invisible_character"]),
            ("❤\u{FE0F}\u{FE0E}", vec!["invisible_character"]),
            ("\u{2062}\u{2064}\u{E0001}", vec!["invisible_character", "tag_character"]),
        ] {
            assert_eq!(rules(text), expected, "{text:?}");
        }
        assert_eq!(rules("🏴 \u{E0067}"), ["tag_character"]);
        assert_eq!(runs("a\u{200B}\u{200B}b").next().map(|(range, _)| range), Some(1..7));
    }
}
