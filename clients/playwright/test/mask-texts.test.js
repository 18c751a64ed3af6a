const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { load } = require('./support/module.js');
const { randoms } = require('./support/random.js');

const { MASK, Masker } = load('mask.ts');
const { isCommon, isSecretVariable } = load('mask/names.ts');
const { Values } = load('mask/values.ts');

const SECRET = 'hunter2-Zx9';

/** A step of the newest Playwright. */
const fill = (value) => ({ category: 'pw:api', title: `Fill "${value}"`, subtitle: "getByLabel('Password')" });
/** A masker that has seen secrets being typed. */
const having = (...secrets) => {
  const masker = new Masker({}, {});
  for (const secret of secrets) masker.step(fill(secret));
  return masker;
};

describe('texts that are secret by how they look', () => {
  const cases = {
    'https://ada:pass-word@example.com/a': 'https://ada:***@example.com/a',
    'postgres://app:p%40ss@db:5432/x?y=z@w': 'postgres://app:***@db:5432/x?y=z@w',
    'https://example.com/a:b@c': 'https://example.com/a:b@c',
    '- authorization: Bearer abc.def\n- accept: */*': '- authorization: ***\n- accept: */*',
    '{"Authorization":"Basic dXNlcjpwYXNz","a":1}': '{"Authorization":"***","a":1}',
    '"{\\"x-api-key\\":\\"abc123\\",\\"b\\":2}"': '"{\\"x-api-key\\":\\"***\\",\\"b\\":2}"',
    'set-cookie: sid=abc; Path=/': 'set-cookie: ***',
    'Cookie: accept all': 'Cookie: accept all',
    'a Bearer of news': 'a Bearer of news',
    'Basic authentication': 'Basic authentication',
    'curl -H "X: Bearer abcdef123456"': 'curl -H "X: Bearer ***"',
    '/login?user=a&password=abc&x=1': '/login?user=a&password=***&x=1',
    'access_token=abc': 'access_token=***',
    "{ password: 'x y' }": "{ password: '***' }",
    'DB_PASSWORD="a b"': 'DB_PASSWORD="***"',
    '"{\\"token\\":\\"abc\\"}"': '"{\\"token\\":\\"***\\"}"',
    'password: hunter2': 'password: ***',
    'Unexpected token: }': 'Unexpected token: }',
    'Invalid password: required': 'Invalid password: required',
    "getByLabel('Password')": "getByLabel('Password')",
    'locator(\'input[name="password"]\')': 'locator(\'input[name="password"]\')',
    'const token = await login()': 'const token = await login()',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln': '***',
    [`x ghp_${'a1B2'.repeat(9)} y`]: 'x *** y',
  };
  for (const [text, masked] of Object.entries(cases))
    test(text, () => assert.equal(new Masker({}, {}).text(text), masked));
});

