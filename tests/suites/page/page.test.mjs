// Does the page do for an operator what it says, in a real browser against a real server?

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import {
  armFromPage, ask, assertAccessible, button, openPage, PATIENCE, pointOf, ready, row, save, screenshot, startBrowser,
  startServer, until, writeTerms,
} from './support.mjs';

let browser;
let server;
/** The names of the server's points, in the order of the page. */
let names;
let opened;

/** The page of the server, loaded again for each test. */
async function open(options) {
  opened = await openPage(browser, server, options);
  await ready(opened.page);
  return opened.page;
}

before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer()]);
  names = (await ask(server, 'GET', '/v1/points')).body.points.map(({ name }) => name);
  assert(names.includes('raftAfterSave') && names.includes('disk.write'));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(() => ask(server, 'DELETE', '/v1/points'));
afterEach(async () => {
  const closing = opened;
  opened = undefined;
  await closing?.close();
});

describe('points and fires', () => {
  test('a point is armed, its fire arrives, and it is disarmed', async () => {
    const page = await open();
    assert.match(await page.title(), new RegExp(`pid ${server.pid}\\b`));
    const info = await (await fetch(`${server.origin}/v1/info`)).text();
    const [, seed] = /"seed":(\d+)/.exec(info);
    assert((await page.locator('#process').innerText()).includes(`seed ${seed},`), 'every digit of the seed');
    assert.equal(await page.locator('#shown').innerText(), `${names.length} points, 0 armed`);
    await armFromPage(page, 'raftAfterSave', 'sleep(1)');
    assert.equal((await pointOf(server, 'raftAfterSave')).terms, 'sleep(1)');
    assert.equal(await save(server, 'alpha'), 'OK');

    const fire = page.locator('#fire-rows tr').first();
    await fire.waitFor();
    assert.equal(await fire.locator('th').innerText(), 'raftAfterSave');
    assert.match(await fire.locator('.context').innerText(), /key=alpha/);
    assert.match(await fire.locator('time').innerText(), /^\d\d:\d\d:\d\d\.\d{3}$/);
    await until(() => row(page, 'raftAfterSave').locator('.fires').innerText(), (text) => text === '1', 'one fire');
    assert.equal(await row(page, 'raftAfterSave').locator('.hits').innerText(), '1');
    assert.doesNotMatch(await row(page, 'walSync').locator('.place').innerText(), /not reached/);
    assert.match(await row(page, 'walBeforeTruncate').locator('.place').innerText(), /not reached/);

    await button(page, 'raftAfterSave', 'disarm').click();
    await page.locator('#said', { hasText: 'raftAfterSave is disarmed; it was sleep(1).' }).waitFor();
    assert.equal((await pointOf(server, 'raftAfterSave')).armed, false);
    assert.equal(await row(page, 'raftAfterSave').getAttribute('class'), '');
  });

  test('changes by other clients and expired ttls appear without a reload', async () => {
    const page = await open();
    await ask(server, 'PUT', '/v1/points/disk.write', { terms: 'off' });
    await page.locator('#rows tr.armed[data-name="disk.write"]').waitFor();
    assert.equal(await page.locator('#rows tr').first().getAttribute('data-name'), 'disk.write', 'armed rows come first');
    await ask(server, 'DELETE', '/v1/points/disk.write');
    await page.locator('#rows tr:not(.armed)[data-name="disk.write"]').waitFor();
    await armFromPage(page, 'disk.write', 'off', '300ms');
    await page.locator('#rows tr:not(.armed)[data-name="disk.write"]').waitFor();
  });

  test('the caret and the cursor are at the error in the terms', async () => {
    const page = await open();
    await writeTerms(page, 'disk.write', '10%return(EIO)>panic');
    await page.locator('#fault:not(:empty)').waitFor();
    assert.equal(await page.locator('#caret').textContent(), `${' '.repeat(14)}^`);
    assert.match(await page.locator('#fault').innerText(), /^expected .+, at character 15$/);
    assert.equal(await page.locator('#terms').getAttribute('aria-invalid'), 'true');
    const { start, focused, left, width, caret } = await page.evaluate(() => {
      const input = document.getElementById('terms');
      const padding = (element) => element.getBoundingClientRect().left + parseFloat(getComputedStyle(element).paddingLeft) + parseFloat(getComputedStyle(element).borderLeftWidth);
      const font = getComputedStyle(input).font;
      const canvas = Object.assign(document.createElement('canvas').getContext('2d'), { font });
      const same = getComputedStyle(document.getElementById('caret')).fontFamily === getComputedStyle(input).fontFamily;
      return {
        start: input.selectionStart, focused: document.activeElement === input && same,
        left: padding(input), caret: padding(document.getElementById('caret')), width: canvas.measureText('0').width,
      };
    });
    assert.equal(start, 14);
    assert(focused, 'the field has the focus, and both have one font');
    assert(Math.abs(left - caret) < width / 4, `the text begins at ${left}, the caret's line at ${caret}`);
    assert.equal((await pointOf(server, 'disk.write')).armed, false);

    // Longer than the field: the server's excerpt shows the place.
    const long = `${'1*sleep(1)->'.repeat(30)}é?`;
    await page.locator('#terms').fill(long);
    await page.locator('#terms').press('Enter');
    await page.locator('#caret.whole').waitFor();
    assert.match(await page.locator('#caret').textContent(), /\n *\^/);
    assert.equal(await page.locator('#terms').evaluate((input) => input.selectionStart), long.length - 2);

    // It goes when the fault is gone.
    await page.locator('#terms').fill('off');
    await page.locator('#terms').press('Enter');
    await page.locator('#rows tr.armed[data-name="disk.write"]').waitFor();
    assert.equal(await page.locator('#caret').count(), 0);
  });

  test('an invalid value, an invalid ttl and an unknown point are reported', async () => {
    const page = await open();
    await writeTerms(page, 'disk.set_len', 'return(many)');
    assert.match(await until(() => page.locator('#fault').innerText(), Boolean, 'a fault'), /many/);
    assert(await page.locator('#caret').isHidden());
    await page.locator('#terms').fill('off');
    await page.locator('#ttl').fill('soon');
    await page.locator('#ttl').press('Enter');
    await page.locator('#fault', { hasText: 'soon' }).waitFor();
    assert.equal((await pointOf(server, 'disk.set_len')).armed, false);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#terms').count(), 0);

    // Listed by the answer of another program, as after a restart.
    const listed = (await ask(server, 'GET', '/v1/points')).body;
    listed.points.push({ ...listed.points.at(-1), name: 'disk.writes' });
    await page.route('**/v1/points', (route) => route.fulfill({ json: listed }));
    await page.reload();
    await writeTerms(page, 'disk.writes', 'off');
    assert.match(await until(() => page.locator('#fault').innerText(), Boolean, 'a fault'), /disk\.write\b/);
  });

  test('a change by another client is shown before it is overwritten', async () => {
    const page = await open();
    await button(page, 'walSync', 'open').click();
    await ask(server, 'PUT', '/v1/points/walSync', { terms: 'return(EIO)' });
    await page.locator('#terms').fill('off');
    await page.locator('#terms').press('Enter');
    await page.locator('#fault', { hasText: 'It was armed with return(EIO) in the meantime.' }).waitFor();
    assert.equal((await pointOf(server, 'walSync')).terms, 'return(EIO)');
    await page.locator('#terms').press('Enter');
    await page.locator('#said', { hasText: 'walSync is armed: off.' }).waitFor();
    assert.equal((await pointOf(server, 'walSync')).terms, 'off');
  });

  test('a paused caller is resumed', async () => {
    const page = await open();
    await armFromPage(page, 'raftBeforeSave', 'pause');
    const saved = save(server, 'held');
    await button(page, 'raftBeforeSave', 'resume').waitFor();
    assert.equal(await row(page, 'raftBeforeSave').locator('.paused').innerText(), '1');
    await button(page, 'raftBeforeSave', 'resume').click();
    assert.equal(await saved, 'OK');
    await page.locator('#said', { hasText: '1 caller resumed at raftBeforeSave.' }).waitFor();
    await button(page, 'raftBeforeSave', 'resume').waitFor({ state: 'hidden' });
    assert.equal((await pointOf(server, 'raftBeforeSave')).armed, true, 'it stays armed');
  });

  test('all are disarmed only after the question', async () => {
    const page = await open();
    assert(await page.locator('#reset').isDisabled(), 'nothing is armed');
    await armFromPage(page, 'walSync', 'off');
    await armFromPage(page, 'disk.write', 'off');
    const armed = async () => (await ask(server, 'GET', '/v1/points?armed=true')).body.points.length;
    const question = page.locator('#reset-question');

    await page.locator('#reset').click();
    assert.deepEqual(await question.locator('li').allInnerTexts(), ['disk.write=off', 'walSync=off']);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel', 'the safe answer has the focus');
    await screenshot(page, 'reset');
    await question.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await armed(), 2);
    await page.locator('#reset').click();
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'hidden' });
    assert.equal(await armed(), 2);

    await page.locator('#reset').click();
    await question.getByRole('button', { name: 'Reset all' }).click();
    await page.locator('#said', { hasText: '2 points disarmed.' }).waitFor();
    assert.equal(await armed(), 0);
    assert.equal(await page.locator('#rows tr.armed').count(), 0);
    // An Escape after a Yes once given is a No.
    await armFromPage(page, 'walSync', 'off');
    await page.locator('#reset').click();
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'hidden' });
    assert.equal(await armed(), 1);
  });

  test('what is armed is copied as one value', async () => {
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.locator('#export').click();
    await page.locator('#said', { hasText: 'Nothing is armed.' }).waitFor();
    await armFromPage(page, 'walSync', '3*return(EIO)->off');
    await page.locator('#export').click();
    await page.locator('#said', { hasText: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'walSync=3*return(EIO)->off');
    // Where there is no clipboard, as over plain HTTP from another machine.
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await page.locator('#export').click();
    await page.locator('#export-shown').waitFor();
    assert.equal(await page.locator('#export-text').inputValue(), 'walSync=3*return(EIO)->off');
    await page.keyboard.press('Escape');
  });

  test('markup in terms and in context is text', async () => {
    const page = await open();
    const terms = 'print("<img src=x onerror=document.title=1><script>document.title=2</script>")';
    await armFromPage(page, 'walBeforeSync', terms);
    await armFromPage(page, 'raftBeforeSave', 'sleep(1)');
    assert.equal(await row(page, 'walBeforeSync').locator('.terms').innerText(), terms);
    const key = '<img/src=x/onerror=document.title=3>';
    await save(server, key);
    await page.locator('#fire-rows td.context', { hasText: `key=${key}` }).waitFor();
    await page.locator('#reset').click();
    assert.match(await page.locator('#reset-list').innerText(), /<img src=x/);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#rows img, #fire-rows img, dialog img, main script').count(), 0);
    assert.match(await page.title(), /pid/);
  });

  test('the list of fires can be held', async () => {
    const page = await open();
    await armFromPage(page, 'raftAfterSave', 'sleep(0)');
    await save(server, 'one');
    await page.locator('#fire-rows tr').first().waitFor();
    await page.locator('#hold').click();
    assert.equal(await page.locator('#hold').getAttribute('aria-pressed'), 'true');
    await save(server, 'two');
    await page.locator('#fires-note', { hasText: '1 more since the list is held' }).waitFor();
    assert.equal(await page.locator('#fire-rows tr').count(), 1);
    await page.locator('#hold').click();
    await until(() => page.locator('#fire-rows tr').count(), (count) => count === 2, 'both fires');
    assert.match(await page.locator('#fire-rows tr').first().innerText(), /key=two/, 'the newest first');
  });

  test('events that were lost are counted in sight', async () => {
    // A stream as the server writes it to a reader that is too slow.
    const body = ': connected\n\nretry: 1000\n\nevent: lost\ndata: {"lost":41}\n\n';
    opened = await openPage(browser, server, { path: '/v1/info' });
    await opened.page.route('**/v1/events', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
    await opened.page.goto(`${server.origin}/ui`);
    await opened.page.locator('#fires-note', { hasText: '41 events lost' }).waitFor();
  });
});

