// What people decide: by forms alone, with the keyboard alone, two at once, and what becomes of it.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { browse, cell, conflict, item, line, origin, packmule, press, send, session, sql, world } from './lib.mjs';

const open = async (page, record, table = 'items') => {
  const id = conflict(table, record);
  await page.goto(`/conflicts/${id}`);
  return id;
};

const button = (page, name) => page.getByRole('button', { name });
const approve = (page) => button(page, /^Approve: /);
const reject = (page) => button(page, /^Reject: /);

// The row of a column among those that a person may choose.
const column = (page, name) => page.locator('main').getByRole('group', { name, exact: true });

browse('approving by a form writes what the button says', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  const id = await open(page, 1);
  assert.match(await approve(page).innerText(), /quantity 7/);
  assert.match(await approve(page).innerText(), /note shelf B/);
  const form = page.locator('form', { has: approve(page) });
  await form.locator('summary').click();
  await form.getByLabel(/note/i).fill('counted on Friday');
  await press(page, approve(page));
  assert.equal(item('central', 1), '7 shelf B');
  assert.equal(line(id), `decided lab ${world.users.reviewer.name}`);
  assert.equal(cell('central', `SELECT decision_note FROM conflict_log WHERE id = ${id}`), 'counted on Friday');
  assert.match(await page.innerText('main'), new RegExp(world.users.reviewer.name));
});

browse('rejecting by a form leaves what the button says', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  const id = await open(page, 2);
  assert.match(await reject(page).innerText(), /quantity 8/);
  await press(page, reject(page));
  assert.equal(item('central', 2), '8 old');
  assert.equal(line(id), `decided central ${world.users.reviewer.name}`);
});

browse('columns of either side and a typed value make one row', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  const id = await open(page, 3);
  await column(page, 'quantity').getByRole('radio', { name: /lab-a/ }).check();
  await column(page, 'note').getByRole('radio', { name: /typ/i }).check();
  await column(page, 'note').getByRole('textbox').fill('typed <b>by</b> "hand", 5 > 3 & so on');
  await page.locator('form[action$="/merge"] summary', { hasText: 'other columns' }).click();
  await column(page, 'label').getByRole('radio', { name: 'NULL' }).check();
  await press(page, button(page, /^Merge: /));
  assert.equal(item('central', 3), '7 typed <b>by</b> "hand", 5 > 3 & so on');
  assert.equal(cell('central', 'SELECT label IS NULL FROM items WHERE id = 3'), '1');
  assert.equal(line(id), `decided merged ${world.users.reviewer.name}`);
});

browse('a decision is taken back by a form, and another one made', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  const id = await open(page, 4);
  await press(page, approve(page));
  assert.equal(item('central', 4), '7 shelf B');
  await page.goto(`/conflicts/${id}`);
  await press(page, button(page, /^Take it back: /));
  assert.match(line(id), /^open /);
  assert.equal(item('central', 4), '8 old');
  await page.goto(`/conflicts/${id}`);
  await press(page, reject(page));
  assert.match(line(id), /^decided central /);
});

browse('many are decided at once, after a preview with counts and samples', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  const waiting = () => Number(cell('central', "SELECT COUNT(*) FROM conflict_log WHERE status = 'open' AND table_name = 'prices'"));
  assert.equal(waiting(), 50);
  await page.goto('/conflicts?table=prices&site=lab-b');
  await press(page, button(page, /approving/));
  const preview = await page.innerText('main');
  assert.match(preview, /\b50\b/);
  assert.match(preview, /prices/);
  assert.match(preview, /lab-b/);
  assert.match(preview, /3\.50/, 'no sample of what would be written');
  assert.equal(waiting(), 50, 'a preview decides nothing');
  await press(page, button(page, 'Approve 50 conflicts'));
  assert.equal(waiting(), 0);
  assert.equal(cell('central', 'SELECT price FROM prices WHERE id = 1'), '3.50');
  assert.equal(cell('central', `SELECT COUNT(*) FROM conflict_log WHERE table_name = 'prices' AND decided_by = '${world.users.reviewer.name}'`), '50');
});

browse('a preview is good once, and for whoever has seen it', { role: 'reviewer', refused: true }, async (page, context) => {
  await page.goto('/conflicts?table=shelves');
  await press(page, button(page, /rejecting/));
  const token = await page.locator('input[name=token]').first().inputValue();
  const { header: other } = await session(world.users.admin.name, world.users.admin.password);
  const isOpen = () => assert.match(line(conflict('shelves', 8)), /^open /);
  await send('/conflicts/decide', { token }, { cookie: other, origin });
  isOpen();
  // Whoever has looked at something else since has not looked at this.
  const second = await context.newPage();
  await second.goto('/conflicts?table=spans');
  await press(second, button(second, /rejecting/));
  await press(page, button(page, /^Reject 1 conflict/));
  assert.match(await page.innerText('main'), /Nothing was decided/);
  isOpen();
  await press(second, button(second, /^Reject 1 conflict/));
  assert.match(line(conflict('spans', 1)), /^decided central /);
});

