import type { TextStore } from './mutation.ts'

export interface PersonStorageDeps {
  store: TextStore | undefined
  onError(error: unknown): void
}

const isStored = (value: unknown): value is { userId: string; items: unknown[] } =>
  typeof value === 'object' && value !== null && 'userId' in value && 'items' in value && Array.isArray(value.items)

/**
 * Keeps a list over a reload, for the person whose it is.
 * @param plain an item without what cannot be stored
 */
export function createPersonStorage<T>({ store, onError }: PersonStorageDeps, plain: (item: T) => T) {
  let userId: string | undefined
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  if (!store) open()
  let found: { userId: string; items: T[] } | null = null
  let isScheduled = false
  let isBusy = false
  let waiting: { text: string | null } | undefined
  let newest: readonly T[] = []
  // a logout overtakes what is being read
  let logouts = 0

  async function load(): Promise<void> {
    try {
      const text = await store?.load()
      const value: unknown = text ? JSON.parse(text) : null
      // written here
      if (isStored(value)) found = value as { userId: string; items: T[] }
    } catch (error) {
      onError(error)
    }
  }

  const loading = store && load()

  function write(): void {
    isScheduled = false
    if (!store || userId === undefined) return
    const items = newest.map(plain)
    const text = items.length === 0 ? null : JSON.stringify({ userId, items })
    save(text)
  }

  /** At once where the store is not busy, since a page may be about to go; only the newest waits for a busy one. */
  function save(text: string | null): void {
    if (isBusy) {
      waiting = { text }
      return
    }
    const written = async () => store?.save(text)
    isBusy = true
    void written()
      .catch(onError)
      .then(() => {
        isBusy = false
        const next = waiting
        waiting = undefined
        if (next) save(next.text)
      })
  }

  return {
    /** Resolves when it is known who is logged in, and what they had stored. */
    opened,
    open: () => open(),
    /** A person is logged in. @returns what they had stored, once */
    async begin(id: string): Promise<T[]> {
      const before = logouts
      await loading
      if (before !== logouts) {
        if (found?.userId === id) {
          found = null
          save(null)
        }
        return []
      }
      const mine = found?.userId === id ? found.items : []
      found = null
      // from here on a save writes them, too
      newest = [...mine, ...newest]
      userId = id
      return mine
    },
    /** Saves what waits now; many changes in one turn are one write. */
    save(items: readonly T[]): void {
      newest = items
      if (isScheduled || !store) return
      isScheduled = true
      void Promise.resolve().then(write)
    },
    /** What is stored stays as it is. */
    close(): void {
      write()
      userId = undefined
    },
    clear(): void {
      logouts++
      newest = []
      write()
      userId = undefined
    },
  }
}
