// Features of a browser that Node lacks. DOM types are not loaded: the few that are used are declared here.
interface Target {
  addEventListener(type: string, listener: () => void): void
  removeEventListener(type: string, listener: () => void): void
}
interface Page extends Partial<Target> {
  document?: Target & { visibilityState: string }
  navigator?: { locks?: { request<T>(name: string, run: () => Promise<T>): Promise<T> } }
}
const page = globalThis as unknown as Page

/** Calls `wake` when the page becomes visible or the network is back. Does nothing where there is no page. */
export function onWake(wake: () => void): () => void {
  const { document } = page
  const visible = () => {
    if (document?.visibilityState === 'visible') wake()
  }
  document?.addEventListener('visibilitychange', visible)
  page.addEventListener?.('online', wake)
  return () => {
    document?.removeEventListener('visibilitychange', visible)
    page.removeEventListener?.('online', wake)
  }
}

/** How long a lock is waited for, ms: another tab may have been frozen while it held it. */
const LOCK_MS = 15_000

/** Runs alone among the tabs of this origin, where the browser has locks. */
export function aloneAmongTabs<T>(name: string, run: () => Promise<T>): Promise<T> {
  const locks = page.navigator?.locks
  if (!locks) return run()
  return new Promise((resolve, reject) => {
    let started = false
    const start = async () => {
      if (started) return
      started = true
      clearTimeout(timer)
      await run().then(resolve, reject)
    }
    const timer = setTimeout(() => void start(), LOCK_MS)
    // a browser may refuse its locks, for example to a page that is going away
    locks.request(name, start).catch(() => void start())
  })
}

// The last task in each queue, by what the tasks share: a cookie jar, a store of tokens.
const queues = new WeakMap<object, Promise<unknown>>()

/** Runs alone among all that share `key` in this page, in the order of the calls. */
export function alone<T>(key: object, run: () => Promise<T>): Promise<T> {
  const result = (queues.get(key) ?? Promise.resolve()).then(run, run)
  queues.set(
    key,
    result.catch(() => {}),
  )
  return result
}
