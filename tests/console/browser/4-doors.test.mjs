// Who may come in, and what is refused.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { browse, cell, conflict, line, origin, packmule, press, send, session, world } from './lib.mjs';

const HEADERS = {
  'content-security-policy': /default-src 'none'/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/i,
  'referrer-policy': /^(no-referrer|same-origin)$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cache-control': /no-store/,
};

async function signIn(page, name, password) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await press(page, page.getByRole('button', { name: 'Sign in' }));
}

const password = (text) => {
  const path = join(world.sites.central.folder, 'new.password');
  writeFileSync(path, text, { mode: 0o600 });
  return ['--password-file', path];
};

test('every answer has the headers that keep a browser from doing more than it must', async () => {
  const { header: cookie } = await session(world.users.viewer.name, world.users.viewer.password);
  for (const path of ['/', '/signin', '/conflicts', '/labs/lab-x', '/health', '/keys', '/no/such/page']) {
    for (const headers of [{}, { cookie }]) {
      const answer = await fetch(`${origin}${path}`, { headers, redirect: 'manual' });
      for (const [name, value] of Object.entries(HEADERS)) {
        assert.match(answer.headers.get(name) ?? '', value, `${path}: ${name}`);
      }
      const policy = answer.headers.get('content-security-policy');
      assert.doesNotMatch(policy, /unsafe|https?:|script-src [^']|\*/, path);
      assert.match(policy, /form-action 'self'/, path);
      assert.match(policy, /frame-ancestors 'none'/, path);
    }
  }
});

test('the cookie of a session is for this site alone, and for no script', async () => {
  const answer = await send('/signin', { ...credentials('viewer'), next: '/' }, { origin });
  const cookie = answer.headers.get('set-cookie');
  for (const word of ['HttpOnly', 'SameSite=Strict', 'Path=/']) assert.ok(cookie.includes(word), cookie);
});

const credentials = (role) => ({ name: world.users[role].name, password: world.users[role].password });

test('who has not signed in sees nothing but the sign-in page', async () => {
  for (const path of ['/', '/conflicts', '/bundles', '/keys', '/health', '/labs/lab-a', `/conflicts/${conflict('items', 6)}`]) {
    const answer = await fetch(`${origin}${path}`, { redirect: 'manual' });
    assert.equal(answer.status, 303, path);
    assert.match(answer.headers.get('location'), /^\/signin/, path);
    assert.doesNotMatch(await answer.text(), /lab-a/, path);
  }
  const answer = await send(`/conflicts/${conflict('items', 6)}/approve`, { seen: 'x' }, { origin });
  assert.equal(answer.status, 303);
  assert.match(line(conflict('items', 6)), /^open /);
});

test('a form from another origin, or from nowhere, changes nothing', async () => {
  const { header: cookie } = await session(world.users.admin.name, world.users.admin.password);
  const id = conflict('items', 6);
  const attempts = [
    {}, { origin: 'http://evil.example' }, { origin: 'null' }, { origin: origin.replace('127.0.0.1', 'localhost') },
    { origin: `${origin}.evil.example` }, { referer: `${origin}/` },
  ];
  for (const headers of attempts) {
    for (const [path, form] of [
      [`/conflicts/${id}/approve`, { seen: 'x' }], ['/conflicts/preview', { choice: 'approve' }],
      ['/labs/lab-a/order', { order: 'suspend' }], ['/keys/rotate', { confirm: 'central' }], ['/signout', {}],
      ['/signin', { ...credentials('admin'), next: '/' }],
    ]) {
      const answer = await send(path, form, { cookie, ...headers });
      assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
    }
  }
  assert.match(line(id), /^open /);
  assert.equal(cell('central', "SELECT state FROM packmule_site WHERE name = 'lab-a'"), 'active');
  // The cookie is still good: signing out was refused, too.
  assert.equal((await fetch(`${origin}/`, { headers: { cookie }, redirect: 'manual' })).status, 200);
});

browse('a page of another origin cannot decide in the name of who is signed in', { role: 'admin', refused: true }, async (page, context) => {
  const id = conflict('items', 6);
  const form = `<form method="post" action="${origin}/conflicts/${id}/approve"><input name="seen" value="x"><button>Win a prize</button></form>`;
  const elsewhere = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(`<title>x</title>${form}`));
  await new Promise((ready) => elsewhere.listen(0, '127.0.0.2', ready));
  try {
    // This page is not the console's: what it asks for is not counted.
    const other = await context.browser().newContext();
    await other.addCookies(await context.cookies());
    const evil = await other.newPage();
    await evil.goto(`http://127.0.0.2:${elsewhere.address().port}/`);
    const [answer] = await Promise.all([
      evil.waitForResponse((one) => one.url().startsWith(origin)),
      evil.getByRole('button').click(),
    ]);
    assert.ok([303, 403].includes(answer.status()), `${answer.status()}`);
    await other.close();
  } finally {
    elsewhere.close();
  }
  assert.match(line(id), /^open /);
  await page.goto('/');
  assert.match(await page.innerText('main'), /lab-a/);
});

test('the console answers to its own name only', async () => {
  const { request } = await import('node:http');
  const { port } = new URL(origin);
  const status = await new Promise((done, failed) => {
    const asked = request({ host: '127.0.0.1', port, path: '/signin', headers: { host: `rebound.example:${port}` } }, (answer) => {
      answer.resume();
      done(answer.statusCode);
    });
    asked.on('error', failed).end();
  });
  assert.equal(status, 421);
});

browse('a viewer is offered nothing that changes anything', { role: 'viewer' }, async (page) => {
  for (const path of ['/', '/labs/lab-a', '/labs/lab-b', '/conflicts', `/conflicts/${conflict('items', 6)}`, '/keys', '/bundles']) {
    await page.goto(path);
    const posts = await page.locator('form[method=post]').evaluateAll((forms) => forms.map((form) => form.getAttribute('action')));
    const harmless = (action) => action === '/signout' || /^\/bundles\/.*\/verify$/.test(action);
    assert.deepEqual(posts.filter((action) => !harmless(action)), [], path);
  }
});

test('a viewer that sends a form all the same is told that the role does not allow it', async () => {
  const { header: cookie } = await session(world.users.viewer.name, world.users.viewer.password);
  const id = conflict('items', 7);
  for (const [path, form] of [
    [`/conflicts/${id}/approve`, { seen: 'x' }], [`/conflicts/${id}/reject`, { seen: 'x' }], [`/conflicts/${id}/merge`, { seen: 'x' }],
    [`/conflicts/${id}/reopen`, { seen: 'x' }], ['/conflicts/preview', { choice: 'approve' }], ['/conflicts/decide', { token: 'x' }],
    ['/labs/lab-a/order', { order: 'suspend' }], ['/labs/lab-a/download', {}], ['/keys/rotate', { confirm: 'central' }],
    ['/keys/cards/lab-new/enrol', { compared: 'yes' }], ['/keys/cards/lab-new/reject', {}],
  ]) {
    const answer = await send(path, form, { cookie, origin });
    assert.equal(answer.status, 403, `${path}: ${await answer.text()}`);
  }
  assert.match(line(id), /^open /);
});

test('a reviewer decides, and neither stops a lab nor touches keys', async () => {
  const { header: cookie } = await session(world.users.reviewer.name, world.users.reviewer.password);
  for (const [path, form] of [
    ['/labs/lab-g/order', { order: 'revoke', confirm: 'lab-g' }], ['/labs/lab-g/order', { order: 'suspend' }],
    ['/keys/rotate', { confirm: 'central' }], ['/keys/cards/lab-new/enrol', { compared: 'yes' }],
  ]) {
    assert.equal((await send(path, form, { cookie, origin })).status, 403, path);
  }
  assert.equal(cell('central', "SELECT state FROM packmule_site WHERE name = 'lab-g'"), 'active');
});

browse('a wrong password says so and nothing more, and after a few the name must wait', { refused: true }, async (page) => {
  packmule('central', ['users', 'add', 'mallory', '--role', 'viewer', ...password('the right one, and long')]);
  await page.goto('/signin');
  await signIn(page, 'mallory', 'a wrong one, and long');
  const wrong = await page.innerText('main');
  await page.goto('/signin');
  await signIn(page, 'nobody-of-that-name', 'a wrong one, and long');
  assert.equal(await page.innerText('main'), wrong.replaceAll('mallory', 'nobody-of-that-name'));
  for (let tries = 0; tries < 4; tries += 1) await send('/signin', { name: 'mallory', password: 'wrong', next: '/' }, { origin });
  const answer = await send('/signin', { name: 'mallory', password: 'the right one, and long', next: '/' }, { origin });
  assert.equal(answer.status, 429);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  // Nobody else has to wait.
  await session(world.users.viewer.name, world.users.viewer.password);
});

browse('who signs in comes to the page that was asked for, and never to another site', {}, async (page) => {
  const { name, password: word } = world.users.reviewer;
  await page.goto('/conflicts?table=prices');
  await signIn(page, name, word);
  assert.equal(page.url(), `${origin}/conflicts?table=prices`);
  for (const next of ['//evil.example/', 'https://evil.example/', '/\\evil.example', '/%0d%0aSet-Cookie: a=b']) {
    const answer = await send('/signin', { name, password: word, next }, { origin });
    assert.equal(answer.status, 303, next);
    assert.equal(new URL(answer.headers.get('location'), origin).origin, origin, next);
  }
});

browse('a session ends with signing out', { javaScriptEnabled: false }, async (page, context) => {
  await page.goto('/');
  await signIn(page, world.users.viewer.name, world.users.viewer.password);
  const before = await context.cookies();
  await press(page, page.getByRole('button', { name: 'Sign out' }));
  assert.match(page.url(), /\/signin/);
  await context.addCookies(before);
  await page.goto('/');
  assert.match(page.url(), /\/signin/);
});

test('a session ends when its password is changed, its role is, or its user is removed', async () => {
  const status = async (cookie) => (await fetch(`${origin}/`, { headers: { cookie }, redirect: 'manual' })).status;
  packmule('central', ['users', 'add', 'peter', '--role', 'reviewer', ...password('the first long one')]);
  const first = await session('peter', 'the first long one');
  assert.equal(await status(first.header), 200);
  packmule('central', ['users', 'password', 'peter', ...password('the second long one')]);
  assert.equal(await status(first.header), 303);
  const second = await session('peter', 'the second long one');
  packmule('central', ['users', 'role', 'peter', 'viewer']);
  assert.equal(await status(second.header), 303);
  const third = await session('peter', 'the second long one');
  packmule('central', ['users', 'remove', 'peter']);
  assert.equal(await status(third.header), 303);
  assert.notEqual((await send('/signin', { name: 'peter', password: 'the second long one', next: '/' }, { origin })).status, 303);
});
