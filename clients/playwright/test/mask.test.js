const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { describe, test } = require('node:test');

const { load } = require('./support/module.js');

const { MASK, Masker } = load('mask.ts');
const { isSecretField } = load('mask/names.ts');

const SECRET = 'hunter2-Zx9';

/** A step of the newest Playwright. */
const fill = (value, locator = "getByLabel('Password')") => ({
  category: 'pw:api',
  title: `Fill "${value}"`,
  subtitle: locator,
  params: { locator, value },
});
/** A masker that has seen secrets being typed. */
const having = (...secrets) => {
  const masker = new Masker({}, {});
  for (const secret of secrets) masker.step(fill(secret));
  return masker;
};
/** Steps as versions of Playwright have them: what is typed into a field. */
const VERSIONS = {
  'newest: fill': fill(SECRET),
  'newest: pressSequentially': {
    category: 'pw:api',
    title: `Type "${SECRET}"`,
    subtitle: "locator('#pin')",
    params: { text: SECRET },
  },
  '1.54: fill': { category: 'pw:api', title: `Fill "${SECRET}" getByLabel('Password')` },
  '1.57: a selector with quotes': { category: 'pw:api', title: `Fill "${SECRET}" locator('input[name="password"]')` },
  '1.57: pressSequentially': { category: 'pw:api', title: `Type "${SECRET}" getByTestId('cvc')` },
  '1.52: fill does not say its field': { category: 'pw:api', title: `locator.fill(${SECRET})`, annotations: [] },
  '1.50: pressSequentially': { category: 'pw:api', title: `locator.pressSequentially(#password, ${SECRET})` },
  '1.50: type of a locator': { category: 'pw:api', title: `locator.getByLabel('Password').type(${SECRET})` },
  '1.50: page.type': { category: 'pw:api', title: `page.type([type=password], ${SECRET})` },
  'expect: toHaveValue': {
    category: 'expect',
    title: 'Expect "toHaveValue"',
    subtitle: "getByLabel('Token')",
    params: { expected: SECRET },
  },
};

describe('fields', () => {
  const secret = [
    "getByLabel('Password')",
    "getByPlaceholder('Your password')",
    '#loginPassword',
    'input[type=password]',
    "locator('#user_pass')",
    "locator('[name=pwd]')",
    "getByTestId('otp')",
    "getByLabel('PIN')",
    "locator('#userPin')",
    "locator('#pin-code')",
    "locator('#cvc')",
    "getByLabel('CVV')",
    "getByLabel('Card number')",
    "locator('#card')",
    "getByLabel('Card')",
    "locator('[autocomplete=cc-number]')",
    "getByLabel('IBAN')",
    "locator('#ssn')",
    'locator(\'[name="api_key"]\')',
    "getByLabel('Access token')",
    "getByLabel('Client secret')",
    "getByLabel('Passwort')",
    "getByLabel('Contraseña')",
    "getByLabel('パスワード')",
    "getByLabel('One-time code')",
  ];
  const open = [
    '',
    "getByLabel('Shipping address')",
    "locator('#spin')",
    "getByRole('spinbutton')",
    "locator('.card input.title')",
    "getByTestId('product-card').getByRole('textbox')",
    "getByText('Card title')",
    "getByLabel('Secretary')",
    "locator('#p')",
    "getByLabel('Passenger')",
    "getByLabel('Compass')",
    "getByLabel('Pinterest')",
    "getByLabel('Name')",
    "getByLabel('Opinion')",
  ];
  for (const field of secret) test(`${field} is secret`, () => assert.equal(isSecretField(field), true));
  for (const field of open)
    test(`${field || 'no field'} is not secret`, () => assert.equal(isSecretField(field), false));
});

