//! Character references, as far as an address can be spelled with them.

use std::str::Chars;

/// References that give a character an address needs; any other one stands for itself.
const NAMED: &[(&str, char)] = &[
    ("Tab;", '\t'),
    ("NewLine;", '\n'),
    ("colon;", ':'),
    ("comma;", ','),
    ("semi;", ';'),
    ("sol;", '/'),
    ("period;", '.'),
    ("plus;", '+'),
];
/// More digits than this, behind zeros, are no character.
const DIGITS: usize = 8;

/// The characters of `text` with its character references read.
pub(super) fn decode(text: &str) -> Decoded<'_> {
    Decoded { rest: text.chars() }
}

pub(super) struct Decoded<'a> {
    rest: Chars<'a>,
}

impl Iterator for Decoded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next != '&' {
            return Some(next);
        }
        let text = self.rest.as_str();
        let Some((decoded, length)) = numeric(text).or_else(|| named(text)) else { return Some('&') };
        self.rest = text[length..].chars();
        Some(decoded)
    }
}

fn named(text: &str) -> Option<(char, usize)> {
    let (name, character) = NAMED.iter().find(|(name, _)| text.starts_with(name))?;
    Some((*character, name.len()))
}

/// `#106`, `#x6a`, with or without the semicolon.
fn numeric(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix('#')?;
    let (digits, radix) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits[zeros..].bytes().take(DIGITS);
    let count = zeros + significant.take_while(|digit| char::from(*digit).is_digit(radix)).count();
    let number = u32::from_str_radix(&digits[..count], radix).ok()?;
    let length = text.len() - digits.len() + count;
    let semicolon = usize::from(text[length..].starts_with(';'));
    Some((char::from_u32(number)?, length + semicolon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_with_and_without_their_semicolon() {
        for (text, expected) in [
            ("&#106;avascript&colon;", "javascript:"),
            ("&#x6A;&#X61&#000000118x", "javx"),
            ("java&Tab;&NewLine;", "java\t\n"),
            ("&amp; & &#; &#x; &unknown; &#xD800;", "&amp; & &#; &#x; &unknown; &#xD800;"),
            ("&#99999999999;é", "&#99999999999;é"),
            (&format!("&#{}106;x", "0".repeat(100)), "jx"),
            ("&#0;&#x00;y", "\0\0y"),
        ] {
            assert_eq!(decode(text).collect::<String>(), expected, "{text}");
        }
    }
}
