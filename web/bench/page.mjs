// What the page of a run takes in Chromium. Needs the npm parts of tests/browser. Prints a line of JSON.
//
//   node bench/page.mjs fill URL RUN EVENTS           posts a run
//   node bench/page.mjs open URL RUN                  opens it in a browser that has nothing of it yet
//   node bench/page.mjs live URL RUN SECONDS RATE     watches a run that gets so many events a second
import { setTimeout as rest } from 'node:timers/promises';

import { launch, openTab } from '../../tests/browser/support/browser.js';
import { bytesOf, Heaps, loaded, notePaints, painted, postLarge } from '../../tests/browser/support/budget.js';
import { lines } from './events.mjs';
import { tasksOf } from './tasks.mjs';

const MB = 1024 * 1024;
/** Between two posts, in milliseconds. */
const PACE_MS = 50;

const [what, url, run, ...more] = process.argv.slice(2);

/** Posts events, given as lines. */
async function post(events) {
  const headers = { 'content-type': 'application/x-ndjson' };
  const answer = await fetch(`${url}/api/runs/${run}/events`, { method: 'POST', headers, body: events.join('\n') });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function inTab(play) {
  const browser = await launch();
  try {
    const { tab, faults } = await openTab(browser);
    tab.setDefaultTimeout(120_000);
    await tab.addInitScript(notePaints);
    const heaps = await Heaps.of(tab);
    await tab.goto(`${url}/runs/${encodeURIComponent(run)}`);
    const told = await play({ browser, tab, heaps });
    if (faults.length > 0) throw new Error(faults.join('\n'));
    return told;
  } finally {
    await browser.close();
  }
}

const plays = {
  async fill([events]) {
    await postLarge({ post: (_, batch) => post(batch) }, run, Number(events));
    return {};
  },

  open: () =>
    inTab(async ({ tab, heaps }) => {
      const [word, line] = [await painted(tab, 'word'), await painted(tab, 'line')];
      const [from, firstPaintMs] = await tab.evaluate(() => [
        performance.timeOrigin,
        performance.getEntriesByName('first-paint')[0]?.startTime ?? 0,
      ]);
      const requests = await loaded(tab);
      const before = requests.filter(({ at }) => at <= word.at);
      const { page, worker } = await heaps.measure();
      return {
        firstPaintMs,
        stateMs: word.at - from,
        lineMs: line.at - from,
        requests: before.length,
        kB: bytesOf(before) / 1_000,
        nodes: word.nodes,
        heapMB: (page + worker) / MB,
      };
    }),

  live: ([seconds, rate]) =>
    inTab(async ({ browser, tab }) => {
      const each = (Number(rate) * PACE_MS) / 1_000;
      const all = [...lines(Number(seconds) * Number(rate), 100)];
      await post(all.splice(0, each));
      await painted(tab, 'line');
      const tasks = await tasksOf(browser, tab, async () => {
        const from = Date.now();
        for (let sent = 1; all.length > 0; sent += 1) {
          await rest(Math.max(0, from + sent * PACE_MS - Date.now()));
          await post(all.splice(0, each));
        }
        return Date.now() - from;
      });
      const { page, worker, result: ms } = tasks;
      return { page, worker, seconds: ms / 1_000, eventsPerSecond: (Number(seconds) * Number(rate) * 1_000) / ms };
    }),
};

const play = Object.hasOwn(plays, what) ? plays[what] : undefined;
if (play === undefined) throw new Error('usage: page.mjs fill|open|live URL RUN ...');
console.log(JSON.stringify(await play(more)));
