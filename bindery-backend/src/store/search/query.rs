//! From what a person types to what the full-text index understands.

/// A search, read from its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// What the index could know, each as an FTS5 expression: words, beginnings and phrases.
    pub(super) words: Vec<String>,
    /// The terms as they were typed, to be looked for letter by letter.
    pub(super) terms: Vec<String>,
    /// Whether it has letters of a script that is written without spaces. The index takes a whole
    /// run of those for one word and does not find a part of it.
    pub(super) spaceless: bool,
}

/// One term: a word, a beginning (`word*`) or a `"phrase"`.
struct Term {
    text: String,
    is_beginning: bool,
}

impl Query {
    /// Reads `text`. Every text is a search: operators of FTS5 are words like any other, and quotes
    /// that do not close end with the text.
    pub(super) fn read(text: &str) -> Self {
        let terms = terms(text);
        Self {
            words: terms.iter().filter(|term| has_word(&term.text)).map(expression).collect(),
            terms: terms.into_iter().map(|term| term.text).collect(),
            spaceless: text.chars().any(is_spaceless),
        }
    }

    /// What finds texts that have all words; absent when there are none.
    pub(super) fn expression(&self) -> Option<String> {
        if self.words.is_empty() { None } else { Some(all_of(&self.words)) }
    }
}

/// The expression that finds what has all these words.
pub(super) fn all_of(words: &[String]) -> String {
    words.join(" ")
}

fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for (place, part) in text.split('"').enumerate() {
        if place % 2 == 1 {
            push(&mut terms, part.trim(), false);
            continue;
        }
        for word in part.split_whitespace() {
            match word.strip_suffix('*') {
                Some(beginning) if has_word(beginning) => push(&mut terms, beginning, true),
                _ => push(&mut terms, word, false),
            }
        }
    }
    terms
}

fn push(terms: &mut Vec<Term>, text: &str, is_beginning: bool) {
    if !text.is_empty() {
        terms.push(Term { text: text.to_owned(), is_beginning });
    }
}

/// The index knows words made of letters and digits; all else separates them.
fn has_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Quoted, no character has a meaning of its own; a quote cannot occur, the text was split at them.
fn expression(term: &Term) -> String {
    // A NUL would end the expression early. It separates words, as a space does.
    let text = term.text.replace('\0', " ");
    if term.is_beginning { format!("\"{text}\"*") } else { format!("\"{text}\"") }
}

/// Thai, Lao, Burmese, Khmer, and everything from the CJK blocks on.
fn is_spaceless(letter: char) -> bool {
    letter.is_alphabetic()
        && matches!(letter, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expression_of(text: &str) -> Option<String> {
        Query::read(text).expression()
    }

    #[test]
    fn words_phrases_and_beginnings_are_quoted() {
        assert_eq!(
            expression_of("fix \"login page\" auth*").as_deref(),
            Some("\"fix\" \"login page\" \"auth\"*")
        );
    }

    #[test]
    fn operators_of_the_index_are_only_words() {
        assert_eq!(expression_of("a OR title:b ^c").as_deref(), Some("\"a\" \"OR\" \"title:b\" \"^c\""));
    }

    #[test]
    fn a_text_without_words_has_terms_but_no_expression() {
        let query = Query::read("{{ }} // *");
        assert_eq!(query.expression(), None);
        assert_eq!(query.terms, ["{{", "}}", "//", "*"]);
    }

    #[test]
    fn scripts_without_spaces_are_noticed() {
        assert!(Query::read("登录").spaceless);
        assert!(!Query::read("naïve Straße 2026").spaceless);
    }

    proptest! {
        #[test]
        fn quotes_are_always_balanced(text in "\\PC{0,60}") {
            if let Some(expression) = expression_of(&text) {
                prop_assert_eq!(expression.matches('"').count() % 2, 0);
            }
        }
    }
}
