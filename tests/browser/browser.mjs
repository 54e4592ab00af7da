// The Chromium of the system, with pages that reach no network.
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** Runs `use` with a browser. Playwright starts it without its sandbox, which root cannot have. */
export async function withBrowser(use) {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

/** A context whose pages start with `page/SCRIPT`, and whose requests go to `answer`, if it is given. */
export async function openContext(browser, script, answer) {
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  // With a route, Playwright answers preflights in the place of the server.
  if (answer) await context.route('**/*', answer);
  await context.addInitScript({ path: fileURLToPath(new URL(`page/${script}`, import.meta.url)) });
  return context;
}
