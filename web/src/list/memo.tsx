/** A component that is drawn again only when what it is given has changed. */
import { Component, type ComponentType, type FunctionComponent, type VNode } from 'preact';

/** Compares each of its properties by identity. */
export function memo<P extends object>(Of: FunctionComponent<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      const after = next as Record<string, unknown>;
      return Object.keys({ ...before, ...after }).some((name) => before[name] !== after[name]);
    }

    override render(): VNode {
      return <Of {...(this.props as P)} />;
    }
  };
}
