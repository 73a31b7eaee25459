import { createHmac, randomUUID } from 'node:crypto'
import { SECRET } from '../../support/cutroom-rows.ts'
import { speakCutroom, startNodes } from '../../support/running.ts'
import { membersOf, type SeedPlan, type Subject, type World } from '../../support/subject.ts'

const DAY_S = 86_400
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function tokenOf(sub: string, name: string): string {
  const claims = { sub, name, exp: Math.floor(Date.now() / 1000) + DAY_S }
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

/** Nothing is stored: a token opens every room. */
function invent(plan: SeedPlan): World {
  const people = Array.from({ length: plan.people }, (_, n) => {
    const id = randomUUID()
    return { id, token: tokenOf(id, `Person ${n}`) }
  })
  return { people, places: membersOf(plan).map((members) => ({ id: randomUUID(), cutId: '', members })) }
}

/** What a broadcast costs in itself: for fan-out and memory, which ask for no database. It lists nothing. */
export const subject: Subject = {
  name: 'socket-io',
  title: 'Socket.IO 4 bare (no database)',
  missing: async () => null,
  async start({ env = {}, nodes = 1 }) {
    if (nodes !== 1) throw new Error('bare Socket.IO knows one process')
    const programs = await startNodes(new URL('server.js', import.meta.url), 1, { JWT_SECRET: SECRET, ...env })
    return {
      ...speakCutroom('socket-io', programs, {
        write: ({ id }) => `/rooms/${id}/comments`,
        list: ({ id }) => `/rooms/${id}/comments`,
      }),
      databaseUrl: '',
      seed: async (plan) => invent(plan),
    }
  },
}
