// Judges texts by what Chromium makes of them: node judge.mjs SINK [watch] < ROWS
// Rows are JSON Lines of {id, text}; the answer has {id, verdict, found} for each, in order.
// With `watch` every text is shown, and only what runs is found: the watch's own control.
import { readFileSync } from 'node:fs';
import { withBrowser } from './browser.mjs';
import { SINKS } from './sinks.mjs';
import { auditor, witness } from './stages.mjs';

async function judge(browser, sink, texts) {
  const pieces = texts.map(sink.toHtml);
  const audit = await auditor(browser, sink.isMarkdown);
  const verdicts = await audit(pieces);
  // What the audit finds wanting is not let loose.
  const inert = [...pieces.keys()].filter((index) => verdicts[index].verdict === 'inert');
  const shown = await watch(browser, inert.map((index) => pieces[index]));
  inert.forEach((index, n) => { verdicts[index] = shown[n]; });
  return verdicts;
}

async function watch(browser, pieces) {
  const look = await witness(browser);
  const ran = await look(pieces);
  return ran.map((found) => (found ? { verdict: 'active', found } : { verdict: 'inert' }));
}

const [name, only] = process.argv.slice(2);
const sink = SINKS[name];
if (!sink) throw new Error(`no sink ${name}: it is ${Object.keys(SINKS).join(', ')}`);
const rows = readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const texts = rows.map((row) => row.text);
const verdicts = await withBrowser((browser) =>
  only === 'watch' ? watch(browser, texts.map(sink.toHtml)) : judge(browser, sink, texts));
rows.forEach(({ id }, index) => console.log(JSON.stringify({ id, ...verdicts[index] })));
