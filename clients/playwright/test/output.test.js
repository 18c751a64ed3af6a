const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { load } = require('./support/module.js');
const { eventsOf, project } = require('./support/project.js');
const { randoms } = require('./support/random.js');

const { Masker } = load('mask.ts');
const { Output } = load('output.ts');
const { cutTo, parts } = load('output/cut.ts');

const KIB = 1_024;

/** Output whose clock stands still until it is moved. */
function output({ mask = {}, env = {}, ...limits } = {}) {
  const time = { now: 0 };
  const events = [];
  const masker = new Masker(mask, env);
  const output = new Output(masker, (event) => events.push(event), { clock: () => time.now, ...limits });
  const texts = (stream) => events.filter((event) => !stream || event.stream === stream).map(({ text }) => text);
  const leftOut = () => events.reduce((sum, { data }) => sum + (data?.leftOutBytes ?? 0), 0);
  const posted = () => events.reduce((sum, { data, text }) => sum + (data ? 0 : Buffer.byteLength(text)), 0);
  return { output, events, masker, time, texts, leftOut, posted };
}
/** What comes by itself, by the timer. */
const due = () => new Promise((resolve) => setTimeout(resolve, 60));

describe('pieces', () => {
  test('are joined, each stream in lines, and posted with their attempt', async () => {
    const { output: out, events } = output();
    for (const piece of ['one\n', 'tw', 'o\n', 'thr']) out.write('stdout', piece, 't', 1);
    assert.deepEqual(events, []);
    await due();
    assert.deepEqual(events, [{ type: 'log', testId: 't', attempt: 1, stream: 'stdout', text: 'one\ntwo\n' }]);
    out.flush('t', 1);
    assert.equal(events[1].text, 'thr');
    out.write('stderr', 'of the run\n');
    out.flush();
    assert.deepEqual(events[2], { type: 'log', stream: 'stderr', text: 'of the run\n' });
  });

  test('of both streams stay in order, of several attempts apart', () => {
    const { output: out, events } = output();
    out.write('stdout', 'a\n', 't', 0);
    out.write('stderr', 'b\n', 't', 0);
    out.write('stdout', 'c\n', 'u', 0);
    out.write('stdout', 'd\n', 't', 0);
    out.write('stdout', 'e\n', 't', 0);
    out.flush();
    const told = events.map(({ testId, stream, text }) => `${testId} ${stream} ${text.trim().replace('\n', '+')}`);
    assert.deepEqual(told, ['t stdout a', 't stderr b', 't stdout d+e', 'u stdout c']);
  });

  test('come before what the attempt posts next', () => {
    const { output: out, texts } = output();
    out.write('stdout', 'a line\nand a part', 't', 0);
    out.settle('u', 0);
    assert.deepEqual(texts(), []);
    out.settle('t', 0);
    assert.deepEqual(texts(), ['a line\nand a part']);
    out.settle('t', 0);
    out.write('stdout', ' of a line\n', 't', 0);
    out.settle('t', 0);
    assert.deepEqual(texts(), ['a line\nand a part', ' of a line\n']);
  });

  test('bytes of one character may come in several', () => {
    const bytes = Buffer.from('ä😀日\n');
    for (let one = 0; one <= bytes.length; one += 1) {
      const { output: out, texts } = output();
      out.write('stdout', bytes.subarray(0, one), 't', 0);
      out.write('stderr', Buffer.from('é'), 't', 0);
      out.write('stdout', bytes.subarray(one), 't', 0);
      out.flush();
      assert.equal(texts('stdout').join(''), 'ä😀日\n');
    }
    const { output: out, texts } = output();
    out.write('stdout', bytes.subarray(0, 1));
    out.write('stdout', 'x');
    out.write('stdout', '\ud83d');
    out.settle();
    out.write('stdout', '\ude00\n');
    out.flush();
    assert.equal(texts().join(''), '\ufffdx😀\n');
  });

  test('ten thousand lines are few events', () => {
    const { output: out, events, texts } = output({ burstBytes: 10_000_000 });
    const lines = Array.from({ length: 10_000 }, (_, at) => `line ${at}\n`);
    for (const line of lines) out.write('stdout', line, 't', 0);
    out.flush();
    assert.equal(texts().join(''), lines.join(''));
    assert.ok(events.length < 10, events.length);
  });

  test('an event has at most 32 KiB, and ends with a line if it can', () => {
    const { output: out, texts } = output({ burstBytes: 10_000_000 });
    const text = `${'日本語の行\n'.repeat(20_000)}${'😀'.repeat(50_000)}`;
    out.write('stdout', text, 't', 0);
    out.flush();
    assert.equal(texts().join(''), text);
    for (const part of texts()) assert.ok(Buffer.byteLength(part) <= 32 * KIB && !part.includes('\ufffd'));
    assert.ok(
      texts()
        .slice(0, 5)
        .every((part) => part.endsWith('\n')),
    );
  });

  test('a secret is masked across pieces, and nothing waits for longer than a second', async () => {
    const { output: out, texts, time, masker } = output({ mask: { values: ['hunter2-Zx9'] } });
    out.write('stdout', 'pw hunt', 't', 0);
    out.settle('t', 0);
    assert.deepEqual(texts(), ['pw ']);
    out.write('stdout', 'er2-Zx9\n', 't', 0);
    out.settle('t', 0);
    assert.deepEqual(texts(), ['pw ', '***\n']);
    out.write('stdout', 'a prompt: hu', 't', 0);
    time.now += 999;
    await due();
    assert.equal(texts().length, 2);
    time.now += 1;
    await due();
    assert.deepEqual(texts().slice(2), ['a prompt: hu']);
    out.write('stdout', 'nter2-Zx9\n', 't', 0);
    out.flush('t', 0);
    assert.deepEqual(texts().slice(3), ['***\n']);
    assert.equal(masker.text('hunter2-Zx9'), '***');
  });

  test('random pieces of random texts: nothing is lost, no secret is shown', () => {
    const random = randoms();
    const secrets = ['hunter2-Zx9', 'ä😀ö🎉9'];
    for (let round = 0; round < 200; round += 1) {
      const { output: out, texts } = output({ mask: { values: secrets } });
      const streams = { stdout: '', stderr: '' };
      for (let piece = 0; piece < 30; piece += 1) {
        const stream = random(3) ? 'stdout' : 'stderr';
        const text = [...secrets, 'a', 'é\n', '\n', ' ', '\u001b[31m'][random(7)];
        streams[stream] += text;
        const bytes = Buffer.from(text);
        const cut = random(bytes.length + 1);
        for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)])
          out.write(stream, random(20) ? chunk : Buffer.from(chunk), 't', 0);
        if (random(4) === 0) out.settle('t', 0);
      }
      out.flush('t', 0);
      for (const [stream, text] of Object.entries(streams)) {
        const alike = (text) => text.replaceAll('\u001b[31m', '').replace(/(\*\*\*)+/g, '***');
        const masked = secrets.reduce((all, secret) => all.replaceAll(secret, '***'), text);
        assert.equal(alike(texts(stream).join('')), alike(masked), `seed ${random.seed}`);
      }
    }
  });
});

