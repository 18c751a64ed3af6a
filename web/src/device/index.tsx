/** The page on which somebody lets a command line in that asked for it: `runcast login`. */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Button } from '../ui/button.js';
import { me, type Me } from '../ui/me.js';
import { refusalOf } from '../ui/refusal.js';
import { SignIn } from '../ui/sign-in.js';
import '../ui/theme.js';

/** The command line that asks. */
interface Asked {
  label: string;
  code: string;
  state: 'waiting' | 'confirmed' | 'refused';
}

type Shown = { words: string; text: string } | { asked: Asked; who: Me };

const request = new URLSearchParams(location.search).get('request') ?? '';

const DONE = {
  confirmed: { words: 'The command line is let in.', text: 'Go back to the terminal. You can close this page.' },
  refused: { words: 'The command line is not let in.', text: 'It has got nothing. You can close this page.' },
};

function DevicePage() {
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => void load().then(setShown), []);
  return (
    <main class="list-empty" aria-busy={shown === null}>
      {shown === null ? null : 'words' in shown ? (
        <div role="status">
          <h1>{shown.words}</h1>
          <p>{shown.text}</p>
        </div>
      ) : (
        <Question {...shown} done={setShown} />
      )}
    </main>
  );
}

function Question({ asked, who, done }: { asked: Asked; who: Me; done: (shown: Shown) => void }) {
  const [busy, setBusy] = useState(false);
  const answer = async (confirmed: boolean) => {
    setBusy(true);
    done(await answered(confirmed));
  };
  return (
    <section>
      <h1>Let this command line in?</h1>
      <dl class="device-facts">
        <dt>It calls itself</dt>
        <dd class="mono">
          <bdi>{asked.label}</bdi>
        </dd>
        <dt>Its code</dt>
        <dd class="mono device-code">{asked.code}</dd>
      </dl>
      {who.name === undefined || who.isGuest === true ? (
        <>
          <p>Sign in first. Then you are asked whether to let it in.</p>
          <SignIn />
        </>
      ) : (
        <>
          <p>
            Only confirm when you have just typed <span class="mono">runcast login</span> yourself, and the code in your
            terminal is equal to this one. It may do what you may, in your name, until your session here would have ended,
            or until you type <span class="mono">runcast logout</span>: you are <bdi>{who.name}</bdi>.
          </p>
          <p class="device-answers">
            <Button kind="solid" tone="run" size="primary" disabled={busy} onClick={() => void answer(true)}>
              The codes are equal: let it in
            </Button>
            <Button size="primary" disabled={busy} onClick={() => void answer(false)}>
              Refuse
            </Button>
          </p>
        </>
      )}
    </section>
  );
}

async function load(): Promise<Shown> {
  try {
    const [told, who] = await Promise.all([fetch(`/api/login?${new URLSearchParams({ request })}`), me()]);
    if (!told.ok) return refusal(told);
    const asked = (await told.json()) as Asked;
    return asked.state === 'waiting' ? { asked, who } : DONE[asked.state];
  } catch {
    return { words: 'The server does not answer.', text: 'Load the page again in a moment.' };
  }
}

async function answered(confirmed: boolean): Promise<Shown> {
  try {
    const told = await fetch('/api/login/answer', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ request, confirmed }),
    });
    return told.ok ? DONE[confirmed ? 'confirmed' : 'refused'] : await refusal(told);
  } catch {
    return { words: 'The server does not answer.', text: 'Load the page again in a moment.' };
  }
}

async function refusal(answer: Response): Promise<Shown> {
  const { text } = await refusalOf(answer);
  return { words: 'Nobody is let in by this link.', text: `${text} Type runcast login again.` };
}

const root = document.getElementById('page');
if (root !== null) render(<DevicePage />, root);
