import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { mention, notificationsOf } from '../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, login } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf } from './clients.ts'

describe('the notifications of a client', () => {
  const app = useApp()

  /** An editor of two projects with 42 notifications that they have not seen, one of them of `other`. */
  async function withTwoPages() {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const other = await createProject(owner, 'Other')
    await addMember(owner, other.id, editor)
    const { cut } = await createCut(owner, project.id)
    for (let n = 0; n < 40; n++) await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} ${n}` })
    await until('all of them', async () => (await notificationsOf(editor)).unseen === 42)
    return { owner, editor, project, other }
  }

  it('are loaded when they are first read, and emptied with the login', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const asked: string[] = []
    const { client, errors } = clientOf(app(), editor, {
      fetch: (input, init) => {
        asked.push(String(input))
        return fetch(input, init)
      },
    })
    await client.connect()
    const isAsked = () => asked.some((url) => url.includes('/notifications'))
    const { cut } = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: mention(editor) })
    await until('the mention', async () => (await notificationsOf(editor)).unseen === 2)
    expect(isAsked()).toBe(false)
    const unseen = client.notifications.select(({ state }) => state?.unseen)
    let heard = 0
    unseen.subscribe(() => heard++)
    expect(unseen.value).toBeUndefined()
    await until('the list', () => unseen.value === 2)
    expect([isAsked(), heard]).toEqual([true, 1])
    expect(client.notifications.state?.items.map(({ kind }) => kind)).toEqual(['mention', 'added'])
    await client.notifications.markSeen(client.notifications.state?.items[1]?.id ?? '')
    await until('the mark', () => unseen.value === 1)
    await client.logout()
    expect(client.notifications.state).toBeNull()
    expect(errors).toEqual([])
  })

  it('grow by pages; an action loads the code alone, and a project that was lost takes its own along', async () => {
    const { owner, editor, project, other } = await withTwoPages()
    const { client, errors } = clientOf(app(), editor)
    await client.connect()
    await client.notifications.loadMore()
    const { notifications } = client
    await until('the first page', () => notifications.state?.items.length === 30)
    expect(notifications.state).toMatchObject({ unseen: 42, hasMore: true })
    await Promise.all([notifications.loadMore(), notifications.loadMore()])
    expect(notifications.state).toMatchObject({ unseen: 42, hasMore: false })
    expect(notifications.state?.items).toEqual((await notificationsOf(editor)).data)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await until('the rest', () => notifications.state?.unseen === 1 && notifications.state.items.length === 1)
    expect(notifications.state?.items[0]?.projectId).toBe(other.id)
    expect(errors).toEqual([])
  })

  it('older ones that were loaded stay when a project is left', async () => {
    const { owner, editor, other } = await withTwoPages()
    const { client, errors } = clientOf(app(), editor)
    await client.connect()
    const { notifications } = client
    await notifications.loadMore()
    await notifications.loadMore()
    expect(notifications.state?.items).toHaveLength(42)
    const lengths = new Set<number | undefined>()
    const items = notifications.select(({ state }) => state?.items.length)
    items.subscribe(() => lengths.add(items.value))
    await owner.must('DELETE', `/api/projects/${other.id}/members/${editor.id}`)
    await until('those not seen are known', () => notifications.state?.unseen === 41)
    expect([...lengths]).toEqual([41])
    expect(notifications.state).toEqual({ items: (await notificationsOf(editor)).data, unseen: 41, hasMore: false })
    expect(errors).toEqual([])
  })

  it('show what an edit changed, with the counts as they were; of what a device has not loaded it changes nothing', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const ids: string[] = []
    for (let n = 0; n < 32; n++) {
      const body = `${mention(editor)} ${n}`
      ids.push((await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body })).id)
    }
    await until('all of them', async () => (await notificationsOf(editor)).unseen === 33)
    const { client, errors } = clientOf(app(), editor)
    await client.connect()
    await client.notifications.loadMore()
    const { notifications } = client
    await until('the first page', () => notifications.state?.items.length === 30)
    await notifications.markSeen(notifications.state?.items[1]?.id ?? '')
    await until('the mark', () => notifications.state?.unseen === 32)
    const edit = (id = '', text = '') => owner.must('PATCH', `/api/comments/${id}`, { body: `${mention(editor)} ${text}` })
    await edit(ids[0], 'not loaded')
    await edit(ids[30], 'seen')
    await edit(ids[31], 'the newest')
    await until('the edits', () => notifications.state?.items[0]?.text?.endsWith('the newest') === true)
    const truth = (await notificationsOf(editor)).data
    expect(notifications.state).toEqual({ items: truth.slice(0, 30), unseen: 32, hasMore: true })
    expect(notifications.state?.items[1]).toMatchObject({ seenAt: expect.any(String), text: '@Mo editor seen' })
    await notifications.loadMore()
    expect(notifications.state).toEqual({ items: truth, unseen: 32, hasMore: false })
    expect(errors).toEqual([])
  })

  it('the number of those not seen is that of the rows, on three devices with shuffled and repeated marks', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const people = [editor, await login(app(), editor), await login(app(), editor)]
    const devices = people.map((person) => clientOf(app(), person))
    await Promise.all(devices.map(({ client }) => client.connect()))
    for (const { client } of devices) void client.notifications.state
    await until('all devices', () => devices.every(({ client }) => client.notifications.state !== null))

    const step = fc.record({
      device: fc.nat(2),
      kind: fc.constantFrom(
        'write',
        'write',
        'see',
        'see',
        'see',
        'all',
        'up to',
        'remove',
        'edit',
        'comment away',
        'pause',
        'more',
      ),
      which: fc.nat(30),
      awaited: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const pending: Promise<unknown>[] = []
        const failures: unknown[] = []
        const comments: string[] = []
        for (const [n, { device, kind, which, awaited }] of steps.entries()) {
          const { client } = devices[device] ?? devices[0] ?? expect.fail()
          const { notifications } = client
          const items = notifications.state?.items ?? []
          const id = items[which % Math.max(items.length, 1)]?.id
          const comment = comments[which % Math.max(comments.length, 1)]
          const run = async (): Promise<unknown> => {
            if (kind === 'write') {
              const path = `/api/cuts/${cut.id}/comments`
              comments.push((await owner.must<{ id: string }>('POST', path, { body: mention(editor) })).id)
            } else if (kind === 'edit' && comment)
              return owner.call('PATCH', `/api/comments/${comment}`, { body: `${mention(editor)} ${n}` })
            else if (kind === 'comment away' && comment) return owner.call('DELETE', `/api/comments/${comment}`)
            else if (kind === 'all') return notifications.markAllSeen()
            else if (kind === 'up to' && id) return editor.call('POST', '/api/me/notifications/seen-all', { upTo: id })
            else if (kind === 'more') return notifications.loadMore()
            else if (kind === 'pause') {
              client.disconnect()
              // The next pause may come before this connection stands; all devices have to agree in the end.
              return client.connect().catch((error) => expect(String(error)).toContain('The client was closed'))
            } else if (kind === 'see' && id) return notifications.markSeen(id)
            else if (kind === 'remove' && id) return notifications.remove(id)
          }
          // What another device has removed cannot be marked any more.
          const done = run().catch((error: { problem?: { code: string } }) => {
            if (error.problem?.code !== 'not-found') failures.push(error)
          })
          if (awaited) await done
          else pending.push(done)
        }
        await Promise.all(pending)
        expect(failures).toEqual([])
        let truth = await notificationsOf(editor)
        const agrees = () =>
          devices.every(({ client }) => {
            const { items = [], unseen, hasMore } = client.notifications.state ?? {}
            const shown = hasMore ? truth.data.slice(0, items.length) : truth.data
            return unseen === truth.unseen && JSON.stringify(items) === JSON.stringify(shown)
          })
        await until('the devices to agree with the rows', async () => {
          truth = await notificationsOf(editor)
          return agrees()
        })
        expect(truth.unseen).toBe(truth.data.filter(({ seenAt }) => seenAt === null).length)
      }),
      { numRuns: 12, endOnFailure: true },
    )
    // Devices agree with one another and with a brute-force count of the rows.
    const { rows } = await app().db.query(
      `SELECT count(*)::int AS n FROM "Notification" WHERE "userId" = $1 AND "seenAt" IS NULL AND "deletedAt" IS NULL`,
      [editor.id],
    )
    expect(devices.map(({ client }) => client.notifications.state?.unseen)).toEqual(rows.flatMap(({ n }) => [n, n, n]))
    expect(devices.flatMap(({ errors }) => errors)).toEqual([])
  })
})
