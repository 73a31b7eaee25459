import type { Mailer } from './mailer.ts'

/** What of a mail the log shows. */
export interface UnsentMail {
  to: string
  subject: string
  link: string | undefined
}

/** In place of a mail server: says of each mail that it was not sent, and where it would have led. */
export const openLogMailer = (report: (mail: UnsentMail) => void): Mailer => ({
  async send({ to, subject, link }) {
    report({ to: to.address, subject, link })
  },
  async check() {},
  close() {},
})
