import type { MutationStore, StoredMutation } from './mutation.ts'

export interface MutationStorageDeps {
  store: MutationStore | undefined
  onError(error: unknown): void
}

const isStored = (value: unknown): value is { userId: string; items: StoredMutation[] } =>
  typeof value === 'object' && value !== null && 'userId' in value && 'items' in value && Array.isArray(value.items)

/** Keeps mutations over a reload, for the person who made them. */
export function createMutationStorage({ store, onError }: MutationStorageDeps) {
  let userId: string | undefined
  let loading: Promise<void> | undefined
  let found: { userId: string; items: StoredMutation[] } | null = null
  let isScheduled = false
  let writing: Promise<unknown> = Promise.resolve()
  let newest: readonly StoredMutation[] = []

  async function load(): Promise<void> {
    try {
      const text = await store?.load()
      const value: unknown = text ? JSON.parse(text) : null
      if (isStored(value)) found = value
    } catch (error) {
      onError(error)
    }
  }

  function write(): void {
    isScheduled = false
    if (!store || userId === undefined) return
    const items = newest.map(({ key, id, at, me, projectId, endpoint, args, draws, state, problem, sentAt }) => {
      return { key, id, at, me, projectId, endpoint, args, draws, state, problem, sentAt }
    })
    const text = items.length === 0 ? null : JSON.stringify({ userId, items })
    writing = writing.then(() => store.save(text)).catch(onError)
  }

  return {
    /** Resolves when it is known what was stored. */
    loaded(): Promise<void> {
      loading ??= load()
      return loading
    },
    /** A person is logged in. @returns what they had stored, once */
    async begin(id: string): Promise<StoredMutation[]> {
      loading ??= load()
      await loading
      userId = id
      const mine = found?.userId === id ? found.items : []
      found = null
      return mine
    },
    /** Saves what waits now; many changes in one turn are one write. */
    save(items: readonly StoredMutation[]): void {
      newest = items
      if (isScheduled || !store) return
      isScheduled = true
      void Promise.resolve().then(write)
    },
    clear(): void {
      newest = []
      write()
      userId = undefined
    },
  }
}
