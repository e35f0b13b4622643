// Files that go in and out: bundles, cards, answers, figures.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { browse, cell, origin, packmule, press, send, session, sql, unpacked, world } from './lib.mjs';

// Every bundle file below a folder.
function bundlesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return bundlesIn(path);
    return entry.name.endsWith('.mule') ? [path] : [];
  }).sort();
}

function folder(site, name) {
  const path = join(world.sites[site].folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

// Lets all that a lab has to say arrive, so that what it says next is one bundle. lab-b waits for a bundle all the time.
function settle(site, stick) {
  packmule(site, ['export', stick]);
  packmule('central', ['import', stick, '--no-reply'], [0, 15]);
}

browse('a bundle file that is uploaded is applied, and a second time it changes nothing', { role: 'admin', javaScriptEnabled: false }, async (page) => {
  const stick = folder('lab-a', 'to-upload');
  settle('lab-a', stick);
  sql('lab-a', "UPDATE items SET label = 'uploaded' WHERE id = 88");
  packmule('lab-a', ['export', stick]);
  const file = bundlesIn(stick).at(-1);
  for (const words of [/applied 1 change/i, /already applied/i]) {
    await page.goto('/bundles');
    await page.locator('input[type=file][name=file]').setInputFiles(file);
    await press(page, page.getByRole('button', { name: 'Verify and apply' }));
    assert.match(await page.innerText('main'), words);
    assert.equal(cell('central', 'SELECT label FROM items WHERE id = 88'), 'uploaded');
  }
});

browse('a file that is no bundle, or that was changed, is refused and changes nothing', { role: 'admin', refused: true }, async (page) => {
  const stick = folder('lab-a', 'to-damage');
  settle('lab-a', stick);
  sql('lab-a', "UPDATE items SET label = 'damaged' WHERE id = 89");
  packmule('lab-a', ['export', stick]);
  const bytes = readFileSync(bundlesIn(stick).at(-1));
  // The encrypted part is the last one; behind it the archive holds zeros only.
  bytes[bytes.findLastIndex((byte) => byte !== 0) - 100] ^= 1;
  for (const buffer of [bytes, Buffer.from('<script>alert(1)</script>')]) {
    await page.goto('/bundles');
    await page.locator('input[type=file][name=file]').setInputFiles({ name: '<b>x</b>.mule', mimeType: 'application/octet-stream', buffer });
    await press(page, page.getByRole('button', { name: 'Verify and apply' }));
    assert.match(await page.innerText('main'), /damaged|changed after it was signed|no bundle|not a bundle/i);
  }
  assert.notEqual(cell('central', 'SELECT label FROM items WHERE id = 89'), 'damaged');
});

browse('what waits for a lab is one download, and the lab can import it', { role: 'admin', javaScriptEnabled: false }, async (page) => {
  await page.goto('/labs/lab-d');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: /download/i }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'for-lab-d.zip');
  // Unpacked onto a stick, as a technician does it by a file manager.
  const stick = folder('lab-d', 'downloaded');
  for (const { name, bytes } of unpacked(readFileSync(await download.path()))) {
    mkdirSync(dirname(join(stick, name)), { recursive: true });
    writeFileSync(join(stick, name), bytes);
  }
  packmule('lab-d', ['import', stick]);
  assert.equal(cell('lab-d', 'SELECT COUNT(*) FROM items'), cell('central', 'SELECT COUNT(*) FROM items'));
});

browse('a bundle is verified and downloaded as it is', { role: 'admin' }, async (page) => {
  await page.goto('/bundles?site=lab-d&direction=to');
  const name = cell('central', "SELECT CONCAT('central.lab-d.', LEFT(incarnation, 8), '.', LPAD(1, 10, '0'), '.mule') FROM packmule_here");
  const row = page.locator('tr', { has: page.locator(`[href="/bundles/${name}/file"]`) });
  const [download] = await Promise.all([page.waitForEvent('download'), row.locator(`[href="/bundles/${name}/file"]`).click()]);
  assert.equal(download.suggestedFilename(), name);
  const path = join(folder('central', 'downloaded'), name);
  await download.saveAs(path);
  packmule('central', ['verify', path], [0, 14, 1]);
  await press(page, row.getByRole('button', { name: /verify/i }));
  assert.match(await page.innerText('main'), /good/i);
});

browse('a lab joins by files alone: its card comes in, six words are compared, and it is answered', { role: 'admin', javaScriptEnabled: false }, async (page) => {
  const said = packmule('lab-new', ['keys']);
  await page.goto('/keys');
  await page.locator('input[type=file][name=card]').setInputFiles(world.sites['lab-new'].card);
  await press(page, page.getByRole('button', { name: 'Look at the card' }));
  const words = (await page.locator('main .words').allInnerTexts()).map((text) => text.trim());
  assert.ok(words.some((six) => said.includes(six)), `${words} and ${said}`);
  // Nobody is enrolled without a word that the six words were compared.
  assert.equal(cell('central', "SELECT COUNT(*) FROM packmule_site WHERE name = 'lab-new'"), '0');
  await page.getByLabel(/same six words/).check();
  await press(page, page.getByRole('button', { name: 'Enrol lab-new' }));
  assert.equal(cell('central', "SELECT state FROM packmule_site WHERE name = 'lab-new'"), 'active');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('[href="/keys/answers/lab-new"]').first().click(),
  ]);
  const answer = join(world.sites['lab-new'].folder, 'lab-new.answer');
  await download.saveAs(answer);
  packmule('lab-new', ['join', answer, '--yes', '--no-series']);
});

