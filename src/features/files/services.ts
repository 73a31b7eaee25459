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
}

const SWEEP_MS = 600_000

/** What tests may change. */
export interface FileSeams {
  adaptStorage?: (storage: Storage) => Storage
  /** Pause between two sweeps of the disk of this node, ms. */
  sweepUploadsMs?: number
}

/** Opens them; they end with the app. */
export function openFileServices(
  app: FastifyInstance,
  config: Config,
  { pool, query }: Pick<Database, 'pool' | 'query'>,
  { adaptStorage: adapt = (storage) => storage, sweepUploadsMs = SWEEP_MS }: FileSeams,
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
    clearInterval(timer)
    await swept
    await media.close()
    await storage.close()
  })
  const sweepUploads = createLeftovers({ query, staging, commit: (...args) => app.rooms.commitJob(...args) })
  async function sweep(): Promise<void> {
    try {
      const uploads = await sweepUploads()
      if (uploads > 0) app.log.info({ uploads }, 'files: what was left of uploads is gone')
    } catch (error) {
      app.log.warn({ err: error }, 'files: leftovers could not be swept')
    }
  }
  // No job, which one node does for all: what is on this disk, no other node may see. Nothing waits for it, but the end.
  let swept: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  app.addHook('onReady', async () => {
    swept = sweep()
    timer = setInterval(() => {
      swept = swept.then(sweep)
    }, sweepUploadsMs).unref()
  })
  return { storage, staging, objects, slots, receiver: createReceiver({ config, staging, objects, slots }), media }
}
