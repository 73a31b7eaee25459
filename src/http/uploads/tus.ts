import { PassThrough, Readable } from 'node:stream'
import { ERRORS, Server } from '@tus/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError, problem, toProblem } from '../../errors.ts'
import { UploadLocks } from './locks.ts'
import type { PartStore } from './part-store.ts'

export interface TusOptions {
  /** The path of uploads, as the world finds it. */
  path: string
  store: PartStore
  /** The id of the upload that a request makes. */
  nameOf: (request: FastifyRequest) => string
  /** Makes a new upload, row and file, before its first byte. What it throws is the answer. */
  onCreate: (request: FastifyRequest) => Promise<void>
  /** Called when all bytes are there. @returns headers of the answer */
  onComplete: (request: FastifyRequest, id: string) => Promise<Record<string, string>>
}

/** What tus says, as a problem. */
const byTus = new Map<unknown, () => ProblemError>([
  [ERRORS.FILE_NOT_FOUND, () => problem('not-found')],
  [ERRORS.FILE_NO_LONGER_EXISTS, () => problem('gone', 'This upload has expired, or was begun on another node')],
  [ERRORS.INVALID_OFFSET, () => problem('conflict', 'Upload-Offset is not where the upload stands')],
  [ERRORS.ERR_SIZE_EXCEEDED, () => problem('too-large', 'More bytes than Upload-Length says')],
  [ERRORS.ERR_MAX_SIZE_EXCEEDED, () => problem('too-large')],
  [ERRORS.ABORTED, () => problem('bad-request', 'Another request took its place, or it did not come whole')],
])

function problemOf(error: unknown): ProblemError {
  const known = byTus.get(error)
  if (known) return known()
  const { status_code: status, body } = error as { status_code?: unknown; body?: unknown }
  return typeof status === 'number' && status < 600 && typeof body === 'string'
    ? problem('bad-request', body.trim())
    : toProblem(error)
}

/** CORS is ours; lengths follow from the body. */
const isOfTus = (name: string): boolean => !name.startsWith('access-control-') && name !== 'content-length'

/** The body of a request as a stream of its own: where nothing reads it any more, the rest can be read without it. */
function pass(raw: FastifyRequest['raw']): PassThrough {
  const body = new PassThrough()
  raw.once('close', () => {
    if (!raw.complete) body.destroy(new Error('the body did not come whole'))
  })
  body.once('close', () => raw.unpipe(body))
  return raw.pipe(body)
}

/** A request as the web has it. Its body is read as it comes. */
function asWeb({ raw, method, url, headers }: FastifyRequest): Request {
  const hasBody = method === 'PATCH' || (method === 'POST' && Number(headers['content-length'] ?? 0) > 0)
  const body = hasBody ? { body: Readable.toWeb(pass(raw)) as ReadableStream, duplex: 'half' as const } : {}
  const known = Object.entries(headers).filter((each): each is [string, string] => typeof each[1] === 'string')
  return new Request(`http://uploads${url}`, { method, headers: known, ...body })
}

/**
 * Answers requests of uploads in parts (tus 1.0). Refusals are problems, and all headers of this server are on its answers, since they leave
 * like any other answer.
 */
export function createTus({ path, store, nameOf, onCreate, onComplete }: TusOptions) {
  const requests = new WeakMap<Request, FastifyRequest>()
  const failures = new WeakMap<Request, unknown>()
  /** The upload that a request makes or is about. */
  const ids = new WeakMap<Request, string>()
  // tus has a type of its own for requests.
  const of = (request: unknown): FastifyRequest => {
    const found = requests.get(request as Request)
    if (!found) throw new Error('tus asks about a request that is not its own')
    return found
  }
  const server = new Server({
    path,
    datastore: store,
    locker: new UploadLocks(),
    // A request that another one replaces ends at once; 0 would be three seconds.
    lockDrainTimeout: 1,
    namingFunction: (request) => nameOf(of(request)),
    generateUrl: (_request, { id }) => `${path}/${id}`,
    getFileIdFromRequest: (request) => (of(request).params as { uploadId?: string }).uploadId,
    onUploadCreate: async (request, upload) => {
      ids.set(request as unknown as Request, upload.id)
      await onCreate(of(request))
      return {}
    },
    onUploadFinish: async (request, upload) => ({ headers: await onComplete(of(request), upload.id) }),
    onResponseError(request, error) {
      failures.set(request as unknown as Request, error)
      return undefined
    },
  })

  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const web = asWeb(request)
    requests.set(web, request)
    const response = await server.handleWeb(web)
    reply.header('tus-resumable', '1.0.0')
    const id = ids.get(web) ?? (request.params as { uploadId?: string }).uploadId
    const failure = id === undefined ? undefined : store.takeFailure(id)
    if (failures.has(web)) throw problemOf(failure instanceof ProblemError ? failure : failures.get(web))
    if (response.status === 412) throw problem('tus-version')
    if (response.status >= 400) throw problem('bad-request', (await response.text()).trim())
    for (const [name, value] of response.headers) if (isOfTus(name)) reply.header(name, value)
    return reply.code(response.status).send()
  }
}
