import { createServer, type IncomingMessage } from 'node:http'
import { Webhook } from 'standardwebhooks'

const { WEBHOOK_SECRET = '', PORT = '4000' } = process.env
const webhook = new Webhook(WEBHOOK_SECRET)
const MAX_BODY = 1024 * 1024
/** Ids of what was handled. A program with a database keeps them there, in the transaction of its work. */
const handled = new Set<string>()

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MAX_BODY) throw new RangeError('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** @returns the status to answer with */
async function receive(request: IncomingMessage): Promise<number> {
  const body = await bodyOf(request)
  const id = String(request.headers['webhook-id'])
  let event: { type: string; seq: number | null }
  try {
    // The signature is of these bytes: a body that was parsed and written again would be another one.
    event = webhook.verify(body, request.headers as Record<string, string>) as typeof event
  } catch {
    return 401
  }
  // An attempt whose answer was lost is made again.
  if (!handled.has(id)) console.log(JSON.stringify({ type: event.type, seq: event.seq, id }))
  handled.add(id)
  return 204
}

const server = createServer((request, response) => {
  receive(request).then(
    (status) => response.writeHead(status).end(),
    () => response.writeHead(400).end(),
  )
})
server.listen(Number(PORT), () => {
  const address = server.address()
  console.log(`listening at http://localhost:${typeof address === 'object' ? address?.port : address}/`)
})
