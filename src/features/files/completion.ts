import { createReadStream } from 'node:fs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { newId } from '../../db/ids.ts'
import { ProblemError, problem } from '../../errors.ts'
import type { PartStore } from '../../http/uploads/part-store.ts'
import type { StagedFile } from '../../ports/storage/staging.ts'
import type { TokenClaims } from '../../rooms/index.ts'
import type { RouteContext } from '../shared/noun.ts'
import { completeUpload, deleteUpload, findUpload, type UploadRow } from './uploads.ts'
import { createFile } from './writes.ts'

/** @throws problem token-missing */
export const callerOf = ({ caller }: FastifyRequest): TokenClaims => {
  if (caller === null) throw problem('token-missing')
  return caller
}

/** The file that an upload becomes when all its bytes are there: once, however often it is asked for. */
export function createCompletion(app: FastifyInstance, context: RouteContext, store: PartStore) {
  const { query, config, authorizer, files } = context
  const running = new Map<string, Promise<Record<string, string>>>()

  async function complete(request: FastifyRequest, upload: UploadRow): Promise<Record<string, string>> {
    const { id, kind, name } = upload
    const length = Number(upload.length)
    const caller = callerOf(request)
    let staged: StagedFile
    try {
      // A copy that no late write reaches: what is hashed is what is stored.
      staged = await files.staging.write(createReadStream(store.pathOf(id)), { limit: length, id: newId() })
    } catch (error) {
      // Another node that shares the folder may have made the file, and removed the bytes.
      const made = await findUpload(query, id, caller.userId)
      if (made?.fileId) return { 'cutroom-file': made.fileId }
      throw error
    }
    if (staged.size !== length) {
      await files.staging.remove(staged.path)
      throw problem('bad-request', 'Bytes of this upload are missing; send it again')
    }
    const stored = await files.receiver.store(staged, { kind: kind ?? undefined, name })
    try {
      let position = {}
      const actor = { id: caller.userId, name: '' }
      const fileId = await app.rooms.commit(actor, async (write) => {
        const target = { param: 'cutId', id: upload.cutId }
        const scope = await authorizer.authorize(write.query, caller, 'file:create', target, 'member')
        actor.name = scope.me.name
        const row = await findUpload(write.query, id, caller.userId, true)
        if (!row) throw problem('not-found')
        if (row.fileId !== null) return row.fileId
        const file = await createFile(write, config.quota, scope, upload.cutId, stored, id)
        await completeUpload(write, id, file.id)
        write.reportHead(`project:${scope.projectId}`, (head) => {
          position = { 'cutroom-seq': `${head}`, 'cutroom-epoch': app.rooms.log.epoch() }
        })
        return file.id
      })
      await store.remove(id)
      return { 'cutroom-file': fileId, ...position }
    } finally {
      // Unless the write has claimed it.
      await files.objects.discard(stored.key)
    }
  }

  /** Refused for what it is: the same bytes are refused again. */
  const isHopeless = (error: unknown) =>
    error instanceof ProblemError && [413, 415].includes(error.status) && error.code !== 'quota-exceeded'

  return async (request: FastifyRequest, id: string): Promise<Record<string, string>> => {
    const known = running.get(id)
    if (known) return known
    const upload = await findUpload(query, id, callerOf(request).userId)
    if (!upload) throw problem('not-found')
    if (upload.fileId !== null) return { 'cutroom-file': upload.fileId }
    const work = complete(request, upload)
    running.set(id, work)
    try {
      return await work
    } catch (error) {
      if (isHopeless(error)) {
        await deleteUpload(app.rooms.commit, id)
        await store.remove(id)
      }
      throw error
    } finally {
      running.delete(id)
    }
  }
}