describe('steps', () => {
  for (const [version, step] of Object.entries(VERSIONS)) {
    test(`${version}: the value is masked, in the step and from then on`, () => {
      const masker = new Masker({}, {});
      assert.equal(masker.text(`before ${SECRET}`), `before ${SECRET}`);
      const words = masker.step(step);
      assert.ok(!JSON.stringify(words).includes(SECRET), JSON.stringify(words));
      if (!version.startsWith('expect')) assert.ok(words.title.includes(MASK), words.title);
      assert.equal(masker.text(`a ${SECRET}!`), 'a ***!');
    });
  }

  test('what is not typed into a secret field is not masked', () => {
    const step = fill('Ann Smith', "getByLabel('Name')");
    assert.deepEqual(new Masker({}, {}).step(step), {
      title: step.title,
      subtitle: step.subtitle,
      params: step.params,
    });
    assert.equal(
      new Masker({}, {}).step({ category: 'test.step', title: 'Fill "x" in #password' }).title,
      'Fill "x" in #password',
    );
  });

  test('what stays of a step: the action, the field, other params', () => {
    const words = new Masker({}, {}).step(fill(SECRET));
    assert.deepEqual(words, {
      title: 'Fill "***"',
      subtitle: "getByLabel('Password')",
      params: { locator: "getByLabel('Password')", value: '***' },
    });
    const old = new Masker({}, {}).step({ category: 'pw:api', title: `Fill "a"b" locator('[name="token"]')` });
    assert.equal(old.title, `Fill "***" locator('[name="token"]')`);
    assert.equal(
      new Masker({}, {}).step({ category: 'pw:api', title: 'locator.fill(#password)' }).title,
      'locator.fill(#password)',
    );
  });

  test('short values are masked in their step alone, common ones too', () => {
    const masker = having('123', 'test', 'pass');
    assert.deepEqual(masker.step(fill('123')).params.value, MASK);
    assert.equal(masker.text('123 tests passed the test'), '123 tests passed the test');
    // A short word is a secret where it stands alone.
    assert.equal(having('blue').text('a blue bluebird'), 'a *** bluebird');
    assert.equal(having('4711').text('x=4711&y=14711 %3D4711 "4711"'), 'x=***&y=14711 %3D*** "***"');
    assert.equal(having('s3cret').text('xs3crety'), 'x***y');
  });

  test('keys that write nothing stay', () => {
    const press = (key) =>
      new Masker({}, {}).step({
        category: 'pw:api',
        title: `Press "${key}"`,
        subtitle: "locator('#otp')",
        params: { key },
      });
    assert.equal(press('7').title, 'Press "***"');
    assert.equal(press('7').params.key, MASK);
    assert.equal(press('Shift+A').title, 'Press "***"');
    assert.equal(press('Enter').title, 'Press "Enter"');
    assert.equal(press('Control+A').params.key, 'Control+A');
  });

  test('text from the keyboard goes where the attempt was last', () => {
    const masker = new Masker({}, {});
    const [one, other] = [{}, {}];
    const type = (text) => ({ category: 'pw:api', title: `Type "${text}"`, params: { text } });
    const click = (locator) => ({ category: 'pw:api', title: 'Click', subtitle: locator, params: { locator } });
    masker.step(click("getByLabel('Password')"), one);
    masker.step(click("getByLabel('Name')"), other);
    assert.equal(masker.step(type('ann.smith'), other).title, 'Type "ann.smith"');
    assert.equal(masker.step(type('hunter2!'), one).title, 'Type "***"');
    masker.step({ category: 'pw:api', title: 'Press "Tab"', params: { key: 'Tab' } }, one);
    assert.equal(masker.step(type('what now'), one).title, 'Type "what now"');
    masker.step({ category: 'pw:api', title: 'locator.click(#pwd)' }, other);
    assert.equal(
      masker.step({ category: 'pw:api', title: 'keyboard.type(hunter3!)' }, other).title,
      'keyboard.type(***)',
    );
  });

  test('`mask.fill`', () => {
    const name = fill('Ann Smith', "getByLabel('Name')");
    const all = new Masker({ fill: 'all' }, {});
    assert.equal(all.step(name).title, 'Fill "***"');
    assert.equal(all.text('Ann Smith'), MASK);
    const none = new Masker({ fill: 'none' }, {});
    assert.equal(none.step(fill(SECRET)).title, `Fill "${SECRET}"`);
    assert.equal(
      none
        .text(`TimeoutError\nCall log:\n - waiting for locator('#password')\n - fill("${SECRET}")\n`)
        .includes(SECRET),
      true,
    );
    const off = new Masker(false, { A_TOKEN: SECRET }, ['the-own-token']);
    assert.equal(off.text(`${SECRET} password=abc the-own-token`), `${SECRET} password=abc ***`);
    off.own('a-fetched-token');
    assert.equal(off.text('with a-fetched-token'), 'with ***');
  });

  test('the source says what a step does not', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'runcast-mask-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'a.spec.ts');
    const lines = [
      "  await page.getByLabel('Password').fill('in-the-source1');",
      '  await page',
      "    .getByLabel('Password')",
      "    .fill('in-the-source2');",
      '  await login.passwordInput.fill(password);',
      "  await login.nameInput.fill('ann');",
      "  await page.fill('#password', 'in-the-source3');",
      "  await expect(page.getByLabel('Token')).toHaveValue('in-\\'the\\'-source4');",
    ];
    writeFileSync(file, lines.join('\n'));
    const at = (line, method) => ({ file, line, column: lines[line - 1].indexOf(`${method}(`) + 1 });
    const masker = new Masker({}, {});
    const step = (title, location, category = 'pw:api') =>
      masker.step({ category, title, location, annotations: [] }).title;
    // 1.50 tells the field, 1.51 and 1.52 the value.
    assert.equal(step("locator.getByLabel('Password').fill", at(1, 'fill')), "locator.getByLabel('Password').fill");
    assert.equal(masker.text('in-the-source1'), MASK);
    step("Type getByLabel('Password')", at(4, 'fill'));
    step('locator.fill(in-the-source2)', at(4, 'fill'));
    assert.equal(masker.text('in-the-source2'), MASK);
    assert.equal(step('locator.fill(from a variable)', at(5, 'fill')), 'locator.fill(***)');
    assert.equal(step('locator.fill(ann)', at(6, 'fill')), 'locator.fill(ann)');
    step('page.fill(#password)', at(7, 'fill'));
    assert.equal(masker.text('in-the-source3'), MASK);
    step('expect.toHaveValue', at(8, 'toHaveValue'), 'expect');
    assert.equal(masker.text("in-'the'-source4"), MASK);
    assert.equal(
      step('locator.fill(no such place)', { file: join(dir, 'gone'), line: 1, column: 1 }),
      'locator.fill(***)',
    );
  });
});

