import type { ApiToken, Problem } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createProject, login, type Person, register, request } from '../support/people.ts'
import { open } from '../support/sockets.ts'

const LIMIT = 100

/** A token stays well signed when its session ends: its holder must not be able to use up the limits of the person it was of. */
describe('tokens of ended sessions', () => {
  const app = useApp({ env: { RATE_LIMIT: `${LIMIT}` } })

  async function endedToken(person: Person): Promise<string> {
    const { id, token } = await person.must<ApiToken & { token: string }>('POST', '/api/me/tokens', {
      name: 'Bot',
      role: 'owner',
    })
    await person.must('DELETE', `/api/me/tokens/${id}`)
    return token
  }
  const get = (token: string, path: string) => request<Problem>(app().url, 'GET', path, { token })
  const statusOf = async (person: Person) => (await person.call('GET', '/api/me')).status

  it('B2 a revoked API token does not use up the requests of its person, one at a time or all at once', async () => {
    const [ann, ben] = [await register(app(), 'Ann'), await register(app(), 'Ben')]
    const [slow, fast] = [await endedToken(ann), await endedToken(ben)]
    for (let n = 0; n < LIMIT * 1.3; n++) expect([401, 429]).toContain((await get(slow, '/api/me')).status)
    expect(await statusOf(ann)).toBe(200)
    await Promise.all(Array.from({ length: LIMIT * 1.3 }, () => get(fast, '/api/me')))
    expect(await statusOf(ben)).toBe(200)
  })

  it('B2 nor with requests that are refused before its session is looked up', async () => {
    const ann = await register(app(), 'Ann')
    const token = await endedToken(ann)
    for (const path of ['/api/projects/none', '/api/auth/logout-all'])
      await Promise.all(Array.from({ length: LIMIT * 1.3 }, () => get(token, path)))
    expect(await statusOf(ann)).toBe(200)
  })

  it('B2 an access token of a session that was logged out does not use up the requests of its person', async () => {
    const ann = await register(app(), 'Ann')
    const { id } = await createProject(ann)
    for (const path of ['/api/me', `/api/projects/${id}`]) {
      const gone = await login(app(), ann)
      await gone.must('POST', '/api/auth/logout')
      for (let n = 0; n < LIMIT * 1.3; n++)
        expect(await get(gone.token, path)).toMatchObject({ status: 401, body: { code: 'session-revoked' } })
      expect(await statusOf(ann)).toBe(200)
    }
  })

  it('B2 handshakes with a revoked API token leave their person theirs', async () => {
    const ann = await register(app(), 'Ann')
    const token = await endedToken(ann)
    const refusalOf = async (auth: { token: string }) => {
      const { socket } = open(app(), { auth })
      const outcome = await new Promise<string>((resolve) => {
        socket.once('connected', () => resolve('connected'))
        socket.once('connect_error', (error: Error & { data?: Problem }) => resolve(error.data?.code ?? error.message))
      })
      socket.close()
      return outcome
    }
    expect(await refusalOf({ token })).toBe('session-revoked')
    const refused = await Promise.all(Array.from({ length: 250 }, () => refusalOf({ token })))
    expect(new Set(refused)).toEqual(new Set(['session-revoked']))
    expect(await refusalOf({ token: ann.token })).toBe('connected')
  })
})
