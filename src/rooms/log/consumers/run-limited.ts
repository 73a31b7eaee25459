export interface Limits {
  /** Ends the work, too. */
  outer: AbortSignal
  /** Milliseconds for the work; Infinity: no limit. */
  limitMs: number
  /** Milliseconds that work is waited for after `outer` has ended. */
  closeMs: number
}

/**
 * Runs work with a signal that ends with its time. Work that ignores the signal is left behind: what it returns later is ignored.
 * @throws what the work throws, and when its time is over
 */
export async function runLimited<T>(work: (signal: AbortSignal) => Promise<T>, { outer, limitMs, closeMs }: Limits): Promise<T> {
  outer.throwIfAborted()
  const own = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let end = () => {}
  const over = new Promise<never>((_, reject) => {
    end = () => {
      own.abort(outer.reason)
      clearTimeout(timer)
      timer = setTimeout(reject, closeMs, outer.reason)
    }
    if (limitMs !== Number.POSITIVE_INFINITY)
      timer = setTimeout(() => {
        const error = new Error(`took longer than ${limitMs / 1000} s`)
        own.abort(error)
        reject(error)
      }, limitMs)
  })
  outer.addEventListener('abort', end)
  try {
    return await Promise.race([work(own.signal), over])
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', end)
  }
}
