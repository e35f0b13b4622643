// Every page, light and dark: readable for everybody, at 400 and at 1200 pixels, and on paper.

import assert from 'node:assert/strict';
import { browse, complaints, conflict, press, shoot, sideways } from './lib.mjs';

const WIDTHS = [400, 1200];

const PAGES = {
  'labs': '/',
  'labs-late': '/?show=late',
  'labs-stopped': '/?show=stopped',
  'labs-with-conflicts': '/?show=conflicts',
  'lab-up-to-date': '/labs/lab-a',
  'lab-with-a-gap': '/labs/lab-b',
  'lab-suspended': '/labs/lab-c',
  'lab-never-heard-of': '/labs/lab-d',
  'lab-online': '/labs/lab-e',
  'bundles': '/bundles',
  'bundles-of-a-lab': '/bundles?site=lab-b',
  'conflicts': '/conflicts',
  'conflicts-decided': '/conflicts?status=decided',
  'conflicts-none': '/conflicts?site=lab-d',
  'conflicts-of-a-table': '/conflicts?table=shelves',
  'conflict-changed': () => `/conflicts/${conflict('items', 6)}`,
  'conflict-with-others': () => `/conflicts/${conflict('items', 18)}`,
  'conflict-long-text': () => `/conflicts/${conflict('items', 11)}`,
  'conflict-script': () => `/conflicts/${conflict('items', 10)}`,
  'conflict-bytes': () => `/conflicts/${conflict('items', 12)}`,
  'conflict-rtl': () => `/conflicts/${conflict('items', 13)}`,
  'conflict-nulls': () => `/conflicts/${conflict('items', 14)}`,
  'conflict-long-column': () => `/conflicts/${conflict('items', 16)}`,
  'conflict-missing': () => `/conflicts/${conflict('items', 40)}`,
  'conflict-deleted': () => `/conflicts/${conflict('items', 41)}`,
  'conflict-exists': () => `/conflicts/${conflict('items', 100)}`,
  'conflict-unique': () => `/conflicts/${conflict('shelves', 8)}`,
  'conflict-orphan': () => `/conflicts/${conflict('items', 101)}`,
  'conflict-value': () => `/conflicts/${conflict('spans', 1)}`,
  'conflict-decided-by-rule': () => `/conflicts/${conflict('loans', 1)}`,
  'conflict-decided-by-person': () => `/conflicts/${conflict('items', 50)}`,
  'many-at-once': async (page) => {
    await page.goto('/conflicts?table=prices');
    return press(page, page.getByRole('button', { name: /approving/ }));
  },
  'keys': '/keys',
  'health': '/health',
};

const REFUSED = {
  'not-found': ['/labs/lab-x', 404],
  'no-such-conflict': ['/conflicts/999999', 404],
};

// Both widths are measured; axe, which takes its time, looks at the wide page in the light and at the narrow one in the dark.
async function look(page, name, colorScheme) {
  const faults = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const over = await sideways(page);
    if (over > 0) faults.push(`${name}: ${over} px too wide for ${width}`);
    if ((width === 400) === (colorScheme === 'dark')) {
      faults.push(...(await complaints(page)).map((fault) => `${name} at ${width}: ${fault}`));
    }
  }
  return faults;
}

async function shots(page, name, colorScheme) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await shoot(page, `${name}-${width}-${colorScheme}`);
  }
}

for (const colorScheme of ['light', 'dark']) {
  browse(`every page is for everybody, ${colorScheme}`, { role: 'admin', colorScheme }, async (page) => {
    const faults = [];
    for (const [name, path] of Object.entries(PAGES)) {
      const found = typeof path === 'function' ? await path(page) : path;
      const answer = typeof found === 'string' ? await page.goto(found) : found;
      assert.equal(answer.status(), 200, `${name}: ${await page.innerText('body')}`);
      faults.push(...(await look(page, name, colorScheme)));
      await shots(page, name, colorScheme);
    }
    assert.deepEqual(faults, []);
  });

  browse(`what cannot be shown says so for everybody, ${colorScheme}`, { role: 'viewer', colorScheme, refused: true }, async (page) => {
    const faults = [];
    for (const [name, [path, status]] of Object.entries(REFUSED)) {
      assert.equal((await page.goto(path)).status(), status, name);
      faults.push(...(await look(page, name, colorScheme)));
      await shots(page, name, colorScheme);
    }
    assert.deepEqual(faults, []);
  });

  browse(`signing in is for everybody, ${colorScheme}`, { colorScheme }, async (page) => {
    await page.goto('/signin');
    assert.deepEqual(await look(page, 'signin', colorScheme), []);
    await shots(page, 'signin', colorScheme);
  });
}

browse('on paper there is the matter and no buttons', { role: 'admin' }, async (page) => {
  for (const path of ['/', `/conflicts/${conflict('items', 6)}`]) {
    await page.emulateMedia({ media: 'print' });
    await page.goto(path);
    for (const control of await page.locator('button, nav').all()) {
      assert.equal(await control.isVisible(), false, `${path}: ${await control.innerText()}`);
    }
    assert.ok((await page.innerText('main')).includes('lab-a'), path);
    // Dark paper would be a waste of ink.
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.match(paper, /^rgb\(2[3-5]\d, 2[3-5]\d, 2[3-5]\d\)$|^rgba\(0, 0, 0, 0\)$/, path);
    await shoot(page, `print${path.replaceAll('/', '-')}`);
  }
});
