import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam } from '../support/people.ts'
import { createRandom } from '../support/random.ts'
import { openRaw } from '../support/raw-socket.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const deepObject = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

describe('packets that no client library sends', () => {
  const app = useApp()

  it('B3 the process survives whatever a client sends, before and after its handshake', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const watcher = await connect(app(), owner)
    await watcher.join(project.id)
    const join = `["join:project",{"projectId":"${project.id}"}]`
    const state = (json: string) => `["presence:set",{"projectId":"${project.id}","state":${json}}]`
    const names = [
      'error',
      'disconnect',
      'disconnecting',
      'connection',
      'newListener',
      '__proto__',
      'constructor',
      'toString',
      '',
    ]
    const names2 = names.flatMap((name) => [`42["${name}"]`, `421["${name}",{}]`, `421["${name}",null,[],1]`])
    const states = [
      deep(20_000),
      deepObject(10_000),
      deepObject(31),
      deepObject(101),
      `{"a":${deep(9)}}`,
      `[${'1,'.repeat(20_000)}1]`,
    ]
    const packets = [
      ...['', '0', '1', '2', '3', '5', '6', '7', '4', '40', '41', '43', '44', '45', '46', '4x', '42', '42[', '42[]', '42{}'],
      ...[
        '42null',
        '42[null]',
        '42[1]',
        '42[{}]',
        '42[["a"]]',
        '4299999999999999999999["typing"]',
        '43-1[]',
        '431[1]',
        '4399[{}]',
      ],
      ...['40/other,', '40/other,{}', '42/other,["x"]', '41/other,', '40null', '40[]', '40"x"', `40${deepObject(9_000)}`],
      ...['40{"token":{}}', '40{"token":[1]}', '40{"token":""}', '40{"token":"x"}', '40{"__proto__":{"token":1}}'],
      ...['451-["x",{"_placeholder":true,"num":0}]', '45-1[]', '459999999999-["x"]', 'bAAAA', 'b'],
      ...names2,
      ...states.map((json, n) => `42${100 + n}${state(json)}`),
      ...states.map((json, n) => `42${200 + n}["typing",${json}]`),
      `421${join.replace('}', ',"after":1e999}')}`,
      `421${join.replace('}', ',"after":-1}')}`,
      `421${join.replace('}', ',"epoch":{"length":1}}')}`,
      `421["join:project",{"__proto__":{"projectId":"${project.id}"}}]`,
    ]
    const random = createRandom(11)
    const noise = Array.from({ length: 40 }, () =>
      Buffer.from(Array.from({ length: random.int(1, 300) }, () => random.int(0, 256))),
    )
    for (const known of [true, false])
      for (const packet of [...packets, ...noise.map((bytes) => bytes.toString('latin1')), ...noise]) {
        const raw = await openRaw(app())
        if (known) {
          raw.ws.send(`40${JSON.stringify({ token: editor.token })}`)
          await until('let in', () => raw.packets.some((each) => each.startsWith('40')))
          raw.ws.send(`4299${join}`)
          await until('joined', () => raw.ack(99)?.ok === true)
        }
        raw.ws.send(packet)
        raw.ws.send(packet)
        raw.ws.send('42998["presence:set"]')
        await until('answered or hung up', () => raw.closed() || raw.ack(998) !== undefined || !known)
        raw.ws.close()
      }
    const { id } = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'After all that' })
    await until('the neighbour gets what is written', () => watcher.events().some(({ payload }) => payload.id === id))
    expect(watcher.socket.connected).toBe(true)
  })

  it('B3 a payload nested too deeply is answered with a problem', async () => {
    const { owner, project } = await createTeam(app())
    const listener = await connect(app(), owner)
    await listener.join(project.id)
    for (const json of [deep(33), deepObject(500), `[${'1,'.repeat(6_000)}1]`]) {
      const value = JSON.parse(json) as unknown
      for (const name of ['presence:set', 'join:project', 'typing', 'session:refresh', 'leave:project', 'join:user'])
        expect(await listener.ask(name, { projectId: project.id, state: value })).toMatchObject({
          ok: false,
          error: { code: 'bad-request', status: 400 },
        })
    }
  })
})
