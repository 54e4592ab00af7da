//! The tags of a text: every `<` from which a tag could be read, and what it could do.

use std::collections::BTreeSet;

use memchr::memchr;

use super::{
    entities,
    rule::{self, Harm},
    url,
};
use crate::scan;

/// No element that does something by itself has a shorter name.
const SHORTEST: usize = 3;
/// One more byte than any name has that does something: what is longer is cut to this.
const LONGEST: usize = 17;

/// The tags of one text that do something, and the names they have.
pub(super) struct Tags<'a> {
    text: &'a [u8],
    harmful: Vec<(usize, Harm)>,
    names: BTreeSet<Name>,
    /// How many start tags the text could have.
    pub(super) opened: usize,
}

impl<'a> Tags<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut tags = Self { text: text.as_bytes(), harmful: Vec::new(), names: BTreeSet::new(), opened: 0 };
        let mut attributes = Attributes { text, known: Vec::new(), read: Vec::new() };
        let mut names = NameEnds { text: tags.text, end: 0 };
        // Documents repeat their elements: one of the same name as the last is not judged again.
        let mut last: (&[u8], Harm) = (b"", Harm::None);
        for at in scan::places(tags.text, |_, byte, behind| (byte == b'<') & behind.is_ascii_alphabetic()) {
            tags.opened += 1;
            let end = names.end(at + 1);
            let by_attributes = attributes.harm(end);
            if by_attributes == Harm::None && end - (at + 1) < SHORTEST {
                continue;
            }
            let written = &tags.text[at + 1..end];
            if by_attributes == Harm::None && written == last.0 {
                tags.harmful.extend((last.1 > Harm::None).then_some((at, last.1)));
                continue;
            }
            let name = Name::of(written);
            let harm = rule::of_tag(name.as_slice(), by_attributes).max(autolink(text, at, name));
            if harm > Harm::None {
                tags.harmful.push((at, harm));
                tags.names.insert(name);
            }
            // A link is judged by what follows its name, too.
            if by_attributes == Harm::None && !written.contains(&b':') {
                last = (written, harm);
            }
        }
        tags
    }

    pub(super) fn worst(&self) -> Harm {
        self.harmful.iter().map(|(_, harm)| *harm).max().unwrap_or(Harm::None)
    }

    /// The `<` that are escaped in a text that acts: harmful tags, what ends them or something
    /// around the text, and comments.
    pub(super) fn escaped(&self) -> impl Iterator<Item = usize> {
        let mut harmful = self.harmful.iter().map(|(at, _)| *at).peekable();
        let openings = scan::places(self.text, |_, byte, behind| (byte == b'<') & (behind != b'<'));
        openings.filter(move |&at| match self.text.get(at + 1) {
            Some(b'!' | b'?') => true,
            Some(b'/') => {
                let name = &self.text[at + 2..self.text.len().min(at + 2 + LONGEST)];
                let name = Name::of(name.split(|byte| ends_name(*byte)).next().unwrap_or_default());
                rule::of_element(name.as_slice()) > Harm::None || self.names.contains(&name)
            }
            _ => harmful.next_if_eq(&at).is_some(),
        })
    }
}

/// `<javascript:…>` at `at` is no element that does something, but a link in Markdown.
fn autolink(text: &str, at: usize, name: Name) -> Harm {
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>');
    let dangerous = || url::is_dangerous(text[at + 1..].chars().take_while(|c| !ends(*c)));
    // The shortest such scheme with its colon.
    let long_enough = name.length >= "data:".len();
    if long_enough && name.as_slice().contains(&b':') && dangerous() { Harm::Active } else { Harm::None }
}

/// The beginning of a name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Name {
    fn of(name: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        for (place, byte) in bytes.iter_mut().zip(name) {
            *place = byte.to_ascii_lowercase();
        }
        Self { bytes, length: name.len().min(LONGEST) }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

const fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'>')
}

/// Where names end, for starts that only go up: a name in which others begin is read once.
struct NameEnds<'a> {
    text: &'a [u8],
    end: usize,
}

impl NameEnds<'_> {
    fn end(&mut self, start: usize) -> usize {
        if start >= self.end {
            let rest = &self.text[start..];
            self.end = start + rest.iter().position(|byte| ends_name(*byte)).unwrap_or(rest.len());
        }
        self.end
    }
}

/// What the attributes from a place to the end of their tag do.
///
/// A tag may lie inside another one's attributes; from the first attribute that both read on,
/// they are the same. Each is therefore read once, and the work is linear.
struct Attributes<'a> {
    text: &'a str,
    /// By place, what was found from there: nothing, or a harm.
    known: Vec<Option<Harm>>,
    /// The attributes of the tag being read: places, and what each does.
    read: Vec<(usize, Harm)>,
}

