// Judges texts by what Chromium makes of them: node judge.mjs SINK [audit|watch] < ROWS
// Rows are JSON Lines of {id, text}; the answer has {id, verdict, found} for each, in order.
// `audit` only parses them; `watch` only shows them, dangerous or not, and finds what runs.
import { readFileSync } from 'node:fs';
import { withBrowser } from './browser.mjs';
import { SINKS } from './sinks.mjs';
import { auditor, witness } from './stages.mjs';

const LOOKS = { audit, watch, both };

async function audit(browser, sink, pieces) {
  const look = await auditor(browser, sink.isMarkdown);
  return look(pieces);
}

async function watch(browser, sink, pieces) {
  const look = await witness(browser);
  const ran = await look(pieces);
  return ran.map((found) => (found ? { verdict: 'active', found } : { verdict: 'inert' }));
}

async function both(browser, sink, pieces) {
  const verdicts = await audit(browser, sink, pieces);
  // What the audit finds wanting is not let loose.
  const inert = [...pieces.keys()].filter((index) => verdicts[index].verdict === 'inert');
  const shown = await watch(browser, sink, inert.map((index) => pieces[index]));
  inert.forEach((index, n) => { verdicts[index] = shown[n]; });
  return verdicts;
}

const [name, look = 'both'] = process.argv.slice(2);
const sink = SINKS[name];
if (!sink) throw new Error(`no sink ${name}: it is ${Object.keys(SINKS).join(', ')}`);
const rows = readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const pieces = rows.map((row) => sink.toHtml(row.text));
const verdicts = await withBrowser((browser) => LOOKS[look](browser, sink, pieces));
rows.forEach(({ id }, index) => console.log(JSON.stringify({ id, ...verdicts[index] })));
