import { Component, type ComponentChild, type FunctionComponent, h } from 'preact'

/** A component that is drawn again only when one of its properties has changed. */
export function memo<P extends object>(draw: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const before = this.props as Record<string, unknown>
      return Object.entries(next).some(([name, value]) => before[name] !== value)
    }
    override render(props: P): ComponentChild {
      return h(draw, props as never)
    }
  }
  return Memo as unknown as FunctionComponent<P>
}