describe('the environment', () => {
  test('names that look secret', () => {
    const secret = [
      'GITHUB_TOKEN',
      'DB_PASSWORD',
      'npm_config_secret',
      'STRIPE_KEY',
      'APIKEY',
      'AWS_SECRET_ACCESS_KEY',
      'GH_PAT',
      'NPM_AUTH',
      'SMTP_PASS',
      'DB_PWD',
      'GOOGLE_CREDENTIALS',
    ];
    for (const name of secret) assert.equal(isSecretVariable(name), true, name);
    for (const name of [
      'PWD',
      'OLDPWD',
      'PATH',
      'GIT_AUTHOR_NAME',
      'SSH_AUTH_SOCK',
      'KEYBOARD',
      'AUTHOR',
      'PATTERN',
      'COMPASS',
      'HOME',
    ]) {
      assert.equal(isSecretVariable(name), false, name);
    }
  });

  test('values: long enough, not common, not a place', () => {
    const env = {
      A_TOKEN: 'the-token-1',
      B_TOKEN: 'short',
      C_TOKEN: 'localhost',
      D_TOKEN: __filename,
      E_TOKEN_URL: 'https://example.com/token',
      F_TOKEN: '/no/such/file-1',
      DATABASE_URL: 'postgres://app:db%20password@db/x',
      HOME: '/home/plain',
      G_PASSWORD: 'postgres',
    };
    const masker = new Masker({}, env);
    for (const value of [env.A_TOKEN, env.F_TOKEN, 'db%20password', 'db password'])
      assert.equal(masker.text(value), MASK, value);
    for (const value of ['short', 'localhost', __filename, 'https://example.com/token', '/home/plain', 'postgres']) {
      assert.equal(masker.text(value), value);
    }
  });

  test('`mask.env` names more, and some never', () => {
    const env = { MY_SHOP_ID: 'shop', OTHER_ID: 'other-id-1', CACHE_KEY: 'cache-key-1' };
    const masker = new Masker({ env: ['MY_*', '!CACHE_*'] }, env);
    assert.equal(masker.text('the shop other-id-1 cache-key-1'), 'the *** other-id-1 cache-key-1');
    masker.environment({ ...env, LATE_TOKEN: 'set-by-a-setup' });
    assert.equal(masker.text('set-by-a-setup'), MASK);
  });

  test('encoded values', () => {
    const value = 'p@ss "wörd"/+&\\1';
    const masker = new Masker({}, { A_TOKEN: value });
    const encoded = [
      value,
      JSON.stringify(value).slice(1, -1),
      JSON.stringify(JSON.stringify(value)).slice(3, -3),
      encodeURIComponent(value),
      encodeURIComponent(value).replaceAll('%20', '+'),
      Buffer.from(value).toString('base64').replace(/=+$/, ''),
      Buffer.from(value).toString('base64url'),
      value.replaceAll('&', '&amp;').replaceAll('"', '&quot;'),
    ];
    for (const text of encoded)
      assert.ok(!masker.text(`<${text}>`).includes(text.slice(4, -4)), `${text}: ${masker.text(`<${text}>`)}`);
    for (const before of ['', 'a', 'ab', 'user:']) {
      const basic = Buffer.from(`${before}${value}:behind`).toString('base64');
      const shown = Buffer.from(masker.text(basic).replaceAll(MASK, ''), 'base64').toString();
      assert.ok(!shown.includes('ss "w'), shown);
    }
    const url = new URL('https://example.com/');
    url.searchParams.set('q', value);
    assert.ok(!masker.text(url.href).includes('rd'), masker.text(url.href));
  });

  test('values of several lines, line by line', () => {
    const lines = ['-----BEGIN PRIVATE KEY-----', 'MIIEvQ1abc'.repeat(6), 'Zz9+/aBcDe'.repeat(6), 'Ab=='];
    const key = `${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
    const masker = new Masker({}, { SSH_KEY: key });
    for (const text of [key, key.replaceAll('\n', '\r\n'), key.replaceAll('\n', '\n    '), JSON.stringify(key)]) {
      const masked = masker.text(text);
      assert.ok(!/MIIEvQ|Zz9/.test(masked), masked);
    }
  });
});

describe('`mask.values` and `mask.patterns`', () => {
  test('are masked everywhere', () => {
    const masker = new Masker({ values: ['ab', 'customer-1'], patterns: [/\bC-\d+/, /x*/y, /é+/iu] }, {});
    assert.equal(masker.text('ab C-12 C-34 customer-1 ÉÉ xx y'), '*** *** *** *** *** *** y');
    assert.equal(masker.text('ab C-12'), '*** ***', 'patterns have no state');
  });
});

describe('params', () => {
  test('are masked in all strings and names, and cut', () => {
    const masker = having(SECRET);
    const params = {
      list: [`a ${SECRET}`],
      [`n-${SECRET}`]: 1,
      deep: { password: 'abc', pin: 1234, count: 5, none: null, yes: true, when: new Date(0) },
    };
    const { params: masked } = masker.step({ category: 'pw:api', title: 'x', params });
    assert.deepEqual(masked, {
      list: ['a ***'],
      'n-***': 1,
      deep: { password: MASK, pin: MASK, count: 5, none: null, yes: true, when: String(new Date(0)) },
    });
    const large = { big: 'x'.repeat(1_000_000), list: Array.from({ length: 100_000 }, (_, at) => at), self: {} };
    large.self.self = large;
    const began = performance.now();
    const cut = JSON.stringify(masker.step({ category: 'pw:api', title: 'x', params: large }).params);
    assert.ok(performance.now() - began < 50, `${performance.now() - began} ms`);
    assert.ok(cut.length < 20_000, cut.length);
  });

  test('a secret at the place where a text is cut is not shown in part', () => {
    const masker = having(SECRET);
    for (let before = 95; before <= 101; before += 1) {
      const masked = masker.text(`${'.'.repeat(before)}${SECRET}${'.'.repeat(5_000)}`, 100);
      assert.ok(masked.length <= 100 && !masked.includes('hun'), masked);
    }
  });
});

describe('streams', () => {
  const random = randoms();
  const pieces = (text) => {
    const all = [];
    for (let at = 0; at < text.length;) {
      const to = at + 1 + random(random(2) ? 3 : 40);
      all.push(text.slice(at, to));
      at = to;
    }
    return all;
  };

  test('a secret is found wherever its text is cut', () => {
    for (const text of [
      `a ${SECRET} b\n`,
      `${SECRET}`,
      `\u001b[31m${SECRET.slice(0, 4)}\u001b[39m${SECRET.slice(4)}\n`,
      `password=${SECRET}x\n`,
    ]) {
      const whole = having(SECRET).text(text);
      for (let one = 0; one <= text.length; one += 1) {
        for (let two = one; two <= text.length; two += 1) {
          const stream = having(SECRET).stream();
          let shown = '';
          for (const piece of [text.slice(0, one), text.slice(one, two), text.slice(two)])
            shown += stream.write(piece) + stream.flush();
          assert.equal((shown + stream.end()).replaceAll('******', MASK), whole);
        }
      }
    }
  });

  test('random texts, random cuts: as if the text had come at once', () => {
    const secrets = ['abab1', 'bab1a9', 'aba', 'x-long-secret-with-parts', 'b1-b1-b1', 'ä😀ö🎉9'];
    const words = [
      ...secrets,
      'a',
      'b',
      'ab',
      '1',
      '-',
      '\n',
      '\r\n',
      ' ',
      '\u001b[32m',
      '\u001b[0m',
      '😀',
      'x-long-secret',
      'é',
    ];
    for (let round = 0; round < 400; round += 1) {
      const masker = new Masker({ values: secrets }, {});
      const text = Array.from({ length: 60 }, () => words[random(words.length)]).join('');
      const stream = masker.stream();
      let shown = '';
      for (const piece of pieces(text)) shown += stream.write(piece);
      shown += stream.end();
      assert.equal(shown, masker.text(text), `seed ${random.seed}`);
    }
  });

  test('what is shown early is never a secret, and nothing is lost', () => {
    for (let round = 0; round < 200; round += 1) {
      const masker = having(SECRET);
      const text = Array.from({ length: 20 }, () => ['y', 'hunter', SECRET, '\n', ' '][random(5)]).join('');
      const stream = masker.stream();
      let shown = '';
      for (const piece of pieces(text)) shown += stream.write(piece) + (random(3) ? '' : stream.flush(random(4) === 0));
      shown += stream.end();
      assert.ok(!shown.includes(SECRET), `seed ${random.seed}: ${shown}`);
      assert.equal(
        shown.replaceAll(/\*|hunter2?-?Z?x?9?|hunte?|hun?|h/g, ''),
        text.replaceAll(SECRET, '').replaceAll('hunter', ''),
      );
    }
  });

  test('only what may be the beginning of a secret waits for more than its line', () => {
    const stream = having(SECRET).stream();
    assert.equal(stream.write('one\ntwo'), 'one\n');
    assert.equal(stream.isHolding, true);
    assert.equal(stream.flush(), 'two');
    assert.equal(stream.isHolding, false);
    assert.equal(stream.write(' hunter2'), '');
    assert.equal(stream.flush(), ' ');
    assert.equal(stream.flush(true), 'hunter2');
    assert.equal(stream.write('-Zx9 and on\n'), '*** and on\n');
    assert.equal(stream.end(), '');
  });

  test('a line without an end is not kept', () => {
    const stream = having(SECRET).stream();
    let shown = '';
    for (let at = 0; at < 1_000; at += 1) shown += stream.write('y'.repeat(1_000));
    assert.ok(shown.length > 990_000, shown.length);
    assert.equal((shown + stream.end()).length, 1_000_000);
  });
});

describe('bounds', () => {
  test('the newest thousand values are known', () => {
    const values = new Values();
    for (let at = 0; at < 3_000; at += 1) values.add(`value-${at}-x`);
    assert.ok(values.size <= 1_000 && values.size >= 750, values.size);
    assert.equal(values.find('value-2999-x').length, 1);
    assert.equal(values.find('value-0-x').length, 0);
    for (let at = 0; at < 200; at += 1) values.add('z'.repeat(8_000) + at);
    assert.ok(values.size <= 140, values.size);
  });

  test('common texts are not', () => {
    for (const text of ['true', 'test', 'Password', 'localhost', '****', '    ', 'aaaa'])
      assert.equal(isCommon(text), true, text);
    assert.equal(isCommon('hunter2'), false);
  });

  test('0.1 ms per KiB with 100 values', () => {
    const masker = new Masker({}, {});
    for (let at = 0; at < 100; at += 1) masker.step(fill(`Secret-value-${at}-x`));
    const line = 'The quick brown fox jumps over https://example.com/path?x=1 {"a":[1,2,3]} done Secret-value-7-x\n';
    const text = line.repeat(1_000);
    for (let at = 0; at < 5; at += 1) masker.text(text, 1e9);
    const times = Array.from({ length: 10 }, () => {
      const began = performance.now();
      masker.text(text, 1e9);
      return performance.now() - began;
    });
    const perKib = Math.min(...times) / (text.length / 1_024);
    assert.ok(perKib < 0.1, `${perKib} ms per KiB`);
  });
});
