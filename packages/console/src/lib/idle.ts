// What no page needs in order to be drawn waits until the page has its connection and nothing to do.
import { useEffect } from 'preact/hooks'
import { createCell, useCell } from './cell.ts'
import { client } from './session.ts'
import { useSelected } from './use-selected.ts'

/** The latest that a busy page counts as idle, ms. */
const AT_LAST_MS = 2_000
/** Where the browser does not say when it is idle, ms. */
const INSTEAD_MS = 200
const hasBeenIdle = createCell(false)

/** @returns takes it back */
export function whenIdle(run: () => void): () => void {
  if (!('requestIdleCallback' in globalThis)) {
    const timer = setTimeout(run, INSTEAD_MS)
    return () => clearTimeout(timer)
  }
  const handle = requestIdleCallback(run, { timeout: AT_LAST_MS })
  return () => cancelIdleCallback(handle)
}

/** Has the page been connected and idle once? */
export function useHasBeenIdle(): boolean {
  const isOnline = useSelected(() => client.select(({ status }) => status === 'online'), [])
  const has = useCell(hasBeenIdle)
  useEffect(() => {
    if (!isOnline || has) return
    return whenIdle(() => {
      hasBeenIdle.value = true
    })
  }, [isOnline, has])
  return has
}
