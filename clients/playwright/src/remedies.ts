import { ApiError, TransportError, type TransportFailure } from '@runcast/client';

/** What to look at when there was no answer. */
const OF_FAILURES: Record<TransportFailure, string> = {
  refused: 'check that the server runs, and the address (RUNCAST_URL)',
  dns: 'check the address (RUNCAST_URL)',
  tls: 'a certificate authority of your own is named by NODE_EXTRA_CA_CERTS',
  proxy: 'check HTTPS_PROXY, HTTP_PROXY and NO_PROXY',
  timeout: 'check the server, and what is between it and this machine',
  reset: 'check the server, and what is between it and this machine',
  unreachable: 'check the address (RUNCAST_URL) and the network',
};

/** What to look at when events can't be posted for this reason. */
export function remedy(cause: unknown): string {
  if (cause instanceof TransportError) return OF_FAILURES[cause.failure];
  if (!(cause instanceof ApiError)) return 'check the address (RUNCAST_URL)';
  const { status } = cause;
  if (status === 401) return 'check the token (RUNCAST_TOKEN)';
  if (status === 403) return 'the token (RUNCAST_TOKEN) may not post to this run';
  if (status === 407) return 'check HTTPS_PROXY, HTTP_PROXY and NO_PROXY';
  if (status === 404) return 'check the address (RUNCAST_URL): no runcast server answers there';
  if (status === 408 || status === 429) return 'it takes them later';
  return status >= 500 ? "the server's log says more" : 'check the address (RUNCAST_URL)';
}
