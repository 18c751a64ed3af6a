/** In the past there are no screens: the last screenshot of the test before that moment takes their place. */
import { useState } from 'preact/hooks';

import { place } from '../place.js';
import { artifacts, moment, testOf } from '../store.js';
import type { Slot } from '../../model.js';
import { timeOfDay } from '../../ui/format.js';
import { oneLine } from '../../ui/text.js';
import { screenshotBefore } from './screenshots.js';

export function PastPicture({ slot }: { slot: Slot | null }) {
  const test = testOf(place.value.test) ?? testOf(slot?.test ?? null);
  const shot = test === null ? null : screenshotBefore(artifacts.value, test.testId, moment.value.seq);
  const [broken, setBroken] = useState<string | null>(null);
  const { at } = moment.value;
  const when = at === null ? 'this moment' : timeOfDay(at, true);
  const title = test === null ? '' : oneLine(test.path.at(-1) ?? test.testId);
  if (shot === null || broken === shot.artifactId) {
    return (
      <div class="picture">
        <p class="picture-missing">
          <strong>Screens are live only, and not kept.</strong>
          <span>
            {shot !== null
              ? 'The screenshot of this test can’t be loaded.'
              : test === null
                ? 'No test ran at this moment.'
                : `“${title}” left no screenshot before ${when}.`}
          </span>
        </p>
      </div>
    );
  }
  return (
    <figure class="picture picture-past">
      <img src={shot.downloadUrl} alt={`Screenshot of ${title}: ${shot.name}`} onError={() => setBroken(shot.artifactId)} />
      <figcaption>Screens are not kept. This is the test’s last screenshot before {when}.</figcaption>
    </figure>
  );
}
