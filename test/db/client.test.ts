import { expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { createDatabase } from '../support/database.ts'
import { direct } from '../support/hostile.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

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
  const limits = `SELECT current_setting('idle_in_transaction_session_timeout') AS idle,
    coalesce(current_setting('transaction_timeout', true), '15s') AS whole, current_setting('tcp_keepalives_idle') AS peer`
  const set = [{ idle: '15s', whole: '15s', peer: '5' }]
  for (const pool of [database.pool, database.readers]) {
    const both = await Promise.all([pool.query(limits), pool.query(limits)])
    expect(both.map(({ rows }) => rows)).toEqual([set, set])
  }
  expect(await database.prisma.$transaction((tx) => tx.$queryRawUnsafe(limits))).toEqual(set)
  expect(warnings).toEqual([])
})

it('W1 more statement texts than there are names for: each runs as itself, also on a new connection', async () => {
  const { url, drop } = await createDatabase()
  const database = openDatabase(url, { connections: 1, onError: () => {} })
  onTestFinished(async () => {
    await database.close()
    await drop()
  })
  const run = (text: string, ...values: string[]) => database.query<{ v: string }>({ text, values })
  const put = (prefix: string, ...values: string[]) => ({ text: `INSERT INTO said VALUES ('${prefix}' || $1)`, values })
  await run('CREATE TABLE said (v text)')
  await run(put('known ').text, '1')
  for (let n = 0; n < 600; n++) await run(`SELECT ${n}`)
  const [before] = await run('SELECT pg_backend_pid()::text AS v')
  await database.readers.query('SELECT pg_terminate_backend($1::int)', [before?.v])
  await expect.poll(async () => (await run('SELECT pg_backend_pid()::text AS v').catch(() => []))[0]?.v).not.toBe(before?.v)

  for (const turn of ['2', '3']) {
    const transaction = await database.begin()
    for (const prefix of ['odd ', 'known ', 'strange ', 'odd ']) transaction.send(put(prefix, turn))
    await transaction.commit()
  }
  const said = (await run('SELECT v FROM said')).map(({ v }) => v)
  expect(said).toEqual(['known 1', ...['2', '3'].flatMap((n) => [`odd ${n}`, `known ${n}`, `strange ${n}`, `odd ${n}`])])
})

it('W1 Prisma is lent to one transaction at a time, speaks on its connection, and is of no transaction after its end', async () => {
  const { url, drop } = await createDatabase()
  const database = openDatabase(url, { connections: 2, onError: () => {} })
  onTestFinished(async () => {
    await database.close()
    await drop()
  })
  const pid = 'SELECT pg_backend_pid()'
  const ended = 'The transaction has ended'
  const [first, second] = [await database.begin(), await database.begin()]
  const [early, late] = [first.tx, second.tx]
  const connections = [await first.query({ text: pid, values: [] }), await second.query({ text: pid, values: [] })]
  expect(connections[0]).not.toEqual(connections[1])
  expect(await Promise.all([early, late].map((tx) => tx.$queryRawUnsafe(pid)))).toEqual(connections)
  await early.$executeRawUnsafe('CREATE TABLE said (v text)')
  await first.commit()
  await second.rollback(null)

  // Lent again, it does not speak for those before.
  for (let n = 0; n < 10; n++) {
    const next = await database.begin()
    await next.tx.$executeRawUnsafe("INSERT INTO said VALUES ('next')")
    expect(() => early.$executeRawUnsafe("INSERT INTO said VALUES ('early')")).toThrow(ended)
    expect(() => late.user).toThrow(ended)
    await next.rollback(null)
  }
  expect(() => first.tx).toThrow(ended)
  expect(() => first.send({ text: pid, values: [] })).toThrow(ended)
  await expect(first.query({ text: pid, values: [] })).rejects.toThrow(ended)
  expect(await database.query({ text: 'SELECT v FROM said', values: [] })).toEqual([])
})

it('W1 what a failed write did not wait for is not done behind its rollback, nor in the next write', async () => {
  const { url, drop } = await createDatabase()
  const database = openDatabase(url, { connections: 1, onError: () => {} })
  onTestFinished(async () => {
    await database.close()
    await drop()
  })
  await database.query({ text: 'CREATE TABLE said (v text)', values: [] })
  for (let n = 0; n < 20; n++) {
    const failing = await database.begin()
    const { tx } = failing
    const says = async () => {
      for (let m = 0; m < 5; m++) await tx.$executeRawUnsafe("INSERT INTO said VALUES ('failed')")
    }
    const saying = says()
    saying.catch(() => {})
    for (let tick = 0; tick < n; tick++) await new Promise(setImmediate)
    await failing.rollback(null)
    const next = await database.begin()
    await next.tx.$executeRawUnsafe("INSERT INTO said VALUES ('next')")
    await next.commit()
    await Promise.allSettled([saying])
  }
  const rows = await database.query({ text: 'SELECT DISTINCT v FROM said', values: [] })
  expect(rows).toEqual([{ v: 'next' }])
})

it('a connection that the server ends while the pools are closed, as an embedded one does that stops next, is no news', async () => {
  const { url, drop } = await createDatabase()
  onTestFinished(drop)
  const { hostname, port } = new URL(direct(url))
  // What Postgres says to a connection when it stops, here in answer to each goodbye.
  const fields = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
  const farewell = Buffer.concat([Buffer.from('E'), Buffer.alloc(4), Buffer.from(fields)])
  farewell.writeUInt32BE(farewell.length - 1, 1)
  const toClients = new Set<(bytes: Buffer) => void>()
  let goodbyes = 0
  const proxy = await openTcpProxy(
    {
      host: hostname,
      port: Number(port),
      down: () => (chunk, push) => {
        toClients.add(push)
        push(chunk)
      },
      up: () => (chunk, push) => {
        if (chunk[0] !== 'X'.charCodeAt(0)) return push(chunk)
        goodbyes++
        for (const send of toClients) send(farewell)
      },
    },
    onTestFinished,
  )
  const through = new URL(url)
  through.port = `${proxy.port}`
  const warnings: string[] = []
  const database = openDatabase(through.href, { connections: 1, onError: ({ message }) => void warnings.push(message) })
  await database.pool.query('SELECT 1')
  await database.close()
  await until('the connection said goodbye, and is gone', () => goodbyes > 0 && proxy.connections() === 0)
  expect(warnings).toEqual([])
})
