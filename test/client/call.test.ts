import { type ClientOptions, CutroomError, createClient, type Tokens } from '@cutroom/client'
import { me, type ProblemCode, type Project, type projects, tasks } from '@cutroom/contract'
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { CallArgs, CallRest } from '../../packages/client/src/call.ts'
import { problemOf } from '../../packages/client/src/problem.ts'

interface Sent {
  method: string
  url: string
  headers: Headers
  body: unknown
  credentials: string | undefined
}
type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | Error
const problem = (code: ProblemCode): Reply => ({ status: problemOf(code).status, body: problemOf(code) })
const pair = (n: number): Tokens => ({
  accessToken: `access-${n}`,
  refreshToken: `refresh-${n}`,
  expiresAt: '2999-01-01T00:00:00.000Z',
})
const taskId = '00000000-0000-7000-8000-000000000001'

/** A client whose server is `answer`. */
function setup(answer: (sent: Sent) => Reply, options: Partial<ClientOptions> = {}) {
  const sent: Sent[] = []
  const client = createClient({
    url: 'http://cutroom.test/',
    tokens: pair(1),
    ...options,
    async fetch(url, init) {
      const one: Sent = {
        method: init?.method ?? 'GET',
        url: String(url),
        headers: new Headers(init?.headers),
        body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined,
        credentials: init?.credentials,
      }
      sent.push(one)
      await Promise.resolve()
      const reply = answer(one)
      if (reply instanceof Error) throw reply
      return new Response(reply.body === undefined ? null : JSON.stringify(reply.body), reply)
    },
  })
  return { client, sent }
}
const isRefresh = ({ url }: Sent): boolean => url.endsWith('/api/auth/refresh')

