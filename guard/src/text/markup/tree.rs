//! The judge: a browser's parser, asked whether anything in its tree does something.

use std::{borrow::Cow, cell::Cell, rc::Rc};

use html5ever::{
    Attribute, ExpandedName, ParseOpts, Parser, QualName,
    interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink},
    local_name, ns, parse_document, parse_fragment,
    tendril::{StrTendril, TendrilSink},
};

use super::{
    rule::{self, Harm},
    url,
};

/// The text is parsed in pieces, so that the first thing found ends the work.
const PIECE: usize = 4096;

/// Whether the tree of `text` does nothing, both as the content of an element and in the middle
/// of a page.
pub(super) fn is_inert(text: &str) -> bool {
    let name = QualName::new(None, ns!(html), local_name!("div"));
    let as_content = parse_fragment(Judge::default(), ParseOpts::default(), name, Vec::new(), true);
    reads_inert(as_content, &[text])
        && reads_inert(
            parse_document(Judge::default(), ParseOpts::default()),
            &["<!doctype html><body><div>", text, "</div></body>"],
        )
}

fn reads_inert(mut parser: Parser<Judge>, texts: &[&str]) -> bool {
    for piece in texts.iter().flat_map(|text| pieces(text)) {
        parser.process(StrTendril::from(piece));
        if parser.tokenizer.sink.sink.acts.get() {
            return false;
        }
    }
    parser.finish()
}

fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A tree that is not kept: elements are judged as they are made.
struct Judge {
    document: Rc<QualName>,
    acts: Cell<bool>,
}

impl Default for Judge {
    fn default() -> Self {
        let document = Rc::new(QualName::new(None, ns!(), local_name!("")));
        Self { document, acts: Cell::new(false) }
    }
}

impl Judge {
    fn judge(&self, name: &QualName, attributes: &[Attribute]) {
        let harm = |attribute: &Attribute| {
            let by_name = rule::of_attribute(attribute.name.local.as_bytes(), !attribute.value.is_empty());
            if url::is_dangerous(attribute.value.chars()) { Harm::Active } else { by_name }
        };
        let attributes = attributes.iter().map(harm).max().unwrap_or(Harm::None);
        let acts = name.ns != ns!(html) || rule::of_tag(name.local.as_bytes(), attributes) > Harm::None;
        self.acts.set(self.acts.get() || acts);
    }
}

impl TreeSink for Judge {
    type Handle = Rc<QualName>;
    type Output = bool;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> bool {
        !self.acts.get()
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> Rc<QualName> {
        self.judge(&name, &attributes);
        Rc::new(name)
    }

    fn add_attrs_if_missing(&self, target: &Rc<QualName>, attributes: Vec<Attribute>) {
        self.judge(target, &attributes);
    }

    fn elem_name<'a>(&'a self, target: &'a Rc<QualName>) -> ExpandedName<'a> {
        target.expanded()
    }

    fn same_node(&self, one: &Rc<QualName>, other: &Rc<QualName>) -> bool {
        Rc::ptr_eq(one, other)
    }

    fn get_document(&self) -> Rc<QualName> {
        self.document.clone()
    }

    fn get_template_contents(&self, target: &Rc<QualName>) -> Rc<QualName> {
        target.clone()
    }

    fn create_comment(&self, _: StrTendril) -> Rc<QualName> {
        self.document.clone()
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Rc<QualName> {
        self.document.clone()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}
    fn append(&self, _: &Rc<QualName>, _: NodeOrText<Rc<QualName>>) {}
    fn append_based_on_parent_node(&self, _: &Rc<QualName>, _: &Rc<QualName>, _: NodeOrText<Rc<QualName>>) {}
    fn append_before_sibling(&self, _: &Rc<QualName>, _: NodeOrText<Rc<QualName>>) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn set_quirks_mode(&self, _: QuirksMode) {}
    fn remove_from_parent(&self, _: &Rc<QualName>) {}
    fn reparent_children(&self, _: &Rc<QualName>, _: &Rc<QualName>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_browser_drops_is_inert() {
        for text in
            ["<td class=x>", "<!-- <img> -->", "<x y='<img>'>", "<p>a</p><string>", "</textarea>", "a<img"]
        {
            assert!(is_inert(text), "{text}");
        }
    }

    #[test]
    fn what_reaches_the_tree_is_not() {
        for text in [
            "<img>",
            "<table><td class=x>",
            "<body class=x>",
            "<html class=x>",
            "<b style=x>",
            "<svg><x>",
            "<b x=javascript:y>",
            "<img src=x",
            &format!("{}<img>", "é".repeat(PIECE)),
        ] {
            assert!(!is_inert(text), "{text}");
        }
    }
}
