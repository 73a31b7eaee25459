import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { named, speak } from '../support/dialects.ts'
import { createCut, createTeam } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

describe('the dialect photoflow', () => {
  const app = useApp({ env: { DIALECTS: 'photoflow' } })

  it('tells committed writes to tasks and comments, by whatever client, with type, task and time', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const listener = await speak(app(), editor, 'photoflow')
    const told = () => named(listener, 'database-changed').map(({ payload }) => payload)
    const task = await owner.must<{ id: string; createdAt: string }>('POST', `/api/projects/${project.id}/tasks`, {
      title: 'One',
    })
    await until('the task', () => told().length === 1)
    expect(told()[0]).toEqual({ type: 'task:created', taskId: task.id, timestamp: expect.stringMatching(/Z$/) })
    const { cut } = await createCut(owner, project.id)
    const comment = await owner.must<{ id: string }>('POST', `/api/tasks/${task.id}/comments`, { body: 'Two' })
    await until('the comment', () => told().length === 2)
    expect(told()[1]).toMatchObject({ type: 'comment:created', taskId: task.id, commentId: comment.id })
    const onCut = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Three' })
    await until('the comment on a cut', () => told().length === 3)
    expect(told()[2]).toMatchObject({ type: 'comment:created', taskId: null, commentId: onCut.id })
    await owner.must('DELETE', `/api/comments/${comment.id}`)
    await until('its end', () => told().length === 4)
    await owner.must('DELETE', `/api/tasks/${task.id}`)
    await until('the end of the task', () => told().length === 5)
    expect(told().slice(3)).toMatchObject([
      { type: 'comment:deleted', commentId: comment.id },
      { type: 'task:deleted', taskId: task.id },
    ])
    const known = /^(connected|database-changed)$/
    expect(listener.frames.filter(({ name }) => !known.test(name))).toEqual([])
  })

  it('C1 of a burst it tells the first at once and the newest at the end, so that a list that is read then is whole', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const listener = await speak(app(), editor, 'photoflow')
    const native = await connect(app(), owner)
    await native.join(project.id)
    const ids = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, n) => (await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: `${n}` })).id,
      ),
    )
    const written = () => native.events().filter(({ name }) => name === 'task:created')
    await until('all were delivered', () => written().length === ids.length)
    const told = () => named(listener, 'database-changed').map(({ payload }) => payload.taskId)
    const newest = written().at(-1)?.payload.id
    await until('the newest was told', () => told().at(-1) === newest)
    expect(told()[0]).toBe(written()[0]?.payload.id)
    expect(told().length).toBeLessThan(ids.length / 2)
    expect(new Set(told()).size).toBe(told().length)
  })

  it('W4 its orders are imported once, however often the recipe of the docs is run', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/dialects.md'), 'utf8')
    const recipe = /```js\n([^`]*async function importOrders[\s\S]*?)```/.exec(page)?.[1] ?? ''
    const { project, owner } = await createTeam(app())
    const importOrders = runInNewContext(`(${recipe.slice(recipe.indexOf('async'))})`, { fetch, Error })
    const rows = [
      ['1', 'Wedding', '2026-01-15', 'Entwickelt', 'Large prints', 'false', '2'],
      ['2', 'Passport', '', 'NichtBearbeitet', '', 'false', '1'],
      ['3', 'Portrait', 'soon', 'Gedruckt', '', 'true', '1'],
    ]
    const to = { url: app().url, token: owner.token, projectId: project.id }
    await expect(importOrders([...rows, ['4', '', '', '', '', '', '']], to)).rejects.toThrow(/^order 4: 422/)
    await importOrders(rows, to)
    const { data } = await owner.must<{ data: object[] }>('GET', `/api/projects/${project.id}/tasks`)
    expect(data).toHaveLength(3)
    expect(data).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ title: 'Wedding', status: 'doing', labels: ['Entwickelt'], dueAt: '2026-01-15T00:00:00.000Z' }),
        expect.objectContaining({ title: 'Passport', status: 'todo', dueAt: null, description: null }),
        expect.objectContaining({ title: 'Portrait', status: 'done', dueAt: null }),
      ]),
    )
  })
})
