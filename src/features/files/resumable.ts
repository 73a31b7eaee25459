import { UPLOADS_URL, UploadMetadata } from '@cutroom/contract'
import { ERRORS, Metadata, type Upload } from '@tus/server'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Scope } from '../../access/authorize.ts'
import { invalid, problem } from '../../errors.ts'
import { basePathOf } from '../../http/cookies.ts'
import { PartStore } from '../../http/uploads/part-store.ts'
import { createTus } from '../../http/uploads/tus.ts'
import type { RouteContext } from '../shared/noun.ts'
import { callerOf, createCompletion } from './completion.ts'
import { displayName } from './names.ts'
import { createUpload, deleteUpload, findUpload, LIFE_MS, type UploadRow } from './uploads.ts'

/** A new upload, as far as it was checked. */
type Draft = Omit<UploadRow, 'id' | 'fileId' | 'createdAt' | 'length'> & { length: number }

const Params = z.object({ uploadId: z.uuid().toLowerCase() })

/** @throws problem bad-request | validation */
function readMetadata({ headers }: FastifyRequest): UploadMetadata {
  let said: Record<string, string | null>
  try {
    said = Metadata.parse(String(headers['upload-metadata'] ?? ''))
  } catch (cause) {
    throw problem('bad-request', 'Upload-Metadata must be keys with values in base64, and name the cut', undefined, { cause })
  }
  const parsed = UploadMetadata.safeParse(said)
  if (!parsed.success) throw invalid('body', parsed.error.issues)
  return parsed.data
}

/** @throws problem bad-request | validation */
function readLength({ headers }: FastifyRequest): number {
  const length = headers['upload-length']
  if (typeof length !== 'string' || !/^(0|[1-9]\d{0,14})$/.test(length))
    throw problem('bad-request', 'Upload-Length must be a number of bytes; lengths that come later are not taken')
  if (length === '0') throw problem('validation', 'An empty file is no file')
  return Number(length)
}

/** What is checked before the first byte, and noted for what follows. */
function createChecks(
  app: FastifyInstance,
  { query, authorizer, files }: RouteContext,
  drafts: WeakMap<FastifyRequest, Draft>,
  found: WeakMap<FastifyRequest, UploadRow>,
) {
  const authorize = async (request: FastifyRequest, cutId: string): Promise<Scope> => {
    const caller = callerOf(request)
    await app.tokens.confirm(caller)
    return authorizer.authorize(query, caller, 'file:create', { param: 'cutId', id: cutId })
  }

  /** Before the first byte. */
  async function admit(request: FastifyRequest): Promise<void> {
    const length = readLength(request)
    const { cutId, filename, name, kind = null } = readMetadata(request)
    const { projectId } = await authorize(request, cutId)
    const limit = files.receiver.limitOf(kind ?? undefined)
    if (length > limit) throw problem('too-large', `The file has more than ${limit} bytes`)
    drafts.set(request, { projectId, cutId, userId: callerOf(request).userId, kind, name: displayName(name ?? filename), length })
  }

  /** Whose it is, and whether they may still add to the cut. */
  async function admitKnown(request: FastifyRequest): Promise<void> {
    const { uploadId } = request.params as z.output<typeof Params>
    const upload = await findUpload(query, uploadId, callerOf(request).userId)
    if (!upload) throw problem('not-found')
    await authorize(request, upload.cutId)
    found.set(request, upload)
  }
  return { admit, admitKnown }
}

/** Uploads in parts, which can be resumed: tus 1.0 with creation, expiration and termination. */
export function resumableRoutes(app: FastifyInstance, context: RouteContext): void {
  const { query, config, files } = context
  const drafts = new WeakMap<FastifyRequest, Draft>()
  const found = new WeakMap<FastifyRequest, UploadRow>()

  const store = new PartStore(
    files.staging,
    async (id) => {
      const [row] = await query<{ length: string; isDone: boolean; createdAt: Date }>({
        text: 'SELECT length, "fileId" IS NOT NULL AS "isDone", "createdAt" FROM "Upload" WHERE id = $1::uuid',
        values: [id],
      })
      return row ? { ...row, id, length: Number(row.length) } : null
    },
    LIFE_MS,
  )
  const complete = createCompletion(app, context, store)

  async function onCreate(request: FastifyRequest, { id }: Upload): Promise<void> {
    const draft = drafts.get(request)
    if (!draft) throw ERRORS.FILE_NOT_FOUND
    await app.rooms.commit({ id: draft.userId, name: '' }, (write) => createUpload(write, config.quota, { id, ...draft }))
  }
  const tus = createTus({ path: basePathOf(config) + UPLOADS_URL, store, onCreate, onComplete: complete })

  const { admit, admitKnown } = createChecks(app, context, drafts, found)
  const receive = (request: FastifyRequest, reply: FastifyReply) =>
    files.slots.run(callerOf(request).userId, () => tus(request, reply))

  /** Of an upload whose bytes are all there the file, which is made now where that failed before. */
  async function proceed(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const upload = found.get(request)
    if (!upload) throw problem('not-found')
    const isWhole = upload.fileId !== null || (await offsetOf(store, upload.id)) === Number(upload.length)
    if (!isWhole) return request.method === 'PATCH' ? receive(request, reply) : tus(request, reply)
    const headers = await complete(request, upload.id)
    return reply
      .headers({
        ...headers,
        'tus-resumable': '1.0.0',
        'upload-offset': upload.length,
        'upload-length': upload.length,
        'cache-control': 'no-store',
      })
      .code(request.method === 'PATCH' ? 204 : 200)
      .send()
  }

  async function terminate(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const upload = found.get(request)
    if (!upload) throw problem('not-found')
    // First the row: bytes without one are swept.
    const fileId = await deleteUpload(app.rooms.commit, upload.id)
    if (fileId === null) return tus(request, reply)
    // It came too late: who cancels learns of the file.
    return reply.headers({ 'tus-resumable': '1.0.0', 'cutroom-file': fileId }).code(204).send()
  }

  app.register(async (scope) => {
    // Read by tus, as it comes.
    scope.addContentTypeParser('application/offset+octet-stream', (_request, _payload, done) => done(null, undefined))
    const route = (
      method: 'POST' | 'HEAD' | 'PATCH' | 'DELETE',
      check: (request: FastifyRequest) => Promise<void>,
      handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
    ) =>
      scope.route({
        method,
        url: method === 'POST' ? UPLOADS_URL : `${UPLOADS_URL}/:uploadId`,
        // It is a protocol of its own, which the reference names.
        schema: { hide: true, ...(method !== 'POST' && { params: Params }) },
        config: { receivesFile: true },
        onRequest(request, _reply, done) {
          request.caller = app.tokens.callerOf(request)
          done()
        },
        preHandler: (request, reply) => app.withPlace(request, reply, () => check(request)),
        handler,
      })
    route('POST', admit, receive)
    route('HEAD', admitKnown, proceed)
    route('PATCH', admitKnown, proceed)
    route('DELETE', admitKnown, terminate)
  })
}

/** Bytes that have come; 0 where none are on this node. */
const offsetOf = (store: PartStore, id: string): Promise<number> =>
  store.offsetOf(id).catch((error: unknown) => {
    if (error === ERRORS.FILE_NO_LONGER_EXISTS) return 0
    throw error
  })
