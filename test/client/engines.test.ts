import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import type * as Client from '@cutroom/client'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { useApp } from '../support/app.ts'
import { cutIn, sha256, zipOf } from '../support/files.ts'
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

  it('A1 P1 R1 a lost connection, presence, typing, writes with a key, problems and a removal are as in other engines', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { createClient, CutroomError, members, tasks } = load()
    const enter = async ({ email }: { email: string }) => {
      const client = createClient({ url: app().url, socket: { reconnectionDelay: 50, reconnectionDelayMax: 100 } })
      onTestFinished(() => client.close())
      await client.login({ email, password: PASSWORD })
      const room = client.room(project.id)
      await room.ready({ timeoutMs: 10_000 })
      await live(room)
      return { client, room }
    }
    const [mine, theirs] = [await enter(owner), await enter(editor)]
    const typing: unknown[] = []
    mine.room.on('typing', (one) => typing.push(one))
    theirs.room.setPresence({ looksAt: 'mix' })
    theirs.room.setTyping(project.id, true)
    await until('presence and typing', () => typing.length > 0 && mine.room.presence.get(editor.id)?.state?.looksAt === 'mix')

    const statuses: string[] = []
    mine.room.on('status', (status) => statuses.push(status))
    app()
      .app.io.of('/')
      .sockets.forEach((socket) => {
        socket.conn.close()
      })
    await until('lost', () => statuses.includes('stale'))
    const write = { params: { projectId: project.id }, body: { title: 'Mix' }, idempotencyKey: 'one', retryForMs: 5_000 }
    const [task, again] = [await theirs.client.call(tasks.create, write), await theirs.client.call(tasks.create, write)]
    expect(again).toEqual(task)
    await until('seen', () => mine.room.state?.tasks.size === 1, 10_000)

    const refused = theirs.client.call(tasks.get, { params: { taskId: project.id } })
    await expect(refused).rejects.toBeInstanceOf(CutroomError)
    await expect(refused).rejects.toMatchObject({ code: 'not-found', status: 404 })
    await live(theirs.room)
    const revoked: unknown[] = []
    theirs.room.on('revoked', (reason) => revoked.push(reason))
    await mine.client.call(members.delete, { params: { projectId: project.id, userId: editor.id } })
    await until('removed', () => revoked.length > 0)
    expect([revoked, theirs.room.status, theirs.room.state]).toEqual([['removed'], 'offline', null])
  })

  it('M1 a file is uploaded, in parts', async () => {
    const { project, owner } = await createTeam(app())
    const client = load().createClient({ url: app().url })
    onTestFinished(() => client.close())
    await client.login({ email: owner.email, password: PASSWORD })
    const bytes = zipOf(6 * 2 ** 20)
    const upload = client.upload({
      cutId: await cutIn(owner, project),
      file: new Blob([new Uint8Array(bytes)]),
      name: 'Größe.zip',
    })
    expect(await upload.done).toMatchObject({ name: 'Größe.zip', size: bytes.length, sha256: sha256(bytes) })
    expect(upload.value).toMatchObject({ state: 'done', sentBytes: bytes.length })
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
