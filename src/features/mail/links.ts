import type { Config } from '../../config.ts'
import type { MailSubject } from './preferences.ts'
import { unsubscribeTokens } from './unsubscribe-tokens.ts'

/** Where the links of mails lead. */
export interface Links {
  /** A page of the console, by its path. Without PUBLIC_URL the path itself. */
  page(path: string): string
  /** Ends mails: on a page, which asks; and at once, for mail programs (RFC 8058). */
  unsubscribe(subject: MailSubject): { page: string; oneClick: string }
}

export function createLinks({ publicUrl = '', jwtSecret }: Pick<Config, 'publicUrl' | 'jwtSecret'>): Links {
  const tokens = unsubscribeTokens(jwtSecret)
  return {
    page: (path) => publicUrl + path,
    unsubscribe(subject) {
      const token = tokens.of(subject)
      return { page: `${publicUrl}/unsubscribe/${token}`, oneClick: `${publicUrl}/api/unsubscribe/${token}` }
    },
  }
}