describe('without a mouse', () => {
  test('search, arm, disarm', async () => {
    const page = await open();
    const focused = () => page.evaluate(() => document.activeElement.innerText || document.activeElement.id);
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the points');
    await page.keyboard.press('Enter');
    await page.keyboard.press('/');
    assert.equal(await focused(), 'search');
    await page.keyboard.type('raftAfter');
    await page.locator('#shown', { hasText: `1 of ${names.length} points` }).waitFor();
    assert.equal(await page.locator('#rows tr').count(), 1);
    // Over the buttons of the bar and the list itself to the row.
    await until(async () => {
      await page.keyboard.press('Tab');
      return focused();
    }, (text) => text.startsWith('Arm'), 'the button of the row');
    await page.keyboard.press('Enter');
    assert.equal(await focused(), 'terms');
    await page.keyboard.type('sleep(1');
    await page.keyboard.press('Enter');
    await page.locator('#fault:not(:empty)').waitFor();
    assert.equal(await focused(), 'terms', 'the cursor stays at the error');
    await page.keyboard.type(')');
    await page.keyboard.press('Enter');
    await page.locator('#rows tr.armed').waitFor();
    await until(focused, (text) => text.startsWith('Edit'), 'back in the row');
    await page.keyboard.press('Tab');
    assert.match(await focused(), /^Disarm/);
    await page.keyboard.press('Enter');
    await page.locator('#rows tr:not(.armed)').waitFor();
    await until(focused, (text) => text.startsWith('Arm'), 'the focus stays in the row');
    assert.equal((await pointOf(server, 'raftAfterSave')).armed, false);
  });

  test('rows keep their places while one is edited, and the focus moves with its row', async () => {
    const page = await open();
    await button(page, 'walAfterSync', 'open').click();
    await page.keyboard.type('sle');
    await ask(server, 'PUT', '/v1/points/disk.write', { terms: 'off' });
    await page.locator('#rows tr.armed[data-name="disk.write"]').waitFor();
    await page.keyboard.type('ep(1)');
    assert.equal(await page.locator('#terms').inputValue(), 'sleep(1)');
    assert.equal(await page.locator('#rows tr').first().getAttribute('data-name'), names[0]);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#rows tr').first().getAttribute('data-name'), 'disk.write');

    await button(page, 'walSync', 'open').focus();
    await ask(server, 'PUT', '/v1/points/walSync', { terms: 'off' });
    await page.locator('#rows tr.armed[data-name="walSync"]').waitFor();
    const name = await page.evaluate(() => document.activeElement.closest('tr')?.dataset.name);
    assert.equal(name, 'walSync');
  });
});

