import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import type * as Client from '@cutroom/client'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { useApp } from '../support/app.ts'
import { createTeam, login, PASSWORD } from '../support/people.ts'
import { until } from '../support/until.ts'
import { expectCurrent, live, writeTask } from './clients.ts'

/** What React Native has of the platform, and as little of each: no reasons of signals, no URL, no DOMException, no crypto. */
const PLATFORM = `
  var window = globalThis, self = globalThis, global = globalThis
  var navigator = { product: 'ReactNative' }
  class AbortSignal {
    aborted = false
    #listeners = new Set()
    addEventListener(type, listener) { this.#listeners.add(listener) }
    removeEventListener(type, listener) { this.#listeners.delete(listener) }
    notify() { for (const listener of [...this.#listeners]) listener({ type: 'abort' }) }
  }
  globalThis.AbortController = class AbortController {
    signal = new AbortSignal()
    abort() {
      if (this.signal.aborted) return
      this.signal.aborted = true
      this.signal.notify()
    }
  }
  globalThis.URL = class URL { constructor(text) { this.href = text } get origin() { throw new Error('this engine has no such member') } }
  globalThis.URLSearchParams = class URLSearchParams { append() {} set() { throw new Error('this engine has no such member') } }
  var skew = 0
  const now = Date.now
  Date.now = () => now() + skew
`
const ABSENT = [
  'process',
  'document',
  'location',
  'DOMException',
  'crypto',
  'structuredClone',
  'Buffer',
  'atob',
  'TextEncoder',
  'Request',
  'addEventListener',
  'queueMicrotask',
]

let bundle = ''
beforeAll(async () => {
  const built = await build({
    entryPoints: [join(import.meta.dirname, '../../packages/client/src/index.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'client',
    platform: 'browser',
    conditions: ['react-native', 'browser'],
    target: 'es2022',
  })
  bundle = built.outputFiles[0]?.text ?? ''
})

/** The client as a phone loads it, `skewMs` ahead of the server. */
function load(skewMs = 0): typeof Client {
  const bridged = async (
    url: string,
    init: { signal?: { aborted: boolean; addEventListener(type: string, run: () => void): void } },
  ) => {
    const end = new AbortController()
    if (init.signal?.aborted) end.abort()
    init.signal?.addEventListener('abort', () => end.abort())
    return fetch(url, { ...init, signal: end.signal } as RequestInit)
  }
  const context = createContext({ setTimeout, clearTimeout, setInterval, clearInterval, console, fetch: bridged, WebSocket })
  runInContext(PLATFORM, context)
  expect(ABSENT.filter((name) => runInContext(`typeof ${name}`, context) !== 'undefined')).toEqual([])
  context.skew = skewMs
  runInContext(bundle, context)
  return runInContext('client', context) as typeof Client
}

describe('an engine that has only what React Native has', () => {
  const app = useApp({ env: { ACCESS_TOKEN_TTL: '6s' } })

  it('the client loads and runs: login, room, calls, refresh, time limits, logout', async () => {
    const { project, owner } = await createTeam(app())
    const errors: unknown[] = []
    const { createClient, CutroomError } = load()
    const client = createClient({ url: app().url, onError: (error) => errors.push(error), retryForMs: 5_000 })
    onTestFinished(() => client.close())
    await client.login({ email: owner.email, password: PASSWORD })
    const room = client.room(project.id)
    await live(room)
    await writeTask(await login(app(), owner), project.id, 'on a phone')
    await expectCurrent(room, await login(app(), owner))
    await expect(room.caughtUp(1_000_000, { timeoutMs: 20 })).rejects.toMatchObject({ name: 'TimeoutError' })
    const end = new AbortController()
    const waiting = room.caughtUp(1_000_000, { signal: end.signal })
    end.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    await client.refresh()
    await client.logout()
    await expect(client.refresh()).rejects.toBeInstanceOf(CutroomError)
    expect(errors).toEqual([])
  })

  it.each([
    ['ahead', 90_000],
    ['behind', -90_000],
  ])(
    'A2 a clock that is a minute and a half %s misses no refresh: the socket stays up through several lives of a token',
    async (_, skewMs) => {
      const { project, owner } = await createTeam(app())
      const { createClient } = load(skewMs)
      const kept: unknown[] = []
      const said: string[] = []
      const client = createClient({
        url: app().url,
        onTokens: (tokens) => kept.push(tokens),
        onSignedOut: ({ code }) => said.push(code),
      })
      onTestFinished(() => client.close())
      client.on('status', (status) => said.push(status))
      await client.login({ email: owner.email, password: PASSWORD })
      const room = client.room(project.id)
      await live(room)
      await until('several refreshes', () => kept.length >= 3, 30_000)
      await writeTask(await login(app(), owner), project.id, 'seen')
      await until('seen', () => room.state?.tasks.size === 1)
      expect(said).toEqual(['connecting', 'online'])
      // about two in a life
      expect(kept.length).toBeLessThan(15)
    },
  )
})
