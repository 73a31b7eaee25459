import { randomBytes, randomInt } from 'node:crypto'
import { createClient, members, projects, type Role } from '@cutroom/client'
import { buildApp } from '../app.ts'
import { hashPassword } from '../features/auth/password.ts'
import { createUser } from '../features/auth/writes.ts'
import { createRandom } from '../lib/random.ts'
import { fill, type Hand, writesOf } from './band/fill.ts'
import { planBand, roles, sizes } from './band/plan.ts'
import { showProgress } from './output.ts'
import { type Store, withStore } from './store.ts'

interface Person {
  name: string
  email: string
  role: Role
}

/** Requests at a time. */
const LANES = 8

/** `cutroom seed`: a band with its project, made through the API by its members. */
export async function seed({ full = false }: { full?: boolean }): Promise<void> {
  const id = randomInt(2 ** 32)
  const band = planBand(createRandom(id), full ? sizes.full : sizes.quick)
  const password = randomBytes(9).toString('base64url')
  const people = band.people.map(
    ({ first, name }, n): Person => ({
      name,
      // A band may be made again beside the first.
      email: `${first
        .normalize('NFD')
        .replace(/[^A-Za-z]/g, '')
        .toLowerCase()}-${id.toString(36)}@example.com`,
      role: roles[n] ?? 'viewer',
    }),
  )
  const projectId = await withStore((store) => make(store, band, people, password))
  const width = Math.max(...people.map(({ email }) => email.length))
  console.log(`\n“${band.name}” is there: project ${projectId}\n`)
  for (const { email, role, name } of people) console.log(`  ${email.padEnd(width)}  ${role.padEnd(9)}  ${name}`)
  console.log(`\n  Password of all three: ${password}\n`)
}

async function make(
  { config, databaseUrl, commit }: Store,
  band: ReturnType<typeof planBand>,
  people: Person[],
  password: string,
): Promise<string> {
  const passwordHash = await hashPassword(password)
  const users = await commit(null, async (write) => {
    const made: Awaited<ReturnType<typeof createUser>>[] = []
    for (const { email, name } of people) made.push(await createUser(write, { email, name, passwordHash }))
    return made
  })
  // A server of its own for this work, which no one else is told of: one that runs finds what is new by itself.
  const app = await buildApp(
    { ...config, rateLimit: null, logLevel: 'warn', publicUrl: undefined, secureCookies: false },
    databaseUrl,
  )
  const clients: ReturnType<typeof createClient>[] = []
  try {
    await app.listen({ port: 0, host: '127.0.0.1' })
    const address = app.server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const hands: Hand[] = []
    for (const { email } of people) {
      const client = createClient({ url })
      clients.push(client)
      hands.push({ client, userId: (await client.login({ email, password })).id })
    }
    const owner = hands[0]?.client
    if (!owner) throw new RangeError('The band has no owner')
    const { id: projectId } = await owner.call(projects.create, { body: { name: band.name } })
    for (const [n, { role }] of people.entries()) {
      const userId = users[n]?.id
      if (n > 0 && userId) await owner.call(members.create, { params: { projectId }, body: { userId, role } })
    }
    let done = 0
    const stop = showProgress(() => ({ done, total: writesOf(band), unit: 'writes' }))
    await fill(band, projectId, hands, LANES, { answered: () => void done++ })
    stop()
    await Promise.all(clients.map((client) => client.logout()))
    return projectId
  } finally {
    for (const client of clients) client.close()
    await app.close()
  }
}
