import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'

/** A mail as the server took it. */
export interface Received {
  /** Of the envelope: where it really went. */
  to: string[]
  from: string
  /** Parsed. */
  mail: Email
  raw: string
}

export interface MailServer {
  /** For SMTP_URL. */
  url: string
  port: number
  /** What was taken, in order. */
  received: Received[]
  /** Connections that are open. */
  connections: () => number
  close(): Promise<void>
}

/** What a mail server answers in place of 250, to a recipient or to a content; null: it takes it. */
export interface Answers {
  recipient?: (address: string) => [code: number, text: string] | null
  content?: (to: string[]) => [code: number, text: string] | null
}

const refusal = ([responseCode, text]: [number, string]): Error => Object.assign(new Error(text), { responseCode })

/** A real SMTP server on this machine, closed when the test ends. */
export async function startMailServer(
  { recipient = () => null, content = () => null }: Answers = {},
  options: SMTPServerOptions & { port?: number } = {},
): Promise<MailServer> {
  const received: Received[] = []
  const { port: wanted = 0, ...own } = options
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      const answer = recipient(address)
      done(answer && refusal(answer))
    },
    onData(stream, { envelope }, done) {
      const take = async () => {
        const bytes = await buffer(stream)
        const to = envelope.rcptTo.map(({ address }) => address)
        const answer = content(to)
        if (answer) throw refusal(answer)
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        received.push({ to, from, mail: await PostalMime.parse(bytes), raw: bytes.toString() })
      }
      take().then(() => done(), done)
    },
    ...own,
  })
  // A client that is killed leaves its connection.
  server.on('error', () => {})
  server.listen(wanted, '127.0.0.1')
  await once(server.server, 'listening')
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= new Promise<void>((resolve) => server.close(resolve))
    return closed
  }
  onTestFinished(close)
  const { port } = server.server.address() as AddressInfo
  return { url: `smtp://127.0.0.1:${port}`, port, received, connections: () => server.connections.size, close }
}

/** Variables of a server that sends its mails there. */
export const mailEnv = ({ url }: Pick<MailServer, 'url'>): Record<string, string> => ({
  SMTP_URL: url,
  MAIL_FROM: 'Cutroom <cutroom@mail.example>',
  PUBLIC_URL: 'http://band.example/studio',
})

/** A header of a mail, by its name in small letters. */
export const headerOf = ({ mail }: Received, name: string): string | undefined =>
  mail.headers.find(({ key }) => key === name)?.value
