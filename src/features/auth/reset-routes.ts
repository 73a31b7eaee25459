import { passwordReset } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import type { Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { queueMail } from '../mail/outbox.ts'
import { type HashCost, hashPassword, withHashSlot } from './password.ts'
import { createReset, findReset, resetLinks, useReset } from './reset-links.ts'

/** Links for one address in an hour, and requests of one network in 15 minutes. */
const LINKS = 3
const HOUR_MS = 3_600_000
const REQUESTS = 60
/** Tokens that name nothing, of one network in 15 minutes. */
const INVENTED = 120

/** Setting a new password without the old one. */
export function resetRoutes(
  app: FastifyInstance,
  { config, query, hashCost }: { config: Config; query: Query; hashCost: HashCost | undefined },
): void {
  const { commit } = app.rooms
  const links = resetLinks(config)
  const requests = app.limit('reset-request', REQUESTS)
  const made = app.limit('reset-address', LINKS, HOUR_MS)
  const invented = app.limit('reset-invented', INVENTED)

  // The account is looked up when the mail is written. Here all is the same for any address, the time, too.
  app.serve(passwordReset.forgot, async ({ body: { email }, request }) => {
    await requests.spend(networkOf(request.ip))
    // Not refused: those who ask too often lock no one out, who has got links that work.
    if ((await made.used(email)) >= LINKS) return
    await made.count(email)
    await commit(null, async (write) => {
      const resetId = createReset(write, links, email)
      queueMail(write, { kind: 'password-reset', key: resetId, payload: { resetId } })
    })
  })

  app.serve(passwordReset.reset, async ({ body: { token, password }, request }) => {
    const network = networkOf(request.ip)
    await invented.assert(network)
    const [found] = await query<{ isOver: boolean }>(findReset(token))
    if (!found) {
      await invented.count(network)
      throw problem('not-found')
    }
    if (found.isOver) throw problem('gone', 'This link has expired')
    const passwordHash = await withHashSlot(() => hashPassword(password, hashCost))
    await commit(null, (write) => useReset(write, token, passwordHash))
  })
}
