import { useEffect, useRef } from 'preact/hooks'

/** What a key does; `false`: nothing, the browser may have it. */
export type Keys = Record<string, (event: KeyboardEvent) => unknown>

const isTyping = ({ target }: Event): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** `g b` is g, then b within a second. */
const PAUSE_MS = 1_000
let before = ''
let at = 0

/** Keys of the page while a component is shown. They do nothing in fields, in dialogs, and with Ctrl, Alt or Meta. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event)) return
      if (document.querySelector('dialog[open]')) return
      const both = Date.now() - at < PAUSE_MS ? `${before} ${event.key}` : ''
      const run = latest.current[both] ?? latest.current[event.key]
      if (!run || run(event) === false) return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

/** Remembers the first key of a pair. Once for the page, after all others. */
export function rememberKeys(): void {
  document.addEventListener('keydown', (event) => {
    ;[before, at] = [event.key, Date.now()]
  })
}
