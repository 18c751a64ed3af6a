/** Why there is no picture, in words. Pure. */

/** What decides. */
export interface Missing {
  /** The worker's label; null: there is no worker. */
  worker: string | null;
  /** A test runs there. */
  running: boolean;
  /** The run has ended. */
  over: boolean;
  /** The connection to the server. */
  connection: string | null;
  /** How long this screen has been looked at, in milliseconds; null: it is not looked at. */
  lookedMs: number | null;
  /** Some other screen of the run has sent a picture. */
  othersSend: boolean;
}

/** Within so many milliseconds a producer that was asked has begun to send. */
const BEGINS_MS = 5_000;
/** A page that stands still is sent again so often, with some grace. */
const STILL_MS = 25_000;

/** What is said in place of the picture: what is, and why. */
export function reasonOf(missing: Missing): { what: string; why: string } {
  const { worker, running, over, connection, lookedMs, othersSend } = missing;
  if (over) return { what: 'No picture', why: 'The run has ended. Screens are shown live and not kept.' };
  if (connection === 'closed') return { what: 'No picture', why: 'There is no connection to the server.' };
  if (connection === 'reconnecting') return { what: 'No picture yet', why: 'The connection to the server is lost for the moment.' };
  if (connection === 'polling') {
    return { what: 'No picture', why: 'Screens come by WebSocket only, and something between here and the server does not let it through.' };
  }
  if (worker === null) return { what: 'No picture yet', why: 'No test has begun.' };
  if (lookedMs === null || lookedMs < BEGINS_MS) {
    return { what: 'No picture yet', why: 'Workers begin to send their screens when somebody looks.' };
  }
  if (!running) return { what: 'No picture', why: `Worker ${worker} runs no test now.` };
  if (lookedMs < STILL_MS) {
    return { what: 'No picture yet', why: 'A page that stands still is sent every 20 s, others at once.' };
  }
  if (othersSend) return { what: 'No picture', why: `Worker ${worker} sends none: its test may have no browser.` };
  return { what: 'No picture', why: 'No worker of this run sends its screen.' };
}
