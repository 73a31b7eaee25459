import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { databaseFault, toProblem } from '../src/errors.ts'
import { startApp, useApp } from './support/app.ts'
import { direct } from './support/hostile.ts'
import { createProject, register } from './support/people.ts'

describe('errors of the database', () => {
  const app = useApp()

  it('B4 a statement or transaction that a limit of the database ends is unavailable, not internal', async () => {
    const provoked: [code: string, settings: string, statement: string][] = [
      ['57014', `SET statement_timeout = 20`, 'SELECT pg_sleep(5)'],
      ['55P03', `SET lock_timeout = 20`, 'LOCK TABLE "User" IN ACCESS EXCLUSIVE MODE'],
      ['25006', 'SET default_transaction_read_only = on', `INSERT INTO "Room" (id) VALUES ('x')`],
    ]
    const holder = await app().db.connect()
    try {
      await holder.query('BEGIN; LOCK TABLE "User" IN ROW EXCLUSIVE MODE')
      for (const [code, setting, statement] of provoked) {
        const client = new pg.Client({ connectionString: direct(app().databaseUrl) })
        await client.connect()
        await client.query(setting)
        const error: unknown = await client.query(`BEGIN; ${statement}`).catch((thrown: unknown) => thrown)
        expect([code, (error as { code?: string }).code, databaseFault(error)]).toEqual([code, code, 'unavailable'])
        await client.end()
      }
    } finally {
      await holder.query('ROLLBACK')
      holder.release()
    }
    for (const code of ['25P03', '25P04', '57P01', '57P02', '57P03', '57P05', '53300', '08006']) {
      const found = toProblem(Object.assign(new Error('ended by a limit'), { code }))
      expect([code, found.status, found.extra.retryAfter]).toEqual([code, 503, 1])
    }
  })

  it('B4 a write that waits longer than the database allows answers 503 with Retry-After, and succeeds later', async () => {
    const owner = await register(app())
    const project = await createProject(owner)
    const url = new URL(app().databaseUrl)
    url.searchParams.set('options', '-c statement_timeout=300')
    const limited = await startApp({ databaseUrl: url.href })
    const holder = await app().db.connect()
    const rename = () =>
      fetch(`${limited.url}/api/projects/${project.id}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
        body: '{"name":"Later"}',
      })
    try {
      await holder.query('BEGIN')
      await holder.query('SELECT 1 FROM "Project" WHERE id = $1 FOR UPDATE', [project.id])
      const refused = await rename()
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await refused.json()).toMatchObject({ code: 'unavailable' })
      await holder.query('ROLLBACK')
      expect((await rename()).status).toBe(200)
    } finally {
      holder.release(true)
      await limited.close()
    }
  })
})
