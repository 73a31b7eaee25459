/** An attacker in a process of its own, so that what it costs is not taken for what it does: attacker.ts <kind> <url> <tokens> <project> */
import { WebSocket } from 'ws'
import { openSocketTransport } from '../support/socket-transport.ts'

const [kind = '', url = '', accounts = '', projectId = ''] = process.argv.slice(2)
/** One after the other: a person who floods is not let in again for a while. */
const tokens = accounts.split(',')
const token = tokens[0] ?? ''
const PER_SECOND = 1_000
const SLICE_MS = 10

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const wide = (keys: number) => `{${Array.from({ length: keys }, (_, n) => `"k${n.toString(36)}":0`).join()}}`
const questions: Record<string, string[]> = {
  flood: [`42["leave:project",{"projectId":"${projectId}"}]`, '42["nope",{}]', `42["typing",{"projectId":"${projectId}"}]`],
  joins: [`42["join:project",{"projectId":"${projectId}","after":0}]`],
  json: [
    `42["typing",${deep(10_000)}]`,
    `42["typing",${deep(30_000)}]`,
    `42["presence:set",${wide(7_000)}]`,
    `42["presence:set",{"projectId":"${projectId}","state":${wide(6_900)}}]`,
    '42["typing",{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}]',
  ],
}
const rates: Record<string, number> = { flood: PER_SECOND, joins: PER_SECOND, json: 15 }

let sent = 0
let closed = 0
let going = false
/** Reconnects at once, for ever. */
function attack(): void {
  const ws = openSocketTransport(url, onPacket)
  let timer: NodeJS.Timeout | undefined
  let owed = 0
  ws.on('open', () => ws.send(`40${JSON.stringify({ token: tokens[closed % tokens.length] })}`))
  function onPacket(data: Buffer): void {
    const text = data.toString()
    if (text.startsWith('44')) ws.close()
    if (!text.startsWith('40') || timer) return
    timer = setInterval(() => {
      owed = going ? Math.min(owed + ((rates[kind] ?? 0) * SLICE_MS) / 1000, PER_SECOND) : 0
      for (; owed >= 1 && ws.readyState === WebSocket.OPEN; owed--)
        ws.send(questions[kind]?.[sent++ % (questions[kind]?.length ?? 1)] ?? '')
    }, SLICE_MS)
  }
  ws.on('close', () => {
    clearInterval(timer)
    closed++
    const again = () => (going ? attack() : setTimeout(again, 50))
    setTimeout(again, 50)
  })
}

if (kind === 'bodies') {
  const bodies = [
    `{"name":${deep(100_000)}}`,
    wide(25_000),
    '{"name":"x","__proto__":{"polluted":true}}',
    `{"name":"${'x'.repeat(200_000)}"}`,
    JSON.stringify({ description: '\u0000'.repeat(40_000), name: 'x' }),
  ]
  setInterval(() => {
    if (!going) return
    fetch(`${url}/api/projects`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: bodies[sent++ % bodies.length] ?? '',
    }).then(
      (response) => response.arrayBuffer(),
      () => closed++,
    )
  }, 1000 / 15)
} else attack()

process.on('message', (order) => {
  going = order === 'go'
  if (order === 'stop') process.send?.({ sent, closed }, () => process.exit(0))
})
process.send?.('ready')
