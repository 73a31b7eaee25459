import { expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { createDatabase } from '../setup/database.ts'

it('F8 O2 on every connection Postgres gives up a transaction whose server is gone, before anything else is asked', async () => {
  const { url, drop } = await createDatabase()
  const warnings: string[] = []
  const onWarning = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', onWarning)
  const database = openDatabase(url, { connections: 2, onError: (error) => void warnings.push(error.message) })
  onTestFinished(async () => {
    process.off('warning', onWarning)
    await database.close()
    await drop()
  })
  const show = 'SHOW idle_in_transaction_session_timeout'
  for (const pool of [database.pool, database.readers]) {
    const both = await Promise.all([pool.query(show), pool.query(show)])
    expect(both.map(({ rows }) => rows)).toEqual([[{ [show.slice(5)]: '15s' }], [{ [show.slice(5)]: '15s' }]])
  }
  const inside = await database.prisma.$transaction((tx) => tx.$queryRawUnsafe(show))
  expect(inside).toEqual([{ [show.slice(5)]: '15s' }])
  expect(warnings).toEqual([])
})
