// Notes whatever a document runs, or would run if its policy let it. The policy it is served with
// makes the browser tell: it reports each script, handler, javascript: address and fetch that it forbids.
(() => {
  const ran = [];
  for (const name of ['alert', 'confirm', 'prompt', 'print', 'open']) {
    globalThis[name] = () => void ran.push(`${name}()`);
  }
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) => {
    if (/^(?:script|connect)-src/.test(effectiveDirective)) ran.push(`${effectiveDirective} ${blockedURI} ${sample}`);
  }, true);

  const pause = () => new Promise((resume) => setTimeout(resume, 40));

  // An ordinary link would lead away before the others had their turn.
  const leadsAway = (element) => element instanceof HTMLAnchorElement && element.protocol !== 'javascript:';

  function provoke(element) {
    for (const type of ['focus', 'mouseover', 'toggle']) {
      EventTarget.prototype.dispatchEvent.call(element, new Event(type));
    }
    if (element instanceof HTMLElement && !leadsAway(element)) HTMLElement.prototype.click.call(element);
  }

  /** What ran so far. */
  globalThis.ran = () => ran;

  /** Puts each piece of HTML into the document, does what a visitor may do, and says what ran. */
  globalThis.show = async (pieces) => {
    const root = document.body.appendChild(document.createElement('main'));
    for (const html of pieces) root.appendChild(document.createElement('div')).innerHTML = html;
    await pause();
    for (const element of [...root.getElementsByTagName('*')]) provoke(element);
    await pause();
    return ran;
  };
})();
