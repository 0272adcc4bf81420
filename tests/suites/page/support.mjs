// What the suites share: a real server, a client that makes it pass its points, and a browser.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { OUT, SERVER, CHROMIUM } = process.env;
assert(OUT && SERVER && CHROMIUM, 'this is run by tests/suites/page/run');
const require = createRequire(join(OUT, 'package.json'));
const { chromium } = require('playwright-core');
export const AXE = require('axe-core').source;

/** No test waits this long, in ms, unless it fails. */
export const PATIENCE = Number(process.env.PATIENCE ?? 15000);

// ---- The server ----------------------------------------------------------------------------------

/** Starts a `wal_server` whose points can be armed at `origin`. */
export async function startServer({ port = 0, token } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'failpoint-page-'));
  const env = { ...process.env, GOFAIL_HTTP: `127.0.0.1:${port}`, ...(token && { FAILPOINT_HTTP_TOKEN: token }) };
  const child = spawn(SERVER, ['serve', '--listen', '127.0.0.1:0', '--data', data], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = once(child, 'exit');
  const server = {
    token,
    pid: child.pid,
    /** Ends it, without a word to those who are connected. */
    async stop() {
      child.kill('SIGKILL');
      await gone;
      rmSync(data, { recursive: true, force: true });
    },
  };
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const said = (mark) => (line.startsWith(mark) ? line.slice(mark.length).trim() : undefined);
    server.control ??= said('control on ');
    server.address ??= said('listening on ');
    if (server.address) break;
  }
  assert(server.control && server.address, 'the server says where it listens');
  child.stdout.resume();
  server.origin = `http://${server.control}`;
  return server;
}

/** Asks the control plane as `curl` would. */
export async function ask(server, method, path, body) {
  const headers = { accept: 'application/json', ...(server.token && { authorization: `Bearer ${server.token}` }) };
  const answer = await fetch(server.origin + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

export const pointOf = async (server, name) => (await ask(server, 'GET', `/v1/points/${name}`)).body;

/** Saves `key` on a connection of its own, which passes the points of a save; gives the reply. */
export async function save(server, key, patience = PATIENCE) {
  const [host, port] = server.address.split(':');
  const socket = connect(Number(port), host);
  socket.setTimeout(patience, () => socket.destroy(new Error(`no reply to the save of ${key}`)));
  socket.write(`SET ${key} 1\nQUIT\n`);
  const lines = createInterface({ input: socket });
  const [line] = await once(lines, 'line');
  socket.destroy();
  return line;
}

// ---- The browser ---------------------------------------------------------------------------------

export function startBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      // A name that its owner made to point here.
      '--host-resolver-rules=MAP evil.test 127.0.0.1',
    ],
  });
}

/**
 * Opens the page of `server`, whose complaints fail the test in `close`: an error in the console, a
 * breach of the policy, a request to another origin.
 */
export async function openPage(browser, server, { path = '/ui', origin = server.origin, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  // The browser notes every answer that is a refusal, and every connection that ends; tests provoke both.
  const expected = /^Failed to load resource: /;
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warning'].includes(message.type()) && !expected.test(text)) complaints.push(text);
  });
  page.on('pageerror', (error) => complaints.push(error.stack));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) complaints.push(`a request to ${url}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(origin + path);
  return {
    page,
    context,
    async close() {
      await context.close();
      assert.deepEqual(complaints, []);
    },
  };
}

/** Waits until the page shows points and hears events. */
export async function ready(page) {
  await page.locator('#connection[data-state="live"]').waitFor();
  await page.locator('#rows tr').first().waitFor();
}

export const row = (page, name) => page.locator(`#rows tr[data-name="${name}"]`);
export const button = (page, name, act) => row(page, name).locator(`button[data-act="${act}"]`);

/** Writes `terms` for `name` and sends them. */
export async function writeTerms(page, name, terms, ttl = '') {
  await button(page, name, 'open').click();
  await page.locator('#terms').fill(terms);
  await page.locator('#ttl').fill(ttl);
  await page.locator('#terms').press('Enter');
}

export async function armFromPage(page, name, terms, ttl) {
  await writeTerms(page, name, terms, ttl);
  await page.locator(`#rows tr.armed[data-name="${name}"]`).waitFor();
}

/** Waits until `look` gives what `holds` takes, and says what it last gave if it never does. */
export async function until(look, holds, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    assert(Date.now() < end, `${what}; last seen: ${JSON.stringify(seen)}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

export const screenshot = (page, name, options) => page.screenshot({ path: join(OUT, `${name}.png`), ...options });

/** The serious accessibility problems that axe finds. */
export async function assertAccessible(page, what) {
  // Colours are judged when nothing moves any more.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations', 'passes'] }));
  assert(passes.length > 10, 'axe looked at something');
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const found = serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(found, [], what);
}
