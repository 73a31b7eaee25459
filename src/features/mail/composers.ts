import type { Config } from '../../config.ts'
import { resetLinks } from '../auth/reset-links.ts'
import { composeReset } from '../auth/reset-mail.ts'
import { composeInvitation } from '../invitations/mail.ts'
import { invitationLinks } from '../invitations/tokens.ts'
import { type DigestSource, digestComposer } from './digest.ts'
import { createLinks } from './links.ts'
import { missedComposer } from './missed.ts'
import type { Composer, MailKind } from './outbox.ts'

/** The composer of each kind of mail. */
export function createComposers(config: Config, source: DigestSource): Record<MailKind, Composer> {
  const links = createLinks(config)
  return {
    invitation: composeInvitation(invitationLinks(config)),
    'password-reset': composeReset(resetLinks(config)),
    missed: missedComposer(links),
    digest: digestComposer(source, links),
  }
}