describe('call', () => {
  it('takes arguments exactly where an endpoint needs them', () => {
    type Get = CallRest<typeof me.get>
    type List = CallRest<typeof projects.list>
    type Create = CallRest<typeof projects.create>
    type One = CallRest<typeof projects.get>
    expectTypeOf<[]>().toExtend<Get>()
    expectTypeOf<[]>().toExtend<List>()
    expectTypeOf<[]>().not.toExtend<Create>()
    expectTypeOf<[]>().not.toExtend<One>()
    expectTypeOf<CallArgs<typeof projects.create>>()
      .toHaveProperty('body')
      .toEqualTypeOf<{ name: string; description?: string | null | undefined }>()
    expectTypeOf<[{ body: { name: string } }]>().not.toExtend<Get>()
    const { client } = setup(() => ({ status: 200, body: {} }))
    expectTypeOf(client.call<typeof projects.get>).returns.resolves.toEqualTypeOf<Project>()
  })

  it('builds path, query, headers and body from the endpoint', async () => {
    const { client, sent } = setup(() => ({ status: 200, body: { data: [], nextCursor: null } }))
    await client.call(tasks.list, { params: { projectId: 'a/b?c' }, query: { status: 'todo', limit: 5, cursor: undefined } })
    await client.call(tasks.update, { params: { taskId }, body: { title: 'x' }, ifMatch: 3, idempotencyKey: 'k' })
    expect(sent[0]).toMatchObject({ method: 'GET', body: undefined, credentials: 'omit' })
    expect(sent[0]?.url).toBe('http://cutroom.test/api/projects/a%2Fb%3Fc/tasks?status=todo&limit=5')
    expect(sent[0]?.headers.has('content-type')).toBe(false)
    expect(sent[1]).toMatchObject({ method: 'PATCH', body: { title: 'x' } })
    expect(Object.fromEntries(sent[1]?.headers ?? [])).toMatchObject({
      authorization: 'Bearer access-1',
      'content-type': 'application/json',
      'if-match': '"3"',
      'idempotency-key': 'k',
    })
  })

  it.each(['', '.', '..'])('sends no path with %j in the place of an id', async (wrong) => {
    const { client, sent } = setup(() => ({ status: 204 }))
    await expect(client.call(tasks.get, { params: { taskId: wrong } })).rejects.toThrow('taskId')
    expect(sent).toEqual([])
  })

  it('answers undefined where there is no body', async () => {
    const { client } = setup(() => ({ status: 204 }))
    expect(await client.call(tasks.delete, { params: { taskId } })).toBeUndefined()
  })

  it('throws the problem', async () => {
    const current = { version: 4 }
    const { client } = setup(() => ({ status: 412, body: { ...problemOf('stale'), current } }))
    const error = await client.call(tasks.get, { params: { taskId } }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(CutroomError)
    expect(error).toMatchObject({ status: 412, code: 'stale', problem: { current } })
  })

  it('makes a problem of what a proxy answers', async () => {
    const { client } = setup(() => ({ status: 502, headers: { 'retry-after': '7' } }))
    await expect(client.call(me.get)).rejects.toMatchObject({ status: 502, code: 'unavailable', problem: { retryAfter: 7 } })
  })

  it('leaves a failing network as it is, and does not repeat', async () => {
    const { client, sent } = setup(() => new TypeError('fetch failed'))
    await expect(client.call(tasks.delete, { params: { taskId }, idempotencyKey: 'k' })).rejects.toThrow(TypeError)
    expect(sent).toHaveLength(1)
  })
})

describe('retries', () => {
  it('repeats a write under the same key until it is through', async () => {
    vi.useFakeTimers()
    const replies: Reply[] = [
      new TypeError('fetch failed'),
      problem('unavailable'),
      problem('idempotency-running'),
      problem('request-timeout'),
      { status: 408 },
      { status: 204 },
    ]
    const { client, sent } = setup(() => replies.shift() ?? { status: 500 })
    const done = client.call(tasks.delete, { params: { taskId }, idempotencyKey: 'k', retryForMs: 60_000 })
    await vi.runAllTimersAsync()
    await done
    expect(sent.map(({ headers }) => headers.get('idempotency-key'))).toEqual(Array(6).fill('k'))
    vi.useRealTimers()
  })

  it('repeats a write with one key of its own', async () => {
    vi.useFakeTimers()
    const replies: Reply[] = [problem('unavailable'), problem('unavailable'), { status: 204 }]
    const { client, sent } = setup(() => replies.shift() ?? { status: 500 }, { retryForMs: 60_000 })
    const done = client.call(tasks.delete, { params: { taskId } })
    await vi.runAllTimersAsync()
    await done
    vi.useRealTimers()
    const keys = sent.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
  })

  it('repeats what did not reach the server in time', async () => {
    vi.useFakeTimers()
    const replies: Reply[] = [problem('request-timeout'), { status: 204 }]
    const { client, sent } = setup(() => replies.shift() ?? { status: 500 }, { retryForMs: 60_000 })
    const done = client.call(tasks.delete, { params: { taskId } })
    done.catch(() => {})
    await vi.runAllTimersAsync()
    await done
    expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1)
    expect(sent).toHaveLength(2)
    vi.useRealTimers()
  })

  it('repeats neither a write when no retries are asked for, nor an answer that will not change', async () => {
    const { client, sent } = setup(() => problem('unavailable'))
    await expect(client.call(tasks.delete, { params: { taskId } })).rejects.toMatchObject({ code: 'unavailable' })
    expect(sent).toHaveLength(1)
    expect(sent[0]?.headers.has('idempotency-key')).toBe(false)
    const other = setup(() => problem('conflict'), { retryForMs: 60_000 })
    await expect(other.client.call(me.get)).rejects.toMatchObject({ code: 'conflict' })
    expect(other.sent).toHaveLength(1)
  })

  it('ends with the last error when the time is over, or the client is closed', async () => {
    vi.useFakeTimers()
    const { client, sent } = setup(() => problem('unavailable'), { retryForMs: 3_000 })
    const over = expect(client.call(me.get)).rejects.toMatchObject({ code: 'unavailable' })
    await vi.advanceTimersByTimeAsync(3_000)
    await over
    expect(sent.length).toBeGreaterThan(2)
    const closed = expect(client.call(me.get)).rejects.toMatchObject({ code: 'unavailable' })
    await vi.advanceTimersByTimeAsync(1)
    client.close()
    await closed
    vi.useRealTimers()
  })
})