describe('the limit', () => {
  const line = `${'x'.repeat(99)}\n`;

  test('what is left out is counted, told once, and goes on with a whole line', () => {
    const { output: out, events, time, posted, leftOut } = output();
    let written = 0;
    const write = (text, stream = 'stdout') => {
      written += Buffer.byteLength(text);
      out.write(stream, text, 't', 0);
    };
    for (let at = 0; at < 10_000; at += 1) write(line);
    out.settle('t', 0);
    assert.ok(posted() > 255 * KIB && posted() <= 256 * KIB, posted());
    assert.equal(leftOut(), 0, 'it is not over');
    time.now += 1_000;
    write('the rest of a line\n');
    write('and the next\n');
    write('on both\n', 'stderr');
    out.flush('t', 0);
    assert.equal(posted() + leftOut(), written);
    const notices = events.filter(({ data }) => data);
    assert.equal(notices.length, 1);
    assert.equal(notices[0].text, `... ${leftOut().toLocaleString('en-US')} bytes of output left out\n`);
    assert.match(notices[0].text, /^\.\.\. 7\d\d,\d{3} bytes of output left out\n$/);
    assert.deepEqual(
      events
        .slice(-3)
        .map(({ text }) => text)
        .slice(1),
      ['and the next\n', 'on both\n'],
    );
    assert.ok(events.filter(({ data }) => !data).every(({ text }) => text.endsWith('\n')));
  });

  test('in the long run 64 KiB a second, for each attempt', () => {
    const { output: out, time, posted, leftOut } = output();
    for (let ms = 0; ms < 10_000; ms += 1) {
      time.now = ms;
      for (const test of ['t', 'u']) for (let at = 0; at < 3; at += 1) out.write('stdout', line, test, 0);
    }
    out.flush();
    const most = 2 * (256 + 640) * KIB;
    assert.ok(posted() <= most && posted() > most * 0.95, posted());
    assert.equal(posted() + leftOut(), 6_000_000);
  });

  test('a flood that is over is told without further output', async () => {
    const { output: out, time, events } = output();
    out.write('stdout', line.repeat(5_000), 't', 0);
    await due();
    time.now += 1_000;
    await due();
    assert.equal(events.at(-1).text, `... ${(500_000 - 262_100).toLocaleString('en-US')} bytes of output left out\n`);
  });

  test('a secret whose beginning was left out is not shown', () => {
    const { output: out, time, texts } = output({ mask: { values: ['hunter2-Zx9'] }, burstBytes: 100 });
    out.write('stdout', `${'y'.repeat(95)} hunt`, 't', 0);
    out.write('stdout', 'er2-', 't', 0);
    time.now += 60_000;
    out.write('stdout', 'Zx9 and\nthen', 't', 0);
    out.flush('t', 0);
    assert.ok(!/Zx9|er2-/.test(texts().join('')), texts().join(''));
    assert.match(texts().at(-1), /^then$/);
  });

  test('a hundred megabytes cost little time and no memory', () => {
    const { output: out, events, leftOut } = output();
    const chunk = line.repeat(1_000);
    const began = performance.now();
    for (let at = 0; at < 1_000; at += 1) out.write('stdout', chunk, 't', 0);
    out.flush();
    assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`);
    assert.ok(leftOut() > 99_000_000 && events.length < 20);
  });
});

describe('parts', () => {
  test('have all of the text', () => {
    const random = randoms();
    for (let round = 0; round < 500; round += 1) {
      const text = Array.from({ length: 50 }, () => ['a', 'é', '日', '😀', '\n'][random(5)]).join('');
      const most = 4 + random(30);
      const all = [...parts(text, most)];
      assert.equal(all.join(''), text);
      for (const part of all)
        assert.ok(Buffer.byteLength(part) <= most && !/[\ud800-\udbff]$/.test(part), `seed ${random.seed}`);
    }
    assert.equal(cutTo('abc', 0), '');
  });
});

test('output of a real run: none is lost, each piece is between the steps that it was between', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const files = {
    'a.spec.js': `
      const { test } = require('@playwright/test');
      console.log('while loading');
      test('few', async () => {
        for (let at = 0; at < 3; at += 1) {
          console.log('before step ' + at);
          await test.step('step ' + at, async () => {
            process.stdout.write('within ' + at);
            console.error('warning ' + at);
          });
        }
      });
      test('ten thousand', async () => {
        for (let at = 0; at < 10000; at += 1) console.log('line ' + at);
        process.stdout.write(Buffer.from('ä😀').subarray(0, 4));
        process.stdout.write(Buffer.from('ä😀\\n').subarray(4));
      });
      test('flood', async () => {
        for (let at = 0; at < 20; at += 1) console.log('x'.repeat(49999));
      });
    `,
    'silent.spec.js': `const { test } = require('@playwright/test'); test('silent', async () => {});`,
  };
  const shop = project(t, { files, config: { workers: 1 } });
  const env = { RUNCAST_URL: node.url };
  const { code, stdout } = await shop.run({ env });
  assert.equal(code, 0, stdout);
  const events = await eventsOf(node.url);
  const idOf = (title) =>
    events.find(({ type, data }) => type === 'test_status' && data.title?.at(-1) === title).testId;
  const logs = (title) => events.filter((event) => event.type === 'log' && event.testId === idOf(title));

  const ids = events.filter(({ step }) => step?.category === 'test.step').map(({ step }) => step.id);
  const few = events.filter(
    ({ testId, type, step }) => testId === idOf('few') && (type === 'log' || ids.includes(step?.id)),
  );
  const told = few.map(({ type, text, step }) => (type === 'log' ? text : step.phase));
  assert.deepEqual(
    told,
    [0, 1, 2].flatMap((at) => [`before step ${at}\n`, 'begin', `warning ${at}\n`, `within ${at}`, 'end']),
  );

  const text = logs('ten thousand')
    .map(({ text }) => text)
    .join('');
  assert.equal(text, `${Array.from({ length: 10_000 }, (_, at) => `line ${at}\n`).join('')}ä😀\n`);
  assert.ok(logs('ten thousand').length < 500, logs('ten thousand').length);

  const flood = logs('flood');
  const leftOut = flood.reduce((sum, { data }) => sum + (data?.leftOutBytes ?? 0), 0);
  const posted = flood.reduce((sum, { data, text }) => sum + (data ? 0 : text.length), 0);
  assert.ok(leftOut > 500_000, leftOut);
  assert.equal(posted + leftOut, 1_000_000);
  assert.match(flood.find(({ data }) => data).text, /^\.\.\. [\d,]+ bytes of output left out\n$/);
  assert.ok(
    events.some((event) => event.type === 'log' && event.testId === undefined && event.text.includes('while loading')),
  );
});

test('`stdio: false` posts none', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const files = {
    'a.spec.js': `const { test } = require('@playwright/test'); test('a', async () => { console.log('hello'); });`,
  };
  const { code, stdout } = await project(t, { files, reporter: { stdio: false } }).run({
    env: { RUNCAST_URL: node.url },
  });
  assert.equal(code, 0, stdout);
  const events = await eventsOf(node.url);
  assert.ok(events.length > 3);
  assert.equal(events.filter(({ type }) => type === 'log').length, 0);
});
