/** What stands where no run is: how to post one, or how to see others. */
import { useEffect, useState } from 'preact/hooks';

import { isComment, waysOf, type Package } from '../run/states/ways.js';
import { Button } from '../ui/button.js';
import { CopyButton } from '../ui/copy.js';
import { SignIn } from '../ui/sign-in.js';
import { FIRST, isFirst, sinceWords, urlOf } from './filter.js';
import { anyRun, choose, filter, refusal, signedOut } from './store.js';

export function Empty() {
  if (signedOut.value) {
    return (
      <section class="list-empty">
        <h1>Sign in to see the runs.</h1>
        <p>Whoever operates this server gives out keys: runcast key create.</p>
        <SignIn />
      </section>
    );
  }
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
      <p>
        {others
          ? `No run${inTime === '' ? '' : ` that was started${inTime}`} is what you are looking for.`
          : `No run was started${inTime}.`}
      </p>
      <p class="list-none-ways">
        {chosen.started === 'all' ? null : (
          <Button onClick={() => choose({ started: 'all' })}>Look at all times</Button>
        )}
        {others || !isFirst(chosen) ? (
          <Button onClick={() => choose({ ...FIRST, started: 'all' })}>Show all runs</Button>
        ) : null}
      </p>
    </section>
  );
}

function FirstRun() {
  const [packages, setPackages] = useState<readonly Package[] | null>(null);
  useEffect(() => {
    fetch('/clients')
      .then(async (answer) =>
        setPackages(answer.ok ? (((await answer.json()) as { packages?: Package[] }).packages ?? []) : []),
      )
      .catch(() => setPackages([])); // the other ways are there
  }, []);
  return (
    <section class="list-empty">
      <h1>No run has been posted yet.</h1>
      <p>Choose one way. The run shows here by itself, with its first event.</p>
      {packages === null
        ? null
        : waysOf('my-first-run', location.origin, packages).map((way) => (
            <div key={way.title} class="list-way">
              <div>
                <h2>{way.title}</h2>
                <p>{way.about}</p>
              </div>
              <div class="list-blocks">
                {way.blocks.map((block) => (
                  <div key={block[0]} class="list-code">
                    <pre class="mono" tabIndex={0} aria-label={`${way.title}: what to write`}>
                      {block.map((line) => (
                        <code key={line} class={isComment(line) ? 'dim' : undefined}>
                          {line}
                          {'\n'}
                        </code>
                      ))}
                    </pre>
                    <CopyButton text={() => block.join('\n')} label={`Copy: ${way.title}`} kind="quiet" />
                  </div>
                ))}
              </div>
            </div>
          ))}
    </section>
  );
}
