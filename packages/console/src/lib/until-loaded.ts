import { CutroomError } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { client } from './session.ts'

/** Is it the server's last word, which asking again does not change? */
const isFinal = (error: unknown): boolean =>
  error instanceof CutroomError && error.status < 500 && ![408, 429].includes(error.status)

/**
 * Loads what a view shows: now, and with each connection until it is there, or refused for good.
 * @param failed hears why it is not there, each time
 * @returns ends it
 */
export function untilLoaded<T>(
  load: () => Promise<T>,
  loaded: (answer: T) => void,
  failed: (error: unknown) => void = () => {},
): () => void {
  const over = new AbortController()
  const { signal } = over
  const attempt = () =>
    void load().then(
      (answer) => {
        if (signal.aborted) return
        over.abort()
        loaded(answer)
      },
      (error) => {
        if (signal.aborted) return
        if (isFinal(error)) over.abort()
        failed(error)
      },
    )
  signal.addEventListener(
    'abort',
    client.on('status', (status) => {
      if (status === 'online') attempt()
    }),
  )
  // a visitor has no connection
  addEventListener('online', attempt, { signal })
  attempt()
  return () => over.abort()
}

/** What a view shows of the server: what was loaded last, and why the last attempt failed. `reload` asks anew. @param deps what `load` depends on */
export function useLoaded<T>(
  load: () => Promise<T>,
  deps: readonly unknown[] = [],
): { found: T | null; wrong: unknown; reload: () => void } {
  const [found, setFound] = useState<T | null>(null)
  const [wrong, setWrong] = useState<unknown>(null)
  const [times, setTimes] = useState(0)
  useEffect(() => {
    setWrong(null)
    return untilLoaded(
      load,
      (answer) => {
        setFound(() => answer)
        setWrong(null)
      },
      setWrong,
    )
  }, [...deps, times])
  return { found, wrong, reload: () => setTimes((n) => n + 1) }
}
