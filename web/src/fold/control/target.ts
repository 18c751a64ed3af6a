/** Who a command is for. */
import { type Members, object, whole } from '../json.js';
import { id, member } from './members.js';
import type { CommandTarget } from './view.js';

/** Of an event: undefined if it names something that can't be read. */
export function targetOf(event: Members): CommandTarget | undefined {
  if (member(event, 'target') === undefined) return {};
  const members = object(event['target']);
  if (members === undefined) return undefined;
  const target: CommandTarget = {};
  const slot = object(members['slot']);
  if (slot !== undefined) {
    const [producer, number] = [id(slot, 'producer'), whole(slot['slot'])];
    if (producer === undefined || number === undefined) return undefined;
    target.slot = { producer, slot: number };
  }
  const [producer, testId] = [id(members, 'producer'), id(members, 'testId')];
  if (producer !== undefined) target.producer = producer;
  if (testId !== undefined) target.testId = testId;
  return target;
}

/** The only producer that it is for, if there is one. */
export function onlyProducer(target: CommandTarget): string | undefined {
  return target.producer ?? target.slot?.producer;
}

/** Whether it is for everybody. */
export function isForAll(target: CommandTarget): boolean {
  return onlyProducer(target) === undefined && target.testId === undefined;
}

/** Whether it is for this producer. */
export function isFor(target: CommandTarget, producer: string): boolean {
  return (onlyProducer(target) ?? producer) === producer;
}

/** Whether a command for `target` takes the place of one for `other`. */
export function covers(target: CommandTarget, other: CommandTarget): boolean {
  const isSame =
    target.producer === other.producer &&
    target.testId === other.testId &&
    target.slot?.producer === other.slot?.producer &&
    target.slot?.slot === other.slot?.slot;
  return isForAll(target) || isSame;
}