describe('session', () => {
  const user = { id: taskId, name: 'Ann' }

  it('logs in with the tokens in the body, and calls onTokens', async () => {
    const onTokens = vi.fn()
    const { client, sent } = setup(() => ({ status: 200, body: { user, ...pair(5) } }), { tokens: null, onTokens })
    expect(await client.login({ email: 'ann@example.org', password: 'secret' })).toEqual(user)
    expect(sent[0]?.body).toEqual({ email: 'ann@example.org', password: 'secret', delivery: 'body' })
    expect(sent[0]?.headers.has('authorization')).toBe(false)
    expect(client.tokens).toEqual(pair(5))
    expect(onTokens).toHaveBeenCalledExactlyOnceWith(pair(5))
  })

  it('shares one refresh among all calls that find the token expired', async () => {
    const onTokens = vi.fn()
    const { client, sent } = setup(
      (one) => {
        if (isRefresh(one)) return { status: 200, body: pair(2) }
        return one.headers.get('authorization') === 'Bearer access-2' ? { status: 200, body: user } : problem('token-expired')
      },
      { onTokens },
    )
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => client.call(me.get)))
    expect(all).toHaveLength(5)
    expect(sent.filter(isRefresh).map(({ body }) => body)).toEqual([{ refreshToken: 'refresh-1' }])
    expect(onTokens).toHaveBeenCalledExactlyOnceWith(pair(2))
  })

  it('repeats a call once, not for ever', async () => {
    const { client, sent } = setup((one) => (isRefresh(one) ? { status: 200, body: pair(2) } : problem('token-expired')))
    await expect(client.call(me.get)).rejects.toMatchObject({ code: 'token-expired' })
    expect(sent).toHaveLength(3)
  })

  it('ends when the refresh is refused, and reports it once', async () => {
    const onTokens = vi.fn()
    const onSignedOut = vi.fn()
    const { client } = setup((one) => problem(isRefresh(one) ? 'token-reused' : 'token-expired'), { onTokens, onSignedOut })
    const calls = [client.call(me.get), client.call(me.get)].map((call) => call.catch((e: CutroomError) => e.code))
    expect(await Promise.all(calls)).toEqual(['token-reused', 'token-reused'])
    expect(onSignedOut).toHaveBeenCalledOnce()
    expect(onTokens).toHaveBeenLastCalledWith(null)
    expect(client.tokens).toBeNull()
  })

  it('is not over because the network fails', async () => {
    const onSignedOut = vi.fn()
    const { client } = setup((one) => (isRefresh(one) ? new TypeError('fetch failed') : problem('token-expired')), {
      onSignedOut,
    })
    await expect(client.call(me.get)).rejects.toThrow(TypeError)
    expect(client.tokens).toEqual(pair(1))
    expect(onSignedOut).not.toHaveBeenCalled()
  })

  it.each(['session-revoked', 'token-invalid'] as const)('is over when a call is refused as %s', async (code) => {
    const onSignedOut = vi.fn()
    const { client } = setup(() => problem(code), { onSignedOut })
    await expect(client.call(me.get)).rejects.toMatchObject({ code })
    expect(onSignedOut).toHaveBeenCalledExactlyOnceWith(problemOf(code))
    expect(client.tokens).toBeNull()
  })

  it('is not over because a password was wrong', async () => {
    const { client } = setup(() => problem('bad-credentials'))
    await expect(client.call(me.changePassword, { body: { current: 'x', next: 'longer than eight' } })).rejects.toThrow()
    expect(client.tokens).toEqual(pair(1))
  })

  it('forgets the tokens on logout, and does not call that signed out', async () => {
    const onSignedOut = vi.fn()
    const { client, sent } = setup(() => ({ status: 204 }), { onSignedOut })
    await client.logout()
    expect(sent[0]).toMatchObject({ method: 'POST', url: 'http://cutroom.test/api/auth/logout' })
    expect(client.tokens).toBeNull()
    expect(onSignedOut).not.toHaveBeenCalled()
  })

  it('leaves the tokens to the browser in cookie mode', async () => {
    const onTokens = vi.fn()
    let renewed = false
    const { client, sent } = setup(
      (one) => {
        if (isRefresh(one)) renewed = true
        // the cookie of an expired token is not sent any more
        else if (!renewed) return problem('token-missing')
        return { status: 200, body: isRefresh(one) ? { accessToken: 'a', expiresAt: pair(1).expiresAt } : user }
      },
      { mode: 'cookie', tokens: null, onTokens },
    )
    expect(await client.call(me.get)).toEqual(user)
    expect(
      sent.map(({ url, credentials, body, headers }) => [new URL(url).pathname, credentials, body, headers.has('authorization')]),
    ).toEqual([
      ['/api/me', 'include', undefined, false],
      ['/api/auth/refresh', 'include', undefined, false],
      ['/api/me', 'include', undefined, false],
    ])
    expect(client.tokens).toBeNull()
    expect(onTokens).not.toHaveBeenCalled()
  })
})
