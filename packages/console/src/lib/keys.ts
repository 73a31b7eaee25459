import { useEffect, useRef } from 'preact/hooks'

/** What a key does; `false`: nothing, the browser may have it. */
export type Keys = Record<string, (event: KeyboardEvent) => unknown>

/** In a slider no letters are typed. */
const isTyping = ({ target }: Event): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && (target as HTMLInputElement).type !== 'range'))

/** `g b` is g, then b within a second. */
const PAUSE_MS = 1_000
let before = { key: '', at: 0 }
let pair = ''

/** Keys of the page while a component is shown. They do nothing in fields, in dialogs, and with Ctrl, Alt or Meta. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event)) return
      if (document.querySelector('dialog[open]')) return
      const run = latest.current[pair] ?? latest.current[event.key]
      if (!run || run(event) === false) return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

/**
 * Remembers the keys of a pair, and leaves those that choose or accept words to the input method. Once for the page, before all that
 * listen to them.
 */
export function rememberKeys(): void {
  document.addEventListener(
    'keydown',
    (event) => {
      // Safari ends a composition before the key that accepts it, and says so by its code alone
      if (event.isComposing || event.keyCode === 229) return event.stopPropagation()
      const { key } = event
      const at = Date.now()
      pair = at - before.at < PAUSE_MS ? `${before.key} ${key}` : ''
      before = { key, at }
    },
    true,
  )
}
