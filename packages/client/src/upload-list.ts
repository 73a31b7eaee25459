import type { Problem } from '@cutroom/contract'
import { createPersonStorage, type PersonStorageDeps } from './person-storage.ts'
import { CutroomError, problemOf } from './problem.ts'
import { fingerprintOf, type InterruptedUpload, type StoredUpload, type Uploads } from './upload.ts'
import type { UploadItem } from './upload-handle.ts'

/** How many are under way or noted at a time, as the server has it. */
const MAX_UPLOADS = 100

export interface UploadListDeps extends PersonStorageDeps {
  /** The lists are others. */
  changed(): void
  /** Removes what the server has of one. */
  remove(entry: StoredUpload): Promise<void>
}

const plain = (entry: StoredUpload): StoredUpload => ({ ...entry })

/** The uploads under way, and notes of those that the server has a part of. */
export function createUploadList(deps: UploadListDeps) {
  const storage = createPersonStorage<StoredUpload>(deps, plain)
  let items: readonly UploadItem[] = []
  let entries: readonly StoredUpload[] = []
  const owners = new Map<StoredUpload, UploadItem>()
  let shown: Uploads = { current: [], interrupted: [] }

  const interruptedOf = (entry: StoredUpload): InterruptedUpload => {
    const { cutId, name, kind, sentBytes, totalBytes, at } = entry
    const discard = async () => {
      if (owners.has(entry)) return
      await deps.remove(entry)
      if (!owners.has(entry)) forget(entry)
    }
    return { cutId, name, kind, sentBytes, totalBytes, at, discard }
  }

  function show(): void {
    shown = {
      current: items.map(({ handle }) => handle),
      interrupted: entries.filter((entry) => !owners.has(entry)).map(interruptedOf),
    }
    deps.changed()
  }
  function save(): void {
    storage.save(entries)
  }
  function forget(entry: StoredUpload): void {
    entries = entries.filter((each) => each !== entry)
    owners.delete(entry)
    save()
    show()
  }

  return {
    storage,
    forget,
    get: (): Uploads => shown,
    items: (): readonly UploadItem[] => items,
    /** @throws CutroomError too-many */
    add(item: UploadItem): void {
      if (items.length >= MAX_UPLOADS) throw new CutroomError(problemOf('too-many', `${MAX_UPLOADS} uploads are under way`))
      items = [...items, item]
      show()
    },
    /** It has ended here; a note of it is one of an interrupted upload then. */
    remove(item: UploadItem): void {
      items = items.filter((each) => each !== item)
      for (const [entry, owner] of owners) if (owner === item) owners.delete(entry)
      show()
    },
    /** An interrupted upload of the same file, which this one goes on with. */
    claim(item: UploadItem): StoredUpload | undefined {
      const wanted = fingerprintOf(item)
      const found = entries.find((entry) => entry.fingerprint === wanted && !owners.has(entry))
      if (!found) return undefined
      owners.set(found, item)
      show()
      return found
    },
    note(item: UploadItem, uploadId: string, key: string): StoredUpload {
      const { cutId, kind, file, handle } = item
      const at = new Date().toISOString()
      const fingerprint = fingerprintOf(item)
      const entry = { uploadId, key, cutId, name: handle.name, kind, fingerprint, sentBytes: 0, totalBytes: file.size, at }
      owners.set(entry, item)
      entries = [...entries, entry].slice(-MAX_UPLOADS)
      save()
      return entry
    },
    sent(entry: StoredUpload, bytes: number): void {
      if (entry.sentBytes === bytes) return
      entry.sentBytes = bytes
      save()
    },
    /** A person is logged in: what they had stored can be resumed. */
    async began(userId: string): Promise<void> {
      entries = [...(await storage.begin(userId)), ...entries].slice(-MAX_UPLOADS)
      storage.open()
      show()
    },
    /** Nothing of this person is shown or resumed any more. */
    clear(): void {
      storage.clear()
      entries = []
      owners.clear()
      show()
    },
  }
}

/** Is the same upload worth resuming after this? Else what the server had of it is gone, or will not be taken. */
export const isWorthKeeping = ({ status, code }: Problem): boolean =>
  status >= 500 || status === 401 || code === 'session-revoked' || code === 'quota-exceeded' || code === 'rate-limited'