describe('the token', () => {
  const token = 'open-sesame';
  let locked;
  before(async () => {
    locked = await startServer({ token });
  });
  after(() => locked?.stop());

  test('is asked for, told apart from a wrong one, and kept nowhere', async () => {
    opened = await openPage(browser, locked);
    const { page } = opened;
    await page.locator('#sign-in').waitFor();
    await until(() => page.evaluate(() => document.activeElement.id), (id) => id === 'token', 'the field has the focus');
    assert(await page.locator('.content').first().isHidden());
    await assertAccessible(page, 'the sign-in form');
    await screenshot(page, 'sign-in');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.locator('#sign-in-fault', { hasText: 'did not accept this token' }).waitFor();
    await page.locator('#token').fill('naïve');
    await page.keyboard.press('Enter');
    await page.locator('#sign-in-fault', { hasText: 'ASCII' }).waitFor();
    await page.locator('#token').fill(token);
    await page.keyboard.press('Enter');
    await ready(page);
    assert(await page.locator('#sign-in').isHidden());
    await armFromPage(page, 'raftAfterSave', 'sleep(1)');
    await save(locked, 'k');
    await page.locator('#fire-rows tr').first().waitFor();
    const kept = await page.evaluate(() => [document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]);
    assert(!JSON.stringify(kept).includes(token), JSON.stringify(kept));
    await page.reload();
    await page.locator('#sign-in').waitFor();
  });
});

