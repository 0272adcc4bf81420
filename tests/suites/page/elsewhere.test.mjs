// A page of another origin must not read or change anything: any page that a user opens
// can send requests to 127.0.0.1.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { armFromPage, ask, openPage, PATIENCE, ready, startBrowser, startServer } from './support.mjs';

let browser;
let server;
let stranger;            // an origin that serves an empty page

before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer()]);
  stranger = http.createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>stranger</title>'));
  await new Promise((listening) => stranger.listen(0, '127.0.0.1', listening));
});
after(async () => {
  await browser?.close();
  stranger?.closeAllConnections();
  stranger?.close();
  await server?.stop();
});

const standing = async () => {
  const { revision, points } = (await ask(server, 'GET', '/v1/points')).body;
  return { revision, armed: points.filter((point) => point.armed).map(({ name, terms }) => [name, terms]) };
};

test('a page of another origin learns nothing and changes nothing', async () => {
  // Terms that are a script, if a page could load them as one.
  await ask(server, 'PUT', '/v1/points/walSync', { terms: 'return(7)' });
  const before = await standing();
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`http://127.0.0.1:${stranger.address().port}/`);
  const learnt = await page.evaluate(async (control) => {
    const learnt = [];
    const tries = [
      ['GET', '/v1/points'], ['GET', '/'], ['GET', '/walSync'], ['GET', '/v1/info'], ['GET', '/v1/events'], ['GET', '/ui'], ['GET', '/healthz'],
      ['PUT', '/v1/points/disk.write', '{"terms":"off"}'], ['PUT', '/disk.write', 'off'], ['PUT', '/failpoints', 'disk.write=off'],
      ['POST', '/v1/points/walSync/resume'], ['POST', '/disk.write', 'off'], ['DELETE', '/v1/points'], ['DELETE', '/walSync'],
    ];
    for (const mode of ['cors', 'no-cors']) {
      for (const [method, path, body] of tries) {
        try {
          const headers = { 'content-type': 'text/plain' };
          const answer = await fetch(control + path, { method, body, mode, ...(body && { headers }), signal: AbortSignal.timeout(5000) });
          const text = await answer.text();
          if (text || answer.status) learnt.push(`fetch ${mode} ${method} ${path}: ${answer.status} ${text}`);
        } catch {
          // As it should be.
        }
      }
    }
    const event = (target, good, bad) => new Promise((settle) => {
      target[good] = () => settle(true);
      target[bad] = () => settle(false);
      setTimeout(settle, 5000, 'neither');
    });
    const source = new EventSource(`${control}/v1/events`);
    if (await event(source, 'onopen', 'onerror') !== false) learnt.push('an EventSource opened');
    source.close();
    const socket = new WebSocket(`${control.replace('http', 'ws')}/v1/events`);
    if (await event(socket, 'onopen', 'onerror') !== false) learnt.push('a WebSocket opened');
    // What a script could tell by what it calls and leaves behind.
    for (const path of ['/', '/walSync', '/v1/points', '/v1/export', '/v1/info', '/metrics', '/openapi.json']) {
      for (const tag of ['img', 'script', 'link']) {
        const element = document.createElement(tag);
        if (tag === 'link') element.rel = 'stylesheet';
        element[tag === 'link' ? 'href' : 'src'] = control + path;
        const loaded = event(element, 'onload', 'onerror');
        document.head.append(element);
        if (await loaded !== false) learnt.push(`<${tag}> loaded ${path}`);
      }
    }
    if ('walSync' in window) learnt.push('a script left a name behind');
    return learnt;
  }, server.origin);
  assert.deepEqual(learnt, []);

  // A form needs no leave to be sent; it is refused all the same.
  for (const path of ['/v1/points/walSync/resume', '/v1/points', '/disk.write', '/failpoints']) {
    const [answer] = await Promise.all([
      page.waitForNavigation(),
      page.evaluate((action) => {
        const form = Object.assign(document.createElement('form'), { method: 'post', action, enctype: 'text/plain' });
        form.append(Object.assign(document.createElement('input'), { name: 'disk.write', value: 'off' }));
        document.body.append(form);
        form.submit();
      }, server.origin + path),
    ]);
    assert.equal(answer.status(), 403, `a form to ${path}`);
    await page.goto(`http://127.0.0.1:${stranger.address().port}/`);
  }

  // Other pages cannot put the page into a frame.
  await page.evaluate((src) => new Promise((settle) => {
    const frame = Object.assign(document.createElement('iframe'), { src, onload: settle });
    document.body.append(frame);
  }), `${server.origin}/ui`);
  for (const frame of page.frames().slice(1)) {
    assert.equal(await frame.locator('#rows').count(), 0, 'the page is in a frame');
  }
  await context.close();
  assert.deepEqual(await standing(), before);
});

test('a name that was made to point here gets nothing', async () => {
  const before = await standing();
  const { port } = new URL(server.origin);
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  for (const path of ['/ui', '/', '/v1/points', '/v1/events', '/healthz']) {
    const answer = await page.goto(`http://evil.test:${port}${path}`);
    assert.equal(answer.status(), 403, path);
  }
  // Its own origin now, as far as the browser knows.
  const statuses = await page.evaluate(async () => {
    const tries = [['GET', '/v1/points'], ['PUT', '/v1/points/disk.write'], ['DELETE', '/v1/points'], ['GET', '/v1/events']];
    const asked = tries.map(([method, path]) => fetch(path, { method, body: method === 'PUT' ? '{"terms":"off"}' : undefined }));
    return (await Promise.all(asked)).map((answer) => answer.status);
  });
  assert.deepEqual(statuses, [403, 403, 403, 403]);
  await context.close();
  assert.deepEqual(await standing(), before);
});

test('the page itself is let in under every name that is the machine', async () => {
  const { port } = new URL(server.origin);
  for (const host of ['127.0.0.1', 'localhost']) {
    const opened = await openPage(browser, server, { origin: `http://${host}:${port}` });
    await ready(opened.page);
    await armFromPage(opened.page, 'disk.write', 'off');
    await opened.close();
    await ask(server, 'DELETE', '/v1/points');
  }
});
