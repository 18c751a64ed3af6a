import { ApiError, BuildTokenError } from '@runcast/client';

/** What to look at when the server refuses events: `: check the token`. Empty: the error says so itself. */
export function remedy(cause: unknown): string {
  if (!(cause instanceof ApiError) || cause instanceof BuildTokenError) return '';
  const { status } = cause;
  if (status === 401) return ': check the token (RUNCAST_TOKEN)';
  if (status === 403) return ': the token (RUNCAST_TOKEN) may not post to this run';
  if (status === 408 || status === 429) return ': it takes them later';
  if (status >= 500) return ": the server's log says more";
  return ': check the address (RUNCAST_URL)';
}
