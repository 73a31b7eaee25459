// What a browser has and Node has not. No DOM types are loaded: the few things used are named here.
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

/** Runs alone among the tabs of this origin, where the browser can promise that. */
export function aloneAmongTabs<T>(name: string, run: () => Promise<T>): Promise<T> {
  const locks = page.navigator?.locks
  return locks ? locks.request(name, run) : run()
}