describe('errors', () => {
  const log = (locator, element) => `TimeoutError: locator.fill: Timeout 300ms exceeded.
Call log:
\u001b[2m  - waiting for ${locator}\u001b[22m
\u001b[2m    - locator resolved to ${element}\u001b[22m
\u001b[2m    - fill("${SECRET}")\u001b[22m
\u001b[2m  - attempting fill action\u001b[22m
`;

  test('a call log of a secret field: by its locator, or by the element', () => {
    for (const [locator, element] of [
      ["getByLabel('Password')", '<input/>'],
      ["locator('#p')", '<input type="password" value="other-one"/>'],
    ]) {
      const masker = new Masker({}, {});
      const masked = masker.text(log(locator, element));
      assert.equal(masked, log(locator, element).replace(SECRET, MASK).replace('other-one', MASK));
      assert.equal(masker.text(SECRET), MASK, 'it is known from then on');
    }
    const open = log("locator('#n')", '<input type="text"/>');
    assert.equal(new Masker({}, {}).text(open), open);
  });

  test('an expected and an actual value that are underlined where they differ', () => {
    const error = `Error: expect(locator).\u001b[22mtoHaveValue\u001b[2m(\u001b[22mexpected) failed

Locator:  locator('#p')
Expected: \u001b[32m"\u001b[7mexpected\u001b[27m1"\u001b[39m
Received: \u001b[31m"\u001b[7mactual00\u001b[27m1"\u001b[39m

Call log:
\u001b[2m    6 × locator resolved to <input id="p" type="password"/>\u001b[22m
\u001b[2m      - unexpected value "actual001"\u001b[22m
`;
    const masker = new Masker({}, {});
    const masked = masker.text(error);
    assert.match(masked, /Expected: \u001b\[32m"\u001b\[7m\*\*\*\u001b\[27m"\u001b\[39m/);
    assert.match(masked, /unexpected value "\*\*\*"/);
    assert.equal(masker.text('expected1 actual001'), '*** ***');
  });

  test('a text of a label named password is none', () => {
    const error = `Error: expect(locator).toHaveText(expected)

Locator: getByTestId('password-error')
Expected: "Required"
Call log:
 - unexpected value "Too short"
`;
    assert.equal(new Masker({}, {}).text(error), error);
  });

  test('code around the place: lines that have not run yet', () => {
    const code = `
> 1 |   await expect(page).toHaveTitle('x');
    |                      ^
  2 |   await page.getByLabel('Password').fill('${SECRET}');
  3 |   await page.fill('#password', "with \\"quotes\\"");
  4 |   await page.getByLabel('Name').fill('Ann');
  5 |   await page.fill('#password', password);
  6 |   const apiKey = 'k-1234567';`;
    const masker = new Masker({}, {});
    assert.equal(
      masker.text(code),
      code.replace(SECRET, MASK).replace('with \\"quotes\\"', MASK).replace('k-1234567', MASK),
    );
    assert.equal(masker.text('with "quotes"'), MASK);
  });
});
