import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoom } from '@cutroom/contract'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useCommand } from '../support/command.ts'
import { extensionsOf } from '../support/extensions.ts'
import { direct } from '../support/hostile.ts'
import { readLog } from '../support/log.ts'
import { createTeam, login } from '../support/people.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { until } from '../support/until.ts'

describe('extensions of processes', () => {
  const { start } = useServers()
  const { run } = useCommand()

  it('E1 E2 kill -9 in a handler: the next leader handles the event again, and what it emits is logged once, in order; `cutroom consumers` shows it', async () => {
    const databaseUrl = await databaseForTest()
    const folder = await extensionsOf({
      'slow.mjs': `
        import { existsSync, writeFileSync } from 'node:fs'
        const begun = new URL('begun.txt', import.meta.url)
        export default { id: 'slow', events: [{ collection: 'tasks', action: 'items.create.after',
          async handler(task, { attempt, services: { socket } }) {
            socket.emitToRoom('project:' + task.projectId, 'heard', { title: task.title, attempt })
            if (task.title !== 'Two' || existsSync(begun)) return
            writeFileSync(begun, '')
            await new Promise(() => {})
          } }] }`,
    })
    const env = { EXTENSIONS_DIR: folder }
    const first = await start({ databaseUrl, env })
    const { project, owner } = await createTeam(first)
    for (const title of ['One', 'Two', 'Three']) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    await until('the handler to run', () => existsSync(join(folder, 'begun.txt')))
    first.signal('SIGKILL')
    await first.exited

    const second = await start({ databaseUrl, env })
    const person = await login(second, owner)
    const heard = async () => (await readLog(person, project.id)).filter(({ name }) => name === 'extension:event')
    await until('all three', async () => (await heard()).length >= 3)
    const db = new pg.Pool({ connectionString: direct(databaseUrl), max: 1 })
    db.on('error', () => {})
    onTestFinished(() => db.end())
    const isDone = `SELECT 1 FROM "Cursor" c JOIN "Room" r ON r.id = c.room AND r.head = c.seq WHERE c.consumer = 'extension-slow' AND r.id = $1`
    await until('its cursor', async () => (await db.query(isDone, [projectRoom(project.id)])).rows.length === 1)
    // An attempt that was killed is none that failed.
    expect((await heard()).map(({ payload }) => payload)).toEqual(
      ['One', 'Two', 'Three'].map((title) => ({ from: 'slow', event: 'heard', data: { title, attempt: 1 } })),
    )
    const { out } = await run(['consumers', 'list'], { DATABASE_URL: databaseUrl })
    expect(out).toContain('extension-slow')
  })
})
