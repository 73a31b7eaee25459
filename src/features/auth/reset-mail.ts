import { z } from 'zod'
import { Prisma } from '../../db/client.ts'
import type { Composer } from '../mail/outbox.ts'
import { renderMail } from '../mail/template.ts'
import type { TokenLinks } from '../shared/token-links.ts'

const Payload = z.object({ resetId: z.uuid() })

interface Row {
  name: string
  email: string
  minutes: number
}

/** The mail with a link to a new password; none where there is no account with that address, or the link is over. */
export const composeReset =
  (links: TokenLinks): Composer =>
  async (query, payload) => {
    const { resetId } = Payload.parse(payload)
    const [row] = await query<Row>(Prisma.sql`
      SELECT u.name, u.email, ceil(extract(epoch FROM r."expiresAt" - now()) / 60)::int AS minutes
      FROM "PasswordReset" r JOIN "User" u ON u.email = r.email WHERE r.id = ${resetId}::uuid AND r."expiresAt" > now()`)
    if (!row) return null
    return {
      to: { name: row.name, address: row.email },
      subject: 'A new password for Cutroom',
      ...renderMail({
        heading: 'Set a new password',
        paragraphs: [
          `Hello ${row.name}, you asked for a new password. The link works once, for ${row.minutes} minutes from now.`,
          'With the new password you are logged out everywhere.',
        ],
        button: { label: 'Set a new password', url: links.urlOf(resetId) },
        notes: ['If you did not ask for it, do nothing: your password stays as it is.'],
      }),
    }
  }