describe('how it looks', () => {
  /** Some armed points, one of them with a paused caller, and fires. */
  async function busy(page, body) {
    await armFromPage(page, 'raftAfterSave', 'sleep(1)');
    await armFromPage(page, 'disk.write', '30%return(EIO)->sleep(5ms..20ms)');
    await armFromPage(page, 'walBeforeSync', 'when(thread=none):panic');
    for (let saves = 0; saves < 8; saves += 1) await save(server, `user/${saves}`);
    await armFromPage(page, 'raftBeforeSave', '1*pause->off');
    // The caller stays paused during the test.
    const held = save(server, 'held', 8 * PATIENCE);
    try {
      await button(page, 'raftBeforeSave', 'resume').waitFor();
      await page.locator('#fire-rows tr').nth(5).waitFor();
      await body();
    } finally {
      await ask(server, 'DELETE', '/v1/points');
      await held;
    }
  }

  for (const colorScheme of ['light', 'dark']) {
    test(`${colorScheme}: there is no serious accessibility problem`, async () => {
      const page = await open({ colorScheme });
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
      assert.equal(ground[0] < 128, colorScheme === 'dark', `the ground is ${ground}`);
      await busy(page, async () => {
        await screenshot(page, colorScheme);
        await assertAccessible(page, 'the lists');
        await writeTerms(page, 'walSync', '10%return(EIO)>panic');
        await page.locator('#fault:not(:empty)').waitFor();
        await screenshot(page, `bad-terms-${colorScheme}`);
        await assertAccessible(page, 'the editor');
        await page.keyboard.press('Escape');
        await page.locator('#reset').click();
        await assertAccessible(page, 'the question');
        await page.keyboard.press('Escape');
      });
    });
  }

  test('on 320 pixels nothing is out of sight to the side', async () => {
    const page = await open({ viewport: { width: 320, height: 640 } });
    await busy(page, async () => {
      await writeTerms(page, 'walSync', '10%return(EIO)>panic');
      await page.locator('#fault:not(:empty)').waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= 320, `it is ${width} wide`);
      await screenshot(page, 'narrow', { fullPage: true });
      await assertAccessible(page, 'narrow');
      assert.equal(await page.getByRole('row').first().count(), 1, 'a table is a table still');
    });
  });

  test('nothing moves for those who asked for that', async () => {
    for (const [reducedMotion, moves] of [['no-preference', true], ['reduce', false]]) {
      const page = await open({ reducedMotion });
      await armFromPage(page, 'raftAfterSave', 'sleep(0)');
      await page.evaluate(() => document.addEventListener('animationstart', () => { document.body.dataset.moved = 'yes'; }));
      await save(server, 'k');
      await until(() => row(page, 'raftAfterSave').locator('.fires').innerText(), (text) => text === '1', 'a fire');
      // What begins to move does so before the next but one picture.
      const moved = await page.evaluate(() => new Promise((settle) => {
        const inAFrame = (next) => requestAnimationFrame(() => requestAnimationFrame(next));
        inAFrame(() => inAFrame(() => settle(document.body.dataset.moved === 'yes')));
      }));
      assert.equal(moved, moves, reducedMotion);
      await opened.close();
      opened = undefined;
      await ask(server, 'DELETE', '/v1/points');
    }
  });
});

