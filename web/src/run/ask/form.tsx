/** The answers that are offered, the one in words, and what else can be done with a question. */
import type { Signal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import type { Ask } from '../../model.js';
import { Button } from '../../ui/button.js';
import { Text } from '../../ui/text.js';
import { Icon } from '../../ui/icons.js';
import { said, sending } from '../control/give.js';
import { byHand, HandRow } from '../control/hand.js';
import { Lease } from '../control/lease.js';
import { NameField } from '../control/name.js';
import { WATCH_ONLY } from '../control/offers.js';
import { mayControl, mayView } from '../rights.js';
import { answerOf, atZero, type Draft } from './answer.js';
import { doNotAnswer, endTest, moreTime, resolved, sendAnswer, takeOver, whatIsOffered } from './acts.js';

export interface FormProps {
  ask: Ask;
  draft: Signal<Draft>;
  closed: boolean;
}

export function AskForm({ ask, draft, closed }: FormProps) {
  const answer = answerOf(ask, draft.value);
  const offered = whatIsOffered(ask);
  const why = offered.nothing;
  const off = closed || why !== null;
  const busy = sending.value.has('ask/answer');
  const wait = atZero(ask);
  if (!mayControl.value) return <Unanswerable ask={ask} draft={draft} closed={closed} />;
  return (
    <div class="ask-form">
      {byHand.value && !closed ? <HandRow producer={ask.producer} /> : <Choices ask={ask} draft={draft} closed={off} />}
      {byHand.value && !closed ? (
        <Button
          kind="solid"
          tone="ai"
          size="primary"
          class="ask-send"
          disabled={off || busy}
          onClick={() => void resolved(ask)}
        >
          It is done: resume
        </Button>
      ) : (
        <Button
          kind="solid"
          tone="ai"
          size="primary"
          class="ask-send"
          disabled={off || busy || answer === null}
          onClick={() => void sendAnswer(ask, draft)}
        >
          <span class="cut">
            {busy ? 'Sending…' : (answer?.says ?? (ask.secret ? 'Write the secret first' : 'Choose an answer first'))}
          </span>
        </Button>
      )}
      {closed ? null : (
        <div class="ask-others">
          <Button
            icon="hand"
            pressed={byHand.value}
            disabled={!offered.hand.on}
            {...tip(offered.hand.why)}
            onClick={() => void takeOver(ask)}
          >
            {byHand.value ? 'Leave the browser' : 'Take over the browser'}
          </Button>
          <Button
            icon="clock"
            disabled={why !== null || ask.expiresAt === null}
            {...tip(why ?? (ask.expiresAt === null ? 'It waits as long as the run does.' : null))}
            onClick={() => void moreTime(ask)}
          >
            5 min more
          </Button>
          {offered.override.on ? (
            <>
              <Button icon="next" onClick={() => void endTest(ask, 'skip')}>
                Skip step
              </Button>
              <Button icon="failed" tone="fail" onClick={() => void endTest(ask, 'fail')}>
                Fail test
              </Button>
            </>
          ) : (
            <Button
              class="ask-wide"
              icon="next"
              disabled={why !== null}
              title={why ?? 'The worker decides by itself'}
              onClick={() => void doNotAnswer(ask)}
            >
              Give no answer
            </Button>
          )}
        </div>
      )}
      <NameField from="ask" />
      {said.value?.from === 'ask' ? (
        <div class="control-said">
          <span>{said.value.text}</span>
          {said.value.held ? <Lease offer={{ on: why === null, why }} /> : null}
        </div>
      ) : null}
      {why !== null && !closed ? <p class="dim">{why}</p> : null}
      {closed ? null : (
        <p class="ask-zero dim">
          {wait.before}
          {wait.what === '' ? null : <strong>{wait.what}</strong>}
          {wait.after}
        </p>
      )}
    </div>
  );
}

/** For whoever may only watch: what could be answered, and why nothing can. */
function Unanswerable({ ask, draft, closed }: FormProps) {
  const { before, what, after } = atZero(ask);
  return (
    <div class="ask-form">
      {ask.candidates.length === 0 ? null : <Choices ask={ask} draft={draft} closed />}
      {mayView.value ? <p class="dim">{WATCH_ONLY}</p> : null}
      {closed ? null : (
        <p class="ask-zero dim">
          {before}
          {what === '' ? null : <strong>{what}</strong>}
          {after}
        </p>
      )}
    </div>
  );
}

const tip = (why: string | null) => (why === null ? {} : { title: why });

function Choices({ ask, draft, closed }: FormProps) {
  const group = useRef<HTMLDivElement>(null);
  const { by, candidateId } = draft.value;
  const choose = (id: string) => (draft.value = { ...draft.peek(), by: 'candidate', candidateId: id, touched: true });
  const move = (event: KeyboardEvent) => {
    const step =
      event.key === 'ArrowDown' || event.key === 'ArrowRight'
        ? 1
        : event.key === 'ArrowUp' || event.key === 'ArrowLeft'
          ? -1
          : 0;
    if (step === 0 || closed) return;
    event.preventDefault();
    const at = ask.candidates.findIndex(({ id }) => id === candidateId);
    const next = (at + step + ask.candidates.length) % ask.candidates.length;
    const candidate = ask.candidates[next];
    if (candidate !== undefined) choose(candidate.id);
    group.current?.querySelectorAll<HTMLElement>('[role=radio]')[next]?.focus();
  };
  return (
    <>
      <h3 class="ask-label" id="ask-answer">
        Answer
      </h3>
      {ask.candidates.length === 0 ? null : (
        <div ref={group} class="ask-choices" role="radiogroup" aria-labelledby="ask-answer" onKeyDown={move}>
          {ask.candidates.map(({ id, label, selector, score }, index) => {
            const on = by === 'candidate' && candidateId === id && mayControl.value;
            return (
              <button
                key={id}
                type="button"
                role="radio"
                class="ask-choice"
                aria-checked={on}
                disabled={closed}
                tabIndex={id === (candidateId ?? ask.candidates[0]?.id) ? 0 : -1}
                onClick={() => choose(id)}
              >
                <span class="ask-number">{index + 1}</span>
                <span class="ask-choice-words">
                  <Text of={label} class="ask-choice-label" />
                  {selector === null || selector === undefined ? null : <Text of={selector} class="mono dim" />}
                </span>
                {score === null || score === undefined ? null : <span class="dim">{Math.round(score * 100)} %</span>}
              </button>
            );
          })}
        </div>
      )}
      {mayControl.value ? <Words ask={ask} draft={draft} closed={closed} /> : null}
    </>
  );
}

function Words({ ask, draft, closed }: FormProps) {
  const { by, words } = draft.value;
  return (
    <label class={by === 'words' && words !== '' ? 'ask-words ask-words-on' : 'ask-words'}>
      <Icon name="pencil" size={14} />
      <input
        type={(ask.secret ? 'password' : 'text') as 'text'}
        aria-label={ask.secret ? 'The secret' : 'The answer in words'}
        placeholder={
          ask.secret
            ? 'a secret: nobody sees it, and it is not in the log'
            : ask.candidates.length > 0
              ? 'or tell it in words'
              : 'tell it in words'
        }
        autocomplete="off"
        spellcheck={!ask.secret}
        disabled={closed && words === ''}
        readOnly={closed}
        maxLength={8_000}
        value={words}
        onInput={(event) =>
          (draft.value = { ...draft.peek(), by: 'words', words: event.currentTarget.value, touched: true })
        }
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.isComposing || closed) return;
          event.preventDefault();
          void sendAnswer(ask, draft);
        }}
      />
    </label>
  );
}
