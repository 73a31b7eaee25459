import { type DetailedError, type HttpRequest, Upload } from 'tus-js-client'
import type { Credentials, Target } from './call.ts'
import { UPLOADS_URL } from './generated/contract.ts'
import { CutroomError, problemFrom, problemOf } from './problem.ts'
import { reasonOf, timeout } from './timing.ts'
import { blobReader, createFetchStack } from './upload-requests.ts'

/** Bytes of one request. */
const PART = 5 * 1024 * 1024
/** How long a request may send nothing, ms: XMLHttpRequest tells of progress, fetch when it is over. */
const IDLE_MS = { xhr: 60_000, fetch: 600_000 }

export interface TransferDeps {
  target: Target
  /** The app has a fetch of its own. */
  isOwnFetch: boolean
}

export interface TransferOptions {
  blob: Blob
  metadata: Record<string, string>
  /** Names the upload: its creation may be repeated. */
  key: string
  /** What to go on with. */
  uploadId: string | undefined
  /** Who each request is made as. */
  credentials(): Promise<Credentials>
  signal: AbortSignal
  onCreated(uploadId: string): void
  /** @param isAccepted the server has them */
  onProgress(bytes: number, isAccepted: boolean): void
}

export const uploadUrl = ({ base }: Target, uploadId: string): string => `${base}${UPLOADS_URL}/${encodeURIComponent(uploadId)}`

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What tus failed with, as a problem. What has no answer is a failure of the network. */
function errorOf(error: Error | DetailedError): CutroomError {
  const { originalResponse: answer, causingError: cause } = error as Partial<DetailedError>
  if (cause instanceof CutroomError) return cause
  if (!answer) return new CutroomError(problemOf('unavailable', error.message))
  return new CutroomError(problemFrom(answer.getStatus(), parse(answer.getBody()), answer.getHeader('retry-after') ?? null))
}

/** The headers of a request, and in browsers its cookies. */
function prepare(request: HttpRequest, { token, userId }: Credentials, withCookies: boolean | undefined): void {
  request.setHeader('Accept', 'application/json, application/problem+json')
  if (token !== undefined) request.setHeader('Authorization', `Bearer ${token}`)
  if (userId !== undefined) request.setHeader('Cutroom-User', userId)
  if (withCookies !== undefined) request.getUnderlyingObject().withCredentials = withCookies
}

/** One attempt. The signal never ends a creation whose answer is still to come: that would leave an upload without a name here. */
function attempt({ target, isOwnFetch }: TransferDeps, options: TransferOptions) {
  const { blob, metadata, key, uploadId, credentials, signal, onCreated, onProgress } = options
  const byXhr = !isOwnFetch && 'XMLHttpRequest' in globalThis
  let isCreating = false
  let idle: ReturnType<typeof setTimeout> | undefined
  let fail: (error: unknown) => void = () => {}
  const stop = () => {
    if (!isCreating) fail(reasonOf(signal))
  }
  const watch = () => {
    clearTimeout(idle)
    const late = () => fail(new CutroomError(problemOf('unavailable', 'The upload stands still')))
    idle = timeout(late, byXhr ? IDLE_MS.xhr : IDLE_MS.fetch)
  }
  const result = new Promise<string>((resolve, reject) => {
    const upload = new Upload(blob, {
      ...(uploadId === undefined ? { endpoint: target.base + UPLOADS_URL } : { uploadUrl: uploadUrl(target, uploadId) }),
      metadata,
      chunkSize: PART,
      retryDelays: null,
      storeFingerprintForResuming: false,
      fileReader: blobReader,
      ...(byXhr ? {} : { httpStack: createFetchStack(target.fetch, target.cookies) }),
      async onBeforeRequest(request) {
        const as = await credentials()
        // a request that was aborted before it was sent would be sent all the same
        if (signal.aborted) throw reasonOf(signal)
        isCreating = request.getMethod() === 'POST'
        if (isCreating) request.setHeader('Idempotency-Key', key)
        prepare(request, as, byXhr ? target.cookies : undefined)
        // Where the server stands: what has come of a part that was cut is progress, too.
        const offset = request.getHeader('Upload-Offset')
        if (offset !== undefined) onProgress(Number(offset), true)
        watch()
      },
      onUploadUrlAvailable() {
        isCreating = false
        if (uploadId === undefined) {
          const created = upload.url?.split('/').at(-1) ?? ''
          // a proxy may have it under a path of which the server does not know
          upload.url = uploadUrl(target, created)
          onCreated(created)
        }
        if (signal.aborted) stop()
      },
      onProgress(bytes) {
        watch()
        onProgress(bytes, false)
      },
      onChunkComplete: (_, accepted) => onProgress(accepted, true),
      onError: (error) => reject(signal.aborted ? reasonOf(signal) : errorOf(error)),
      onSuccess({ lastResponse }) {
        const fileId = lastResponse.getHeader('cutroom-file')
        if (fileId) resolve(fileId)
        else reject(new CutroomError(problemOf('internal', 'The server does not say which file it is')))
      },
    })
    fail = (error) => {
      void upload.abort()
      reject(error)
    }
    signal.addEventListener('abort', stop, { once: true })
    upload.start()
  })
  const end = () => {
    clearTimeout(idle)
    signal.removeEventListener('abort', stop)
  }
  return { result, end }
}

/** Sends what the server does not have yet. */
export function createTransfer(deps: TransferDeps) {
  /**
   * @returns the id of the file
   * @throws CutroomError, or the reason of the signal
   */
  return async (options: TransferOptions): Promise<string> => {
    if (options.signal.aborted) throw reasonOf(options.signal)
    const { result, end } = attempt(deps, options)
    return result.finally(end)
  }
}

/** Removes what the server has of an upload. @returns the id of the file that it had become before */
export async function removeUpload(
  target: Target,
  uploadId: string,
  { token, userId }: Credentials,
  signal: AbortSignal,
): Promise<string | null> {
  const response = await target.fetch(uploadUrl(target, uploadId), {
    method: 'DELETE',
    signal,
    credentials: target.cookies ? 'include' : 'omit',
    headers: {
      'tus-resumable': '1.0.0',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(userId === undefined ? {} : { 'cutroom-user': userId }),
    },
  })
  const text = await response.text()
  // it has expired
  if (response.status === 404 || response.status === 410) return null
  if (!response.ok) throw new CutroomError(problemFrom(response.status, parse(text), response.headers.get('retry-after')))
  return response.headers.get('cutroom-file')
}
