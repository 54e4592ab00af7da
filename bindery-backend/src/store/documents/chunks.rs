//! Cutting a text into chunks that a search can point at.

/// How long a chunk becomes, in bytes, when the text lets it.
const CHUNK: usize = 1200;

/// How much of the end of a chunk comes again in the next, so that no phrase is cut in two.
const OVERLAP: usize = 120;

/// Cuts `text` at paragraphs where possible, else at lines, sentences or words. The chunks cover it
/// all; what is blank gives none.
pub(super) fn cut(text: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = end_of_chunk(text, start);
        let chunk = text[start..end].trim();
        if !chunk.is_empty() {
            chunks.push(chunk);
        }
        start = if end == text.len() { end } else { overlap(text, start, end) };
    }
    chunks
}

/// Where the chunk that begins at `start` ends: after the last good break in its second half.
fn end_of_chunk(text: &str, start: usize) -> usize {
    let limit = text.floor_char_boundary(start.saturating_add(CHUNK));
    if limit == text.len() {
        return limit;
    }
    let middle = text.floor_char_boundary(start + CHUNK / 2);
    ["\n\n", "\n", ". ", " "]
        .into_iter()
        .find_map(|mark| text[middle..limit].rfind(mark).map(|at| middle + at + mark.len()))
        .unwrap_or(limit)
}

/// Where the chunk after the one from `start` to `end` begins: at a word in the last part of it, or
/// at its end when no word begins there.
fn overlap(text: &str, start: usize, end: usize) -> usize {
    let from = text.ceil_char_boundary(end.saturating_sub(OVERLAP).max(start + 1));
    text[from..end].find(char::is_whitespace).map_or(end, |at| text.ceil_char_boundary(from + at + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_word_is_in_some_chunk_and_no_chunk_is_too_long(text in "([a-zé漢]{1,9}[ \n.]{1,3}){0,900}") {
            let chunks = cut(&text);
            for word in text.split_whitespace() {
                prop_assert!(chunks.iter().any(|chunk| chunk.contains(word)), "{}", word);
            }
            prop_assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK));
        }
    }

    #[test]
    fn a_text_without_any_break_is_cut_between_characters() {
        let text = "漢".repeat(3000);
        assert_eq!(cut(&text).concat(), text);
    }

    #[test]
    fn paragraphs_stay_whole_when_they_fit() {
        let text = format!("{}\n\n{}", "a ".repeat(400), "b ".repeat(400));
        let chunks = cut(&text);
        assert!(!chunks[0].contains('b'));
    }
}