describe('under strain', () => {
  test('it says that the server is gone, and finds it again', async () => {
    let other = await startServer();
    try {
      opened = await openPage(browser, other);
      const { page } = opened;
      await ready(page);
      const port = Number(new URL(other.origin).port);
      const first = other.pid;
      await other.stop();
      await page.locator('#connection[data-state="lost"]').waitFor();
      assert(await page.locator('body.stale').count(), 'what is shown does not pass for what is');
      await button(page, 'walSync', 'open').click();
      await page.locator('#terms').fill('off');
      await page.keyboard.press('Enter');
      await page.locator('#fault', { hasText: 'cannot be reached' }).waitFor();
      other = await startServer({ port });
      await page.locator('#connection[data-state="live"]').waitFor();
      await page.locator('#said', { hasText: `pid ${first} is now ${other.pid}` }).waitFor();
      assert.equal(await page.locator('body.stale').count(), 0);
      await page.locator('#terms').press('Enter');
      await page.locator('#rows tr.armed[data-name="walSync"]').waitFor();
    } finally {
      await other.stop();
    }
  });

  test('ten thousand points stay in hand', async () => {
    const many = await startServer();
    try {
      // A server takes about a thousand points that no code declares, so these are added to its reply.
      await ask(many, 'PUT', '/v1/points/walSync', { terms: 'off' });
      const { body } = await ask(many, 'GET', '/v1/points');
      const armed = body.points.find(({ name }) => name === 'walSync');
      const added = Array.from({ length: 10000 }, (_, n) => ({ ...armed, name: `many/${String(n).padStart(5, '0')}` }));
      const listed = { ...body, points: [...added, ...body.points] };
      opened = await openPage(browser, many);
      const { page } = opened;
      await page.route(/[/]v1[/]points([?]|$)/, (route) => route.fulfill({ json: listed }));
      await page.reload();
      await ready(page);
      await page.locator('#shown', { hasText: `${(10000 + names.length).toLocaleString('en-US')} points, 10,001 armed` }).waitFor();
      assert.equal(await page.locator('#rows tr').count(), 200);
      await page.locator('#more').click();
      await until(() => page.locator('#rows tr').count(), (count) => count === 400, 'more rows');
      assert.equal(await page.evaluate(() => document.activeElement.closest('tr').dataset.name), 'many/00200');
      // A search is drawn before the next key of a fast writer.
      const took = await page.evaluate(() => {
        const search = document.getElementById('search');
        const began = performance.now();
        for (const text of ['m', 'ma', 'many/0999', '']) {
          search.value = text;
          search.dispatchEvent(new Event('input'));
          search.getBoundingClientRect();
        }
        return (performance.now() - began) / 4;
      });
      assert(took < 250, `${took} ms for one key`);
      await page.locator('#search').fill('many/09999');
      await until(() => page.locator('#rows tr').count(), (count) => count === 1, 'one row');
    } finally {
      await many.stop();
    }
  });

  test('however much happens, one look at the points is under way', async () => {
    const page = await open();
    await armFromPage(page, 'raftAfterSave', 'sleep(0)');
    let now = 0;
    let most = 0;
    let looks = 0;
    const isLook = (request) => request.method() === 'GET' && new URL(request.url()).pathname === '/v1/points';
    page.on('request', (request) => {
      if (!isLook(request)) return;
      looks += 1;
      now += 1;
      most = Math.max(most, now);
    });
    const over = (request) => {
      if (isLook(request)) now -= 1;
    };
    page.on('requestfinished', over);
    page.on('requestfailed', over);
    const began = Date.now();
    for (let saves = 0; saves < 400; saves += 1) await save(server, `k${saves}`);
    await until(() => row(page, 'raftAfterSave').locator('.fires').innerText(), (text) => text === '400', 'all fires');
    assert.equal(most, 1);
    const seconds = (Date.now() - began) / 1000;
    assert(looks <= 4 * seconds + 2, `${looks} looks in ${seconds} s`);
    assert.equal(await page.locator('#fire-rows tr').count(), 100);
  });

  test('below a prefix it finds its routes', async () => {
    const proxy = http.createServer((request, response) => {
      const path = request.url.replace(/^\/fail\//, '/');
      if (path === request.url) return response.writeHead(404).end();
      const forward = http.request(server.origin + path, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      forward.on('error', () => response.destroy());
      response.on('close', () => forward.destroy());
      request.pipe(forward);
    });
    await new Promise((listening) => proxy.listen(0, '127.0.0.1', listening));
    try {
      opened = await openPage(browser, server, { origin: `http://127.0.0.1:${proxy.address().port}`, path: '/fail/ui' });
      const { page } = opened;
      await ready(page);
      await armFromPage(page, 'raftAfterSave', 'sleep(1)');
      await save(server, 'k');
      await page.locator('#fire-rows tr').first().waitFor();
      const closing = opened;
      opened = undefined;
      await closing.close();
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
