import { UPLOADS_URL, UploadMetadata } from '@cutroom/contract'
import { ERRORS, Metadata } from '@tus/server'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Scope } from '../../access/authorize.ts'
import { idOf, newId } from '../../db/ids.ts'
import { invalid, problem } from '../../errors.ts'
import { idempotencyKey } from '../../http/conditional.ts'
import { basePathOf } from '../../http/cookies.ts'
import { PartStore } from '../../http/uploads/part-store.ts'
import { createTus } from '../../http/uploads/tus.ts'
import type { RouteContext } from '../shared/noun.ts'
import { callerOf, createCompletion } from './completion.ts'
import { displayName } from './names.ts'
import { createUpload, deleteUpload, findUpload, LIFE_MS, type NewUpload, type UploadRow } from './uploads.ts'

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

const isSame = (made: UploadRow, { cutId, kind, name, length }: NewUpload): boolean =>
  made.cutId === cutId && made.kind === kind && made.name === name && Number(made.length) === length

/** What is checked before the first byte, and noted for what follows. */
function createChecks(
  app: FastifyInstance,
  { query, authorizer, files }: RouteContext,
  drafts: WeakMap<FastifyRequest, NewUpload>,
  found: WeakMap<FastifyRequest, UploadRow>,
) {
  const authorize = async (request: FastifyRequest, cutId: string): Promise<Scope> => {
    const caller = callerOf(request)
    await app.tokens.confirm(caller)
    return authorizer.authorize(query, caller, 'file:create', { param: 'cutId', id: cutId })
  }

  /** Before the first byte. With an Idempotency-Key it finds what was made under it before. */
  async function admit(request: FastifyRequest): Promise<void> {
    const key = idempotencyKey(request)
    const length = readLength(request)
    const { cutId, filename, name, kind = null } = readMetadata(request)
    const { projectId } = await authorize(request, cutId)
    const limit = files.receiver.limitOf(kind ?? undefined)
    if (length > limit) throw problem('too-large', `The file has more than ${limit} bytes`)
    const { userId } = callerOf(request)
    const id = key === undefined ? newId() : idOf(userId, `upload:${key}`)
    const draft = { id, projectId, cutId, userId, kind, name: displayName(name ?? filename), length }
    const made = key === undefined ? null : await findUpload(query, id, userId)
    if (made && !isSame(made, draft)) throw problem('idempotency-mismatch')
    if (made) found.set(request, made)
    else drafts.set(request, draft)
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

/** Where the bytes are, of which the database knows the rest. */
const openStore = ({ query, files }: RouteContext): PartStore =>
  new PartStore(
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

/** How uploads are made: each row with its file. */
function createCreation(
  app: FastifyInstance,
  { config }: RouteContext,
  store: PartStore,
  drafts: WeakMap<FastifyRequest, NewUpload>,
) {
  const draftOf = (request: FastifyRequest): NewUpload => {
    const draft = drafts.get(request)
    if (!draft) throw ERRORS.FILE_NOT_FOUND
    return draft
  }
  return {
    nameOf: (request: FastifyRequest) => draftOf(request).id,
    async onCreate(request: FastifyRequest): Promise<void> {
      const draft = draftOf(request)
      await app.rooms.commit({ id: draft.userId, name: '' }, (write) => createUpload(write, config.quota, draft))
      try {
        // What is left of one of the same key that has expired.
        await store.remove(draft.id)
        await store.begin(draft.id)
      } catch (error) {
        await deleteUpload(app.rooms.commit, draft.id)
        throw error
      }
    },
  }
}

/** The file that an upload has become, or becomes now: what copies and stores it takes a place, as what brings its bytes. */
const createFinish =
  ({ slots }: RouteContext['files'], complete: ReturnType<typeof createCompletion>) =>
  (request: FastifyRequest, { id, fileId }: UploadRow) =>
    fileId === null ? slots.run(callerOf(request).userId, () => complete(request, id)) : complete(request, id)

/** Uploads in parts, which can be resumed: tus 1.0 with creation, expiration and termination. */
export function resumableRoutes(app: FastifyInstance, context: RouteContext): void {
  const { config, files } = context
  const drafts = new WeakMap<FastifyRequest, NewUpload>()
  const found = new WeakMap<FastifyRequest, UploadRow>()

  const store = openStore(context)
  const complete = createCompletion(app, context, store)
  const finish = createFinish(files, complete)
  const path = basePathOf(config) + UPLOADS_URL
  const tus = createTus({ path, store, ...createCreation(app, context, store, drafts), onComplete: complete })

  const { admit, admitKnown } = createChecks(app, context, drafts, found)
  const receive = (request: FastifyRequest, reply: FastifyReply) =>
    files.slots.run(callerOf(request).userId, () => tus(request, reply))

  /** Makes an upload; of one that was made before, whose answer was lost, it says where it is and how far it has come. */
  async function create(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const made = found.get(request)
    if (!made) return receive(request, reply)
    if (made.fileId === null) await store.begin(made.id)
    const offset = made.fileId === null ? await store.offsetOf(made.id) : Number(made.length)
    const expires = new Date(made.createdAt.getTime() + LIFE_MS).toUTCString()
    return reply
      .headers(offset === Number(made.length) ? await finish(request, made) : { 'upload-expires': expires })
      .headers({
        'tus-resumable': '1.0.0',
        location: `${path}/${made.id}`,
        'upload-offset': offset,
        'cache-control': 'no-store',
      })
      .code(201)
      .send()
  }

  /** Of an upload whose bytes are all there the file, which is made now where that failed before. */
  async function proceed(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const upload = found.get(request)
    if (!upload) throw problem('not-found')
    if (!(await isWhole(context, store, upload)))
      return request.method === 'PATCH' ? receive(request, reply) : tus(request, reply)
    return reply
      .headers({
        ...(await finish(request, upload)),
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
          request.caller = app.tokens.assertNotEnded(app.tokens.callerOf(request))
          done()
        },
        preHandler: (request, reply) =>
          app.withPlace(request, reply, () => app.tokens.noteEnd(request.caller, () => check(request))),
        handler,
      })
    route('POST', admit, create)
    route('HEAD', admitKnown, proceed)
    route('PATCH', admitKnown, proceed)
    route('DELETE', admitKnown, terminate)
  })
}

/** Have all bytes come? Those of an upload that has become a file since it was found are not there any more. */
async function isWhole({ query }: RouteContext, store: PartStore, { id, userId, fileId, length }: UploadRow): Promise<boolean> {
  if (fileId !== null) return true
  try {
    return (await store.offsetOf(id)) === Number(length)
  } catch (error) {
    if (error !== ERRORS.FILE_NO_LONGER_EXISTS) throw error
    const now = await findUpload(query, id, userId)
    return now !== null && now.fileId !== null
  }
}
