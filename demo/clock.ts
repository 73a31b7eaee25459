/**
 * Milliseconds of the machine's monotonic clock, which all its processes share: a time taken in one process may be
 * subtracted from a time taken in another, and no adjustment of the date comes between.
 */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** `promise`, or an error that names what was waited for. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms / 1000} s in vain for ${what}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
