// Opens pages of other origins that try everything on a backend: node foreign.mjs URL TASK_ID
// A server that lets everybody in is tried in the same way, to see that the attempts can succeed.
import assert from 'node:assert/strict';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openContext, withBrowser } from './browser.mjs';

const PAGE = '<!doctype html><meta charset="utf-8"><body></body>';

/** A server on any port of the loopback, and its port. */
async function listen(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, server.address().port];
}

function servePage(request, response) {
  if (request.url === '/sandbox') response.setHeader('Content-Security-Policy', 'sandbox allow-scripts allow-forms');
  response.setHeader('Content-Type', 'text/html').end(PAGE);
}

async function letEverybodyIn(request, response) {
  // A body that is left unread can cost the next request its connection.
  for await (const _ of request);
  const origin = request.headers.origin ?? '*';
  response.writeHead(200, {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
    'Access-Control-Allow-Headers': 'Content-Type',
    'Content-Type': 'text/event-stream',
  });
  response.end('data: in\n\n');
}

async function routes(url, task) {
  const document = await (await fetch(`${url}/api/openapi.json`)).json();
  const paths = Object.keys(document.paths).map((path) => path.replaceAll(/\{[^}]*\}/g, task));
  return [...paths, '/', '/docs/', '/docs/swagger-ui.css', '/nowhere'];
}

/** Opens `address` and tries everything on each target; returns what was gained, and each status. */
async function intrude(browser, address, targets) {
  const context = await openContext(browser, 'intrude.js');
  const page = await context.newPage();
  const statuses = new Map();
  context.on('response', (response) => {
    if (!targets.some((target) => response.url().split('?')[0] === target)) return;
    statuses.set(response.status(), (statuses.get(response.status()) ?? 0) + 1);
  });
  await page.goto(address);
  let attempts = 0;
  const gained = [];
  for (const target of targets) {
    const result = await page.evaluate((target) => intrude(target), target);
    attempts += result.attempts;
    gained.push(...result.gained);
  }
  await context.close();
  return { attempts, gained, statuses };
}

const [url, task] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'bindery-foreign-'));
const [pages, port] = await listen(servePage);
const [control, controlPort] = await listen(letEverybodyIn);
try {
  const file = join(folder, 'page.html');
  await writeFile(file, PAGE);
  const origins = {
    'another port': `http://127.0.0.1:${port}/`,
    'another name': `http://localhost:${port}/`,
    'a file': pathToFileURL(file).href,
    'a sandbox': `http://127.0.0.1:${port}/sandbox`,
  };
  const targets = (await routes(url, task)).map((path) => url + path);
  await withBrowser(async (browser) => {
    await Promise.all(Object.entries(origins).map(async ([name, address]) => {
      const open = await intrude(browser, address, [`http://127.0.0.1:${controlPort}/`]);
      assert.ok(open.gained.length >= 20, `${name}: the attempts are worth nothing: ${open.gained.join('\n')}`);
      const tried = await intrude(browser, address, targets);
      assert.deepEqual(tried.gained, [], name);
      const answered = [...tried.statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
      assert.deepEqual([...tried.statuses.keys()], [403], `${name}: ${answered}`);
      console.log(`${name}: ${tried.attempts} attempts, ${tried.gained.length} successes, answered ${answered}`);
    }));
  });
} finally {
  pages.close();
  control.close();
  await rm(folder, { recursive: true });
}
console.log('ok foreign');
