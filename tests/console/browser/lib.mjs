// What every test stands on: the world that the test program has made, one browser a file, and one context a test. A test fails
// when its pages open a dialog, complain on the console, break the content security policy, or ask another origin for anything.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';

if (!process.env.PACKMULE_WORLD) throw new Error('run these tests with ./dev test --console');

export const world = JSON.parse(readFileSync(process.env.PACKMULE_WORLD, 'utf8'));
export const origin = new URL(world.url).origin;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser;
after(() => browser?.close());

async function launched() {
  browser ??= await chromium.launch({
    executablePath: process.env.PACKMULE_CHROMIUM ?? '/usr/bin/chromium',
    // Only root has no sandbox of its own.
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
  return browser;
}

// A test with a context of its own, signed in as `role` if one is given. `options` are those of the context; `refused: true` lets
// answers of 400 and above pass, which the browser else reports as faults.
export function browse(name, { role, refused = false, ...options }, act) {
  test(name, { timeout: 240_000 }, async () => {
    const context = await (await launched()).newContext({ baseURL: origin, ...options });
    context.setDefaultTimeout(10_000);
    const faults = [];
    context.on('page', (page) => watch(page, faults, refused));
    try {
      if (role) await context.addCookies(await cookies(role));
      await act(await context.newPage(), context);
    } finally {
      await context.close();
    }
    assert.deepEqual(faults, []);
  });
}

function watch(page, faults, refused) {
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('pageerror', (error) => faults.push(`error: ${error}`));
  page.on('console', (message) => {
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !(refused && isRefusal)) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin: to } = new URL(request.url());
    if (protocol !== 'data:' && to !== origin) faults.push(`request to ${request.url()}`);
  });
}

// The cookies of a session of its own.
export async function session(name, password) {
  const answer = await fetch(`${origin}/signin`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ name, password, next: '/' }),
  });
  assert.equal(answer.status, 303, await answer.text());
  const [pair] = answer.headers.get('set-cookie').split(';');
  const [key, value] = pair.split('=');
  return { header: pair, cookies: [{ name: key, value, url: origin }] };
}

const sessions = new Map();
async function cookies(role) {
  if (!sessions.has(role)) sessions.set(role, await session(world.users[role].name, world.users[role].password));
  return sessions.get(role).cookies;
}

// Rows of a site's database, each a list of texts.
export function sql(site, statement) {
  const [program, ...words] = world.sql;
  const { database } = world.sites[site];
  return JSON.parse(execFileSync(program, [...words, database, statement], { encoding: 'utf8' }));
}

export const cell = (site, statement) => sql(site, statement)[0]?.[0] ?? null;

// Runs `packmule -c SITE.toml WORDS`, which must end with one of these codes.
export function packmule(site, words, codes = [0]) {
  const { settings, folder } = world.sites[site];
  const ran = spawnSync(world.program, ['-c', settings, ...words], {
    cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: folder, TZ: 'UTC' },
  });
  assert.ok(codes.includes(ran.status), `packmule ${words.join(' ')}: ${ran.status}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout + ran.stderr;
}

// The number of a conflict, from its row.
export function conflict(table, record, lab = 'lab-a') {
  const query = `SELECT id FROM conflict_log WHERE site = '${lab}' AND table_name = '${table}' AND record_id = '${record}'`;
  const id = cell('central', query);
  assert.ok(id, `no conflict of ${table} ${record}`);
  return id;
}

// What `conflict_log` says of it: status, outcome, and who decided.
export const line = (id) =>
  cell('central', `SELECT CONCAT_WS(' ', status, outcome, decided_by) FROM conflict_log WHERE id = ${id}`);

// One row of items at a site, the columns that the tests edit.
export const item = (site, id) =>
  cell(site, `SELECT CONCAT_WS(' ', quantity, note) FROM items WHERE id = ${id}`);

// The picture of a page, where somebody wants to look at it.
export async function shoot(page, name) {
  if (!process.env.PACKMULE_SHOTS) return;
  mkdirSync(process.env.PACKMULE_SHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.PACKMULE_SHOTS, `${name}.png`), fullPage: true });
}

// What axe has to say against a page, by WCAG 2.1 A and AA.
export async function complaints(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`));
}

// Presses a button that sends a form, and returns the page that comes of it.
export async function press(page, button) {
  const [answer] = await Promise.all([page.waitForNavigation(), button.click()]);
  return answer;
}

// By how many pixels a page is wider than its window.
export const sideways = (page) =>
  page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);

// Sends a form as no browser would: with exactly these headers.
export function send(path, form, headers) {
  return fetch(`${origin}${path}`, {
    method: 'POST', redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form),
  });
}

// The files of a zip archive that compresses nothing: their names and bytes.
export function unpacked(zip) {
  const files = [];
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  while (zip.readUInt32LE(at) === 0x02014b50) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => zip.readUInt16LE(at + place));
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes);
    assert.equal(zip.readUInt16LE(at + 10), 0, `${name} is compressed`);
    let size = zip.readUInt32LE(at + 24);
    // Too large for its place, or said to be: then it stands first in a field behind the name.
    if (size === 0xffffffff) size = Number(zip.readBigUInt64LE(at + 46 + nameBytes + 4));
    const local = zip.readUInt32LE(at + 42);
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    files.push({ name, bytes: zip.subarray(begin, begin + size) });
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return files;
}
