import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { startProgram } from '../../support/program.ts'
import { bodyOf, type Person, type Subject } from '../../support/subject.ts'
import { APP_ID, pointerTo } from './client.ts'
import { seed } from './seed.ts'

const headersOf = (person: Person) => ({ 'x-parse-application-id': APP_ID, 'x-parse-session-token': person.token })

export const subject: Subject = {
  name: 'parse',
  title: 'Parse Server 9 (LiveQuery)',
  async missing() {
    try {
      await access(new URL('../../node_modules/parse-server/package.json', import.meta.url))
      return null
    } catch {
      return 'its packages are not installed: npm ci --prefix bench'
    }
  },
  async start({ postgres, databaseUrl = '', env, nodes = 1 }) {
    // LiveQuery of several processes would need Redis between them.
    if (nodes > 1) throw new Error('parse runs as one process here')
    const url = databaseUrl === '' ? await postgres.empty() : databaseUrl
    const secrets = { APP_ID, MASTER_KEY: randomBytes(32).toString('hex') }
    const server = await startProgram(new URL('server.js', import.meta.url), { DATABASE_URL: url, ...secrets, ...env })
    return {
      urls: [server.url],
      pids: [server.pid],
      databaseUrl: url,
      seed: (plan) => seed(url, plan),
      write: (person, place, n) => ({
        url: `${server.url}/parse/classes/Comment`,
        method: 'POST',
        headers: { ...headersOf(person), 'content-type': 'application/json' },
        body: JSON.stringify({ project: pointerTo(place.id), body: bodyOf(n), atMs: 42_000 }),
      }),
      list: (person, place) => {
        const where = encodeURIComponent(JSON.stringify({ project: pointerTo(place.id) }))
        return {
          url: `${server.url}/parse/classes/Comment?order=createdAt&limit=50&where=${where}`,
          method: 'GET',
          headers: headersOf(person),
          body: '',
        }
      },
      connect: (person, places) => ({
        subject: 'parse',
        url: server.url,
        token: person.token,
        places: places.map(({ id }) => id),
      }),
      stop: server.stop,
    }
  },
}
