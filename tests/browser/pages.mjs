// Visits our own pages as a person does, over a store full of payloads: node pages.mjs URL ID...
import assert from 'node:assert/strict';
import { openContext, withBrowser } from './browser.mjs';

const HOSTILE = ['<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '"><svg onload=alert(1)>'];

/** Opens an address, asserts that it is served as `type` and told to be nothing else. */
async function visit(page, address, type) {
  const response = await page.goto(address);
  const headers = response.headers();
  assert.equal(headers['content-type'].split(';')[0], type, address);
  assert.equal(headers['x-content-type-options'], 'nosniff', address);
  assert.match(headers['content-security-policy'], /default-src 'none'/, address);
  return response;
}

async function assertNothingRan(page) {
  assert.deepEqual(await page.evaluate(() => ran()), [], page.url());
}

async function visitAnswers(page, url, ids) {
  const reads = ids.map((id) => `/api/tasks/${id}?include=history`);
  for (const path of ['/api/tasks?limit=1000', '/api/search?query=alert', '/api/dashboard', ...reads]) {
    const response = await visit(page, url + path, 'application/json');
    assert.equal(response.status(), 200, path);
    await assertNothingRan(page);
    // Shown as text: whatever the answer holds, the browser made no element of it.
    assert.equal(await page.locator('img, script, svg, iframe, a').count(), 0, path);
  }
}

async function visitErrors(page, url) {
  for (const hostile of HOSTILE.map(encodeURIComponent)) {
    for (const path of [`/api/tasks/${hostile}`, `/${hostile}`, `/api/tasks?${hostile}=1`, `/api/tasks?cursor=${hostile}`]) {
      const response = await visit(page, url + path, 'application/problem+json');
      assert.ok(response.status() >= 400, path);
      await assertNothingRan(page);
    }
  }
}

/** Sends a call from the reference, whose answer shows the payloads. */
async function tryOut(page, url) {
  await visit(page, `${url}/docs/`, 'text/html');
  const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/api/tasks"]') });
  await operation.locator('.opblock-summary').click();
  assert.ok(await page.locator('.opblock').count() > 20, 'the reference shows the operations');
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await operation.locator('.live-responses-table tbody', { hasText: 'alert' }).waitFor();
  await assertNothingRan(page);
}

const [url, ...ids] = process.argv.slice(2);
const strayed = [];
await withBrowser(async (browser) => {
  const context = await openContext(browser, 'watch.js', (route) => {
    if (new URL(route.request().url()).origin === url) return route.continue();
    strayed.push(route.request().url());
    return route.abort();
  });
  const page = await context.newPage();
  await visitAnswers(page, url, ids);
  await visitErrors(page, url);
  await tryOut(page, url);
});
assert.deepEqual(strayed, [], 'requests left the loopback');
console.log('ok pages');
