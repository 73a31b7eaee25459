import type { ComponentChildren, Ref } from 'preact'
import { useImperativeHandle, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { texts } from '../texts.ts'

export interface WindowedHandle {
  /** Scrolls to an item, then puts the focus on what has `data-focus` in it. */
  show(key: string): void
  toEnd(): void
}

/** Drawn above and below what is seen, px. */
const OVERSCAN = 500
/** How near to the end counts as being there, px. */
const NEAR = 48
/** Scrolling is looked at in steps of this, px: drawing for each pixel would be for nothing. */
const STEP = 100

interface Props<T> {
  items: readonly T[]
  keyOf: (item: T) => string
  draw: (item: T, index: number) => ComponentChildren
  /** Height of an item that was never drawn, px. */
  estimate: number
  label: string
  class?: string
  /** Begins at the end, and stays there while items are added. */
  fromEnd?: boolean
  empty?: ComponentChildren
  handle?: Ref<WindowedHandle>
}

/** Positions of what is within the window, by heights that were measured or are estimated. */
function rangeOf<T>({ items, keyOf, estimate }: Props<T>, heights: Map<string, number>, top: number, height: number) {
  let [y, first, last, before, end] = [0, -1, -1, 0, 0]
  for (let n = 0; n < items.length; n++) {
    const size = heights.get(keyOf(items[n] as T)) ?? estimate
    if (first < 0 && y + size > top - OVERSCAN) [first, before] = [n, y]
    if (first >= 0 && y < top + height + OVERSCAN) [last, end] = [n, y + size]
    y += size
  }
  return { first: Math.max(first, 0), last, before, after: y - end }
}

/** Where the list is scrolled, and what was measured of it. */
function useScroll(fromEnd: boolean) {
  const box = useRef<HTMLDivElement>(null)
  const heights = useRef(new Map<string, number>()).current
  const atEnd = useRef(fromEnd)
  const size = useRef({ width: 0, height: 0 })
  const [view, setView] = useState({ top: fromEnd ? Number.MAX_SAFE_INTEGER : 0, height: 900, width: 0 })
  const look = () => {
    if (!box.current) return
    const { clientHeight, scrollHeight, clientWidth } = box.current
    // lines wrap differently in another size: who was at the end stays there
    const isResized = size.current.width !== clientWidth || size.current.height !== clientHeight
    if (isResized && fromEnd && atEnd.current) box.current.scrollTop = scrollHeight
    size.current = { width: clientWidth, height: clientHeight }
    const { scrollTop } = box.current
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR
    const top = Math.round(scrollTop / STEP) * STEP
    setView((was) =>
      was.top === top && was.height === clientHeight && was.width === clientWidth
        ? was
        : { top, height: clientHeight, width: clientWidth },
    )
  }
  return { box, heights, atEnd, view, look }
}

/** A list of any length of which only what can be seen is drawn. */
export function Windowed<T>(props: Props<T>) {
  const { items, keyOf, fromEnd = false } = props
  const { box, heights, atEnd, view, look } = useScroll(fromEnd)
  const list = useRef<HTMLOListElement>(null)
  const [, redraw] = useState(0)
  const seen = useRef(items.length)
  const focusOn = useRef<string | null>(null)
  const total = items.reduce((sum, item) => sum + (heights.get(keyOf(item)) ?? props.estimate), 0)
  const top = Math.min(view.top, Math.max(total - view.height, 0))
  const { first, last, before, after } = rangeOf(props, heights, top, view.height)

  // what was drawn is measured; the end stays in sight
  useLayoutEffect(() => {
    let isNews = false
    for (const row of list.current?.children ?? []) {
      const { key = '' } = (row as HTMLElement).dataset
      const height = row.getBoundingClientRect().height
      if (Math.abs((heights.get(key) ?? -1) - height) < 1) continue
      heights.set(key, height)
      isNews = true
    }
    if (atEnd.current && fromEnd && box.current) box.current.scrollTop = box.current.scrollHeight
    if (atEnd.current) seen.current = items.length
    const wanted = focusOn.current
    const row = wanted === null ? null : list.current?.querySelector(`[data-key="${CSS.escape(wanted)}"] [data-focus]`)
    if (row instanceof HTMLElement) {
      focusOn.current = null
      row.focus()
    }
    if (isNews) redraw((n) => n + 1)
  })
  useLayoutEffect(() => {
    look()
    const watch = new ResizeObserver(look)
    if (box.current) watch.observe(box.current)
    return () => watch.disconnect()
  }, [])

  useImperativeHandle(props.handle ?? null, () => ({
    show(key) {
      let y = 0
      for (const item of items) {
        const size = heights.get(keyOf(item)) ?? props.estimate
        if (keyOf(item) === key && box.current) {
          const { scrollTop, clientHeight } = box.current
          if (y < scrollTop || y + size > scrollTop + clientHeight) box.current.scrollTop = Math.max(y - clientHeight / 3, 0)
          focusOn.current = key
          look()
          redraw((n) => n + 1)
          return
        }
        y += size
      }
    },
    toEnd() {
      if (box.current) box.current.scrollTop = box.current.scrollHeight
    },
  }))

  const isFresh = fromEnd && !atEnd.current && items.length > seen.current
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section ref={box} class={`windowed ${props.class ?? ''}`} aria-label={props.label} tabIndex={0} onScroll={look}>
      {items.length === 0 && props.empty}
      <ol ref={list} hidden={items.length === 0} style={{ paddingTop: `${before}px`, paddingBottom: `${after}px` }}>
        {items.slice(first, last + 1).map((item, n) => (
          <li key={keyOf(item)} data-key={keyOf(item)} aria-setsize={items.length} aria-posinset={first + n + 1}>
            {props.draw(item, first + n)}
          </li>
        ))}
      </ol>
      {isFresh && (
        <button
          type="button"
          class="button primary tight pill"
          onClick={() => {
            if (box.current) box.current.scrollTop = box.current.scrollHeight
          }}
        >
          {texts.newBelow(items.length - seen.current)}
        </button>
      )}
    </section>
  )
}