browse('with the keyboard alone: past the menu, to the button, and always seen where one is', { role: 'reviewer' }, async (page) => {
  const id = await open(page, 8);
  const focused = () => page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    const { top, left, width } = document.activeElement.getBoundingClientRect();
    return { text: document.activeElement.innerText ?? '', isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && width > 0 && left >= 0 && top > -1 };
  });
  await page.keyboard.press('Tab');
  const skip = await focused();
  assert.ok(skip.isSeen, 'the first stop is not seen');
  await page.keyboard.press('Enter');
  assert.match(page.url(), /#main$/);
  const seen = [];
  for (let stops = 0; stops < 80; stops += 1) {
    await page.keyboard.press('Tab');
    const { text, isSeen } = await focused();
    seen.push(text);
    assert.ok(isSeen, `the focus is not seen at ${JSON.stringify(text)}`);
    if (text.startsWith('Approve: ')) break;
  }
  assert.ok(seen.at(-1).startsWith('Approve: '), `never came to the button: ${seen}`);
  assert.ok(!seen.includes('Keys'), 'the skip link skips nothing');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.match(line(id), /^decided lab /);
});

browse('of two who decide at once the second is told, and shown how it stands now', { role: 'reviewer', refused: true }, async (page, context) => {
  const id = await open(page, 5);
  const second = await context.newPage();
  await second.goto(`/conflicts/${id}`);
  await press(second, reject(second));
  const answer = await press(page, approve(page));
  assert.equal(answer.status(), 409);
  assert.equal(item('central', 5), '8 old');
  const shown = await page.innerText('main');
  assert.match(shown, /decided/i);
  assert.match(shown, new RegExp(world.users.reviewer.name));
});

browse('who decides on a row that has changed since is told, and shown the row as it is', { role: 'reviewer', refused: true }, async (page) => {
  const id = await open(page, 20);
  sql('central', 'UPDATE items SET quantity = 99 WHERE id = 20');
  const answer = await press(page, approve(page));
  assert.equal(answer.status(), 409);
  assert.match(line(id), /^open /);
  assert.match(await page.innerText('main'), /99/);
  assert.match(await column(page, 'quantity').innerText(), /central: 99/);
  // What is shown now is good to decide on.
  await press(page, reject(page));
  assert.match(line(id), /^decided /);
  assert.equal(item('central', 20), '99 old');
});

browse('a decision is an edit at the centre, and reaches the labs', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  await open(page, 9);
  await press(page, approve(page));
  for (const lab of ['lab-a', 'lab-e']) {
    const stick = `${world.sites[lab].folder}/by-stick`;
    mkdirSync(stick, { recursive: true });
    packmule('central', ['export', stick, '--to', lab]);
    packmule(lab, ['import', stick]);
    assert.equal(item(lab, 9), '7 shelf B', lab);
  }
});

browse('a value that the table refuses is told in words, and nothing is decided', { role: 'reviewer', refused: true }, async (page) => {
  const id = await open(page, 21);
  await column(page, 'quantity').getByRole('radio', { name: /typ/i }).check();
  await column(page, 'quantity').getByRole('textbox').fill('many');
  await press(page, button(page, /^Merge: /));
  assert.match(await page.innerText('main'), /quantity/);
  assert.match(line(id), /^open /);
  assert.equal(item('central', 21), '8 old');
});

browse('a row that the centre does not have is put together from the lab\'s', { role: 'reviewer', javaScriptEnabled: false }, async (page) => {
  const id = await open(page, 8, 'shelves');
  assert.equal(await page.getByRole('radio', { name: /^central/ }).count(), 0);
  await column(page, 'code').getByRole('radio', { name: /typed/ }).check();
  await column(page, 'code').getByRole('textbox').fill('D9');
  await press(page, button(page, /^Merge: /));
  assert.equal(cell('central', "SELECT CONCAT_WS(' ', code, place) FROM shelves WHERE id = 8"), 'D9 lab-a');
  assert.match(line(id), /^decided /);
});

browse('Enter in a note decides nothing', { role: 'reviewer' }, async (page) => {
  const id = await open(page, 22);
  const form = page.locator('form', { has: approve(page) });
  await form.locator('summary').click();
  await form.getByLabel(/note/i).fill('I am not sure');
  await form.getByLabel(/note/i).press('Enter');
  await page.goto(`/conflicts/${id}`);
  assert.match(line(id), /^open /);
});
