import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { problem } from '../../src/errors.ts'
import { useApp } from '../support/app.ts'
import { createTeam } from '../support/people.ts'
import { connect } from '../support/sockets.ts'

const failed = z.object({ ok: z.literal(false), error: z.unknown() })
const add = {
  payload: z.strictObject({ projectId: z.uuid(), a: z.int(), b: z.int() }),
  ack: z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), sum: z.int(), userId: z.uuid(), role: z.string().nullable() }),
    failed,
  ]),
}

describe('handlers that a feature brings', () => {
  const app = useApp()

  it('A1 a handler registered by a feature is given the parsed payload and the caller, and its answer is the acknowledgement', async () => {
    app().app.rooms.handle('test:add', add, ({ userId, roleIn }, { projectId, a, b }) => ({
      sum: a + b,
      userId,
      role: roleIn(projectRoom(projectId)),
    }))
    const { project, editor } = await createTeam(app(), 'editor')
    const listener = await connect(app(), editor)
    const payload = { projectId: project.id, a: 1, b: 2 }
    expect(await listener.ask('test:add', payload)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    await listener.join(project.id)
    expect(await listener.ask('test:add', payload)).toEqual({ ok: true, sum: 3, userId: editor.id, role: 'editor' })
    expect(await listener.ask('test:add', { ...payload, b: 'two' })).toMatchObject({
      ok: false,
      error: { code: 'validation', errors: [{ pointer: '/b' }] },
    })
    expect(await listener.ask('test:other', payload)).toMatchObject({ ok: false, error: { code: 'bad-request' } })
  })

  it('A1 a problem that a handler throws is the answer; any other error is `internal`, and the socket stays connected', async () => {
    const none = { payload: z.strictObject({}), ack: z.discriminatedUnion('ok', [z.object({ ok: z.literal(true) }), failed]) }
    app().app.rooms.handle('test:gone', none, () => {
      throw problem('gone')
    })
    app().app.rooms.handle('test:broken', none, async () => {
      throw new Error('broken')
    })
    const { owner } = await createTeam(app())
    const listener = await connect(app(), owner)
    expect(await listener.ask('test:gone', {})).toMatchObject({ ok: false, error: { code: 'gone' } })
    expect(await listener.ask('test:broken', {})).toMatchObject({ ok: false, error: { code: 'internal' } })
    expect(listener.socket.connected).toBe(true)
  })

  it('A1 a second handler of one request is refused when it is registered', () => {
    expect(() => app().app.rooms.handle('typing', add, () => ({ sum: 0, userId: '', role: null }))).toThrow('two handlers')
  })
})