impl Attributes<'_> {
    fn harm(&mut self, from: usize) -> Harm {
        if self.text.as_bytes().get(from).is_none_or(|byte| *byte == b'>') {
            return Harm::None;
        }
        self.read.clear();
        let mut at = self.skip(from);
        let mut harm = Harm::None;
        while self.text.as_bytes().get(at).is_some_and(|byte| *byte != b'>') {
            if let Some(known) = self.known.get(at).copied().flatten() {
                harm = known;
                break;
            }
            let (found, end) = self.attribute(at);
            self.read.push((at, found));
            at = self.skip(end);
        }
        if !self.read.is_empty() && self.known.is_empty() {
            self.known = vec![None; self.text.len()];
        }
        for &(at, found) in self.read.iter().rev() {
            harm = harm.max(found);
            self.known[at] = Some(harm);
        }
        harm
    }

    /// Past what may stand between attributes.
    fn skip(&self, from: usize) -> usize {
        let rest = &self.text.as_bytes()[from..];
        from + rest.iter().position(|byte| !is_space(*byte) && *byte != b'/').unwrap_or(rest.len())
    }

    /// The harm of the attribute at `at`, and where it ends.
    fn attribute(&self, at: usize) -> (Harm, usize) {
        let bytes = self.text.as_bytes();
        // An equals sign at the beginning belongs to the name.
        let name_end = position(bytes, at + 1, |byte| ends_name(byte) || byte == b'=');
        let equals = position(bytes, name_end, |byte| !is_space(byte));
        let (value, end) =
            if bytes.get(equals) == Some(&b'=') { self.value(equals + 1) } else { (None, name_end) };
        // Where the text ends within a tag, what follows the text in a page goes on with it.
        let has_value = value.is_some_and(|value| !value.is_empty() || end == bytes.len());
        let dangerous = value.is_some_and(|value| url::is_dangerous(entities::decode(value)));
        let harm = if dangerous {
            Harm::Active
        } else if bytes[at].is_ascii_alphabetic() {
            rule::of_attribute(Name::of(&bytes[at..name_end]).as_slice(), has_value)
        } else {
            Harm::None
        };
        (harm, end)
    }

    /// The value after an equals sign, and where it ends.
    fn value(&self, from: usize) -> (Option<&str>, usize) {
        let bytes = self.text.as_bytes();
        let start = position(bytes, from, |byte| !is_space(byte));
        match bytes.get(start) {
            None => (Some(""), start),
            Some(b'>') => (None, start),
            Some(quote @ (b'"' | b'\'')) => {
                let value = &self.text[start + 1..];
                match memchr(*quote, value.as_bytes()) {
                    Some(length) => (Some(&value[..length]), start + 1 + length + 1),
                    None => (Some(value), bytes.len()),
                }
            }
            Some(_) => {
                let end = position(bytes, start, |byte| is_space(byte) || byte == b'>');
                (Some(&self.text[start..end]), end)
            }
        }
    }
}

fn position(bytes: &[u8], from: usize, found: impl Fn(u8) -> bool) -> usize {
    (from..bytes.len()).find(|at| found(bytes[*at])).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harms(text: &str) -> Vec<(usize, Harm)> {
        Tags::of(text).harmful
    }

    #[test]
    fn a_tag_is_judged_by_its_name_and_its_attributes() {
        for (text, harm) in [
            ("<SCRIPT>", Some(Harm::Active)),
            ("<script/x>", Some(Harm::Active)),
            ("<img>", Some(Harm::Markup)),
            ("<b x onclick=y>", Some(Harm::Active)),
            ("<b ONCLICK = \"y\">", Some(Harm::Active)),
            ("<b/onclick='y'>", Some(Harm::Active)),
            ("<b once>", Some(Harm::Markup)),
            ("<b on>", None),
            ("<b on=x>", None),
            ("<b x=\"a > b\" class=c>", Some(Harm::Markup)),
            ("<b x='a' class=\"\" id>", None),
            ("<b x autofocus>", Some(Harm::Markup)),
            ("<b class=>class=c", None),
            ("<b class=", Some(Harm::Markup)),
            ("<b class='", Some(Harm::Markup)),
            ("<b =class=c>", None),
            ("<b =javascript:c>", None),
            ("<b x=class=c>", None),
            ("<b x = javascript:y>", Some(Harm::Active)),
            ("<b x=\"data:text/html,y\">", Some(Harm::Active)),
            ("<p name=x>", Some(Harm::Markup)),
            ("<p name>", None),
            ("<b srcdoc=x>", Some(Harm::Active)),
            ("<b srcdoc>", None),
            ("<invoke name=x>", None),
            ("<invoke name=x id=y>", Some(Harm::Markup)),
            ("<data:text/html,x>", Some(Harm::Active)),
            ("<data:item/>", None),
            ("<data:\ntext/html,x>", None),
            ("<b x='", None),
            ("<b x='javascript:", Some(Harm::Active)),
            ("<scripts>", None),
            ("<b>", None),
            ("</script>", None),
            ("< script>", None),
            ("<b> class=c", None),
            ("<averyveryverylongname class=x>", Some(Harm::Markup)),
            ("<b onaveryveryverylongname=x>", Some(Harm::Active)),
        ] {
            assert_eq!(harms(text).first().map(|(_, harm)| *harm), harm, "{text}");
        }
    }

    #[test]
    fn a_tag_inside_another_is_seen() {
        assert_eq!(harms("<x y='<img>' z=<script>"), [(6, Harm::Markup), (15, Harm::Active)]);
        assert_eq!(harms("<!-- <script> -->"), [(5, Harm::Active)]);
        assert_eq!(harms("<a <b <c onclick=x>").len(), 3);
        assert_eq!(harms("<a<b<c onclick=x>").len(), 3);
    }

    #[test]
    fn a_tag_of_the_same_name_is_judged_by_what_is_its_own() {
        assert_eq!(harms("<div><div>"), []);
        assert_eq!(harms("<div><div class=x>"), [(5, Harm::Markup)]);
        assert_eq!(harms("<div class=x><div>"), [(0, Harm::Markup)]);
        assert_eq!(harms("<data:image/png,x><data:image/svg+xml,x>"), [(18, Harm::Active)]);
    }

    #[test]
    fn ends_and_comments_go_with_harmful_tags() {
        let text = "<i class=x></i></b></title><!--<?x";
        let tags = Tags::of(text);
        assert_eq!(tags.escaped().collect::<Vec<_>>(), [0, 11, 19, 27, 31]);
        let long = "</averyveryverylongname><averyveryverylongname class=x>";
        assert_eq!(Tags::of(long).escaped().collect::<Vec<_>>(), [0, 24]);
    }
}
