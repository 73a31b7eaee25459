import { auth, type Parsed, type SessionState } from '@cutroom/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import type { Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { acceptInvitation } from '../invitations/accept.ts'
import { assertOpen, type FindInvitation, type FoundInvitation } from '../invitations/lookup.ts'
import { firstAccountCode, isCode, isWithoutAccounts, lockFirstAccount } from './first-account.ts'
import { type HashCost, hashPassword, withHashSlot } from './password.ts'
import { presentUser } from './serialize.ts'
import type { createTokenExchange } from './token-exchange.ts'
import { createUser, openSession, type SessionRules } from './writes.ts'

/** Registrations of one network in 15 minutes, and codes for the first account that were wrong. */
const REGISTRATIONS = 300
const WRONG_CODES = 120

/** How accounts are made here. */
export function createRegistrationMode(config: Config, query: Query): () => Promise<SessionState['registration']> {
  let hasAccounts = config.registration === 'open'
  return async () => {
    hasAccounts ||= !(await isWithoutAccounts(query))
    return hasAccounts ? config.registration : 'first-account'
  }
}

interface RegistrationOptions {
  config: Config
  query: Query
  rules: SessionRules
  hashCost: HashCost | undefined
  find: FindInvitation
  deliver: ReturnType<typeof createTokenExchange>['deliver']
  from: (request: FastifyRequest) => { userAgent: string | null; address: string }
}

type Body = Parsed<typeof auth.register, 'body'>

/** What gives a person the right to an account. */
type Permit = { kind: 'open' } | { kind: 'first' } | { kind: 'invitation'; found: FoundInvitation }

export function registrationRoute(app: FastifyInstance, options: RegistrationOptions): void {
  const { config, query, rules, hashCost, find, deliver, from } = options
  const registrations = app.limit('register', REGISTRATIONS)
  const wrongCodes = app.limit('register-code', WRONG_CODES)
  const code = firstAccountCode(config)

  async function permitOf(request: FastifyRequest, body: Body): Promise<Permit> {
    if (body.invitation !== undefined) {
      const found = await find(request, body.invitation)
      assertOpen(found)
      if (found.email !== null && found.email !== body.email) throw problem('wrong-address')
      return { kind: 'invitation', found }
    }
    if (config.registration === 'open') return { kind: 'open' }
    if (body.code === undefined || !(await isWithoutAccounts(query))) throw problem('registration-closed')
    const network = networkOf(request.ip)
    await wrongCodes.assert(network)
    if (isCode(body.code, code)) return { kind: 'first' }
    await wrongCodes.count(network)
    throw problem('wrong-code')
  }

  /** The account, and what it was permitted by, in one transaction. @param actor becomes the new person, for the events */
  async function register(
    write: Write,
    actor: { id: string; name: string },
    permit: Permit,
    account: Parameters<typeof createUser>[1],
  ) {
    if (permit.kind === 'first') {
      await lockFirstAccount(write.query)
      if (!(await isWithoutAccounts(write.query))) throw problem('registration-closed')
    }
    const user = await createUser(write, account)
    Object.assign(actor, { id: user.id, name: user.name })
    if (permit.kind === 'invitation') await acceptInvitation(write, permit.found, user.id)
    return user
  }

  app.serve(auth.register, async ({ body, request, reply }: { body: Body; request: FastifyRequest; reply: FastifyReply }) => {
    const { email, name, password, remember, delivery } = body
    const permit = await permitOf(request, body)
    const passwordHash = await withHashSlot(async () => {
      await registrations.spend(networkOf(request.ip))
      return hashPassword(password, hashCost)
    })
    const actor = { id: '', name: '' }
    const { user, opened } = await app.rooms.commit(actor, async (write) => {
      const user = await register(write, actor, permit, { email, name, passwordHash })
      return { user, opened: await openSession(write, rules, { userId: user.id, remember, ...from(request) }) }
    })
    return { user: presentUser(user), ...deliver(reply, opened, delivery) }
  })
}
