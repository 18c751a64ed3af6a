/** The worker of a run's page: what the page asks for goes to the session, and what that tells goes to the page. */
import type { FromWorker, ToWorker } from '../model.js';
import { Session } from './session.js';

let session: Session | null = null;

const post = (message: FromWorker, transfer: Transferable[] = []) => postMessage(message, { transfer });

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'open') {
    if (session !== null) return;
    session = new Session(data, post);
    session.start();
  } else {
    session?.take(data);
  }
});

addEventListener('online', () => session?.retry());
