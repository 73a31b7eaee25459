import type { ComponentChildren, Ref } from 'preact'
import { useImperativeHandle, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { texts } from '../texts.ts'

export interface WindowedHandle {
  /** Scrolls to an item, then puts the focus on what has `data-focus` in it. */
  show(key: string): void
  /** Scrolls to an item; the focus stays where it is. */
  reveal(key: string): void
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
  /** Stands before the first item, and keeps its height. */
  head?: ComponentChildren
  /** The first items are near: earlier ones can be added. What is in sight then stays where it is. */
  onStart?: () => void
  /** The last item is in sight. */
  onEnd?: () => void
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

/** How far an item that is in sight is from the top of the list's window, px: it stays there while others are added before it. */
interface Anchor {
  key: string
  offset: number
  /** Where the list was scrolled then: elsewhere, a person has scrolled since. */
  scrollTop: number
}

/** The last item that is in sight. */
function anchorOf(box: HTMLElement): Anchor | null {
  const { top, bottom } = box.getBoundingClientRect()
  const rows = [...box.querySelectorAll<HTMLElement>(':scope > ol > li')]
  const row = rows.findLast((each) => each.getBoundingClientRect().top < bottom)
  if (!row) return null
  return { key: row.dataset.key ?? '', offset: row.getBoundingClientRect().top - top, scrollTop: box.scrollTop }
}

/** Where the list is scrolled, and what was measured of it. */
function useScroll(fromEnd: boolean, isAnchored: boolean) {
  const anchor = useRef<Anchor | null>(null)
  const box = useRef<HTMLDivElement>(null)
  const heights = useRef(new Map<string, number>()).current
  const atEnd = useRef(fromEnd)
  const size = useRef({ width: 0, height: 0 })
  const [view, setView] = useState({ top: fromEnd ? Number.MAX_SAFE_INTEGER : 0, height: 900, width: 0, end: fromEnd })
  const look = () => {
    if (!box.current) return
    const { clientHeight, scrollHeight, clientWidth } = box.current
    // lines wrap differently in another size: who was at the end stays there
    const isResized = size.current.width !== clientWidth || size.current.height !== clientHeight
    if (isResized && fromEnd && atEnd.current) box.current.scrollTop = scrollHeight
    size.current = { width: clientWidth, height: clientHeight }
    const { scrollTop } = box.current
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR
    if (isAnchored) anchor.current = anchorOf(box.current)
    const top = Math.round(scrollTop / STEP) * STEP
    const end = atEnd.current
    setView((was) =>
      was.top === top && was.height === clientHeight && was.width === clientWidth && was.end === end
        ? was
        : { top, height: clientHeight, width: clientWidth, end },
    )
  }
  return { box, heights, atEnd, view, look, anchor }
}

/** What was in sight is where it was, whatever was added before it. */
function keepInPlace(box: HTMLElement, anchor: Anchor): Anchor | null {
  const row = box.querySelector(`:scope > ol > [data-key="${CSS.escape(anchor.key)}"]`)
  if (!row || Math.abs(box.scrollTop - anchor.scrollTop) > 1) return anchorOf(box)
  const moved = row.getBoundingClientRect().top - box.getBoundingClientRect().top - anchor.offset
  if (Math.abs(moved) >= 1) box.scrollTop += moved
  return { ...anchor, scrollTop: box.scrollTop }
}

/** How many items were there when the end was in sight last; those that came before the first one since are no news. */
function useSeen<T>({ items, keyOf }: Props<T>) {
  const seen = useRef(items.length)
  const first = items[0] && keyOf(items[0])
  const known = useRef(first)
  if (known.current !== first) {
    seen.current += Math.max(
      items.findIndex((item) => keyOf(item) === known.current),
      0,
    )
    known.current = first
  }
  return seen
}

/** A list of any length of which only what can be seen is drawn. */
export function Windowed<T>(props: Props<T>) {
  const { items, keyOf, fromEnd = false } = props
  const { box, heights, atEnd, view, look, anchor } = useScroll(fromEnd, props.onStart !== undefined)
  const list = useRef<HTMLOListElement>(null)
  const [, redraw] = useState(0)
  const seen = useSeen(props)
  const focusOn = useRef<string | null>(null)
  const sizeOf = (item: T) => heights.get(keyOf(item)) ?? props.estimate
  const total = items.reduce((sum, item) => sum + sizeOf(item), 0)
  const kept = atEnd.current ? null : anchor.current
  const keptAt = kept ? items.findIndex((item) => keyOf(item) === kept.key) : -1
  const keptTop = kept && keptAt >= 0 ? items.slice(0, keptAt).reduce((sum, item) => sum + sizeOf(item), -kept.offset) : view.top
  const top = Math.max(Math.min(keptTop, total - view.height), 0)
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
    else if (box.current && anchor.current) anchor.current = keepInPlace(box.current, anchor.current)
    if (atEnd.current) seen.current = items.length
    if (atEnd.current && items.length > 0) props.onEnd?.()
    if (box.current && box.current.scrollTop < OVERSCAN) props.onStart?.()
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

  const scrollTo = (key: string): boolean => {
    let y = 0
    for (const item of items) {
      const size = heights.get(keyOf(item)) ?? props.estimate
      if (keyOf(item) === key && box.current) {
        const { scrollTop, clientHeight } = box.current
        if (y < scrollTop || y + size > scrollTop + clientHeight) box.current.scrollTop = Math.max(y - clientHeight / 3, 0)
        look()
        return true
      }
      y += size
    }
    return false
  }
  useImperativeHandle(props.handle ?? null, () => ({
    show(key) {
      if (!scrollTo(key)) return
      focusOn.current = key
      redraw((n) => n + 1)
    },
    reveal: (key) => void scrollTo(key),
    toEnd() {
      if (box.current) box.current.scrollTop = box.current.scrollHeight
    },
  }))

  const isFresh = fromEnd && !atEnd.current && items.length > seen.current
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section ref={box} class={`windowed ${props.class ?? ''}`} aria-label={props.label} tabIndex={0} onScroll={look}>
      {props.head}
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
