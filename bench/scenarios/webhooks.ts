import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { CONNECTIONS, measureConsumers, PER_SECOND } from '../support/consumer-cost.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Running, World } from '../support/subject.ts'

/** A receiver that takes all there is. */
async function startReceiver(): Promise<{ server: Server; url: string }> {
  const server = createServer((request, answer) => {
    request.resume().on('end', () => answer.writeHead(204).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the receiver has no port')
  return { server, url: `http://127.0.0.1:${address.port}/` }
}

/** A webhook of each project, made by its owner. */
async function addWebhooks({ urls }: Running, { people, places }: World, url: string): Promise<void> {
  for (const { id, members } of places) {
    const answer = await fetch(`${urls[0]}/api/projects/${id}/webhooks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${people[members[0] ?? -1]?.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url, events: ['comment.created'] }),
    })
    if (answer.status !== 201) throw new Error(`a webhook was refused: ${answer.status} ${await answer.text()}`)
  }
}

const BEHIND = `SELECT 1 FROM "Webhook" w JOIN "Room" r ON r.id = 'project:' || w."projectId" WHERE w.seq < r.head LIMIT 1`
const SKIP = `UPDATE "Webhook" w SET seq = r.head FROM "Room" r WHERE r.id = 'project:' || w."projectId"`

const title = `Webhooks: CPU per write at ${PER_SECOND}/s, and writes/s with ${CONNECTIONS} connections, without their consumer and with it`

export const scenario: Scenario = {
  id: 'S18',
  title,
  async run(bench) {
    const { server, url } = await startReceiver()
    try {
      return await measureConsumers({
        id: 'S18',
        title,
        variants: [
          { name: 'off', title: 'no consumer of webhooks', env: { WITHOUT: 'webhooks-wake' } },
          { name: 'on', title: 'it, and no webhook', env: {} },
          {
            name: 'sends',
            title: 'a webhook in each project, and what it sends',
            env: { WEBHOOKS_PRIVATE: 'on' },
            prepare: (running, world) => addWebhooks(running, world, url),
            backlog: { isThere: BEHIND, skip: SKIP },
          },
        ],
        asked: { variant: 'on', cpu: 1.05, rate: 0.95 },
      }).run(bench)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  },
}
