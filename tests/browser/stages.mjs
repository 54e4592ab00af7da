// The two looks at HTML: how it is parsed, and what it does on a page that is shown.
import { openContext } from './browser.mjs';

const BATCH = 1000;

const START = {
  contentType: 'text/html',
  headers: { 'Content-Security-Policy-Report-Only': "default-src 'none'" },
  body: '<!doctype html><body></body>',
};

/** A function from pieces of HTML to their verdicts by `page/audit.js`. */
export async function auditor(browser, isMarkdown) {
  const context = await openContext(browser, 'audit.js', (route) => route.abort());
  const page = await context.newPage();
  await page.goto('about:blank');
  const audit = (pieces) =>
    page.evaluate(([pieces, isMarkdown]) => pieces.map((html) => audit(html, isMarkdown)), [pieces, isMarkdown]);
  return (pieces) => inBatches(pieces, audit);
}

/** A function from pieces of HTML to what each ran on a page by `page/watch.js`, or nothing. */
export async function witness(browser) {
  const context = await openContext(browser, 'watch.js', (route) => route.abort());
  const watch = async (pieces) => {
    const ran = await show(context, pieces);
    if (ran.length === 0) return pieces.map(() => undefined);
    if (pieces.length === 1) return [ran[0]];
    // Somebody in the batch ran something: halve it until it is known who.
    const half = pieces.length >> 1;
    return [...await watch(pieces.slice(0, half)), ...await watch(pieces.slice(half))];
  };
  return (pieces) => inBatches(pieces, watch);
}

async function show(context, pieces) {
  const page = await context.newPage();
  page.on('dialog', (dialog) => dialog.dismiss());
  page.on('popup', (popup) => popup.close());
  // An aborted navigation leaves the page where it is; a failed one would replace it.
  await page.route('**/*', (route) => route.abort('aborted'));
  await page.route('**/*', (route) => route.fulfill(START), { times: 1 });
  await page.goto('http://judge.test/');
  try {
    return await page.evaluate((pieces) => show(pieces), pieces);
  } catch (error) {
    return [`the page was left: ${error.message.split('\n')[0]}`];
  } finally {
    await page.close();
  }
}

async function inBatches(pieces, judge) {
  const verdicts = [];
  for (let start = 0; start < pieces.length; start += BATCH) {
    verdicts.push(...await judge(pieces.slice(start, start + BATCH)));
  }
  return verdicts;
}