browse('a lab is revoked only by who types its name', { role: 'admin', refused: true }, async (page) => {
  const state = () => cell('central', "SELECT state FROM packmule_site WHERE name = 'lab-g'");
  const { header: cookie } = await session(world.users.admin.name, world.users.admin.password);
  for (const confirm of ['', 'lab-f', 'yes']) {
    const answer = await send('/labs/lab-g/order', { order: 'revoke', confirm }, { cookie, origin });
    assert.ok(answer.status >= 400, `${answer.status}`);
    assert.equal(state(), 'active');
  }
  await page.goto('/labs/lab-g');
  await page.locator('input[name=confirm]').fill('lab-g');
  await press(page, page.getByRole('button', { name: /revoke/i }));
  assert.equal(state(), 'revoked');
  assert.match(await page.innerText('main'), /revoked/);
});

browse('a lab is suspended and resumed', { role: 'admin', javaScriptEnabled: false }, async (page) => {
  const state = () => cell('central', "SELECT state FROM packmule_site WHERE name = 'lab-f'");
  await page.goto('/labs/lab-f');
  await press(page, page.getByRole('button', { name: /suspend/i }));
  assert.equal(state(), 'suspended');
  await page.goto('/labs/lab-f');
  await press(page, page.getByRole('button', { name: 'Let it take part again' }));
  assert.equal(state(), 'active');
});

browse('health is looked at again when somebody asks', { role: 'admin', javaScriptEnabled: false }, async (page) => {
  await page.goto('/health');
  await press(page, page.getByRole('button', { name: 'Look again' }));
  assert.match(await page.innerText('main'), /trigger|privilege|clock|database/i);
});

browse('the keys are replaced by who types the name of the site', { role: 'admin' }, async (page) => {
  const words = () => packmule('central', ['keys', '--json']);
  const before = words();
  await page.goto('/keys');
  await page.locator('summary', { hasText: 'New keys' }).click();
  await page.locator('input[name=confirm]').fill('central');
  await press(page, page.getByRole('button', { name: 'Make new keys' }));
  assert.notEqual(words(), before);
  // The labs hear of them by the next bundle.
  sql('central', "UPDATE items SET label = 'new keys' WHERE id = 90");
  const stick = world.sites['lab-a'].stick;
  packmule('central', ['export', stick]);
  packmule('lab-a', ['import', stick]);
  assert.equal(cell('lab-a', 'SELECT label FROM items WHERE id = 90'), 'new keys');
});

test('the figures are OpenMetrics, and are what the ledger says', async () => {
  const answer = await fetch(`${origin}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^application\/openmetrics-text/);
  const text = await answer.text();
  const lines = text.trimEnd().split('\n');
  assert.equal(lines.at(-1), '# EOF');
  const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
  const sample = new RegExp(`^[a-zA-Z_:][a-zA-Z0-9_:]*(?:\\{(?:${label}(?:,${label})*)?\\})? -?(?:[0-9.]+(?:e[+-]?[0-9]+)?|NaN|\\+?Inf)(?: [0-9.]+)?$`);
  const about = /^# (?:HELP|TYPE|UNIT) [a-zA-Z_:][a-zA-Z0-9_:]* .+$/;
  const types = new Map();
  for (const line of lines.slice(0, -1)) {
    assert.match(line, line.startsWith('#') ? about : sample);
    const [, type, name] = line.match(/^# (TYPE) (\S+)/) ?? [];
    if (type) types.set(name, line);
    if (!line.startsWith('#')) {
      const family = line.match(/^[a-zA-Z0-9_:]+/)[0];
      assert.ok([...types.keys()].some((one) => family.startsWith(one)), `${family} has no type`);
    }
  }
  const figure = (name) => lines.find((one) => one.startsWith(name))?.split(' ').at(-1);
  for (const lab of ['lab-a', 'lab-b', 'lab-e']) {
    for (const what of [/age|data/, /lag/, /gap|missing/, /conflict/, /outbox|wait/]) {
      assert.ok(lines.some((one) => what.test(one) && one.includes(`"${lab}"`)), `${lab}: ${what}`);
    }
  }
  const open = cell('central', "SELECT COUNT(*) FROM conflict_log WHERE status = 'open' AND site = 'lab-b'");
  assert.ok(lines.some((one) => /conflict/.test(one) && one.includes('"lab-b"') && one.endsWith(` ${open}`)), `${open}: ${figure('packmule')}`);
});
