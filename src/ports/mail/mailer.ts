/** A mail to one person. */
export interface Mail {
  to: { name: string; address: string }
  subject: string
  /** The whole mail as plain text; `html` shows the same. */
  text: string
  html: string
  /** Where its button leads; the log shows it where no mail can be sent. */
  link?: string
  /** Ends mails of this kind by a POST, without a login (RFC 8058). */
  unsubscribeUrl?: string
}

/** A mail with its Message-ID, the same at every attempt: `<…@host>`. */
export interface OutgoingMail extends Mail {
  messageId: string
}

/** The way out for mails. */
export interface Mailer {
  /**
   * Sends a mail; when it returns, the mail server has taken it.
   * @throws RefusedMailError where it never will; anything else: it may later
   */
  send(mail: OutgoingMail): Promise<void>
  /** Connects, and logs in. @throws where that fails */
  check(): Promise<void>
  /** Ends its connections. */
  close(): void
}

/** The mail server refuses this mail for good: there is no such address, or its content is unwanted. */
export class RefusedMailError extends Error {}
