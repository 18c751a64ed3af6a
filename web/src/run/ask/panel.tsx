/** The question that the run waits with, and how it is answered. */
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Ask } from '../../model.js';
import { say } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { ago, plain, plural } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { Way } from '../control/command-list.js';
import { act, byHand } from '../control/hand.js';
import { useSteeringKeys } from '../control/keys.js';
import { bind } from '../keys/index.js';
import { mayControl } from '../rights.js';
import { drawnOf } from '../screen/pictures.js';
import { pictureUrl } from '../screen/screenshots.js';
import { useLook } from '../screen/use-look.js';
import { artifacts, clock, head, moment, testOf } from '../store.js';
import { sendAnswer } from './acts.js';
import { countdown, endWords, type Draft } from './answer.js';
import { Facts, hasFacts } from './facts.js';
import { AskForm } from './form.js';
import { useLookers } from './lookers.js';
import { AskPicture } from './picture.js';
import { closing, current, dismiss, draftOf, openAsks, sent } from './state.js';

/** Characters of a question that are shown. */
const MAX_QUESTION = 2_000;

export function AskPanel() {
  const ask = current.value;
  return ask === null ? null : <Panel key={ask.askId} ask={ask} />;
}

function Panel({ ask }: { ask: Ask }) {
  useSteeringKeys();
  const body = useRef<HTMLDivElement>(null);
  const [broken, setBroken] = useState<string | null>(null);
  const [ratio, setRatio] = useState(1.6);
  const draft = draftOf(ask);
  const may = mayControl.value;
  const closed = closing.value !== null || !moment.value.live;
  const change = (by: Partial<Draft>) => (draft.value = { ...draft.peek(), ...by, touched: true });
  const candidate = (id: string) => change({ by: 'candidate', candidateId: id });
  const url = byHand.value ? null : pictureUrl(artifacts.value, ask.screenshot, location.origin);
  const shot = url === broken ? null : url;
  const stream = streamOf(ask);
  useLook(body, closed || stream === null || shot !== null ? null : stream);
  const pictured = shot !== null || (stream !== null && drawnOf(stream).value !== null);
  useEffect(() => {
    if (!may) return;
    const many = ask.candidates.length;
    if (many > 0 && moment.peek().live)
      say(`${plural(many, 'answer is', 'answers are')} offered: press 1 to ${Math.min(9, many)}, then Enter`, 'ask');
    const able = () => closing.peek() === null && moment.peek().live;
    const ends = ask.candidates.slice(0, 9).map(({ id }, index) =>
      bind({
        key: String(index + 1),
        says: 'choose an answer',
        group: 'Steering',
        when: able,
        run: () => candidate(id),
      }),
    );
    const ready = () => able() && draft.peek().touched;
    ends.push(
      bind({
        key: 'Enter',
        says: 'send the chosen answer',
        group: 'Steering',
        when: ready,
        run: () => void sendAnswer(ask, draft),
      }),
    );
    return () => {
      ends.forEach((end) => end());
      byHand.value = false;
    };
  }, [ask.askId, may]);
  const point = (at: { x: number; y: number }) =>
    byHand.peek() ? act({ action: 'click', point: at }, ask.producer, 'ask') : change({ by: 'point', point: at });
  const facts = <Facts ask={ask} />;
  return (
    <section class="ask" aria-labelledby="ask-question">
      <Head ask={ask} closed={closed} />
      <div
        ref={body}
        class={pictured ? 'ask-body' : 'ask-body ask-body-plain'}
        style={{ '--ask-ratio': ratio.toFixed(4) }}
      >
        {pictured ? (
          <AskPicture
            ask={ask}
            draft={draft.value}
            url={shot}
            stream={stream}
            closed={closed || !may}
            onCandidate={candidate}
            onPoint={point}
            onRatio={setRatio}
            onBroken={() => setBroken(url)}
          />
        ) : null}
        <AskForm ask={ask} draft={draft} closed={closed} />
        {pictured || !hasFacts(ask) ? null : facts}
      </div>
      {pictured && hasFacts(ask) ? facts : null}
    </section>
  );
}

/** The screen of the test that asks; else the first of its producer. */
function streamOf(ask: Ask): string | null {
  const test = testOf(ask.test);
  if (test?.producer != null && test.slot !== null) return `${test.producer}/${test.slot}`;
  const slots = (head.value?.slots ?? []).filter(({ producer }) => producer === ask.producer);
  return (slots.find(({ running }) => running) ?? slots[0])?.stream ?? null;
}

function Head({ ask, closed }: { ask: Ask; closed: boolean }) {
  const lookers = useLookers();
  const ended = closing.value;
  const now = clock.value;
  const left = countdown(ask, now);
  const waiting = openAsks.value.length;
  return (
    <>
      <header class="ask-head">
        <Icon name="ask" size={18} />
        <h2 id="ask-question" dir="auto">
          {ask.question === '' ? 'The worker needs help' : plain(ask.question).slice(0, MAX_QUESTION)}
        </h2>
        <span class="ask-side">
          {waiting > 1 ? (
            <span class="dim">
              {1 +
                Math.max(
                  0,
                  openAsks.value.findIndex(({ askId }) => askId === ask.askId),
                )}{' '}
              of {waiting} questions
            </span>
          ) : null}
          {lookers === '' || closed ? null : <span class="dim">{lookers}</span>}
          {ended !== null ? (
            <Ended ask={ask} />
          ) : left.text === '' ? null : (
            <strong class="ask-countdown">{left.text}</strong>
          )}
        </span>
      </header>
      <div class="ask-drain" aria-hidden="true">
        <span style={{ transform: `scaleX(${ended === null ? left.part.toFixed(4) : 0})` }} />
      </div>
    </>
  );
}

/** What became of it: who answered, and how far the answer has come. */
function Ended({ ask }: { ask: Ask }) {
  const end = closing.value;
  const mine = sent.value.has(ask.askId);
  useEffect(() => {
    if (end !== null) say(endWords(ask, end.ended, mine), 'ask');
  }, []);
  if (end === null) return null;
  const words = endWords(ask, end.ended, mine);
  const id = mine ? sent.value.get(ask.askId) : end.ended.commandId;
  const command = head.value?.commands.find(({ commandId }) => commandId === id);
  return (
    <span class="ask-ended">
      <strong>{words}</strong>
      {end.ended.how === 'interrupted' ? null : <span class="dim">{ago(end.ended.at, clock.value)}</span>}
      {command === undefined ? null : <Way of={command} />}
      <Button onClick={dismiss}>{openAsks.value.length > 0 ? 'Next question' : 'Close'}</Button>
    </span>
  );
}
