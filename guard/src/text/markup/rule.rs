//! What an element or an attribute can do in a page.
//!
//! The lists follow what browsers do, measured on Chromium: an element that is named in neither,
//! such as the `<string>` of `Vec<String>`, and an attribute that is not, do nothing.

/// What a tag can do, from nothing to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Harm {
    /// Text in a page stays text.
    None,
    /// Names an element of HTML. On any other, as the `<invoke name="…">` that assistants write,
    /// it does nothing.
    Naming,
    /// Changes how the page looks, or what its parts are called.
    Markup,
    /// Runs or loads something, or changes how what follows is parsed.
    Active,
}

/// What a tag does whose attributes do `attributes`, by its name in lower case.
pub(super) fn of_tag(name: &[u8], attributes: Harm) -> Harm {
    let attributes = match attributes {
        Harm::Naming if is_plain_html(name) => Harm::Markup,
        Harm::Naming => Harm::None,
        other => other,
    };
    of_element(name).max(attributes)
}

/// What an element does by its name alone, in lower case.
pub(super) fn of_element(name: &[u8]) -> Harm {
    match name {
        b"script" | b"style" | b"link" | b"meta" | b"base" | b"iframe" | b"frame" | b"frameset"
        | b"object" | b"embed" | b"applet" | b"portal" | b"svg" | b"math" | b"template" | b"noscript"
        | b"noembed" | b"noframes" | b"xmp" | b"plaintext" => Harm::Active,
        b"img" | b"image" | b"video" | b"audio" | b"track" | b"bgsound" | b"canvas" | b"marquee"
        | b"form" | b"input" | b"button" | b"select" | b"textarea" | b"keygen" | b"isindex" | b"title" => {
            Harm::Markup
        }
        _ => Harm::None,
    }
}

/// What an attribute does by its name, in lower case, on whatever element. Without a value, as
/// the `class` of `<typename T, class U>`, most do nothing.
pub(super) fn of_attribute(name: &[u8], has_value: bool) -> Harm {
    match name {
        [b'o', b'n', _, ..] if has_value => Harm::Active,
        b"srcdoc" if has_value => Harm::Active,
        b"name" if has_value => Harm::Naming,
        b"style" | b"id" | b"class" | b"is" | b"href" | b"src" | b"srcset" | b"poster" | b"background"
        | b"action" | b"formaction" | b"popovertarget"
            if has_value =>
        {
            Harm::Markup
        }
        [b'o', b'n', _, ..] | b"contenteditable" | b"autofocus" | b"popover" => Harm::Markup,
        _ => Harm::None,
    }
}

/// Whether it is an element of HTML that does nothing by itself.
fn is_plain_html(name: &[u8]) -> bool {
    const NAMES: &str = " a abbr acronym address area article aside b bdi bdo big blockquote body br caption \
        center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em fieldset \
        figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hgroup hr html i ins kbd label legend li \
        main map mark menu meter nav nobr ol optgroup option output p param picture pre progress q rb rp rt \
        rtc ruby s samp search section slot small source span strike strong sub summary sup table tbody td \
        tfoot th thead time tr tt u ul var wbr ";
    std::str::from_utf8(name).is_ok_and(|name| NAMES.split(' ').any(|known| known == name))
}
