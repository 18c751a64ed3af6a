/** The screen of one worker, and the sentence that says what it does. */
import { useEffect, useRef } from 'preact/hooks';

import { byHand, clickThere } from '../control/hand.js';
import { place } from '../place.js';
import { head, moment, onScreen, testOf } from '../store.js';
import { oneLine } from '../../ui/text.js';
import { width } from '../width.js';
import { chosen, followTest, shown } from './choice.js';
import { PastPicture } from './past.js';
import { Picture } from './picture.js';
import { SentenceLine } from './sentence.js';
import { WorkerTabs } from './tabs.js';
import { useLook } from './use-look.js';
import { altOf, sentenceOf } from './words.js';

export function Screen() {
  const room = useRef<HTMLDivElement>(null);
  const slot = shown.value;
  const test = testOf(slot?.test ?? null);
  const live = moment.value.live;
  const open = place.value.test;
  useEffect(followTest, [open]);
  useEffect(() => {
    onScreen.value = slot?.stream ?? null;
    return () => (onScreen.value = null);
  }, [slot?.stream]);
  useLook(room, slot !== null && chosen.value === slot.stream ? slot.stream : 'auto');
  const pause = head.value?.paused ?? null;
  const title = test === null ? null : oneLine(test.path.at(-1) ?? test.testId);
  const paused = slot?.paused === true || test?.paused === true;
  return (
    <section class="screen" aria-label="Screen" data-full>
      {width.value === 'narrow' ? null : <WorkerTabs />}
      <div id="screen" class="screen-room" ref={room} role="tabpanel" aria-label={slot === null ? 'Screen' : `Screen of worker ${slot.label}`}>
        {live ? (
          <Picture
            slot={slot}
            test={test}
            alt={altOf(sentenceOf(test, slot, pause), title)}
            paused={paused}
            onPoint={byHand.value ? clickThere : undefined}
          />
        ) : (
          <PastPicture slot={slot} />
        )}
      </div>
      <SentenceLine slot={slot} test={test} />
    </section>
  );
}
