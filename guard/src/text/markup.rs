//! What a browser would act on, and the characters that make it act.
//!
//! Every `<` that could open a tag is judged on its own, wherever it stands: where an attribute,
//! a comment or a line of code ends is what browsers, Markdown renderers and sanitizers disagree
//! about. A tag that can run or load something is escaped anywhere. One that merely changes how
//! a page looks is escaped when a browser's parser puts it into the tree, so that a mention in a
//! comment, or a table cell without a table, stays as it is.

mod entities;
mod links;
mod rule;
mod tags;
mod tree;
mod url;

use self::{rule::Harm, tags::Tags};
use super::inspection::Change;

/// Beyond this many tags no tree is built: a parser's work can grow with their square.
const PARSED: usize = 256;

/// The changes after which no browser acts on `text`, which holds no control characters.
pub(super) fn escapes(text: &str) -> Vec<Change> {
    let mut changes = tag_escapes(text);
    let links = links::escapes(text);
    if !links.is_empty() {
        changes.extend(links);
        changes.sort_unstable_by_key(|change| change.range.start);
    }
    changes
}

fn tag_escapes(text: &str) -> Vec<Change> {
    let tags = Tags::of(text);
    let acts = match tags.worst() {
        Harm::None | Harm::Naming => false,
        Harm::Markup => tags.opened > PARSED || !tree::is_inert(text),
        Harm::Active => true,
    };
    if !acts {
        return Vec::new();
    }
    tags.escaped().map(|at| Change { range: at..at + 1, rule: "markup", with: "&lt;" }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::inspection::apply, *};

    fn escaped(text: &str) -> String {
        apply(text, &escapes(text)).into_owned()
    }

    #[test]
    fn code_and_prose_stay_as_they_are() {
        for text in [
            "Vec<String>, HashMap<K, Vec<T>>",
            "<T as Trait>::Item",
            "template<typename T, class U = void>",
            "if a <b && c> d",
            "<https://example.com/a?b=c&d=e>",
            "{{ template }} ${HOME} <%= erb %>",
            "<function_calls><invoke name=\"bash\"></invoke></function_calls>",
            "<b>bold</b> <br> <details><summary>More</summary></details>",
            "<!-- what changed and why -->",
            "<!-- <img src=x> -->",
            "a</div> and \"</script>\" alone",
            "<td class=\"wide\">a cell without a table</td>",
            "[docs](https://example.com) [mail](mailto:a@example.com) a[i](data: b)",
            "![pixel](data:image/png;base64,AAAA)",
            "tool [--flag=<value>] <path>",
            "a < b, a<=b, <3, <- and ->, <<EOF",
        ] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn exactly_what_acts_is_escaped() {
        for (text, expected) in [
            ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
            ("a <b>c</b> <img src=x onerror=alert(1)>", "a <b>c</b> &lt;img src=x onerror=alert(1)>"),
            ("<a href=x>y</a> Vec<String>", "&lt;a href=x>y&lt;/a> Vec<String>"),
            ("<b onclick='x'>", "&lt;b onclick='x'>"),
            ("<x y=\" java&Tab;script:z\">", "&lt;x y=\" java&Tab;script:z\">"),
            ("</textarea><script>", "&lt;/textarea>&lt;script>"),
            ("<!-- --><input>", "&lt;!-- -->&lt;input>"),
            ("<body class=x>", "&lt;body class=x>"),
            ("<img src=x", "&lt;img src=x"),
            ("<table><td class=x>", "<table>&lt;td class=x>"),
            ("`<!--` <img src=x onerror=alert(1)> -->", "`&lt;!--` &lt;img src=x onerror=alert(1)> -->"),
            ("<x y=\"<script>\">", "<x y=\"&lt;script>\">"),
            ("<javascript:alert(1)>", "&lt;javascript:alert(1)>"),
            ("[x](javascript:alert(1))", "[x]&#40;javascript:alert(1))"),
            ("[x]: javascript:alert(1)", "[x]&#58; javascript:alert(1)"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn a_text_of_too_many_tags_is_not_parsed_and_not_trusted() {
        let hidden = |tags: usize| format!("<!-- {} <img src=x> -->", "<b> ".repeat(tags));
        assert_eq!(escapes(&hidden(PARSED - 1)), []);
        assert_eq!(escapes(&hidden(PARSED)).len(), 2);
    }

    proptest! {
        #[test]
        fn what_is_left_is_inert_in_a_browsers_tree(
            text in "(?:[a-z <>=/\"'`!-]|<[a-z/!]|on[a-z]=|<(?:svg|math|style|p|table|td|a|script|img|textarea|select|template)| (?:href|src|style)=|-->|<!--){0,40}"
        ) {
            let once = escaped(&text);
            prop_assert!(tree::is_inert(&once), "{once}");
            prop_assert_eq!(escaped(&once), once);
        }
    }
}
