import type { Publisher, ReceivedCommand } from '@runcast/client';

/** Does what people want of the run, as far as a reporter can: end it. */
export function obey(publisher: Publisher, { event }: ReceivedCommand): void {
  void [publisher, event];
}
