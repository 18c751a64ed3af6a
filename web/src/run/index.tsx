/** The page of a run. */
import { render } from 'preact';

import { loadTheRest } from '../ui/late.js';
import { who } from '../ui/who.js';
import { RunPage } from './layout.js';
import { place } from './place.js';
import { followRights, runId } from './rights.js';
import { start, tell } from './worker.js';

start();
tell({
  type: 'open', baseUrl: location.origin, runId, user: who.name.peek(), clientId: who.clientId, at: place.peek().at,
  phone: matchMedia('(max-width: 699px)').matches,
});
const root = document.getElementById('page');
if (root !== null) render(<RunPage />, root);
followRights();
loadTheRest();
