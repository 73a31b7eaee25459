import { createHmac, randomBytes } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import pg from 'pg'
import { startProgram } from '../../support/program.ts'
import { bodyOf, type Subject } from '../../support/subject.ts'
import { seed } from './seed.ts'

const SECRET = randomBytes(32).toString('base64url')
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The token that a login would have answered, see `jwtOptions` in server.js. */
function tokenOf(userId: string): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iat, exp: iat + 86_400, aud: 'bench', iss: 'bench', sub: userId, jti: randomBytes(16).toString('hex') }
  const signed = `${encode({ alg: 'HS256', typ: 'access' })}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

async function createTables(databaseUrl: string): Promise<void> {
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    const { rows } = await database.query<{ there: boolean }>(`SELECT to_regclass('comments') IS NOT NULL AS there`)
    if (!rows[0]?.there) await database.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'))
  } finally {
    await database.end()
  }
}

export const subject: Subject = {
  name: 'feathers',
  title: 'Feathers 5 (Koa, Knex, Socket.IO channels)',
  async missing() {
    try {
      await access(new URL('../../node_modules/@feathersjs/feathers/package.json', import.meta.url))
      return null
    } catch {
      return 'its packages are not installed: npm ci --prefix bench'
    }
  },
  async start({ postgres, databaseUrl = '', env, nodes = 1 }) {
    // Channels of several processes would need feathers-sync, which is not part of it.
    if (nodes > 1) throw new Error('feathers runs as one process here')
    const url = databaseUrl === '' ? await postgres.empty() : databaseUrl
    await createTables(url)
    const server = await startProgram(new URL('server.js', import.meta.url), { DATABASE_URL: url, JWT_SECRET: SECRET, ...env })
    return {
      urls: [server.url],
      pids: [server.pid],
      databaseUrl: url,
      seed: (plan) => seed(url, plan, tokenOf),
      write: (person, place, n) => ({
        url: `${server.url}/comments`,
        method: 'POST',
        headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ cutId: Number(place.cutId), body: bodyOf(n), atMs: 42_000 }),
      }),
      list: (person, place) => ({
        url: `${server.url}/comments?cutId=${place.cutId}&$limit=50`,
        method: 'GET',
        headers: { authorization: `Bearer ${person.token}` },
        body: '',
      }),
      connect: (person, places) => ({
        subject: 'feathers',
        url: server.url,
        token: person.token,
        places: places.map(({ id }) => id),
      }),
      stop: server.stop,
    }
  },
}
