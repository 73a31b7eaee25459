import { CutroomError, problemOf } from './problem.ts'
import { abortWith, backoff, sleep } from './timing.ts'
import type { Upload, UploadArgs, UploadStore, Uploads } from './upload.ts'
import type { createUploadEngine, UploadsDeps } from './upload-engine.ts'
import { createUploadItem } from './upload-handle.ts'

type Engine = ReturnType<typeof createUploadEngine>

const none: Uploads = { current: [], interrupted: [] }

/** The uploads of a client, each in the login in which it was made. Most of it is loaded when it is needed first. */
export function createUploads(deps: UploadsDeps) {
  let engine: Engine | undefined
  let loading: Promise<Engine> | undefined
  let isClosed = false
  /** Who is logged in. */
  let person: string | undefined

  function load(): Promise<Engine> {
    loading ??= import('./upload-engine.ts').then(
      (loaded) => {
        engine = loaded.createUploadEngine(deps)
        if (person !== undefined) engine.began(person)
        return engine
      },
      (error) => {
        loading = undefined
        throw error
      },
    )
    return loading
  }
  /** As often as it takes; what fails three times is told, too. @throws the reason of the signal */
  async function loaded(signal: AbortSignal): Promise<Engine> {
    for (let tries = 0; ; tries++) {
      try {
        return await load()
      } catch (error) {
        if (tries === 2) deps.onError(error)
        await sleep(backoff(tries), signal)
      }
    }
  }
  /** Now, or when what is being loaded is there. */
  const whenLoaded = (run: (engine: Engine) => unknown) => void (engine ? run(engine) : loading?.then(run, () => {}))

  /** Most logins have nothing to resume, and need none of it. */
  async function loadIfStored(store: UploadStore): Promise<void> {
    if ((await store.load()) !== null && person !== undefined && !isClosed) await load()
  }

  return {
    all: () => engine?.all() ?? none,
    upload(args: UploadArgs): Upload {
      if (isClosed) throw new Error('The client is closed')
      const item = createUploadItem(args, deps.onError, async () => {
        const reason = new Error('The upload was cancelled')
        abortWith(item.cancelled, reason)
        if (engine) return engine.cancel(item)
        item.show({ state: 'cancelled' })
        item.settle.reject(reason)
      })
      deps
        .inLogin(item.cancelled.signal, async (signal, credentials) => (await loaded(signal)).run(item, signal, credentials))
        // it has ended before it began
        .catch((error) => {
          const problem = error instanceof CutroomError ? error.problem : problemOf('unavailable')
          item.show(isClosed ? { state: 'paused' } : { state: 'refused', problem })
          item.settle.reject(isClosed ? new Error('The client was closed') : error)
        })
      return item.handle
    },
    /** A person is logged in: what they had stored can be resumed. */
    began(userId: string): void {
      person = userId
      if (engine) engine.began(userId)
      else if (deps.store && !loading) loadIfStored(deps.store).catch(deps.onError)
    },
    /** The network may be back. */
    nudge: () => engine?.nudge(),
    /** Nothing of this person is shown or resumed any more. */
    clear(): void {
      person = undefined
      whenLoaded((engine) => engine.clear())
    },
    /** Ends all requests; what is stored can be resumed by the next client. */
    close(): void {
      isClosed = true
      whenLoaded((engine) => engine.close())
    },
  }
}
