import { onTestFinished } from 'vitest'
import type { Dialect, ToldEntry } from '../../src/rooms/dialect.ts'
import { startApp, type TestApp } from './app.ts'
import { createDatabase } from './database.ts'
import { PASSWORD, type Person, request } from './people.ts'
import { connect, type Frame, type Listener } from './sockets.ts'

/** The four that ship. */
export const ALL = 'baasix,photoflow,planner,bandmate'

/** A vocabulary of one word, which says where an entry stands; it counts what it was asked to translate. */
export function echo(more: Partial<Dialect> = {}) {
  const asked: ToldEntry[] = []
  const dialect: Dialect = {
    name: 'echo',
    translate(entry) {
      asked.push(entry)
      const { room, seq } = entry.meta
      return [['echo', { name: entry.name, room, seq, payload: entry.payload }]]
    },
    ...more,
  }
  return { dialect, asked }
}

/** A socket that says which dialect it speaks. */
export const speak = (app: Pick<TestApp, 'url'>, person: Pick<Person, 'token'>, dialect: string): Promise<Listener> =>
  connect(app, person, { auth: { token: person.token, dialect } })

/** Frames of one name. */
export const named = ({ frames }: Listener, name: string): Frame[] => frames.filter((frame) => frame.name === name)

/** What an `echo` socket heard of one room. */
export const heard = (listener: Listener, room: string) =>
  named(listener, 'echo')
    .map(({ payload }) => payload as unknown as { name: string; room: string; seq: number; payload: unknown })
    .filter((each) => each.room === room)

/** `count` nodes over one database; they end with the test. */
export async function startNodes(count: number, options: Parameters<typeof startApp>[0] = {}): Promise<TestApp[]> {
  const database = await createDatabase()
  const nodes = await Promise.all(Array.from({ length: count }, () => startApp({ ...options, databaseUrl: database.url })))
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await database.drop()
  })
  return nodes
}

/** The login cookies of a person, as a browser sends them. */
export async function cookiesOf(app: Pick<TestApp, 'url'>, person: Person): Promise<string> {
  const { headers } = await request(app.url, 'POST', '/api/auth/login', {
    body: { email: person.email, password: PASSWORD, delivery: 'cookie' },
  })
  return headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}
