// What a browser makes of a piece of HTML: `active` when something in it can run, `markup` when
// it loads, submits, restyles, names or swallows what is around it, and otherwise `inert`: text,
// comments, unknown elements such as `Vec<String>`, and plain ones such as <b> and <table>.
//
// Runs inside the page, on documents that are never shown, so that nothing runs. It reads by the
// prototypes' getters: a payload can shadow `element.attributes` with <input name=attributes>.
(() => {
  const ELEMENTS = new Set([
    'script', 'style', 'link', 'meta', 'base', 'title', 'template',
    'svg', 'math', 'img', 'video', 'audio', 'bgsound', 'marquee',
    'iframe', 'frame', 'frameset', 'object', 'embed', 'applet',
    'form', 'input', 'button', 'select', 'textarea',
    'noscript', 'noembed', 'noframes', 'xmp', 'plaintext',
  ]);
  const ATTRIBUTES = new Set([
    'id', 'name', 'class', 'style', 'is', 'href', 'src', 'srcset', 'background', 'poster', 'action', 'form',
    'contenteditable', 'autofocus',
  ]);
  // Those that Markdown's own syntax makes: links, pictures, the language of a code block, the
  // alignment of a column, the boxes of a task list.
  const MARKDOWN = [
    /^<a href=/, /^<img src=/, /^<code class=language-/, /^<t[hd] style=text-align: ?\w+;?$/,
    /^<img$/, /^<input$/,
  ];
  const HANDLER = /^on/;
  const RUNS = /^(?:javascript|vbscript|data):/i;
  const PICTURE = /^data:image\/(?:png|gif|jpeg|webp)[;,]/i;

  const getter = (prototype, name) => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, name);
    return (object) => get.call(object);
  };
  const attributesOf = getter(Element.prototype, 'attributes');
  const nameOf = getter(Element.prototype, 'localName');
  const contentOf = getter(HTMLTemplateElement.prototype, 'content');

  function* elements(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    while (walker.nextNode()) {
      const element = walker.currentNode;
      yield element;
      if (element instanceof HTMLTemplateElement) yield* elements(contentOf(element));
    }
  }

  function canRun(name, value) {
    // A URL is read without the controls and spaces before it and the line breaks within it.
    const url = value.replace(/[\0- ]/g, '');
    return (HANDLER.test(name) && value !== '') || name === 'srcdoc' || (RUNS.test(url) && !PICTURE.test(url));
  }

  // Yields each finding as [verdict, what was found].
  function* findings(root) {
    for (const element of elements(root)) {
      const tag = `<${nameOf(element)}`;
      if (tag === '<script') yield ['active', tag];
      if (ELEMENTS.has(nameOf(element))) yield ['markup', tag];
      for (const { name, value } of attributesOf(element)) {
        const found = `${tag} ${name}=${value}`;
        if (canRun(name, value)) yield ['active', found];
        else if (ATTRIBUTES.has(name) || HANDLER.test(name)) yield ['markup', found];
      }
    }
  }

  // As a fragment, as a fragment that was written out and read again, and as a whole document:
  // the three are parsed by different rules, which is what mutation attacks live on.
  function* documents(html) {
    const inert = document.implementation.createHTMLDocument('');
    const [first, second] = [inert.createElement('div'), inert.createElement('div')];
    first.innerHTML = html;
    yield first;
    second.innerHTML = first.innerHTML;
    yield second;
    const page = `<!doctype html><html><head></head><body><div>${html}</div></body></html>`;
    yield new DOMParser().parseFromString(page, 'text/html');
  }

  /** The verdict on `html`, and the first finding that led to it. */
  function audit(html, isMarkdown) {
    let verdict = { verdict: 'inert' };
    for (const root of documents(html)) {
      for (const [kind, found] of findings(root)) {
        if (kind === 'active') return { verdict: kind, found };
        const isOrdinary = isMarkdown && MARKDOWN.some((ordinary) => ordinary.test(found));
        if (verdict.verdict === 'inert' && !isOrdinary) verdict = { verdict: kind, found };
      }
    }
    return verdict;
  }

  globalThis.audit = audit;
})();
