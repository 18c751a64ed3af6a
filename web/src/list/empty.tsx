/** What stands where no run is: how to post one, or how to see others. */
import { useEffect, useState } from 'preact/hooks';

import { CopyButton } from '../ui/copy.js';
import { Button } from '../ui/button.js';
import { FIRST, isFirst, sinceWords, urlOf } from './filter.js';
import { anyRun, choose, filter, refusal } from './store.js';

export function Empty() {
  if (refusal.value !== null) {
    return (
      <section class="list-empty">
        <h1>The server does not show its runs.</h1>
        <p>It says: {refusal.value}</p>
        <Button onClick={() => location.reload()}>Try again</Button>
      </section>
    );
  }
  return anyRun.value === false ? <FirstRun /> : <NoneChosen />;
}

function NoneChosen() {
  const chosen = filter.value;
  const inTime = chosen.started === 'all' ? '' : ` in the last ${sinceWords(chosen.started)}`;
  const others = urlOf({ ...chosen, started: FIRST.started }) !== '';
  return (
    <section class="list-none">
      <p>{others ? `No run${inTime === '' ? '' : ` that was started${inTime}`} is what you are looking for.` : `No run was started${inTime}.`}</p>
      <p class="list-none-ways">
        {chosen.started === 'all' ? null : <Button onClick={() => choose({ started: 'all' })}>Look at all times</Button>}
        {others || !isFirst(chosen) ? <Button onClick={() => choose({ ...FIRST, started: 'all' })}>Show all runs</Button> : null}
      </p>
    </section>
  );
}

interface Way {
  title: string;
  words: string;
  code: string;
}

/** The ways to post a run, as this server has them. */
function ways(origin: string, reporter: string | null): Way[] {
  const playwright = {
    title: 'Playwright',
    words: 'Tests, steps, screen, pause and trace, from one line in the config.',
    code: `npm install --save-dev ${origin}/clients/${reporter}\n\n// playwright.config.ts\nreporter: [['list'], ['@runcast/playwright', { url: '${origin}' }]],`,
  };
  return [
    ...(reporter === null ? [] : [playwright]),
    {
      title: 'Any command',
      words: 'Its output becomes the log, its exit code the status, JUnit files the tests.',
      code: `export RUNCAST_URL=${origin}\nruncast exec my-first-run -- pytest -q`,
    },
    {
      title: 'Plain HTTP',
      words: 'JSON events, one a line, from any language.',
      code: `curl ${origin}/api/runs/my-first-run/events \\\n  -H "Authorization: Bearer $RUNCAST_TOKEN" \\\n  -d '{"type":"run_status","status":"running"}'`,
    },
  ];
}

function FirstRun() {
  const [reporter, setReporter] = useState<string | null>(null);
  useEffect(() => {
    fetch('/clients')
      .then(async (answer) => {
        if (!answer.ok) return;
        const { packages } = (await answer.json()) as { packages?: { name?: string; file?: string }[] };
        setReporter(packages?.find(({ name }) => name === '@runcast/playwright')?.file ?? null);
      })
      .catch(() => undefined); // the other ways are there
  }, []);
  return (
    <section class="list-empty">
      <h1>No run has been posted yet.</h1>
      <p>Choose one way. The run shows here by itself, with its first event.</p>
      {ways(location.origin, reporter).map(({ title, words, code }) => (
        <div key={title} class="list-way">
          <div>
            <h2>{title}</h2>
            <p>{words}</p>
          </div>
          <div class="list-code">
            <pre class="mono">{code}</pre>
            <CopyButton text={code} label={`Copy: ${title}`} kind="quiet" />
          </div>
        </div>
      ))}
    </section>
  );
}
