// Whatever stands in a cell is shown as text: nothing of it runs, nothing of it is lost, and what differs can be told apart.

import assert from 'node:assert/strict';
import { browse, cell, conflict } from './lib.mjs';

const open = (page, record) => page.goto(`/conflicts/${conflict('items', record)}`);
const note = (site, record) => cell(site, `SELECT note FROM items WHERE id = ${record}`);

browse('markup in a cell is text', { role: 'admin' }, async (page) => {
  await open(page, 10);
  const text = await page.innerText('main');
  assert.ok(text.includes('<script>alert(1)</script>'));
  assert.ok(text.includes('"><img src=x onerror=alert(1)>'));
  assert.equal(await page.locator('script, img, [onerror]').count(), 0);
  await page.goto('/conflicts');
  assert.equal(await page.locator('script, img, [onerror]').count(), 0);
});

browse('64 KiB of text are short at first, with what differs, and whole where they are asked for', { role: 'admin' }, async (page) => {
  await open(page, 11);
  const short = await page.innerText('main');
  assert.ok(short.length < 20_000, `${short.length} characters are seen at first`);
  assert.match(short, /shelf/);
  assert.match(short, /store/);
  for (const summary of await page.locator('main details:not([open]) > summary').all()) {
    if (await summary.isVisible()) await summary.click();
  }
  // As the page holds it, because what is seen folds white space.
  const whole = await page.locator('main').evaluate((main) => main.textContent);
  assert.ok(whole.includes(note('lab-a', 11)), 'the text of lab-a is not whole');
  assert.ok(whole.includes(note('central', 11)), 'the text of the centre is not whole');
});

browse('bytes are shown as bytes', { role: 'admin' }, async (page) => {
  await open(page, 12);
  const text = await page.innerText('main');
  assert.match(text, /00\s?01\s?02\s?03\s?FF\s?FE/i);
  assert.match(text, /3C\s?73\s?63\s?72\s?69\s?70\s?74\s?3E\s?00\s?FF/i);
});

browse('text from right to left stays in its cell, and a character that turns text round is seen', { role: 'admin' }, async (page) => {
  await open(page, 13);
  const text = await page.innerText('main');
  assert.match(text, /مرحبا/);
  // Either it is kept from acting by an element of its own, or it is written out; a bare one in the page's own text is neither.
  const bare = await page.locator('main').evaluate((main) => {
    const found = [];
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const around = walker.currentNode.parentElement;
      const isKept = getComputedStyle(around).unicodeBidi.includes('isolate') || around.closest('bdi, [dir=auto], textarea, input');
      if (/[\u202a-\u202e\u2066-\u2069]/.test(walker.currentNode.data) && !isKept) found.push(around.outerHTML);
    }
    return found;
  });
  assert.deepEqual(bare, []);
  assert.match(text, /\\u\{202e\}/, 'nobody sees that there is an override');
});

browse('no value, no text and the text NULL are three things', { role: 'admin' }, async (page) => {
  await open(page, 14);
  const row = (name) => page.locator('main tr').filter({ has: page.getByRole('rowheader', { name: new RegExp(`\\b${name}$`) }) }).first();
  for (const summary of await page.locator('main details:has(table) > summary').all()) await summary.click();
  const cells = async (name) => (await row(name).locator('td').allInnerTexts()).map((text) => text.trim());
  const [, centralNote, labNote] = await cells('note');
  assert.notEqual(centralNote, labNote);
  const [, centralLabel, labLabel] = await cells('label');
  assert.notEqual(centralLabel, labLabel);
  assert.notEqual(centralLabel, '', 'an empty text cannot be told from nothing');
  assert.equal(labLabel, centralNote, 'NULL is not told in the same way everywhere');
});

browse('an emoji, marks upon letters and lines come through', { role: 'admin' }, async (page) => {
  await open(page, 15);
  const text = await page.innerText('main');
  for (const part of ['\u{1F9EA} test tube', '\u{1F468}\\u{200d}\u{1F52C}', 'e\u{301}']) assert.ok(text.includes(part), part);
  await open(page, 17);
  const spaces = await page.locator('main').evaluate((main) => main.textContent);
  assert.ok(spaces.includes('two\nlines'));
  assert.ok(spaces.includes('  leading\\tand trailing  '));
});
