import { availableParallelism } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import type { Database } from '../../db/client.ts'
import { createUploadSlots, type UploadSlots } from '../../http/uploads/slots.ts'
import { createObjects, type Objects } from '../../jobs/objects.ts'
import { createMedia, type Media } from '../../media/index.ts'
import { openStorage } from '../../ports/storage/open-storage.ts'
import { openStaging, type Staging } from '../../ports/storage/staging.ts'
import type { Storage } from '../../ports/storage/storage.ts'
import { createLeftovers } from './leftovers.ts'
import { createReceiver, type Receiver } from './receive.ts'

/** Files that are processed at a time. Each takes one core, of which requests need some. */
export const PARALLEL = Math.max(1, Math.floor(availableParallelism() / 2))

/** What the bytes of files go through. */
export interface FileServices {
  storage: Storage
  staging: Staging
  objects: Objects
  slots: UploadSlots
  receiver: Receiver
  media: Media
  /** Removes what is left of uploads, on this node. @returns how many */
  sweepUploads(): Promise<number>
}

/** Opens them; they end with the app. @param adapt changes the store, for tests */
export function openFileServices(
  app: FastifyInstance,
  config: Config,
  { pool, query }: Pick<Database, 'pool' | 'query'>,
  adapt: (storage: Storage) => Storage,
): FileServices {
  const storage = adapt(openStorage(config))
  const staging = openStaging(config.dataDir)
  const objects = createObjects({
    pool,
    storage,
    onError: (error) => app.log.warn({ err: error }, 'files: an object could not be removed, the sweep tries again'),
  })
  const slots = createUploadSlots(config.rateLimit !== null)
  const media = createMedia({ parallel: PARALLEL })
  app.addHook('onClose', async () => {
    await swept
    await media.close()
    await storage.close()
  })
  const sweepUploads = createLeftovers({ query, staging, commit: (...args) => app.rooms.commitJob(...args) })
  // What the node before left on this disk. Nothing waits for it, but the end.
  let swept: Promise<unknown> = Promise.resolve()
  app.addHook('onReady', async () => {
    swept = sweepUploads().catch((error) => app.log.warn({ err: error }, 'files: leftovers could not be swept'))
  })
  return { storage, staging, objects, slots, receiver: createReceiver({ config, staging, objects, slots }), media, sweepUploads }
}
